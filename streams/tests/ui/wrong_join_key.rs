//! Both sides of a join have the same key.

// says: a stream keyed by `String` cannot be joined with `KTable<u64, String>`
// says: `select_key` changes a stream's key

include!("given.in");

fn main() {
    let app = StreamsBuilder::new();
    let names = app.table(Topic::<u64, String>::new("names"), Store::new("names"));
    app.stream(LINES).left_join(&names, |_, line, name| format!("{line}{name:?}")).to(LINES);
}
