//! Benchmarks of the parts and of the whole.

pub mod latency;
pub mod peer;
pub mod process;
