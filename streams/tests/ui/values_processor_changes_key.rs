//! A processor of values cannot change the key.

// says: this method takes 1 argument but 2 arguments were supplied

include!("given.in");

fn main() {
    let app = StreamsBuilder::new();
    app.stream(LINES)
        .process_values((), |line, (), out| {
            out.send(line.value.clone(), 1);
            Ok(())
        })
        .to(COUNTS);
}
