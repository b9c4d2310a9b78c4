//! A function goes to the threads of all tasks.

// says: `Rc<Cell<i32>>` cannot be sent between threads safely

include!("given.in");

fn main() {
    let app = StreamsBuilder::new();
    let seen = std::rc::Rc::new(std::cell::Cell::new(0));
    app.stream(LINES).peek(move |_, _| seen.set(seen.get() + 1)).to(LINES);
}
