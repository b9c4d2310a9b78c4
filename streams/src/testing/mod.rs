//! Tests of topologies: the real tasks without a broker, without threads, without waiting.

mod driver;
mod given;
mod log;
mod stores;

pub use driver::TestDriver;
pub use given::Given;
