//! Who asks for a store to read it cannot write to it.

// says: cannot borrow data in dereference of `ReadOnlyHandle<

include!("given.in");

fn main() {
    let app = StreamsBuilder::new();
    app.stream(LINES).absorb(N.read_only(), |line, counts| Ok(counts.put(&line.key, 1)?));
}
