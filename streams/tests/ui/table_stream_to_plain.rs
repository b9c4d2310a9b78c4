//! A table's stream may hold deletions, so a topic of plain values does not take it.

// says: expected `Option<u64>`, found `u64`

include!("given.in");

fn main() {
    let app = StreamsBuilder::new();
    app.stream(LINES).group_by_key().count(N).to_stream().to(COUNTS);
}
