//! A topic of another type is refused.

// says: expected `u32`, found `u64`

include!("given.in");

fn main() {
    let app = StreamsBuilder::new();
    app.stream(LINES).map_values(|_, line| line.len() as u32).to(COUNTS);
}
