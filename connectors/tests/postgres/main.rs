//! The PostgreSQL sink on a real server, which `HEADWATER_TEST_POSTGRES` names (a superuser's URL); without it nothing is tried.
//! `scripts/test` starts servers and says where they are.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

#[path = "../support/mod.rs"]
mod support;

mod client;
mod conflicts;
mod connecting;
mod crash;
mod kill;
mod lost_connections;
mod proxy;
mod refused_rows;
mod tables;
