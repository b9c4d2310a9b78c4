//! What a task may rely on: the same on RocksDB and in memory.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

mod engine;
mod engines_agree;
mod in_memory;
mod key_value_model;
mod lifecycle;
mod restore;
mod versioned_model;
mod window_model;
