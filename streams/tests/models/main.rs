//! Operators that keep something against naive models that share no code with them: sort and scan. Input comes out of order, values repeat,
//! tasks are ended and opened again in between, with their state or without it; all of it in memory and on RocksDB.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

mod engine;
mod joins;
mod tables;
mod windows;
