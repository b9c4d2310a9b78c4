//! Deterministic simulation: the shipped step functions on the simulated log, under chosen misfortunes.

mod fleet;
mod random;
mod sales;
mod world;

pub use fleet::{Fleet, Mischief, address_of, chain};
pub use random::{Random, Seed, seeds};
pub use sales::{Check, Input, START};
pub use world::World;
