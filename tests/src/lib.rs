//! Tests of the whole, and the programs that drive them.

pub mod conformance;
pub mod log_facts;
pub mod simulation;
