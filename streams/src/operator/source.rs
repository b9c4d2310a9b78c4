//! Sources: bytes become records. A decoded record waits until its turn has come among the inputs of its task.

use super::Outlet;
use crate::format::{Format, FormatError, Nullable};
use crate::log::RecordRef;
use crate::record::{Item, Record, Timestamp};
use crate::task::{Clocks, Context, Flow, SourceNode, Staged, Unreadable};
use crate::topic::{Source, TimestampRule};
use std::sync::Arc;

/// What a source makes of a record's bytes.
pub(crate) enum Arrival<K, V> {
    /// A record for the operators.
    Record(K, V, Timestamp),
    /// No row, since it has no key; but time passes with it. Kafka: `KTableSource` drops it, behind the queue.
    Keyless(Timestamp),
    /// Its time says that it is to be dropped, before anybody sees it.
    Dropped,
}

/// A source node of one task. `read` says what a record is: for a stream null keys are records, for a table they are not.
pub(crate) struct Reading<K, V, R> {
    name: Arc<str>,
    /// Times are those of the wall clock.
    stamps: bool,
    read: R,
    /// Decoded heads, lane by lane; none where the head has no key.
    staged: Vec<Option<Record<K, V>>>,
    next: Outlet<K, V>,
}

impl<K: Item, V: Item, R> Reading<K, V, R>
where
    R: FnMut(&RecordRef<'_>, Clocks) -> Result<Arrival<K, V>, Unreadable>,
{
    pub(crate) fn new(name: Arc<str>, stamps: bool, read: R, next: Outlet<K, V>) -> Self {
        Reading { name, stamps, read, staged: Vec::new(), next }
    }
}

impl<K: Item, V: Item, R> SourceNode for Reading<K, V, R>
where
    R: FnMut(&RecordRef<'_>, Clocks) -> Result<Arrival<K, V>, Unreadable>,
{
    fn stage(&mut self, lane: usize, record: RecordRef<'_>, clocks: Clocks) -> Result<Staged, Unreadable> {
        let (staged, timestamp) = match (self.read)(&record, clocks)? {
            Arrival::Record(key, value, timestamp) => {
                (Some(Record { key, value, timestamp, headers: record.headers.to_headers() }), timestamp)
            }
            Arrival::Keyless(timestamp) => (None, timestamp),
            Arrival::Dropped => return Ok(Staged::Dropped),
        };
        if self.staged.len() <= lane {
            self.staged.resize_with(lane + 1, || None);
        }
        self.staged[lane] = staged;
        Ok(if self.stamps { Staged::Stamped(timestamp) } else { Staged::Ready(timestamp) })
    }

    fn dispatch(&mut self, lane: usize, task: &mut Context) -> Flow {
        match self.staged[lane].take() {
            Some(record) => self.next.send(record, task),
            None => {
                task.drop_record();
                Ok(())
            }
        }
    }

    fn name(&self) -> &Arc<str> {
        &self.name
    }
}

/// How a stream's records are read.
pub(crate) fn read_stream<K: Nullable, V: Nullable>(
    source: Arc<Source<K, V>>,
) -> impl FnMut(&RecordRef<'_>, Clocks) -> Result<Arrival<K, V>, Unreadable> {
    move |record, clocks| {
        let key: K = read(record.key, source.key_format.as_deref()).map_err(|error| error.in_part("key"))?;
        let value: V = read(record.value, source.value_format.as_deref()).map_err(|error| error.in_part("value"))?;
        let timestamp = source.timestamps.time_of(&key, &value, record.timestamp, clocks)?;
        Ok(timestamp.map_or(Arrival::Dropped, |timestamp| Arrival::Record(key, value, timestamp)))
    }
}

/// How a table's records are read: a null key is no row, a null value deletes whatever the topic's type says.
pub(crate) fn read_table<K: Nullable, V: Nullable>(
    source: Arc<Source<K, V>>,
) -> impl FnMut(&RecordRef<'_>, Clocks) -> Result<Arrival<K::Present, Option<V::Present>>, Unreadable> {
    move |record, clocks| {
        let key = record.key.map(|key| decode::<K>(key, source.key_format.as_deref())).transpose();
        let key = key.map_err(|error| error.in_part("key"))?;
        let value = record.value.map(|value| decode::<V>(value, source.value_format.as_deref())).transpose();
        let value = value.map_err(|error| error.in_part("value"))?;
        let key_or_null = || key.clone().map(K::from_present).or_else(K::null);
        let timestamp = match (&source.timestamps, &value) {
            (TimestampRule::Extract(extract), Some(value)) => {
                let extracted = key_or_null().and_then(|key| extract(&key, &V::from_present(value.clone())));
                Some(extracted.unwrap_or(record.timestamp))
            }
            (rule, ..) => rule.own_time(record.timestamp, clocks)?,
        };
        Ok(match (timestamp.filter(|timestamp| *timestamp >= 0), key) {
            (None, _) => Arrival::Dropped,
            (Some(timestamp), None) => Arrival::Keyless(timestamp),
            (Some(timestamp), Some(key)) => Arrival::Record(key, value, timestamp),
        })
    }
}

impl<K, V> TimestampRule<K, V> {
    /// Event time of a record; none: it is dropped.
    #[inline]
    fn time_of(&self, key: &K, value: &V, own: Timestamp, clocks: Clocks) -> Result<Option<Timestamp>, Unreadable> {
        match self {
            TimestampRule::Extract(extract) => Ok(Some(extract(key, value).unwrap_or(own)).filter(|time| *time >= 0)),
            TimestampRule::Record | TimestampRule::SkipInvalid | TimestampRule::PartitionTime | TimestampRule::WallClock => {
                self.own_time(own, clocks)
            }
        }
    }

    fn own_time(&self, own: Timestamp, clocks: Clocks) -> Result<Option<Timestamp>, Unreadable> {
        match self {
            TimestampRule::WallClock => Ok(Some(clocks.wall)),
            _ if own >= 0 => Ok(Some(own)),
            TimestampRule::Record => Err(Unreadable::timeless(format!("negative timestamp {own}"))),
            TimestampRule::SkipInvalid | TimestampRule::Extract(_) => Ok(None),
            TimestampRule::PartitionTime if clocks.partition < 0 => {
                Err(Unreadable::timeless(format!("negative timestamp {own}, and no time of the partition is known yet")))
            }
            TimestampRule::PartitionTime => Ok(Some(clocks.partition)),
        }
    }
}

/// The type's own format unless another one was named: then there is a call more, and no less inlining for all others.
#[inline]
fn read<T: Nullable>(bytes: Option<&[u8]>, other: Option<&dyn Format<T::Present>>) -> Result<T, FormatError> {
    match other {
        None => T::read(bytes, &T::Format::default()),
        Some(format) => T::read(bytes, format),
    }
}

#[inline]
fn decode<T: Nullable>(bytes: &[u8], other: Option<&dyn Format<T::Present>>) -> Result<T::Present, FormatError> {
    match other {
        None => T::Format::default().decode(bytes),
        Some(format) => format.decode(bytes),
    }
}
