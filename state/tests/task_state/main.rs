//! What a task may rely on: the same on RocksDB and in memory.

mod engine;
mod key_value_model;
mod lifecycle;
mod restore;
mod window_model;
