//! A type without a format cannot be written.

// says: `Order` has no wire format
// says: write `impl Data for Order { type Format = Json; }`

include!("given.in");

fn main() {
    let app = StreamsBuilder::new();
    app.stream(LINES).map_values(|_, line| Order { customer: line.len() as u64 }).to(Topic::<String, Order>::new("orders"));
}
