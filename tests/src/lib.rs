//! Tests of the whole, and the programs that drive them.

pub mod conformance;
pub mod log_facts;
#[cfg(feature = "applications")]
pub mod simulation;
