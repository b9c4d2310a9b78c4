//! `scd2`: a stream of changes becomes the versions of the rows of a dimension.

use super::process::{Open, processing};
use super::{KStream, Store};
use crate::format::{Data, Format, Moment};
use crate::graph::{Repartition, Wiring};
use crate::operator::{self, Around, Out, Right, Scd2Change, Scd2Kept, Scd2Rows, Scd2Span, Scd2Version};
use crate::record::{Record, Timestamp};
use crate::task::Failure;
use crate::task::store::{StoreError, StoreHandle};
use std::fmt;
use std::marker::PhantomData;

/// What a dimension remembers: all of its changes, `<name>-changes`, and the versions that they make, `<name>-versions`.
pub struct Scd2Store<K, V> {
    name: &'static str,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Scd2Store<K, V> {
    /// The memory of this name.
    pub const fn new(name: &'static str) -> Self {
        Scd2Store { name, types: PhantomData }
    }

    /// The changes that count, by key and `valid_from`.
    pub fn changes(self) -> Store<(K, Moment), Scd2Kept<V>> {
        Store::of(format!("{}-changes", self.name))
    }

    /// The versions, by key and `effective_date`: the last one at or before a time is the one that is valid then, if it has not ended.
    pub fn versions(self) -> Store<(K, Moment), Scd2Span<V>> {
        Store::of(format!("{}-versions", self.name))
    }
}

impl<K, V> Clone for Scd2Store<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Scd2Store<K, V> {}

impl<K, V> fmt::Debug for Scd2Store<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scd2Store({})", self.name)
    }
}

impl<K: Data, V: Data + PartialEq> KStream<K, Scd2Change<V>> {
    /// Keeps the versions of each row (a slowly changing dimension of type 2), and sends what each change makes different in them: one record
    /// per change, nothing where nothing is different. A sink applies the rows of one record together.
    ///
    /// The versions depend on the set of changes alone, not on the order of their arrival. Of several changes of a key with one `valid_from`
    /// the one with the highest order counts. Sorted by `valid_from`, columns that are equal to those before open no version, and a delete
    /// closes the version that is open, if one is. A change that opens nothing is remembered, since one that comes late may part it from
    /// its equal. A late change costs no more than any other: it looks at its neighbours only.
    ///
    /// Records go through a repartition topic if the key has changed.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// const CHANGES: Topic<String, Scd2Change<String>> = Topic::new("city-changes");
    /// const VERSIONS: Topic<String, String> = Topic::new("city-versions");
    /// const CITIES: Scd2Store<String, String> = Scd2Store::new("cities");
    ///
    /// let app = StreamsBuilder::new();
    /// app.stream(CHANGES).scd2(CITIES).map_values(|_, rows| format!("{:?}", rows.upserts[0].columns)).to(VERSIONS);
    ///
    /// # use headwater_streams::testing::TestDriver;
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// let change = |valid_from, offset, city: &str| Scd2Change { valid_from, order: Scd2Order { offset, partition: 0 }, columns: Some(city.into()) };
    /// driver.send(CHANGES, "ann", change(10, 0, "Oslo")).send(CHANGES, "ann", change(30, 1, "Rome"));
    /// let oslo = driver.row(CITIES.versions(), ("ann".into(), Moment(10)));
    /// assert_eq!(oslo, Some(Scd2Span { end_date: Some(30), columns: "Oslo".into() }));
    /// ```
    pub fn scd2(&self, store: Scd2Store<K, V>) -> KStream<K, Scd2Rows<V>> {
        let (stream, _) = self.partitioned(Repartition { fallback: Some(store.name), ..Repartition::default() });
        let stores = (store.changes(), store.versions());
        let versions = stream.then("scd2", move |wiring: &mut Wiring<'_>, id| {
            operator::process(processing(&stores, wiring, id), wiring.way(id), take::<K, V>)
        });
        self.app.graph(|graph| stores.declare(graph, versions.node));
        versions
    }
}

type Changes<K, V> = StoreHandle<(K, Moment), Scd2Kept<V>>;
type Versions<K, V> = StoreHandle<(K, Moment), Scd2Span<V>>;

/// Takes one change in, and sends what it makes different.
fn take<K: Data, V: Data + PartialEq>(
    record: Record<K, Scd2Change<V>>, (changes, versions): &mut (Changes<K, V>, Versions<K, V>), out: &mut Out<K, Scd2Rows<V>>,
) -> Result<(), Failure> {
    let Record { key, value: Scd2Change { valid_from, order, columns }, .. } = record;
    let here = (key.clone(), Moment(valid_from));
    let same = changes.get(&here)?;
    if same.as_ref().is_some_and(|kept| order <= kept.order) {
        return Ok(());
    }
    let around = around(&here, same, changes, versions)?;
    let rows = around.rewrite(valid_from, columns.as_ref(), looks_alike);
    changes.put(&here, Scd2Kept { order, columns })?;
    rows.removals.iter().try_for_each(|at| versions.delete(&(key.clone(), Moment(*at))))?;
    for Scd2Version { effective_date, end_date, columns } in &rows.upserts {
        versions.put(&(key.clone(), Moment(*effective_date)), Scd2Span { end_date: *end_date, columns: columns.clone() })?;
    }
    if !rows.is_empty() {
        out.send(key, rows);
    }
    Ok(())
}

/// What the stores hold around the moment of a change.
fn around<K: Data, V: Data>(
    here: &(K, Moment), same: Option<Scd2Kept<V>>, changes: &Changes<K, V>, versions: &Versions<K, V>,
) -> Result<Around<V>, StoreError> {
    let (key, Moment(at)) = here;
    let left = match at.checked_sub(1) {
        Some(before) => version_at(key, before, versions)?,
        None => None,
    };
    let right = match at.checked_add(1) {
        Some(after) => changes.first((key.clone(), Moment(after))..=(key.clone(), Moment::LAST))?,
        None => None,
    };
    let right = match right {
        Some(((_, Moment(at)), Scd2Kept { columns, .. })) => {
            let end_date = if columns.is_some() { version_at(key, at, versions)?.and_then(|version| version.end_date) } else { None };
            Some(Right { at, columns, end_date })
        }
        None => None,
    };
    Ok(Around { left, same: same.map(|kept| kept.columns), right })
}

/// The version that is valid at a time.
fn version_at<K: Data, V: Data>(key: &K, at: Timestamp, versions: &Versions<K, V>) -> Result<Option<Scd2Version<V>>, StoreError> {
    let found = versions.last((key.clone(), Moment::FIRST)..=(key.clone(), Moment(at)))?;
    let version =
        found.map(|((_, Moment(effective_date)), Scd2Span { end_date, columns })| Scd2Version { effective_date, end_date, columns });
    Ok(version.filter(|version| version.end_date.is_none_or(|end| end > at)))
}

/// Whether two equal values are written alike. What cannot be written fails where it is stored.
fn looks_alike<V: Data>(one: &V, other: &V) -> bool {
    let bytes = |value| {
        let mut bytes = Vec::new();
        V::Format::default().encode(value, &mut bytes).map(|()| bytes).ok()
    };
    bytes(one) == bytes(other)
}
