//! Answers from one store of one task, whoever reads it: the task itself, or another thread what is committed.

use super::collected::Collected;
use super::{Ask, Found, Keys, Question};
use crate::record::Timestamp;
use headwater_state::{CommittedKeyValue, CommittedView, CommittedWindows, Direction, KeyValueHandle, StateError, WindowHandle};
use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow, RangeInclusive};

/// What visits rows: key, timestamp, value.
type VisitRow<'a> = &'a mut dyn FnMut(&[u8], Timestamp, &[u8]) -> ControlFlow<()>;
/// What visits windows: key, start, timestamp, value.
type VisitWindow<'a> = &'a mut dyn FnMut(&[u8], Timestamp, Timestamp, &[u8]) -> ControlFlow<()>;

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

/// What a cache holds above a store of windows: by key and start, a row or the knowledge that there is none.
pub(crate) type Held = BTreeMap<(Vec<u8>, Timestamp), Option<(Timestamp, Vec<u8>)>>;

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
    let of_cache = held.iter().filter(|((key, start), _)| keys.contain(key) && starts.contains(start));
    for ((key, start), row) in of_cache {
        if let Some((timestamp, value)) = row {
            found.take(key, *start, 0, *timestamp, value);
        }
    }
    let is_held = |key: &[u8], start: Timestamp| !held.is_empty() && held.contains_key(&(key.to_vec(), start));
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

/// What a task has committed.
pub(crate) fn committed(view: &CommittedView<'_>, question: &Question) -> Result<Vec<Found>, StateError> {
    let Question { store, ask, direction, limit } = question;
    let unknown = "a running task has the stores of its topology";
    match ask {
        Ask::Rows(keys) => rows(&view.key_value(store).expect(unknown), keys, *direction, *limit),
        Ask::Windows(keys, starts) => windows(&view.window(store).expect(unknown), &Held::new(), keys, starts, *direction, *limit),
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
