//! The edges: sinks and sources outside of the log.
