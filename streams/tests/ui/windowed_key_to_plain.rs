//! What is aggregated by window has windows in its keys, so a topic of plain keys does not take it.

// says: expected `Windowed<String>`, found `String`

include!("given.in");

fn main() {
    let app = StreamsBuilder::new();
    let counts = app.stream(LINES).group_by_key().windowed_by(Tumbling::of_ms(1_000)).count(WindowStore::new("by-second"));
    counts.to(COUNTS);
}
