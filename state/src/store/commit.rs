//! What a store contributes to a commit, to the changelog and to a restore.

use std::ops::Bound;

use super::Store;
use super::version_log::VersionLog;
use crate::segments::Segments;
use crate::span_key::{SpanKey, segment_of_local, segment_prefix};
use crate::version_scan::LATEST;
use crate::{
    ByteDatabase, ChangelogRecord, Family, Layout, Logging, RestoreRecord, Session, Span, StateError, Timestamp, Window, WriteSet,
    metadata, time_index, value,
};

impl Store {
    /// Adds all that changed since the last commit, and the removal of what has expired.
    pub(crate) fn stage(&self, metadata: Family, first_offset: i64, writes: &mut WriteSet) {
        let is_drained = !self.overlay.has_updates() && self.versions.as_ref().is_none_or(VersionLog::is_empty);
        assert!(is_drained, "store {}: updates are drained to the changelog before the commit", self.name);
        let first_live = self.segments.as_ref().map(Segments::first_live);
        // In the order of the keys: the engine takes them faster than it takes them at random.
        self.overlay.with_range(Bound::Unbounded, Bound::Unbounded, |indexes| {
            for &index in indexes {
                let (key, content) = (self.overlay.key(index), self.overlay.content(index));
                let is_expired = |first_live| segment_of_local(key).is_some_and(|segment| segment != LATEST && segment < first_live);
                if first_live.is_some_and(is_expired) {
                    continue;
                }
                match content {
                    Some((timestamp, bytes)) => value::put(writes, self.family, key, timestamp, bytes),
                    None => writes.delete(self.family, key),
                }
            }
        });
        if let Some(segments) = &self.segments {
            self.stage_segments(segments, metadata, first_offset, writes);
        }
    }

    fn stage_segments(&self, segments: &Segments, metadata: Family, first_offset: i64, writes: &mut WriteSet) {
        for segment in segments.new_segments() {
            writes.put(metadata, &metadata::segment_key(&self.name, segment), &first_offset.to_be_bytes());
        }
        for segment in segments.expired() {
            writes.delete(metadata, &metadata::segment_key(&self.name, segment));
        }
        if let Some(first) = segments.expired().next() {
            // All that is below the first live segment, whatever number of segments that is.
            writes.delete_range(self.family, &segment_prefix(first), &segment_prefix(segments.first_live()));
        }
    }

    /// The commit is written.
    pub(crate) fn settle(&mut self, first_offset: i64) {
        self.overlay.clear();
        self.versions.iter_mut().for_each(VersionLog::clear);
        self.segments.iter_mut().for_each(|segments| segments.settle(first_offset));
    }

    /// Forgets all since the last commit.
    pub(crate) fn abort(&mut self) {
        self.overlay.clear();
        self.versions.iter_mut().for_each(VersionLog::clear);
        self.segments.iter_mut().for_each(Segments::abort);
    }

    /// Goes on with an empty database.
    pub(crate) fn start_anew(&mut self, database: ByteDatabase) {
        self.overlay.clear();
        self.versions.iter_mut().for_each(VersionLog::clear);
        self.segments.iter_mut().for_each(Segments::start_anew);
        self.database = database;
    }

    /// Hands over what the changelog has not seen.
    pub(crate) fn drain(&mut self, sink: &mut dyn FnMut(ChangelogRecord<'_>)) {
        if self.logging == Logging::Off {
            return;
        }
        if let Some(versions) = &mut self.versions {
            return versions.drain(sink);
        }
        let mut changelog_key = Vec::new();
        let layout = self.layout;
        self.overlay.drain(&mut |local, value, timestamp| {
            let key = match layout {
                Layout::KeyValue | Layout::Versioned { .. } => local,
                Layout::Window { .. } => for_changelog::<Window>(local, &mut changelog_key),
                Layout::Session { .. } => for_changelog::<Session>(local, &mut changelog_key),
            };
            sink(ChangelogRecord { key, value, timestamp });
        });
    }

    /// A restore changes what is below the overlay, so there must be nothing above.
    pub(crate) fn assert_unwritten(&self) {
        assert!(self.overlay.contents().next().is_none(), "store {}: a restore and uncommitted writes exclude each other", self.name);
    }

    /// Adds a record of the changelog to `writes`. A version is put as it once was, above the database; nothing expires meanwhile, since the store's time is told to it afterwards.
    pub(crate) fn stage_restored(&mut self, record: RestoreRecord<'_>, metadata: Family, writes: &mut WriteSet) -> Result<(), StateError> {
        match self.layout {
            Layout::KeyValue => {
                self.stage_value(record.key, record, writes);
                Ok(())
            }
            Layout::Window { .. } => self.stage_span::<Window>(record, metadata, writes),
            Layout::Session { .. } => self.stage_span::<Session>(record, metadata, writes),
            Layout::Versioned { .. } => self.put_version(record.key, record.value, record.timestamp).map(drop),
        }
    }

    fn stage_span<S: Span>(&mut self, record: RestoreRecord<'_>, metadata: Family, writes: &mut WriteSet) -> Result<(), StateError> {
        let row = SpanKey::<S>::read_changelog(record.key).ok_or_else(|| self.not_of_this_store(record))?;
        let Some(segment) = self.segment_for(row.span.time(), record, metadata, writes) else { return Ok(()) };
        let mut bytes = Vec::new();
        if self.layout.is_indexed_by_time() {
            time_index::write_entry(row, segment, &mut bytes);
            self.stage_index(&bytes, record, writes);
        }
        row.write_local(segment, &mut bytes);
        self.stage_value(&bytes, record, writes);
        Ok(())
    }

    fn stage_value(&self, key: &[u8], record: RestoreRecord<'_>, writes: &mut WriteSet) {
        match record.value {
            Some(bytes) => value::put(writes, self.family, key, record.timestamp, bytes),
            None => writes.delete(self.family, key),
        }
    }

    /// The segment of a time in which a restored record goes; none: it has expired.
    fn segment_for(&mut self, time: Timestamp, record: RestoreRecord<'_>, metadata: Family, writes: &mut WriteSet) -> Option<i64> {
        let segments = self.segments.as_mut().expect("stores of windows and sessions have segments");
        let segment = segments.segment_of(time);
        if segment < segments.first_live() {
            return None;
        }
        if segments.holder(segment).is_none() {
            segments.restored(segment, record.offset);
            writes.put(metadata, &metadata::segment_key(&self.name, segment), &record.offset.to_be_bytes());
        }
        Some(segment)
    }

    fn stage_index(&self, entry: &[u8], record: RestoreRecord<'_>, writes: &mut WriteSet) {
        match record.value {
            Some(_) => value::put(writes, self.family, entry, record.timestamp, &[]),
            None => writes.delete(self.family, entry),
        }
    }

    fn not_of_this_store(&self, record: RestoreRecord<'_>) -> StateError {
        StateError::NotOfThisStore { store: self.name.clone(), offset: record.offset }
    }
}

/// A key of the database as the changelog has it.
fn for_changelog<'a, S: Span>(local: &[u8], out: &'a mut Vec<u8>) -> &'a [u8] {
    SpanKey::<S>::read_local(local).expect("the overlay holds keys that we composed").write_changelog(out);
    out
}
