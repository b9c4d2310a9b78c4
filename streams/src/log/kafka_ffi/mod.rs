//! What of librdkafka has no safe door in `rdkafka`: the one place with `unsafe`. Callers see only safe functions.
#![allow(unsafe_code)]
