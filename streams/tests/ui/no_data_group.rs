//! A type without a format cannot be grouped by.

// says: `Order` has no wire format

include!("given.in");

fn main() {
    let app = StreamsBuilder::new();
    app.stream(LINES).group_by(|_, line| Order { customer: line.len() as u64 }).count(Store::new("n")).to(COUNTS);
}
