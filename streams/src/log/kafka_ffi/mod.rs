//! What of librdkafka has no safe door in `rdkafka`: the one place with `unsafe`. Callers see only safe functions.
#![allow(unsafe_code)]

mod admin;
mod client;
mod group;

pub(in crate::log) use admin::OffsetSpec;
pub(in crate::log) use client::{Client, Refusal, Report};
pub(in crate::log) use group::Heard;
