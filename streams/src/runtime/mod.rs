//! The runtime above the tasks: a step function, `step(now, events) -> effects`, and the thin shell of threads around it.

mod app;
mod beginning;
mod config;
mod error;
mod event;
mod executor;
mod global_reader;
mod instance;
mod left_behind;
mod outage;
mod plan;
mod queries;
mod rules;
mod simulation;
mod sink;
mod sink_host;
mod status;
mod strangers;
mod topics;
mod worker;

pub use app::{App, Running};
pub use config::{Config, Guarantee};
pub use error::AppError;
pub use queries::{Queries, Whereabouts};
pub(crate) use rules::Policies;
pub use rules::{Late, OnFailure, Recovery, TimeRule};
pub use simulation::{Boundary, SimulatedProcess};
pub use status::{Progress, Status};
