//! Joins of tables where a row of the left one names a key of the right one.

use super::materialized::declare::{self, Declaration};
use super::{KStream, KTable, StreamsBuilder};
use crate::format::{Nullable, Row};
use crate::graph::{ChangelogLayout, Kind, NodeId, Repartition, RowsOf, StoreOptions, StoreUse};
use crate::operator::{self, Answer, ForeignJoiner, ForeignKey, Subscribed, Subscriber, Subscribing, Subscription};
use crate::record::{Change, Portable};
use std::sync::Arc;

impl<K: Row, V: Row> KTable<K, V> {
    /// Each row with the row of another table whose key it names; a row that names none, or one that is not there, has no result.
    ///
    /// Results come by two repartition topics and a store of subscriptions, which are called as the result: say `.stored(STORE)` or `.named("...")` behind it.
    /// What the results are computed from is what both tables hold then; an answer that a newer left row has overtaken is ignored. So, as in Kafka, the
    /// deletion of a result is lost where a left row is deleted and comes again, with a key that has no match, before the answer to the deletion is back.
    /// [`left_join_by`](KTable::left_join_by) with an `Option` as result loses none: each change of a left row is answered.
    /// Kafka: `KTable#join` with a foreign-key extractor (KIP-213, KIP-1104).
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const ORDERS: Topic<u64, (String, u64)> = Topic::new("orders"); // product, pieces
    /// const PRICES: Topic<String, u64> = Topic::new("prices");
    /// const TOTALS: Store<u64, u64> = Store::new("totals");
    ///
    /// let app = StreamsBuilder::new();
    /// let (orders, prices) = (app.table(ORDERS, Store::new("orders")), app.table(PRICES, Store::new("prices")));
    /// let _totals = orders.join_by(&prices, |_, (product, _)| product.clone(), |_, (_, pieces), price| pieces * price).stored(TOTALS);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(PRICES, "tea", 3).send(ORDERS, 1_u64, ("tea".to_owned(), 10)).send(PRICES, "tea", 4);
    /// assert_eq!(driver.row(TOTALS, 1_u64), Some(40));
    /// ```
    pub fn join_by<F: Nullable, R: Row, Out: Nullable>(
        &self, right: &KTable<F::Present, R>, foreign_key: impl Fn(&K, &V) -> F + Portable, f: impl Fn(&K, V, R) -> Out + Portable,
    ) -> KTable<K, Out::Present> {
        let join = move |key: &K, left: V, right: Option<R>| f(key, left, right?).into_present();
        let foreign_key = move |key: &K, row: &V| foreign_key(key, row).into_present();
        self.joined_by("join_by", right, foreign_key, Arc::new(join))
    }

    /// Each row with the row of another table whose key it names, if there is one. Kafka: `KTable#leftJoin` with a foreign-key extractor (KIP-213).
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const BOOKS: Topic<String, Option<u64>> = Topic::new("books"); // title, author if known
    /// const AUTHORS: Topic<u64, String> = Topic::new("authors");
    /// const SHELF: Topic<String, String> = Topic::new("shelf");
    ///
    /// let app = StreamsBuilder::new();
    /// let (books, authors) = (app.table_unstored(BOOKS), app.table_unstored(AUTHORS));
    /// let shelf = books.left_join_by(&authors, |_, author| *author, |title, _, author| format!("{title} by {}", author.unwrap_or_default()));
    /// shelf.named("shelf").to(SHELF);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(BOOKS, "Emma", 7);
    /// assert_eq!(driver.latest(SHELF, "Emma").as_deref(), Some("Emma by "));
    /// driver.send(AUTHORS, 7_u64, "Austen");
    /// assert_eq!(driver.latest(SHELF, "Emma").as_deref(), Some("Emma by Austen"));
    /// ```
    pub fn left_join_by<F: Nullable, R: Row, Out: Nullable>(
        &self, right: &KTable<F::Present, R>, foreign_key: impl Fn(&K, &V) -> F + Portable, f: impl Fn(&K, V, Option<R>) -> Out + Portable,
    ) -> KTable<K, Out::Present> {
        let join = move |key: &K, left: V, right: Option<R>| f(key, left, right).into_present();
        let foreign_key = move |key: &K, row: &V| foreign_key(key, row).into_present();
        self.joined_by("left_join_by", right, foreign_key, Arc::new(join))
    }

    fn joined_by<F: Row, R: Row, Out: Row>(
        &self, operation: &'static str, right: &KTable<F, R>, foreign_key: impl ForeignKey<K, V, F>, join: ForeignJoiner<K, V, R, Out>,
    ) -> KTable<K, Out> {
        let (right, joins_alone) = (&right.seen_by(&self.app, operation), operation == "left_join_by");
        self.app.graph(|graph| graph.need_old_values(right.node));
        self.app.graph(|graph| graph.need_old_values(self.node));
        let (subscriptions, subscribed) = self.subscribe(foreign_key, joins_alone);
        let answer = right.answer_subscriptions(&subscriptions);
        let changes = right.answer_changes::<K>(answer);
        let (answers, answered) = answers::<K, R>(&self.app, &[answer, changes]);
        let resolved = self.resolve(answers.node, joins_alone, join);
        let result = KTable::of_rows(&self.app, operation, resolved, None);
        self.app.graph(|graph| {
            graph.nodes[answer].copartitioned = vec![subscriptions.node, right.node];
            graph.nodes[resolved].copartitioned = vec![answers.node, self.node];
            for (node, suffix) in [(subscribed, "-subscriptions"), (answer, "-subscriptions"), (answered, "-answers")] {
                graph.nodes[node].called_after = Some((result.node, suffix));
            }
        });
        result
    }

    /// The left side, up to the topic that is keyed by the foreign key.
    fn subscribe<F: Row>(
        &self, foreign_key: impl ForeignKey<K, V, F>, is_left_join: bool,
    ) -> (KStream<F::OrNull, Subscription<K>>, NodeId) {
        let (foreign_key, table) = (Arc::new(foreign_key), self.node);
        let kind = Kind::Operator { operation: "subscribe", changes_key: true };
        let node = self.app.operator::<K, Change<V>, _>(kind, &[table], move |wiring, id| {
            let of = Subscribing { is_left_join, only_latest: wiring.is_versioned(table), partition: wiring.partition() };
            operator::subscribe::<K, V, F>(wiring.stage(id), foreign_key.clone(), of, wiring.outlet(id))
        });
        KStream::through_topic_of(&self.app, &[node], of_rows(), None)
    }

    /// Where subscriptions to this table are kept and answered.
    fn answer_subscriptions<L: Row>(&self, subscriptions: &KStream<K::OrNull, Subscription<L>>) -> NodeId {
        let view = self.view.clone();
        let kind = Kind::Operator { operation: "answer", changes_key: true };
        let node = self.app.operator::<K::OrNull, Subscription<L>, _>(kind, &[subscriptions.node], move |wiring, id| {
            let kept = wiring.own_rows(id).expect("a join keeps its subscriptions");
            let row_of = view(wiring);
            operator::answer::<L, K, V>(wiring.stage(id), row_of, kept, wiring.outlet(id))
        });
        // Never cached: an answer to a change must see every subscription, in order.
        let options = StoreOptions { cache_bytes: Some(0), ..StoreOptions::default() };
        let kept = declare::store_use::<Subscriber<L>, Subscribed>(&Declaration::owned(node, "answer", "", options));
        let kept = StoreUse { changelog_layout: ChangelogLayout::Subscriptions, ..kept };
        self.app.graph(|graph| {
            graph.nodes[node].rows = RowsOf::Wanted(Box::new(kept));
            graph.look_at(node, self.node);
        });
        node
    }

    /// Where changes of this table are told to those who have subscribed at `answer`.
    fn answer_changes<L: Row>(&self, answer: NodeId) -> NodeId {
        let table = self.node;
        let kind = Kind::Operator { operation: "answer_change", changes_key: true };
        let node = self.app.operator::<K, Change<V>, _>(kind, &[table], move |wiring, id| {
            let kept = wiring.own_rows(answer).expect("a join keeps its subscriptions");
            operator::answer_change::<L, K, V>(wiring.stage(id), wiring.is_versioned(table), kept, wiring.outlet(id))
        });
        self.app.graph(|graph| graph.look_at(node, answer));
        node
    }

    /// The left side again: answers and rows become results.
    fn resolve<R: Row, Out: Row>(&self, answers: NodeId, joins_alone: bool, join: ForeignJoiner<K, V, R, Out>) -> NodeId {
        let view = self.view.clone();
        let kind = Kind::Operator { operation: "resolve", changes_key: false };
        let node = self.app.operator::<K, Answer<R>, _>(kind, &[answers], move |wiring, id| {
            let row_of = view(wiring);
            operator::resolve(wiring.stage(id), row_of, joins_alone, join.clone(), wiring.outlet(id))
        });
        self.app.graph(|graph| graph.look_at(node, self.node));
        node
    }
}

/// A topic that carries what is said of rows.
fn of_rows() -> Repartition {
    Repartition { of_rows: true, keeps_null_keys: true, ..Repartition::default() }
}

/// What two nodes answer, back in the partitions where the left rows stand.
fn answers<K: Row, R: Row>(app: &StreamsBuilder, from: &[NodeId]) -> (KStream<K, Answer<R>>, NodeId) {
    let sink = app.operator::<K, Answer<R>, _>(Kind::Repartition(of_rows()), from, |wiring, id| {
        let output = wiring.repartition_output(id);
        operator::answer_sink::<K, R>(wiring.stage(id), output)
    });
    (KStream::read_back(app, sink), sink)
}
