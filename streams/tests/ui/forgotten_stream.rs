//! A stream that goes nowhere does nothing, and the compiler says so.
#![deny(unused_must_use)]

// says: unused `KStream` that must be used
// says: a stream goes nowhere until `to`, `for_each` or a store

include!("given.in");

fn main() {
    let app = StreamsBuilder::new();
    app.stream(LINES).filter(|_, line| !line.is_empty());
}
