//! Putting and finding versions. The outcome is that of `RocksDBVersionedStore` (KIP-889); the layout is our own, see [`crate::version_scan`].

use super::Store;
use crate::segments::Holder;
use crate::span_key::WindowKey;
use crate::version_scan::{Around, Ended, Version, around, ended_after, ended_row, latest_as_of, latest_key};
use crate::{StateError, Timestamp, VersionPut};

impl Store {
    /// The latest version of a key: the time from which it is valid, and its value.
    pub(crate) fn latest<R>(&self, key: &[u8], read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R) -> Result<R, StateError> {
        let mut local = Vec::new();
        latest_key(key, &mut local);
        self.get(Holder::Both, &local, read)
    }

    /// The version that was valid at a time. Before the history nothing is known, but that a latest version is valid still.
    pub(crate) fn as_of(&self, key: &[u8], time: Timestamp) -> Result<Option<Version>, StateError> {
        let latest = self.latest(key, |found| latest_as_of(found, time))?;
        if latest.is_some() || time < self.segments().visible_from() {
            return Ok(latest);
        }
        Ok(around(self, ended_after(self.segments(), time), key, time)?.into_version())
    }

    /// Puts a version in its place among the others; no value deletes from that time on.
    pub(crate) fn put_version(&mut self, key: &[u8], value: Option<&[u8]>, time: Timestamp) -> Result<VersionPut, StateError> {
        if time < self.segments().visible_from() {
            return Ok(VersionPut::Expired);
        }
        let next = match self.latest(key, |found| found.map(|(from, value)| (from, value.to_vec())))? {
            Some((from, held)) if from <= time => {
                if from < time {
                    self.write_ended(key, from, time, Some(&held));
                }
                self.write_latest(key, value, time);
                return Ok(VersionPut::Latest);
            }
            later => later.map(|(from, _)| from),
        };
        match around(self, ended_after(self.segments(), time), key, time)? {
            Around::Within(version) => {
                self.split(key, version, value, time);
                Ok(VersionPut::Earlier)
            }
            Around::Before(next) => {
                self.write_ended(key, time, next, value);
                Ok(VersionPut::Earlier)
            }
            Around::Nothing => match (next, value) {
                (Some(next), _) => {
                    self.write_ended(key, time, next, value);
                    Ok(VersionPut::Earlier)
                }
                (None, Some(_)) => {
                    self.write_latest(key, value, time);
                    Ok(VersionPut::Latest)
                }
                (None, None) => {
                    self.write_ended(key, time, time, None);
                    Ok(VersionPut::Latest)
                }
            },
        }
    }

    /// The version that was valid ends where the new one begins, and the new one takes the rest of its time.
    fn split(&mut self, key: &[u8], version: Ended, value: Option<&[u8]>, time: Timestamp) {
        if version.valid_from < time {
            // Its row moves where the segment of its end is another now.
            if self.segments().segment_of(time) != version.segment {
                let mut local = Vec::new();
                WindowKey::only(key, version.valid_from).write_local(version.segment, &mut local);
                self.write(&local, None, time);
            }
            self.write_ended(key, version.valid_from, time, version.value.as_deref());
        }
        self.write_ended(key, time, version.valid_to, value);
    }

    fn write_ended(&mut self, key: &[u8], from: Timestamp, to: Timestamp, value: Option<&[u8]>) {
        let segments = self.segments_mut();
        let segment = segments.segment_of(to);
        if segment < segments.first_live() {
            return;
        }
        segments.touch(segment);
        let mut local = Vec::new();
        WindowKey::only(key, from).write_local(segment, &mut local);
        self.write(&local, Some(&ended_row(value)), to);
    }

    fn write_latest(&mut self, key: &[u8], value: Option<&[u8]>, time: Timestamp) {
        let mut local = Vec::new();
        latest_key(key, &mut local);
        self.write(&local, value, time);
    }

    /// Tells the changelog of a version.
    pub(crate) fn log_version(&mut self, key: &[u8], value: Option<&[u8]>, time: Timestamp) {
        self.enter_record();
        if self.logging != crate::Logging::Off
            && let Some(log) = &mut self.versions
        {
            log.push(key, value, time);
        }
    }
}
