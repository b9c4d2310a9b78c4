//! `suppress`: fewer changes of a table, or only final ones.

use super::KTable;
use super::materialized::{declare, millis};
use crate::format::Row;
use crate::graph::{Kind, RowsOf, TopologyError, Wiring};
use crate::operator::{self, AsOf, Getter, Nothing, Outlet, Suppression, WhenFull};
use crate::record::{Change, NO_TIMESTAMP, Timestamp, Windowed};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// For how long changes of a table are held back, of which only the last goes on. Kafka: `Suppressed` (KIP-328).
#[derive(Clone, Copy, Debug)]
pub struct Suppress;

impl Suppress {
    /// Until the window of a row has closed, so that downstream sees one result for each window. Kafka: `untilWindowCloses`.
    pub fn until_window_closes() -> UntilWindowCloses {
        UntilWindowCloses { max_records: None, max_bytes: None }
    }

    /// For so long after the first change of a row, in stream time. Kafka: `untilTimeLimit`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::runtime::{Config, TimeRule};
    /// use headwater_streams::testing::TestDriver;
    /// const IN: Topic<String, u64> = Topic::new("in");
    /// const OUT: Topic<String, u64> = Topic::new("out");
    /// let app = StreamsBuilder::new();
    /// app.table(IN, Store::new("rows")).suppress(Suppress::until_time_limit_ms(100)).to(OUT);
    ///
    /// let config = Config { time_rule: TimeRule::Kafka, ..Config::new("app") }; // tables do not move a watermark
    /// let mut driver = TestDriver::with_config(app.build().unwrap(), &config);
    /// driver.at(0).send(IN, "a", 1).at(50).send(IN, "a", 2);
    /// assert!(driver.all(OUT).is_empty());
    /// driver.at(101).send(IN, "b", 9).at(102).send(IN, "b", 9);
    /// assert_eq!(driver.latest(OUT, "a"), Some(2)); // only the last change goes on
    /// assert_eq!(driver.all(OUT).len(), 1);
    /// ```
    pub fn until_time_limit(wait: Duration) -> UntilTimeLimit {
        Suppress::until_time_limit_ms(millis(wait))
    }

    /// The same in milliseconds.
    pub fn until_time_limit_ms(wait: Timestamp) -> UntilTimeLimit {
        UntilTimeLimit { wait_ms: wait, max_records: None, max_bytes: None, when_full: WhenFull::EmitEarly }
    }
}

/// [`Suppress::until_window_closes`]. Without a limit the buffer holds what it must; with one the application stops where the buffer would
/// hold more, because a result before its time would not be final.
#[derive(Clone, Copy, Debug)]
pub struct UntilWindowCloses {
    max_records: Option<usize>,
    max_bytes: Option<usize>,
}

impl UntilWindowCloses {
    /// Stops the application where more rows would wait. Kafka: `StrictBufferConfig.maxRecords`.
    pub fn max_records(self, records: usize) -> Self {
        UntilWindowCloses { max_records: Some(records), ..self }
    }

    /// Stops the application where rows that wait would take more bytes, encoded.
    pub fn max_bytes(self, bytes: usize) -> Self {
        UntilWindowCloses { max_bytes: Some(bytes), ..self }
    }
}

/// [`Suppress::until_time_limit`]. Without a limit the buffer holds what it must; with one the first changes go on early.
#[derive(Clone, Copy, Debug)]
pub struct UntilTimeLimit {
    wait_ms: Timestamp,
    max_records: Option<usize>,
    max_bytes: Option<usize>,
    when_full: WhenFull,
}

impl UntilTimeLimit {
    /// At most so many rows wait. Kafka: `EagerBufferConfig.maxRecords`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// let hour = Suppress::until_time_limit_ms(3_600_000).max_records(10_000).max_bytes(1 << 20);
    /// let app = StreamsBuilder::new();
    /// app.table(Topic::<String, u64>::new("in"), Store::new("rows")).suppress(hour).to(Topic::<String, u64>::new("out"));
    /// assert!(app.build().is_ok());
    /// ```
    pub fn max_records(self, records: usize) -> Self {
        UntilTimeLimit { max_records: Some(records), ..self }
    }

    /// Rows that wait take at most so many bytes, encoded.
    pub fn max_bytes(self, bytes: usize) -> Self {
        UntilTimeLimit { max_bytes: Some(bytes), ..self }
    }

    /// Stops the application where the buffer would hold more than it may, in place of letting changes go early. Kafka: `shutDownWhenFull`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const IN: Topic<String, u64> = Topic::new("in");
    /// let app = StreamsBuilder::new();
    /// let one = Suppress::until_time_limit_ms(100).max_records(1).shut_down_when_full();
    /// app.table(IN, Store::new("rows")).suppress(one).to(Topic::<String, u64>::new("out"));
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, "a", 1);
    /// assert!(driver.try_send(IN, "b", 1).is_err());
    /// ```
    pub fn shut_down_when_full(self) -> Self {
        UntilTimeLimit { when_full: WhenFull::ShutDown, ..self }
    }
}

/// For how long a table with keys `K` can hold back its changes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not suit a table keyed by `{K}`",
    note = "`until_window_closes` is for tables of windows: `windowed_by(..)` comes before it; `until_time_limit(..)` is for any"
)]
pub trait SuppressUntil<K>: rule::Suppresses<K> {}

impl<K> SuppressUntil<Windowed<K>> for UntilWindowCloses {}
impl<K> SuppressUntil<K> for UntilTimeLimit {}

pub(super) mod rule {
    use super::Suppression;

    /// The work of a suppression, which is nobody's business outside.
    pub trait Suppresses<K> {
        /// What the operator does; none for `wait_ms`: it follows from the windows upstream.
        #[allow(private_interfaces, reason = "nobody outside can name this trait")]
        fn suppression(self) -> Suppression<K>;
    }
}

#[allow(private_interfaces, reason = "nobody outside can name this trait")]
impl<K> rule::Suppresses<Windowed<K>> for UntilWindowCloses {
    fn suppression(self) -> Suppression<Windowed<K>> {
        let UntilWindowCloses { max_records, max_bytes } = self;
        Suppression { time_of: |key, _| key.end, wait_ms: 0, finals: true, max_records, max_bytes, when_full: WhenFull::ShutDown }
    }
}

#[allow(private_interfaces, reason = "nobody outside can name this trait")]
impl<K> rule::Suppresses<K> for UntilTimeLimit {
    fn suppression(self) -> Suppression<K> {
        let UntilTimeLimit { wait_ms, max_records, max_bytes, when_full } = self;
        Suppression { time_of: |_, timestamp| timestamp, wait_ms, finals: false, max_records, max_bytes, when_full }
    }
}

impl<K: Row, V: Row> KTable<K, V> {
    /// Holds changes back, and passes on the last of each row when its time has come: when its window has closed, or after a time.
    ///
    /// What waits stands in a store of its own, `<name>-store` if the table is [`named`](KTable::named), otherwise called after the store
    /// upstream; it survives a restart. Order is that of time (the window's end, or the first change), then of the key's bytes.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const CLICKS: Topic<String, String> = Topic::new("clicks");
    /// const BY_MINUTE: WindowStore<String, u64> = WindowStore::new("clicks-by-minute");
    /// const FINAL: Topic<Windowed<String>, u64> = Topic::new("final-counts");
    ///
    /// let app = StreamsBuilder::new();
    /// let counts = app.stream(CLICKS).group_by_key().windowed_by(Tumbling::of_ms(60_000).grace_ms(5_000)).count(BY_MINUTE);
    /// counts.suppress(Suppress::until_window_closes()).to(FINAL);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.at(0).send(CLICKS, "home", "x").at(7).send(CLICKS, "home", "y");
    /// assert!(driver.all(FINAL).is_empty());
    /// driver.at(65_001).send(CLICKS, "news", "x");
    /// assert_eq!(driver.all(FINAL).len(), 1);
    /// assert_eq!(driver.latest(FINAL, Windowed { key: "home".to_owned(), start: 0, end: 60_000 }), Some(2));
    /// ```
    pub fn suppress<U: SuppressUntil<K>>(&self, until: U) -> KTable<K, V> {
        let mut rule = until.suppression();
        if rule.finals {
            match self.app.graph(|graph| graph.closes_after_ms(self.node)) {
                Some(closes_after_ms) => rule.wait_ms = closes_after_ms,
                None => self.app.mistake(TopologyError::NothingCloses),
            }
        }
        let kind = Kind::Operator { operation: "suppress", changes_key: false };
        let node = self.app.node(kind, &[self.node], move |wiring, id| {
            let next = match wiring.own_rows::<K, V>(id) {
                Some(rows) => {
                    let next = wiring.table_outlet(id, &rows);
                    let same = Arc::new(|_: &K, row: Option<V>| row);
                    Outlet::new(vec![Box::new(operator::stored_table_map(wiring.stage(id), same, Nothing::GoesOn, rows, next)) as Box<_>])
                }
                None => wiring.outlet(id),
            };
            let suppress = wiring.suppress::<K, V>(id, rule, next);
            wiring.put::<K, Change<V>>(id, suppress);
        });
        self.app.graph(|graph| {
            // The view shows what downstream knows: what a row was before its first change that waits.
            graph.need_old_values(self.node);
            graph.nodes[node].rows = RowsOf::Derived;
            graph.nodes[node].sends_old_values = true;
            graph.nodes[node].buffer = Some(declare::buffer_use::<K, V>());
        });
        let parent = self.view.clone();
        let compute = Arc::new(move |wiring: &mut Wiring<'_>| {
            let (row_of, buffer) = (parent(wiring), wiring.buffer::<K, V>(node, &rule));
            let getter = move |key: &K, as_of: AsOf| match buffer.prior(key)? {
                Some(prior) => Ok(prior.map(|row| (row, NO_TIMESTAMP))),
                None => row_of(key, as_of),
            };
            Rc::new(getter) as Getter<K, V>
        });
        KTable::computed(&self.app, node, compute)
    }
}
