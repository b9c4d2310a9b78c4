//! Benchmarks of the parts and of the whole.

pub mod guide;
pub mod latency;
pub mod peer;
pub mod process;
