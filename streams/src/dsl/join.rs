//! One `join`, one `left_join` on a stream; what stands on the right says which join it is.

use super::{KStream, KTable};
use crate::format::{Nullable, Row};
use crate::graph::{Kind, Repartition};
use crate::operator::{StreamTableJoin, Unmatched};
use crate::record::{Item, Portable};
use std::sync::Arc;

/// What a stream of keys `K` and values `V` can be joined with; `P` is the key without its null.
#[diagnostic::on_unimplemented(
    message = "a stream keyed by `{K}` cannot be joined with `{Self}`",
    note = "the right side is a `&table` with the same key type, or `&other.within(windows)`; `select_key` changes a stream's key"
)]
pub trait RightSide<K: Nullable, V: Nullable, P = <K as Nullable>::Present>: joined::JoinedWith<K, V> {}

pub(super) mod joined {
    use super::{KStream, Nullable, Portable};
    use crate::record::Item;

    /// The work of a right side, which is nobody's business outside.
    pub trait JoinedWith<K: Nullable, V: Nullable> {
        /// The key of what an inner join makes.
        type Key: Nullable;
        /// What the join function gets from the right.
        type Value: Item;
        /// Records without a match end.
        fn inner<Out: Item>(
            &self, left: &KStream<K, V>, f: impl Fn(&Self::Key, V::Present, Self::Value) -> Out + Portable,
        ) -> KStream<Self::Key, Out>;
        /// They go on alone.
        fn left<Out: Item>(
            &self, left: &KStream<K, V>, f: impl Fn(&K, V::Present, Option<Self::Value>) -> Out + Portable,
        ) -> KStream<K, Out>;
    }
}

// By `P`, so that a table with other keys is told to be no right side, and not that two types differ.
impl<K: Nullable<Present = P>, V: Nullable, P: Row, R: Row> RightSide<K, V, P> for KTable<P, R> {}

impl<K: Nullable, V: Nullable, R: Row> joined::JoinedWith<K, V> for KTable<K::Present, R> {
    type Key = K::Present;
    type Value = R;

    fn inner<Out: Item>(&self, left: &KStream<K, V>, f: impl Fn(&K::Present, V::Present, R) -> Out + Portable) -> KStream<K::Present, Out> {
        // Null keys end after the repartition, not before it, so that several joins of one stream share it.
        let (stream, _) = left.partitioned(Repartition::default());
        let f = move |key: &K::Present, left, right: Option<R>| f(key, left, right.expect("an inner join has both sides"));
        self.look_up(&stream.present_key(), "join", Unmatched::Ends, f)
    }

    fn left<Out: Item>(&self, left: &KStream<K, V>, f: impl Fn(&K, V::Present, Option<R>) -> Out + Portable) -> KStream<K, Out> {
        let (stream, _) = left.partitioned(Repartition::default());
        self.look_up(&stream, "left_join", Unmatched::GoesOn, f)
    }
}

impl<P: Row, R: Row> KTable<P, R> {
    fn look_up<K: Nullable<Present = P>, V: Nullable, Out: Item>(
        &self, left: &KStream<K, V>, operation: &'static str, unmatched: Unmatched, f: impl Fn(&K, V::Present, Option<R>) -> Out + Portable,
    ) -> KStream<K, Out> {
        let (app, table, f) = (&left.app, self.seen_by(&left.app, operation), Arc::new(f));
        let view = table.view;
        let node = app.operator::<K, V, _>(Kind::Operator { operation, changes_key: false }, &[left.node], move |wiring, id| {
            let row_of = view(wiring);
            StreamTableJoin { stage: wiring.stage(id), row_of, unmatched, join: f.clone(), next: wiring.outlet(id) }
        });
        app.graph(|graph| {
            graph.look_at(node, table.node);
            graph.nodes[node].takes_null_keys = unmatched == Unmatched::GoesOn;
            graph.nodes[node].copartitioned = vec![left.node, table.node];
            graph.nodes[node].takes_null_keys = unmatched == Unmatched::GoesOn;
        });
        KStream::at(app, node, false)
    }
}

impl<K: Nullable, V: Nullable> KStream<K, V> {
    /// Joins each record with the row that its key has now; a record without one is left out. A null key finds nobody, so the result's key is never null.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const ORDERS: Topic<String, u64> = Topic::new("orders"); // customer, cents
    /// const CITIES: Topic<String, String> = Topic::new("cities"); // customer, city
    /// const BY_CITY: Topic<String, u64> = Topic::new("orders-by-city");
    ///
    /// let app = StreamsBuilder::new();
    /// let cities = app.table(CITIES, Store::new("cities"));
    /// app.stream(ORDERS).join(&cities, |_, cents, city| (city, cents)).map(|_, (city, cents)| (city, cents)).to(BY_CITY);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(ORDERS, "ann", 100); // nobody knows where she lives yet, so this one is left out
    /// driver.send(CITIES, "ann", "Oslo").send(ORDERS, "ann", 250);
    /// assert_eq!(driver.latest(BY_CITY, "Oslo"), Some(250));
    /// ```
    ///
    /// With another stream, `&other.within(windows)`, it is each pair of records of one key that lie within the windows:
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const SHOWN: Topic<String, String> = Topic::new("shown"); // visitor, advertisement
    /// const CLICKED: Topic<String, String> = Topic::new("clicked"); // visitor, page
    /// const LED_TO: Topic<String, String> = Topic::new("led-to");
    ///
    /// let app = StreamsBuilder::new();
    /// let clicked = app.stream(CLICKED).within(JoinWindows::of_ms(1_000).before_ms(0)).stored("clicks");
    /// app.stream(SHOWN).join(&clicked, |_, shown, clicked| format!("{shown} led to {clicked}")).to(LED_TO);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.at(5_000).send(SHOWN, "ann", "shoes").at(5_900).send(CLICKED, "ann", "boots");
    /// assert_eq!(driver.latest(LED_TO, "ann").as_deref(), Some("shoes led to boots"));
    /// driver.at(6_100).send(CLICKED, "ann", "hats"); // more than a second later
    /// assert_eq!(driver.all(LED_TO).len(), 1);
    /// ```
    /// Kafka: `KStreamKTableJoin`, `KStreamKStreamJoin`.
    pub fn join<R: RightSide<K, V>, Out: Item>(
        &self, right: &R, f: impl Fn(&R::Key, V::Present, R::Value) -> Out + Portable,
    ) -> KStream<R::Key, Out> {
        right.inner(self, f)
    }

    /// Joins each record with the row that its key has now, if there is one. A null key is kept, as in Kafka: it has no match.
    ///
    /// With another stream, a record that meets nobody goes on alone when its window has closed: the next record of either side that is not out of order sends it on.
    /// Kafka: `KStream.leftJoin`, KIP-633.
    /// Kafka: `KStream#leftJoin`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const ORDERS: Topic<String, u64> = Topic::new("orders"); // customer, cents
    /// const CITIES: Topic<String, String> = Topic::new("cities"); // customer, city
    /// const OUT: Topic<String, String> = Topic::new("out");
    ///
    /// let app = StreamsBuilder::new();
    /// let cities = app.table(CITIES, Store::new("cities"));
    /// app.stream(ORDERS).left_join(&cities, |_, cents, city| format!("{cents} {}", city.unwrap_or_default())).to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(ORDERS, "ann", 5);
    /// assert_eq!(driver.latest(OUT, "ann").as_deref(), Some("5 "));
    /// ```
    pub fn left_join<R: RightSide<K, V>, Out: Item>(
        &self, right: &R, f: impl Fn(&K, V::Present, Option<R::Value>) -> Out + Portable,
    ) -> KStream<K, Out> {
        right.left(self, f)
    }
}
