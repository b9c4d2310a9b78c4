//! Answers from one store of one task, whoever reads it: the task itself, or another thread what is committed.

use super::collected::Collected;
use super::{Ask, Found, Keys, Question};
use crate::record::Timestamp;
use crate::task::GlobalRows;
use headwater_state::{
    CommittedKeyValue, CommittedSessions, CommittedVersions, CommittedView, CommittedWindows, Direction, KeyValueHandle, SessionHandle,
    StateError, Version, VersionedHandle, WindowHandle,
};
use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow, RangeInclusive};

/// What visits rows: key, timestamp, value.
type VisitRow<'a> = &'a mut dyn FnMut(&[u8], Timestamp, &[u8]) -> ControlFlow<()>;
/// What visits windows: key, start, timestamp, value.
type VisitWindow<'a> = &'a mut dyn FnMut(&[u8], Timestamp, Timestamp, &[u8]) -> ControlFlow<()>;
/// What visits sessions: key, start, end, timestamp, value.
type VisitSession<'a> = &'a mut dyn FnMut(&[u8], Timestamp, Timestamp, Timestamp, &[u8]) -> ControlFlow<()>;

/// Rows by key, in the order of the keys.
pub(crate) trait ReadRows {
    fn scan(&self, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction, visit: VisitRow<'_>) -> Result<(), StateError>;
    fn get(&self, key: &[u8], visit: VisitRow<'_>) -> Result<(), StateError>;
}

/// Rows by key and window start; those of one key in the order of their starts.
pub(crate) trait ReadWindows {
    fn fetch(&self, key: &[u8], starts: RangeInclusive<Timestamp>, direction: Direction, visit: VisitWindow<'_>) -> Result<(), StateError>;
    fn fetch_all(&self, starts: RangeInclusive<Timestamp>, direction: Direction, visit: VisitWindow<'_>) -> Result<(), StateError>;
}

/// Rows by key and session; those of one key in the order of their ends.
pub(crate) trait ReadSessions {
    fn find(
        &self, key: &[u8], earliest_end: Timestamp, latest_start: Timestamp, direction: Direction, visit: VisitSession<'_>,
    ) -> Result<(), StateError>;
    fn fetch_all(&self, ends: RangeInclusive<Timestamp>, direction: Direction, visit: VisitSession<'_>) -> Result<(), StateError>;
}

/// Versions of rows by key.
pub(crate) trait ReadVersions {
    fn latest(&self, key: &[u8]) -> Result<Option<Version>, StateError>;
    fn as_of(&self, key: &[u8], time: Timestamp) -> Result<Option<Version>, StateError>;
}

/// What a cache holds above a store of windows or sessions: by key, start and end (0 for windows), a row or the knowledge that there is none.
pub(crate) type Held = BTreeMap<(Vec<u8>, Timestamp, Timestamp), Option<(Timestamp, Vec<u8>)>>;

/// Rows in the order of their keys.
pub(crate) fn rows(from: &dyn ReadRows, keys: &Keys, direction: Direction, limit: usize) -> Result<Vec<Found>, StateError> {
    let mut found = Vec::new();
    let mut take = |key: &[u8], timestamp: Timestamp, value: &[u8]| {
        if found.len() >= limit {
            return ControlFlow::Break(());
        }
        found.push(Found { key: key.to_vec(), start: 0, end: 0, timestamp, value: value.to_vec() });
        ControlFlow::Continue(())
    };
    match keys {
        Keys::One(key) => from.get(key, &mut take)?,
        Keys::Between(..) if keys.is_empty() => {}
        Keys::Between(..) => {
            let (first, last) = keys.bounds();
            from.scan(first, last, direction, &mut take)?;
        }
    }
    Ok(found)
}

/// Windows in the order of their keys, then of their starts. What a cache holds counts, whether the store still shows it or not.
pub(crate) fn windows(
    from: &dyn ReadWindows, held: &Held, keys: &Keys, starts: &RangeInclusive<Timestamp>, direction: Direction, limit: usize,
) -> Result<Vec<Found>, StateError> {
    let mut found = Collected::new(direction, limit);
    found.take_held(held, |key, start, _| keys.contain(key) && starts.contains(&start));
    let is_held = |key: &[u8], start: Timestamp| is_held(held, key, start, 0);
    match keys {
        Keys::One(key) => from.fetch(key, starts.clone(), direction, &mut |key, start, timestamp, value| {
            // Further windows of the same key come later still.
            let goes_on = is_held(key, start) || found.take(key, start, 0, timestamp, value);
            if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?,
        Keys::Between(..) => from.fetch_all(starts.clone(), direction, &mut |key, start, timestamp, value| {
            if keys.contain(key) && !is_held(key, start) {
                found.take(key, start, 0, timestamp, value);
            }
            ControlFlow::Continue(())
        })?,
    }
    Ok(found.into_found())
}

/// Sessions in the order of their keys, then of their ends. What a cache holds counts, whether the store still shows it or not.
pub(crate) fn sessions(
    from: &dyn ReadSessions, held: &Held, keys: &Keys, earliest_end: Timestamp, latest_start: Timestamp, direction: Direction, limit: usize,
) -> Result<Vec<Found>, StateError> {
    let mut found = Collected::new(direction, limit);
    found.take_held(held, |key, start, end| keys.contain(key) && end >= earliest_end && start <= latest_start);
    match keys {
        Keys::One(key) => from.find(key, earliest_end, latest_start, direction, &mut |key, start, end, timestamp, value| {
            // Further sessions of the same key come later still.
            let goes_on = is_held(held, key, start, end) || found.take(key, start, end, timestamp, value);
            if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?,
        Keys::Between(..) => {
            from.fetch_all(earliest_end..=Timestamp::MAX, direction, &mut |key, start, end, timestamp, value| {
                if start <= latest_start && keys.contain(key) && !is_held(held, key, start, end) {
                    found.take(key, start, end, timestamp, value);
                }
                ControlFlow::Continue(())
            })?;
        }
    }
    Ok(found.into_found())
}

fn is_held(held: &Held, key: &[u8], start: Timestamp, end: Timestamp) -> bool {
    !held.is_empty() && held.contains_key(&(key.to_vec(), start, end))
}

/// The version of a key as of a time, or the latest.
pub(crate) fn version(from: &dyn ReadVersions, key: &Keys, as_of: Option<Timestamp>) -> Result<Vec<Found>, StateError> {
    let Keys::One(key) = key else { unreachable!("a versioned store is asked for one key") };
    let version = match as_of {
        Some(time) => from.as_of(key, time)?,
        None => from.latest(key)?,
    };
    let found = |version: Version| Found {
        key: key.clone(),
        start: 0,
        end: version.valid_to.unwrap_or(Timestamp::MAX),
        timestamp: version.valid_from,
        value: version.value,
    };
    Ok(version.map(found).into_iter().collect())
}

/// What a task has committed.
pub(crate) fn committed(view: &CommittedView<'_>, question: &Question) -> Result<Vec<Found>, StateError> {
    let Question { store, ask, direction, limit } = question;
    let unknown = "a running task has the stores of its topology";
    match ask {
        Ask::Rows(keys) => rows(&view.key_value(store).expect(unknown), keys, *direction, *limit),
        Ask::Windows(keys, starts) => windows(&view.window(store).expect(unknown), &Held::new(), keys, starts, *direction, *limit),
        Ask::Sessions { keys, earliest_end, latest_start } => {
            let store = view.session(store).expect(unknown);
            sessions(&store, &Held::new(), keys, *earliest_end, *latest_start, *direction, *limit)
        }
        Ask::Version { key, as_of } => version(&view.versioned(store).expect(unknown), key, *as_of),
    }
}

macro_rules! read_rows { ($($reader:ty)*) => { $(
    impl ReadRows for $reader {
        fn scan(&self, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction, visit: VisitRow<'_>) -> Result<(), StateError> {
            <$reader>::scan(self, from, to, direction, visit)
        }

        fn get(&self, key: &[u8], visit: VisitRow<'_>) -> Result<(), StateError> {
            <$reader>::get(self, key, |found| if let Some((timestamp, value)) = found { let _ = visit(key, timestamp, value); })
        }
    }
)* } }
read_rows!(KeyValueHandle CommittedKeyValue<'_>);

impl ReadRows for GlobalRows {
    fn scan(&self, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction, visit: VisitRow<'_>) -> Result<(), StateError> {
        GlobalRows::scan(self, from, to, direction == Direction::Forward, visit);
        Ok(())
    }

    fn get(&self, key: &[u8], visit: VisitRow<'_>) -> Result<(), StateError> {
        GlobalRows::get(self, key, |found| {
            if let Some((timestamp, value)) = found {
                let _ = visit(key, timestamp, value);
            }
        });
        Ok(())
    }
}

macro_rules! read_windows { ($($reader:ty)*) => { $(
    impl ReadWindows for $reader {
        fn fetch(&self, key: &[u8], starts: RangeInclusive<Timestamp>, direction: Direction, visit: VisitWindow<'_>) -> Result<(), StateError> {
            <$reader>::fetch(self, key, starts, direction, &mut |start, timestamp, value| visit(key, start, timestamp, value))
        }

        fn fetch_all(&self, starts: RangeInclusive<Timestamp>, direction: Direction, visit: VisitWindow<'_>) -> Result<(), StateError> {
            <$reader>::fetch_all(self, starts, direction, visit)
        }
    }
)* } }
read_windows!(WindowHandle CommittedWindows<'_>);

macro_rules! read_sessions { ($($reader:ty)*) => { $(
    impl ReadSessions for $reader {
        fn find(
            &self, key: &[u8], earliest_end: Timestamp, latest_start: Timestamp, direction: Direction, visit: VisitSession<'_>,
        ) -> Result<(), StateError> {
            let visit = &mut |start, end, timestamp, value: &[u8]| visit(key, start, end, timestamp, value);
            <$reader>::find(self, key, earliest_end, latest_start, direction, visit)
        }

        fn fetch_all(&self, ends: RangeInclusive<Timestamp>, direction: Direction, visit: VisitSession<'_>) -> Result<(), StateError> {
            <$reader>::fetch_all(self, ends, direction, visit)
        }
    }
)* } }
read_sessions!(SessionHandle CommittedSessions<'_>);

macro_rules! read_versions { ($($reader:ty)*) => { $(
    impl ReadVersions for $reader {
        fn latest(&self, key: &[u8]) -> Result<Option<Version>, StateError> {
            let version = |(valid_from, value): (Timestamp, &[u8])| Version { valid_from, valid_to: None, value: value.to_vec() };
            <$reader>::get(self, key, |found| found.map(version))
        }

        fn as_of(&self, key: &[u8], time: Timestamp) -> Result<Option<Version>, StateError> {
            <$reader>::get_as_of(self, key, time)
        }
    }
)* } }
read_versions!(VersionedHandle CommittedVersions<'_>);
