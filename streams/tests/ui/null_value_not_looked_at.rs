//! A value that may be null says so in its type, and is looked at before it is used.

// says: no method named `to_uppercase` found for enum `Option

include!("given.in");

fn main() {
    let app = StreamsBuilder::new();
    app.stream(Topic::<String, Option<String>>::new("lines")).map_values(|_, line| line.to_uppercase()).to(LINES);
}
