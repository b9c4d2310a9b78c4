//! Windows are kept in window stores.

// says: does not keep rows
// says: ByWindow` in a `WindowStore<K, V>`

include!("given.in");

fn main() {
    let app = StreamsBuilder::new();
    app.stream(LINES).group_by_key().windowed_by(Tumbling::of_ms(1_000)).count(N).updates().for_each(|_, _| ());
}
