//! Benchmarks of the parts and of the whole.

pub mod peer;
pub mod process;
