//! Tests of topologies: the real tasks without a broker, without threads, without waiting.

mod driver;
mod given;
mod log;
mod opening;
mod stores;

pub use driver::{TestDriver, TestRecord};
pub use given::Given;
