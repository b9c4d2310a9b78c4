//! Tests of topologies: the real tasks without a broker, without threads, without waiting.

mod driver;
mod given;
mod log;
mod opening;
mod stores;
mod work;
mod written;

pub use driver::TestDriver;
pub use given::Given;
pub use written::TestRecord;
