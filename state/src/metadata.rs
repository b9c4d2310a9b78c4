//! What a task's database says about itself.
//!
//! All of it stands in the database's first family, in the same atomic writes as the data it speaks of. A key is a letter, for some
//! a store's name after it; numbers are big-endian.
//!
//! | key | value |
//! |---|---|
//! | `V` | layout version, u32: 1 |
//! | `H` | hash of the plan that wrote last, u64 |
//! | `C` | number of the last commit, u64 |
//! | `L` store | layout: 0 for key-value; the segment's length in ms (i64) behind 1 for windows, 2 for sessions, 3 and 4 for these with an index by time, 5 for versions |
//! | `P` store | changelog position: next offset (i64), topic id (16 bytes), time of writing (i64, ms) |
//! | `S` length of the name (u16), store, segment id (i64, sign bit turned) | changelog offset before which there is nothing of the segment, i64 |

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use crate::span_key::{from_ordered, ordered};
use crate::{ByteDatabase, ByteView, ChangelogPosition, Direction, Family, Layout, StateError, TimeIndex, WriteSet};

/// The family that every database has.
pub(crate) const FAMILY: &str = "default";
/// The version of all layouts of this crate: metadata, keys and values.
pub(crate) const LAYOUT_VERSION: u32 = 1;

const VERSION: &[u8] = b"V";
const PLAN: &[u8] = b"H";
const COMMIT: &[u8] = b"C";
const LAYOUT: u8 = b'L';
const POSITION: u8 = b'P';
const SEGMENT: u8 = b'S';

/// The metadata of a database, read when it is opened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metadata {
    pub(crate) version: Option<u32>,
    pub(crate) plan: Option<u64>,
    pub(crate) commit: u64,
    pub(crate) layouts: BTreeMap<String, StoredLayout>,
    pub(crate) positions: BTreeMap<String, ChangelogPosition>,
    pub(crate) segments: BTreeMap<String, BTreeMap<i64, i64>>,
}

/// The part of a layout that its keys depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoredLayout {
    KeyValue,
    Window { segment_ms: i64, index: TimeIndex },
    Session { segment_ms: i64, index: TimeIndex },
    Versioned { segment_ms: i64 },
}

impl StoredLayout {
    pub(crate) fn of(layout: Layout) -> Self {
        match layout {
            Layout::KeyValue => Self::KeyValue,
            Layout::Window { segment_ms, index, .. } => Self::Window { segment_ms, index },
            Layout::Session { segment_ms, index, .. } => Self::Session { segment_ms, index },
            Layout::Versioned { segment_ms, .. } => Self::Versioned { segment_ms },
        }
    }
}

impl Metadata {
    /// Reads all of it. What cannot be understood is damage, unless a later version wrote it: then only the version is told.
    pub(crate) fn load(database: &ByteDatabase, family: Family) -> Result<Self, StateError> {
        let version = database.get(family, VERSION, |value| value.map(|value| value.try_into().map(u32::from_be_bytes)))?;
        let version = version.transpose().map_err(|_| database.damaged("a layout version that is no number"))?;
        let mut metadata = Self { version, ..Self::default() };
        if version.is_some_and(|version| version != LAYOUT_VERSION) {
            return Ok(metadata);
        }
        let mut unknown = false;
        database.scan(family, Bound::Unbounded, Bound::Unbounded, Direction::Forward, &mut |key, value| {
            unknown = metadata.take(key, value).is_none();
            if unknown { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if unknown { Err(database.damaged("metadata that cannot be read")) } else { Ok(metadata) }
    }

    fn take(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        match key.split_first()? {
            (_, []) if key == VERSION => {}
            (_, []) if key == PLAN => self.plan = Some(u64::from_be_bytes(value.try_into().ok()?)),
            (_, []) if key == COMMIT => self.commit = u64::from_be_bytes(value.try_into().ok()?),
            (&LAYOUT, name) => {
                self.layouts.insert(text(name)?, read_layout(value)?);
            }
            (&POSITION, name) => {
                self.positions.insert(text(name)?, read_position(value)?);
            }
            (&SEGMENT, rest) => {
                let (length, rest) = rest.split_first_chunk()?;
                let (name, segment) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
                let segments = self.segments.entry(text(name)?).or_default();
                segments.insert(from_ordered(segment.try_into().ok()?), i64::from_be_bytes(value.try_into().ok()?));
            }
            _ => return None,
        }
        Some(())
    }
}

/// The segments of a store in a moment of the database.
pub(crate) fn segments_of(view: &ByteView<'_>, family: Family, store: &str) -> Result<Vec<i64>, StateError> {
    let (first, last) = (segment_key(store, i64::MIN), segment_key(store, i64::MAX));
    let mut segments = Vec::new();
    view.scan(family, Bound::Included(&first), Bound::Included(&last), Direction::Forward, &mut |key, _| {
        segments.extend(key.last_chunk().map(|segment| from_ordered(*segment)));
        ControlFlow::Continue(())
    })?;
    Ok(segments)
}

pub(crate) fn put_version(writes: &mut WriteSet, family: Family) {
    writes.put(family, VERSION, &LAYOUT_VERSION.to_be_bytes());
}

pub(crate) fn put_plan(writes: &mut WriteSet, family: Family, plan: u64) {
    writes.put(family, PLAN, &plan.to_be_bytes());
}

pub(crate) fn put_commit(writes: &mut WriteSet, family: Family, commit: u64) {
    writes.put(family, COMMIT, &commit.to_be_bytes());
}

pub(crate) fn put_layout(writes: &mut WriteSet, family: Family, store: &str, layout: StoredLayout) {
    let key = named(LAYOUT, store);
    let (kind, segment_ms) = match layout {
        StoredLayout::KeyValue => return writes.put(family, &key, &[0]),
        StoredLayout::Window { segment_ms, index: TimeIndex::None } => (1, segment_ms),
        StoredLayout::Session { segment_ms, index: TimeIndex::None } => (2, segment_ms),
        StoredLayout::Window { segment_ms, index: TimeIndex::Kept } => (3, segment_ms),
        StoredLayout::Session { segment_ms, index: TimeIndex::Kept } => (4, segment_ms),
        StoredLayout::Versioned { segment_ms } => (5, segment_ms),
    };
    writes.put_parts(family, &key, &[&[kind], &segment_ms.to_be_bytes()]);
}

pub(crate) fn put_position(writes: &mut WriteSet, family: Family, store: &str, position: ChangelogPosition) {
    let ChangelogPosition { next_offset, topic_id, written_at_ms } = position;
    writes.put_parts(family, &named(POSITION, store), &[&next_offset.to_be_bytes(), &topic_id, &written_at_ms.to_be_bytes()]);
}

pub(crate) fn segment_key(store: &str, segment: i64) -> Vec<u8> {
    let length = u16::try_from(store.len()).expect("a store's name is a part of a topic's, which has at most 249 characters");
    let mut key = vec![SEGMENT];
    key.extend_from_slice(&length.to_be_bytes());
    key.extend_from_slice(store.as_bytes());
    key.extend_from_slice(&ordered(segment));
    key
}

fn named(letter: u8, store: &str) -> Vec<u8> {
    let mut key = vec![letter];
    key.extend_from_slice(store.as_bytes());
    key
}

fn text(name: &[u8]) -> Option<String> {
    String::from_utf8(name.to_vec()).ok()
}

fn read_layout(value: &[u8]) -> Option<StoredLayout> {
    let (kind, rest) = value.split_first()?;
    if (*kind, rest.len()) == (0, 0) {
        return Some(StoredLayout::KeyValue);
    }
    let segment_ms = i64::from_be_bytes(rest.try_into().ok()?);
    match kind {
        1 => Some(StoredLayout::Window { segment_ms, index: TimeIndex::None }),
        2 => Some(StoredLayout::Session { segment_ms, index: TimeIndex::None }),
        3 => Some(StoredLayout::Window { segment_ms, index: TimeIndex::Kept }),
        4 => Some(StoredLayout::Session { segment_ms, index: TimeIndex::Kept }),
        5 => Some(StoredLayout::Versioned { segment_ms }),
        _ => None,
    }
}

fn read_position(value: &[u8]) -> Option<ChangelogPosition> {
    let (next_offset, rest) = value.split_first_chunk()?;
    let (topic_id, written_at_ms) = rest.split_first_chunk()?;
    let written_at_ms = i64::from_be_bytes(written_at_ms.try_into().ok()?);
    Some(ChangelogPosition { next_offset: i64::from_be_bytes(*next_offset), topic_id: *topic_id, written_at_ms })
}
