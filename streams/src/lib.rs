//! From a user's words to a running task: topics, formats, the DSL, the graph, operators, tasks, the runtime and the log.
//!
//! A record's way, which is the order of the rooms: `topic`, `format`, `record` → `dsl` → `graph` → `operator` → `task` → `runtime` → `log`.

pub mod connector;
pub mod dead_letter;
pub mod dsl;
pub mod format;
pub mod graph;
pub mod log;
pub mod operator;
pub mod prelude;
pub mod record;
pub mod runtime;
pub mod task;
pub mod testing;
pub mod topic;

/// The README's programs, so that they stay true.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
