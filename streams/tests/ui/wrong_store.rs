//! A store of another type is refused.

// says: expected `String`, found `u64`

include!("given.in");

fn main() {
    let app = StreamsBuilder::new();
    app.stream(LINES).group_by_key().count(Store::<u64, u64>::new("n")).to(COUNTS);
}
