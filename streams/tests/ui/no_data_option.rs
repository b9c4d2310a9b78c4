//! Nor can an option of it.

// says: `Option<Order>` has no wire format
// says: for the plain type `T`; `Option<T>` and `Windowed<T>` follow from it

include!("given.in");

fn main() {
    let app = StreamsBuilder::new();
    let _ = app.table(Topic::<String, Option<Order>>::new("orders"), Store::new("orders"));
}
