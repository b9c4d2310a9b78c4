//! The topologies of the comparison against a model that shares nothing with them.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

mod guide;
mod input;
mod model;
mod on_a_log;
mod record_by_record;
