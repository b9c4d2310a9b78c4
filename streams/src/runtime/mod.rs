//! The runtime above the tasks: a step function, `step(now, events) -> effects`, and the thin shell of threads around it.

mod rules;

pub use rules::{Late, OnFailure, Recovery, TimeRule};
