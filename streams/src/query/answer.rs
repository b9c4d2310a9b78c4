//! Answers from one store of one task, whoever reads it: the task itself, or another thread what is committed.

use super::collected::Collected;
use super::{Ask, Found, Keys, Question, Which};
use crate::record::Timestamp;
use crate::task::GlobalRows;
use crate::task::store::KeyEnd;
use headwater_state::{
    CommittedKeyValue, CommittedSpans, CommittedVersions, CommittedView, Direction, KeyValueHandle, Span, SpanHandle, StateError, Version,
    VersionedHandle,
};
use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow, RangeInclusive};

/// What visits rows: key, timestamp, value.
type VisitRow<'a> = &'a mut dyn FnMut(&[u8], Timestamp, &[u8]) -> ControlFlow<()>;
/// What visits windows or sessions: key, span, timestamp, value.
type VisitSpan<'a, S> = &'a mut dyn FnMut(&[u8], S, Timestamp, &[u8]) -> ControlFlow<()>;

/// Rows by key, in the order of the keys.
pub(crate) trait ReadRows {
    fn scan(&self, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction, visit: VisitRow<'_>) -> Result<(), StateError>;
    fn get(&self, key: &[u8], visit: VisitRow<'_>) -> Result<(), StateError>;
}

/// Rows by key and window or session; those of one key in the order of their times.
pub(crate) trait ReadSpans<S> {
    fn fetch(&self, key: &[u8], times: RangeInclusive<Timestamp>, direction: Direction, visit: VisitSpan<'_, S>) -> Result<(), StateError>;
    fn fetch_all(&self, times: RangeInclusive<Timestamp>, direction: Direction, visit: VisitSpan<'_, S>) -> Result<(), StateError>;
}

/// Versions of rows by key.
pub(crate) trait ReadVersions {
    fn latest(&self, key: &[u8]) -> Result<Option<Version>, StateError>;
    fn as_of(&self, key: &[u8], time: Timestamp) -> Result<Option<Version>, StateError>;
}

/// What a cache holds above a store of windows or sessions: a row or the knowledge that there is none.
pub(crate) type Held<S> = BTreeMap<(Vec<u8>, S), Option<(Timestamp, Vec<u8>)>>;

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

/// Windows in the order of their keys, then of their starts; sessions then of their ends. What a cache holds counts, whether the store still shows it
/// or not.
pub(crate) fn windowed<S: KeyEnd>(
    from: &dyn ReadSpans<S>, held: &Held<S>, which: &Which, direction: Direction, limit: usize,
) -> Result<Vec<Found>, StateError> {
    let Which { keys, times, latest_start } = which;
    let mut found = Collected::new(direction, limit);
    for ((key, span), row) in held {
        if let Some((timestamp, value)) = row
            && keys.contain(key)
            && times.contains(&span.time())
            && span.bounds().0 <= *latest_start
        {
            found.take(key, span.bounds(), *timestamp, value);
        }
    }
    let is_wanted =
        |key: &[u8], span: S| span.bounds().0 <= *latest_start && (held.is_empty() || !held.contains_key(&(key.to_vec(), span)));
    match keys {
        Keys::One(key) => from.fetch(key, times.clone(), direction, &mut |key, span, timestamp, value| {
            // Further rows of the same key come later still.
            let goes_on = !is_wanted(key, span) || found.take(key, span.bounds(), timestamp, value);
            if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?,
        Keys::Between(..) => from.fetch_all(times.clone(), direction, &mut |key, span, timestamp, value| {
            if keys.contain(key) && is_wanted(key, span) {
                found.take(key, span.bounds(), timestamp, value);
            }
            ControlFlow::Continue(())
        })?,
    }
    Ok(found.into_found())
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
        Ask::Windowed(which) => match view.window(store) {
            Some(store) => windowed(&store, &Held::new(), which, *direction, *limit),
            None => windowed(&view.session(store).expect(unknown), &Held::new(), which, *direction, *limit),
        },
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

macro_rules! read_spans { ($($reader:ty)*) => { $(
    impl<S: Span> ReadSpans<S> for $reader {
        fn fetch(&self, key: &[u8], times: RangeInclusive<Timestamp>, direction: Direction, visit: VisitSpan<'_, S>) -> Result<(), StateError> {
            <$reader>::fetch(self, key, times, direction, &mut |span, timestamp, value| visit(key, span, timestamp, value))
        }

        fn fetch_all(&self, times: RangeInclusive<Timestamp>, direction: Direction, visit: VisitSpan<'_, S>) -> Result<(), StateError> {
            <$reader>::fetch_all(self, times, direction, visit)
        }
    }
)* } }
read_spans!(SpanHandle<S> CommittedSpans<'_, S>);

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
