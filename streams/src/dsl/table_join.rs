//! Joins of tables by their common key.

use super::{KTable, StreamsBuilder};
use crate::format::{Nullable, Row};
use crate::graph::{Kind, NodeId, RowsOf, Wiring};
use crate::operator::{self, JoinSide, Needs, TableJoiner};
use crate::record::{Change, Portable};
use std::sync::Arc;

impl<K: Row, V: Row> KTable<K, V> {
    /// Rows of both tables that have the same key, as long as both are there. An `Option` as result deletes the row where it is `None`.
    ///
    /// A result's time is the larger one of both sides. It keeps no rows unless [`stored`](KTable::stored): whoever asks for one has it computed.
    /// Kafka: `KTable#join`, `KTableKTableInnerJoin`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const NAMES: Topic<u64, Option<String>> = Topic::new("names");
    /// const CITIES: Topic<u64, Option<String>> = Topic::new("cities");
    /// const PEOPLE: Topic<u64, Option<String>> = Topic::new("people");
    ///
    /// let app = StreamsBuilder::new();
    /// let (names, cities) = (app.table(NAMES, Store::new("names")), app.table(CITIES, Store::new("cities")));
    /// names.join(&cities, |_, name, city| format!("{name} of {city}")).to(PEOPLE);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(NAMES, 1_u64, "Ann").send(CITIES, 1_u64, "Oslo");
    /// assert_eq!(driver.latest(PEOPLE, 1_u64).as_deref(), Some("Ann of Oslo"));
    /// driver.send(NAMES, 1_u64, None);
    /// assert_eq!(driver.latest(PEOPLE, 1_u64), None);
    /// ```
    pub fn join<R: Row, Out: Nullable>(&self, right: &KTable<K, R>, f: impl Fn(&K, V, R) -> Out + Portable) -> KTable<K, Out::Present> {
        let join = move |key: &K, left: Option<V>, right: Option<R>| f(key, left?, right?).into_present();
        self.joined("join", right, Needs { own: true, other: true }, Arc::new(join))
    }

    /// The rows of this table, each with the row that the other one has under its key, if there is one.
    /// Kafka: `KTable#leftJoin`, `KTableKTableLeftJoin`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const NAMES: Topic<u64, String> = Topic::new("names");
    /// const CITIES: Topic<u64, Option<String>> = Topic::new("cities");
    /// const PEOPLE: Topic<u64, String> = Topic::new("people");
    ///
    /// let app = StreamsBuilder::new();
    /// let (names, cities) = (app.table_unstored(NAMES), app.table_unstored(CITIES));
    /// names.left_join(&cities, |_, name, city| format!("{name} of {}", city.as_deref().unwrap_or("nowhere"))).to(PEOPLE);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(NAMES, 1_u64, "Ann");
    /// assert_eq!(driver.latest(PEOPLE, 1_u64).as_deref(), Some("Ann of nowhere"));
    /// driver.send(CITIES, 1_u64, "Oslo");
    /// assert_eq!(driver.latest(PEOPLE, 1_u64).as_deref(), Some("Ann of Oslo"));
    /// ```
    pub fn left_join<R: Row, Out: Nullable>(
        &self, right: &KTable<K, R>, f: impl Fn(&K, V, Option<R>) -> Out + Portable,
    ) -> KTable<K, Out::Present> {
        let join = move |key: &K, left: Option<V>, right| f(key, left?, right).into_present();
        self.app.graph(|graph| graph.need_old_values(self.node));
        self.joined("left_join", right, Needs { own: true, other: false }, Arc::new(join))
    }

    /// The rows of both tables, as long as one of the two is there. Kafka: `KTable#outerJoin`, `KTableKTableOuterJoin`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const IN: Topic<String, Option<u64>> = Topic::new("in");
    /// const OUT: Topic<String, Option<u64>> = Topic::new("out");
    /// const BALANCE: Store<String, i64> = Store::new("balance");
    ///
    /// let app = StreamsBuilder::new();
    /// let (ins, outs) = (app.table_unstored(IN), app.table_unstored(OUT));
    /// let _balance = ins.outer_join(&outs, |_, i, o| i.unwrap_or(0) as i64 - o.unwrap_or(0) as i64).stored(BALANCE);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(OUT, "tea", 3);
    /// assert_eq!(driver.row(BALANCE, "tea"), Some(-3));
    /// driver.send(IN, "tea", 10).send(OUT, "tea", None);
    /// assert_eq!(driver.row(BALANCE, "tea"), Some(10));
    /// ```
    pub fn outer_join<R: Row, Out: Nullable>(
        &self, right: &KTable<K, R>, f: impl Fn(&K, Option<V>, Option<R>) -> Out + Portable,
    ) -> KTable<K, Out::Present> {
        let join = move |key: &K, left, right| f(key, left, right).into_present();
        let right = right.seen_by(&self.app, "outer_join");
        self.app.graph(|graph| graph.need_old_values(self.node));
        self.app.graph(|graph| graph.need_old_values(right.node));
        self.joined("outer_join", &right, Needs { own: false, other: false }, Arc::new(join))
    }

    /// A node for the changes of each side, and one where they come together.
    fn joined<R: Row, Out: Row>(
        &self, operation: &'static str, right: &KTable<K, R>, needs: Needs, join: TableJoiner<K, V, R, Out>,
    ) -> KTable<K, Out> {
        let (right, turned) = (&right.seen_by(&self.app, operation), join.clone());
        let turned: TableJoiner<K, R, V, Out> = Arc::new(move |key, own, other| turned(key, other, own));
        let sides = [self.side("join_this", right, needs, join.clone()), right.side("join_other", self, needs.turned(), turned)];
        let node = meeting::<K, Out>(&self.app, operation, &sides);
        self.app.graph(|graph| graph.nodes[node].copartitioned = vec![self.node, right.node]);
        let (left, right) = (self.view.clone(), right.view.clone());
        let compute = Arc::new(move |wiring: &mut Wiring<'_>| operator::joined_row(needs, left(wiring), right(wiring), join.clone()));
        KTable::computed(&self.app, node, compute)
    }

    fn side<R: Row, Out: Row>(
        &self, operation: &'static str, other: &KTable<K, R>, needs: Needs, join: TableJoiner<K, V, R, Out>,
    ) -> NodeId {
        let (table, view) = (self.node, other.view.clone());
        let kind = Kind::Operator { operation, changes_key: false };
        let node = self.app.operator::<K, Change<V>, _>(kind, &[table], move |wiring, id| {
            let side = JoinSide { needs, old_values: wiring.sends_old_values(id), only_latest: wiring.is_versioned(table) };
            let row_of = view(wiring);
            operator::table_join_side(wiring.stage(id), side, row_of, join.clone(), wiring.outlet(id))
        });
        self.app.graph(|graph| {
            graph.need_rows(table);
            graph.nodes[node].rows = RowsOf::Joined;
            graph.look_at(node, other.node);
        });
        node
    }
}

fn meeting<K: Row, Out: Row>(app: &StreamsBuilder, operation: &'static str, sides: &[NodeId]) -> NodeId {
    let node = app.node(Kind::Operator { operation, changes_key: false }, sides, |wiring, id| {
        let old_values = wiring.sends_old_values(id);
        match wiring.own_rows::<K, Out>(id) {
            Some(rows) => {
                let next = wiring.table_outlet(id, &rows);
                let join = operator::stored_join(wiring.stage(id), old_values, rows, next);
                wiring.put(id, join);
            }
            None => {
                let join = operator::passing_join::<K, Out>(old_values, wiring.outlet(id));
                wiring.put(id, join);
            }
        }
    });
    app.graph(|graph| graph.nodes[node].rows = RowsOf::Derived);
    node
}
