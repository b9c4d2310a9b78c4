//! What of librdkafka has no safe door in `rdkafka`: the one place with `unsafe`. Callers see only safe functions.
#![allow(unsafe_code)]

mod admin;
mod client;
mod consume;
mod drain;
mod failure;
mod group;
mod handle;
mod number;
mod produce;
mod transaction;
mod wake;

pub(in crate::log) use admin::OffsetSpec;
pub(in crate::log) use client::Client;
pub(in crate::log) use consume::{Consumer, Feed};
pub(in crate::log) use drain::Drained;
pub(in crate::log) use failure::{Failure, Remedy};
pub(in crate::log) use group::Heard;
pub(in crate::log) use handle::Trouble;
pub(in crate::log) use produce::{Mark, Report, Sender};
pub(in crate::log) use wake::Wake;
