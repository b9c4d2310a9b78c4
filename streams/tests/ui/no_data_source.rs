//! A type without a format cannot be read.

// says: `Order` has no wire format
// says: `Order` meets a topic or a store here, so it must say how it is written
// says: write `impl Data for Order { type Format = Json; }`

include!("given.in");

fn main() {
    let app = StreamsBuilder::new();
    app.stream(Topic::<String, Order>::new("orders")).for_each(|_, order| println!("{}", order.customer));
}
