//! Values in the database: the timestamp (i64, big-endian), then the value's bytes.

use crate::{ByteDatabase, Family, StateError, Timestamp, WriteSet};

pub(crate) fn put(writes: &mut WriteSet, family: Family, key: &[u8], timestamp: Timestamp, value: &[u8]) {
    writes.put_parts(family, key, &[&timestamp.to_be_bytes(), value]);
}

/// Splits what stands in the database, if anything does.
pub(crate) fn read<'a>(database: &ByteDatabase, bytes: Option<&'a [u8]>) -> Result<Option<(Timestamp, &'a [u8])>, StateError> {
    let Some(bytes) = bytes else { return Ok(None) };
    match bytes.split_first_chunk() {
        Some((timestamp, value)) => Ok(Some((Timestamp::from_be_bytes(*timestamp), value))),
        None => Err(database.damaged("a value without a timestamp")),
    }
}
