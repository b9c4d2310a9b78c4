//! The named functions of the cases: total and pure.

mod combiner;
mod lister;
mod mapper;
mod predicate;

pub use combiner::Combiner;
pub use lister::Lister;
pub use mapper::Mapper;
pub use predicate::Predicate;

/// The pieces of a text between separators, empty ones kept.
fn pieces(text: &str, separator: &str) -> Vec<String> {
    text.split(separator).map(str::to_owned).collect()
}
