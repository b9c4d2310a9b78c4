//! Who asks for a store to read it cannot write to it.

// says: cannot borrow data in dereference of `ReadOnlyHandle<

include!("given.in");

fn main() {
    let app = StreamsBuilder::new();
    app.stream(LINES).process(N.read_only(), |line, counts, out| Ok(out.send(line.key, counts.put(&line.key, 1)?))).to(COUNTS);
}
