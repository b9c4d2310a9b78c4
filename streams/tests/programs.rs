//! The four programs of the design, as users write them. No closure has an annotation.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::prelude::*;
use headwater_streams::runtime::{Config, TimeRule};
use headwater_streams::testing::TestDriver;
use serde::{Deserialize, Serialize};
use std::time::Duration;

type Built = Result<Topology, TopologyErrors>;

mod word_count {
    use super::*;

    const LINES: Topic<String, String> = Topic::new("lines");
    const COUNTS: Topic<String, u64> = Topic::new("word-counts");
    const WORDS: Store<String, u64> = Store::new("words");

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_lowercase).collect()
    }

    fn topology() -> Built {
        let app = StreamsBuilder::new();
        app.stream(LINES).flat_map_values(|_, line| words(&line)).group_by(|_, word| word.clone()).count(WORDS).to(COUNTS);
        app.build()
    }

    #[test]
    fn counts_across_lines() {
        let mut driver = TestDriver::new(topology().unwrap());
        driver.send(LINES, "a", "to be or").send(LINES, "b", "not to be");
        assert_eq!(driver.latest(COUNTS, "be"), Some(2));
        assert_eq!(driver.row(WORDS, "or"), Some(1));
        let topics: Vec<_> = driver.topics().collect();
        assert_eq!(topics, ["lines", "test-words-changelog", "test-words-repartition", "word-counts"]);
    }
}

mod category_sales {
    use super::*;

    #[derive(Clone, Serialize, Deserialize)]
    struct Line {
        category: String,
        cents: u64,
    }

    #[derive(Clone, Serialize, Deserialize)]
    struct Order {
        paid: bool,
        placed_at: i64,
        lines: Vec<Line>,
    }

    #[derive(Clone, Default, Debug, PartialEq, Serialize, Deserialize)]
    struct Sales {
        count: u64,
        cents: u64,
    }

    impl Sales {
        fn add(&mut self, line: &Line) {
            self.count += 1;
            self.cents += line.cents;
        }
    }

    impl Data for Order {
        type Format = Json;
    }
    impl Data for Line {
        type Format = Json;
    }
    impl Data for Sales {
        type Format = Bincode<1>;
    }

    const ORDERS: Topic<u64, Order> = Topic::new("orders");
    const SALES_BY_MINUTE: WindowStore<String, Sales> = WindowStore::new("category-sales");
    const CATEGORY_SALES: Topic<Windowed<String>, Sales> = Topic::new("category-sales-1m");

    fn topology() -> Built {
        let app = StreamsBuilder::new();
        let minutes = Tumbling::of(Duration::from_secs(60)).grace(Duration::from_secs(10));
        app.stream(ORDERS.source().timestamp(|_, order| order.placed_at))
            .filter(|_, order| order.paid)
            .flat_map(|_, order| order.lines.into_iter().map(|line| (line.category.clone(), line)))
            .group_by_key()
            .windowed_by(minutes)
            .aggregate(SALES_BY_MINUTE, Sales::default, |_, line, sales| sales.add(&line))
            .to(CATEGORY_SALES);
        app.build()
    }

    fn order(at: i64, cents: u64) -> Order {
        let line = Line { category: "tea".to_owned(), cents };
        Order { paid: true, placed_at: at, lines: vec![line] }
    }

    #[test]
    fn sums_by_minute_and_lets_late_orders_go() {
        for time_rule in [TimeRule::Watermark, TimeRule::Kafka] {
            let config = Config { time_rule, ..Config::new("sales") };
            let mut driver = TestDriver::with_config(topology().unwrap(), &config);
            driver.send(ORDERS, 1, order(1_000, 5)).send(ORDERS, 2, order(59_000, 7));
            driver.send(ORDERS, 3, order(69_000, 1)).send(ORDERS, 4, order(59_500, 2));
            driver.send(ORDERS, 5, order(70_000, 1)).send(ORDERS, 6, order(59_600, 100));
            let tea = |start| Windowed { key: "tea".to_owned(), start, end: start + 60_000 };
            assert_eq!(driver.latest(CATEGORY_SALES, tea(0)), Some(Sales { count: 3, cents: 14 }), "{time_rule:?}");
            assert_eq!(driver.latest(CATEGORY_SALES, tea(60_000)), Some(Sales { count: 2, cents: 2 }));
            assert_eq!(driver.window_row(SALES_BY_MINUTE, "tea", 60_000), Some(Sales { count: 2, cents: 2 }));
            let letters = driver.dead_letters();
            let letter = |letter: &headwater_streams::connector::DeadLetter| (letter.stage.clone(), letter.reason.clone());
            assert_eq!(letters.iter().map(letter).collect::<Vec<_>>(), [("category-sales".to_owned(), "late".to_owned())]);
        }
    }
}

mod enrichment {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
    struct CustomerId(u64);

    #[derive(Clone, Serialize, Deserialize)]
    struct Order {
        customer: CustomerId,
        cents: u64,
    }

    #[derive(Clone, Serialize, Deserialize)]
    struct Customer {
        name: String,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Enriched {
        name: String,
        cents: u64,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Orphan {
        cents: u64,
    }

    impl Data for CustomerId {
        type Format = Json;
    }
    impl Data for Order {
        type Format = Json;
    }
    impl Data for Customer {
        type Format = Json;
    }
    impl Data for Enriched {
        type Format = Json;
    }
    impl Data for Orphan {
        type Format = Json;
    }

    const ORDERS: Topic<u64, Order> = Topic::new("orders");
    const CUSTOMERS: Topic<CustomerId, Option<Customer>> = Topic::new("customers");
    const CUSTOMER_BY_ID: Store<CustomerId, Customer> = Store::new("customer-by-id");
    const ENRICHED_ORDERS: Topic<CustomerId, Enriched> = Topic::new("enriched");
    const ORPHANED_ORDERS: Topic<CustomerId, Orphan> = Topic::new("orphans");

    fn topology(name: Option<&str>) -> Built {
        let app = StreamsBuilder::new();
        let customers = app.table(CUSTOMERS, CUSTOMER_BY_ID);
        let by_customer = app.stream(ORDERS).select_key(|_, order| order.customer);
        let by_customer = match name {
            Some(name) => by_customer.named(name),
            None => by_customer,
        };
        let (enriched, orphans) = by_customer
            .left_join(&customers, |_, order, customer| match customer {
                Some(customer) => Ok(Enriched { name: customer.name, cents: order.cents }),
                None => Err(Orphan { cents: order.cents }),
            })
            .ok_err();
        enriched.to(ENRICHED_ORDERS);
        orphans.to(ORPHANED_ORDERS);
        app.build()
    }

    #[test]
    fn failures_take_their_own_road() {
        let mut driver = TestDriver::new(topology(Some("orders-by-customer")).unwrap());
        let (ann, order) = (CustomerId(7), Order { customer: CustomerId(7), cents: 5 });
        driver.send(ORDERS, 1, order.clone()).send(CUSTOMERS, ann, Customer { name: "Ann".into() }).send(ORDERS, 2, order.clone());
        driver.send(CUSTOMERS, ann, None).send(ORDERS, 3, order);
        assert_eq!(driver.all(ORPHANED_ORDERS).len(), 2);
        assert_eq!(driver.latest(ENRICHED_ORDERS, ann), Some(Enriched { name: "Ann".into(), cents: 5 }));
        assert!(driver.topics().any(|topic| topic == "test-orders-by-customer-repartition"));
    }

    #[test]
    fn an_unnamed_repartition_is_refused() {
        let errors = topology(None).unwrap_err();
        let before = "left_join".to_owned();
        let (after, hint) = ("select_key".to_owned(), "add .named(\"...\") after the change of key");
        assert_eq!(errors, [TopologyError::UnnamedRepartition { before, after, hint }]);
    }
}

mod scd2 {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Version<T> {
        row: T,
        from: i64,
        to: Option<i64>,
    }

    impl<T: Clone + Serialize + serde::de::DeserializeOwned + 'static> Data for Version<T> {
        type Format = Json;
    }

    const CUSTOMERS: Topic<u64, Option<String>> = Topic::new("customers");
    const CURRENT: Store<u64, Version<String>> = Store::new("customer-current");
    const CHANGES: Store<u64, u32> = Store::new("customer-changes");
    const DIM_CUSTOMER: Topic<u64, Version<String>> = Topic::new("dim-customer");
    const CHANGE_COUNTS: Topic<u64, u32> = Topic::new("change-counts");

    struct Step<T> {
        current: Option<Version<T>>,
        emit: Vec<Version<T>>,
    }

    fn advance<T: Clone + PartialEq>(open: Option<Version<T>>, row: Option<T>, at: i64) -> Step<T> {
        match (open, row) {
            (Some(open), Some(row)) if open.row == row => Step { current: Some(open), emit: vec![] },
            (open, row) => {
                let closed = open.map(|version| Version { to: Some(at), ..version });
                let opened = row.map(|row| Version { row, from: at, to: None });
                Step { emit: closed.into_iter().chain(opened.clone()).collect(), current: opened }
            }
        }
    }

    fn topology() -> Built {
        let app = StreamsBuilder::new();
        let customers = app.stream(CUSTOMERS);
        customers
            .process(CURRENT, |change, current, out| {
                let step = advance(current.get(&change.key)?, change.value, change.timestamp);
                current.set(&change.key, step.current.as_ref())?;
                for version in step.emit {
                    out.send(change.key, version);
                }
                Ok(())
            })
            .to(DIM_CUSTOMER);
        customers
            .process((CURRENT, CHANGES), |change, (current, changes), out| {
                let n = changes.get(&change.key)?.unwrap_or(0) + u32::from(current.get(&change.key)?.is_some());
                changes.put(&change.key, n)?;
                out.send(change.key, n);
                Ok(())
            })
            .to(CHANGE_COUNTS);
        app.build()
    }

    #[test]
    fn a_change_of_nothing_changes_nothing() {
        let mut driver = TestDriver::new(topology().unwrap());
        for (at, row) in [(1, Some("a")), (2, Some("a")), (3, Some("b")), (4, None)] {
            driver.at(at).send(CUSTOMERS, 9, row.map(str::to_owned));
        }
        let versions = driver.all(DIM_CUSTOMER).into_iter().map(|(_, version, _)| version.unwrap());
        let dim: Vec<_> = versions.map(|version| (version.row, version.from, version.to)).collect();
        assert_eq!(dim, [("a".into(), 1, None), ("a".into(), 1, Some(3)), ("b".into(), 3, None), ("b".into(), 3, Some(4))]);
        assert_eq!(driver.latest(CHANGE_COUNTS, 9), Some(3));
        assert_eq!(driver.row(CURRENT, 9), None);
    }
}
