//! One `join`, one `left_join` on a stream; what stands on the right says which join it is.

use super::{KStream, KTable};
use crate::format::{Nullable, Row};
use crate::graph::{Kind, Repartition};
use crate::operator::{self, Unmatched};
use crate::record::{Item, Portable};
use std::sync::Arc;

/// What a join makes of both sides.
type Joiner<K, L, R, Out> = Arc<dyn Fn(&K, L, Option<R>) -> Out + Send + Sync>;

/// What a stream can be joined with; `P` is the key when it is there.
#[diagnostic::on_unimplemented(
    message = "a stream keyed by `{P}` cannot be joined with `{Self}`",
    note = "the right side is a `&table` with the same key type; `select_key` changes a stream's key"
)]
pub trait RightSide<P: Row>: joined::JoinedWith<P> {}

pub(super) mod joined {
    use super::{Joiner, KStream, Nullable, Row, Unmatched};
    use crate::record::Item;

    /// The work of a right side, which is nobody's business outside.
    pub trait JoinedWith<P: Row> {
        /// What the join function gets.
        type Value: Item;
        #[allow(private_interfaces, reason = "nobody outside can name this trait")]
        fn join_left<K: Nullable<Present = P>, V: Nullable, Out: Item>(
            &self, left: &KStream<K, V>, unmatched: Unmatched, join: Joiner<K, V::Present, Self::Value, Out>,
        ) -> KStream<K, Out>;
    }
}

impl<P: Row, R: Row> RightSide<P> for KTable<P, R> {}

impl<P: Row, R: Row> joined::JoinedWith<P> for KTable<P, R> {
    type Value = R;

    #[allow(private_interfaces, reason = "nobody outside can name this trait")]
    fn join_left<K: Nullable<Present = P>, V: Nullable, Out: Item>(
        &self, left: &KStream<K, V>, unmatched: Unmatched, join: Joiner<K, V::Present, R, Out>,
    ) -> KStream<K, Out> {
        let keeps_null_keys = unmatched == Unmatched::GoesOn;
        let (stream, _) = left.partitioned(Repartition { keeps_null_keys, ..Repartition::default() });
        let operation = if keeps_null_keys { "left_join" } else { "join" };
        let (app, view) = (&left.app, self.view.clone());
        let node = app.operator::<K, V, _>(Kind::Operator { operation, changes_key: false }, &[stream.node], move |wiring, id| {
            let row_of = view(wiring);
            operator::stream_table_join(wiring.stage(id), row_of, unmatched, join.clone(), wiring.outlet(id))
        });
        app.graph(|graph| {
            graph.look_at(node, self.node);
            graph.nodes[node].copartitioned = vec![stream.node, self.node];
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
    pub fn join<R: RightSide<K::Present>, Out: Item>(
        &self, right: &R, f: impl Fn(&K::Present, V::Present, R::Value) -> Out + Portable,
    ) -> KStream<K::Present, Out> {
        let join = move |key: &K::Present, left, right: Option<R::Value>| f(key, left, right.expect("an inner join has both sides"));
        // Null keys end after the repartition, not before it, so that several joins of one stream share it.
        let (stream, _) = self.partitioned(Repartition::default());
        right.join_left(&stream.present_key(), Unmatched::Ends, Arc::new(join))
    }

    /// Joins each record with the row that its key has now, if there is one. A null key is kept, as in Kafka: it has no match.
    pub fn left_join<R: RightSide<K::Present>, Out: Item>(
        &self, right: &R, f: impl Fn(&K, V::Present, Option<R::Value>) -> Out + Portable,
    ) -> KStream<K, Out> {
        right.join_left(self, Unmatched::GoesOn, Arc::new(f))
    }
}
