//! A processor touches only the stores that it was given.

// says: no method named `get` found for mutable reference `&mut ()`

include!("given.in");

fn main() {
    let app = StreamsBuilder::new();
    app.stream(LINES).process((), |line, store, out| Ok(out.send(line.key, store.get(&line.key)?))).to(COUNTS);
}
