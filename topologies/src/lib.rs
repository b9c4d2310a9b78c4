//! The applications, one folder each, and the headwater binary.
//!
//! An application is a model (what its records mean), a topology (what is made of them), the sinks of its results and a generator of input.
//! [`command`] is the command line over all of them; `bin/headwater.rs` only calls it.

pub mod analytics;
pub mod category_sales;
mod closed_set;
pub mod command;
pub mod dimensions;
pub mod feed;
pub mod fields;
mod flat_json;
pub mod fraud;
pub mod generator;
pub mod iso8601;
pub mod money;
pub mod random;
pub mod sales_stream;
