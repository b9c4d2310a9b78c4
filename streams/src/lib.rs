//! From a user's words to a running task: topics, formats, the DSL, the graph, operators, tasks, the runtime and the log.
//!
//! An application is a topology, a log and a place for its state:
//!
//! ```
//! use headwater_streams::log::EmbeddedLog;
//! use headwater_streams::prelude::*;
//! use headwater_streams::runtime::{App, Config};
//! use headwater_streams::state::{Disk, MemoryBudget, StateDirectory};
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! const LINES: Topic<String, String> = Topic::new("lines");
//! const COUNTS: Topic<String, u64> = Topic::new("line-counts");
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let app = StreamsBuilder::new();
//! // What is not declared must be there already: the topics of others are not ours to make.
//! app.declare(LINES.declaration().partitions(1));
//! app.declare(COUNTS.declaration().partitions(1));
//! app.stream(LINES).group_by_key().count(Store::new("lines")).to(COUNTS);
//!
//! let directory = std::env::temp_dir().join(format!("line-counts-{}", std::process::id()));
//! let log = Arc::new(EmbeddedLog::open(directory.join("log"))?);
//! let config = Config::new("line-counts");
//! let state = StateDirectory::open(&directory.join("state"), &config.application_id, MemoryBudget::from_cgroup())?;
//! let running = App::new(app.build()?, config).start(log, Disk::Directory(state))?;
//! assert!(running.drain(Duration::from_secs(60)), "nothing waits in the topics");
//! running.stop()?; // commits, leaves the group
//! # std::fs::remove_dir_all(directory)?;
//! # Ok(())
//! # }
//! ```
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
pub mod query;
pub mod record;
pub mod runtime;
pub mod task;
pub mod testing;
pub mod topic;

/// Where state lies: directories, memory that plays a disk, the memory budget.
pub use headwater_state as state;

/// The README's programs, so that they stay true.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// The same for the page about queries.
#[cfg(doctest)]
#[doc = include_str!("../../docs/queries.md")]
struct QueriesPage;
