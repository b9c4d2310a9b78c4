//! Nulls, names made at run time, options, splits: one call of each larger signature. No closure has an annotation.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::prelude::*;
use headwater_streams::runtime::{Config, OnFailure, Recovery, TimeRule};
use headwater_streams::testing::TestDriver;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A dynamic type as a downstream crate would write it: its null is its own.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Null,
    Text(String),
    Long(i64),
}

#[derive(Default)]
struct Tagged;

impl Format<Value> for Tagged {
    fn encode(&self, value: &Value, out: &mut Vec<u8>) -> Result<(), FormatError> {
        match value {
            Value::Null => unreachable!("`present` said so"),
            Value::Text(text) => {
                out.push(b's');
                out.extend(text.as_bytes());
            }
            Value::Long(long) => {
                out.push(b'l');
                out.extend(long.to_be_bytes());
            }
        }
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Value, FormatError> {
        match bytes.split_first() {
            Some((b's', text)) => Ok(Value::Text(String::from_utf8_lossy(text).into())),
            Some((b'l', long)) => Ok(Value::Long(i64::from_be_bytes(long.try_into().map_err(FormatError::malformed)?))),
            _ => Err(FormatError::malformed("undecodable")),
        }
    }
}

impl Nullable for Value {
    type Present = Value;
    type OrNull = Value;
    type Format = Tagged;
    fn present(&self) -> Option<&Value> {
        (*self != Value::Null).then_some(self)
    }
    fn into_present(self) -> Option<Value> {
        (self != Value::Null).then_some(self)
    }
    fn from_present(value: Value) -> Value {
        value
    }
    fn null() -> Option<Value> {
        Some(Value::Null)
    }
    fn or_null(value: Option<Value>) -> Value {
        value.unwrap_or(Value::Null)
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn number(value: &Value) -> i64 {
    if let Value::Long(long) = value { *long } else { 0 }
}

#[test]
fn a_dynamic_type_is_key_and_value_everywhere() {
    // Names made at run time, as a runner of case files needs them; still `Copy`.
    let [input, table, sums, out, windows] =
        ["in", "table", "sums", "out", "windows"].map(|name| Topic::<Value, Value>::of(format!("case-{name}")));
    let app = StreamsBuilder::new();
    let stream: KStream<Value, Value> = app.stream(input);
    let dimension: KTable<Value, Value> = app.table(table, Store::of("dimension"));
    // A null from a mapper, a null key into a group, a null aggregate, a tombstone out of a table.
    let add = |_: &Value, value: Value, sum: &mut Value| match number(sum) + number(&value) {
        9 => *sum = Value::Null,
        total => *sum = Value::Long(total),
    };
    let mapped = stream.map_values(|_, value| if value == Value::Long(0) { Value::Null } else { value });
    mapped.group_by_key().aggregate(Store::of("sums"), || Value::Long(0), add).to_stream().to(sums);
    stream.left_join(&dimension, |key, left, right| if *key == Value::Null { text("nobody") } else { right.unwrap_or(left) }).to(out);
    let windowed: KTable<Windowed<Value>, Value> = stream.group_by_key().windowed_by(Tumbling::of(Duration::from_secs(1))).aggregate(
        WindowStore::of("windows"),
        || Value::Long(0),
        |_, _, count| *count = Value::Long(number(count) + 1),
    );
    windowed.to_stream().map(|window, count| (window.key, count)).to(windows);
    let mut driver = TestDriver::new(app.build().unwrap());
    driver.send(input, text("a"), Value::Long(4)).send(input, text("a"), Value::Long(0)).send(input, Value::Null, Value::Long(1));
    driver.send(table, text("a"), text("row")).send(input, text("a"), Value::Long(5)).send(input, text("a"), Value::Null);
    let values = |topic| driver.all(topic).into_iter().map(|(_, value, _)| value).collect::<Vec<_>>();
    assert_eq!(values(sums), [Some(Value::Long(4)), None]);
    assert_eq!(values(out), [Some(Value::Long(4)), Some(Value::Long(0)), Some(text("nobody")), Some(text("row"))]);
    // A window counts null values; no group takes a null key.
    assert_eq!(values(windows).last(), Some(&Some(Value::Long(4))));
}

#[test]
fn nulls_are_in_the_type() {
    const MAYBE: Topic<Option<String>, Option<u64>> = Topic::new("maybe");
    const SURE: Topic<String, u64> = Topic::new("sure");
    const STRICT: Topic<String, u64> = Topic::new("strict");
    const NULLS: Topic<String, u64> = Topic::new("null-count");
    const EVEN: Topic<String, Option<u64>> = Topic::new("even");
    const KEPT: Store<String, Option<u64>> = Store::new("kept");
    let app = StreamsBuilder::new();
    let maybe = app.stream(MAYBE);
    // `value` is a `u64` here: a null value is not aggregated. In the windowed one it is an `Option<u64>`.
    maybe.group_by_key().aggregate(Store::new("total"), || 0, |_, value, sum| *sum += value).to(SURE);
    let seconds = maybe.group_by_key().windowed_by(Tumbling::of(Duration::from_secs(1)));
    let nulls = seconds.aggregate(WindowStore::new("nulls"), || 0, |_, value, nulls| *nulls += u64::from(value.is_none()));
    nulls.updates().map(|window, nulls| (window.key, nulls)).to(NULLS);
    // An aggregate that may become null, a mapper that may delete.
    let small =
        maybe.group_by_key().aggregate(KEPT, || None, |_, value, sum| *sum = Some(sum.unwrap_or(0) + value).filter(|sum| *sum < 10));
    small.map_values(|_, sum| (sum % 2 == 0).then_some(sum)).filter(|_, sum| *sum > 0).to(EVEN);
    app.table(Topic::<String, u64>::new("t"), Store::new("t")).to_stream().to(Topic::new("t-out"));
    app.stream(STRICT).for_each(|_, _| ());
    let mut driver = TestDriver::new(app.build().unwrap());
    driver.send(MAYBE, "a", Some(4)).send(MAYBE, None, 4).send(MAYBE, "a", None).send(MAYBE, "a", 7);
    assert_eq!(driver.latest(SURE, "a"), Some(11));
    assert_eq!(driver.latest(NULLS, "a"), Some(1));
    assert_eq!((driver.row(KEPT, "a"), driver.latest(EVEN, "a")), (None, None));
    // Read as a table `t` takes tombstones, one for a row that never was too; read as a stream a null is a failure that names the type.
    driver.send_bytes("t", Some(b"k"), None).send_bytes("strict", Some(b"k"), None);
    assert_eq!(driver.dead_letters()[0].reason, "null value where u64 cannot be null");
    assert_eq!((driver.dead_letters()[0].stage.as_str(), driver.dead_letters().len()), ("strict", 1));
}

#[test]
fn keys_that_nobody_asks_for() {
    const READINGS: Topic<(), u64> = Topic::new("readings");
    const BY_PARITY: Topic<u64, u64> = Topic::new("by-parity");
    let app = StreamsBuilder::new();
    let even = app.stream(READINGS).group_by(|(), reading| reading % 2);
    even.reduce(Store::new("parity"), |_, sum, reading| sum + reading).to(BY_PARITY);
    let mut driver = TestDriver::new(app.build().unwrap());
    driver.send_bytes("readings", Some(b"any"), Some(&4_u64.to_be_bytes())).send(READINGS, (), 6);
    assert_eq!(driver.latest(BY_PARITY, 0), Some(10));
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    customer: Option<u64>,
    cents: u64,
}

impl Data for Order {
    type Format = Json;
}

const ORDERS: Topic<u64, Order> = Topic::new("orders");

fn order(customer: u64, cents: u64) -> Order {
    Order { customer: Some(customer), cents }
}

#[test]
fn names_are_settled_by_build() {
    const SALES: Store<u64, u64> = Store::new("sales");
    let app = StreamsBuilder::new();
    let orders = app.stream([ORDERS, Topic::new("old-orders")]);
    let grouped = orders.map(|_, order| (order.customer, order.cents)).group_by_key();
    let counts = grouped.count(SALES.cached(8 << 20)).named("count-sales");
    counts.to_stream().filter(|_, count| count.is_some()).to(Topic::<u64, Option<u64>>::of("n"));
    // After the fact, even after the aggregation.
    let _ = grouped.clone().named("by-customer");
    let mut driver = TestDriver::new(app.build().unwrap());
    driver.send(ORDERS, 1, order(7, 1));
    assert!(driver.topics().any(|topic| topic == "test-by-customer-repartition"));
    let _ = grouped.named("again");
    assert_eq!(app.build().unwrap_err(), [TopologyError::NamedTwice { first: "by-customer".into(), second: "again".into() }]);
}

#[test]
fn every_mistake_is_found_at_once() {
    let app = StreamsBuilder::new();
    let orders = app.stream(ORDERS);
    let cents = orders.group_by_key();
    let _ = cents.count(Store::new("sales"));
    let _ = cents.aggregate(Store::<u64, String>::new("sales"), String::new, |_, _, _| ());
    let _ = cents.windowed_by(Hopping::of_ms(10, 20).grace_ms(-1)).count(WindowStore::new("bad windows"));
    let _ = cents.windowed_by(Tumbling::of_ms(0)).count(WindowStore::new("empty-windows"));
    let _ = cents.windowed_by(Tumbling::of_ms(60).grace_ms(5)).count(WindowStore::new("short").retention(Duration::from_millis(64)));
    let _ = cents.count(Store::new("unlogged").unlogged());
    let _ = app.table(ORDERS, Store::new("orders"));
    app.declare(ORDERS.declaration().partitions(0));
    orders.to(Topic::new("not a name"));
    let errors = app.build().unwrap_err();
    let names: Vec<_> = errors.iter().map(|error| format!("{error:?}").split([' ', '{']).next().unwrap().to_owned()).collect();
    let expected = [
        "StoreOfTwoTypes",
        "WindowAdvance",
        "NegativeGrace",
        "WindowSize",
        "IllegalName",
        "TopicReadTwice",
        "IllegalName",
        "PartitionCount",
        "RetentionTooShort",
        "StoreMayLose",
    ];
    let mut sorted = (names.clone(), expected.map(str::to_owned).to_vec());
    sorted.0.sort();
    sorted.1.sort();
    assert_eq!(sorted.0, sorted.1, "{errors}");
    assert!(errors.to_string().starts_with("10 mistakes in the topology\n- store `sales` is used with two types: "), "{errors}");
}

#[test]
fn one_change_of_key_feeds_two_joins_through_one_topic() {
    let app = StreamsBuilder::new();
    let names = app.table(Topic::<u64, String>::new("names"), Store::new("names"));
    let by_customer = app.stream(ORDERS).select_key(|_, order| order.customer).named("by-customer");
    by_customer.join(&names, |_, order, name| format!("{name} {}", order.cents)).to(Topic::new("joined"));
    by_customer.left_join(&names, |_, order, name| format!("{name:?} {}", order.cents)).map(|_, text| ((), text)).to(LEFT);
    const LEFT: Topic<(), String> = Topic::new("left");
    let topology = app.build().unwrap();
    assert_eq!(topology.repartitions().len(), 1);
    let group: Vec<_> = topology.copartition_groups()[0].iter().map(ToString::to_string).collect();
    assert_eq!(group, ["names", "-by-customer-repartition"]);
    let mut driver = TestDriver::new(topology);
    driver.send(Topic::<u64, String>::new("names"), 7, "Ann").send(ORDERS, 1, order(7, 5)).send(
        ORDERS,
        2,
        Order { customer: None, cents: 6 },
    );
    assert_eq!(driver.latest(Topic::<u64, String>::new("joined"), 7), Some("Ann 5".into()));
    // A left join keeps a null key, through the repartition as well.
    let left: Vec<_> = driver.all(LEFT).into_iter().map(|(_, text, _)| text.unwrap()).collect();
    assert_eq!(left, ["Some(\"Ann\") 5", "None 6"]);
}

#[test]
fn splits_merges_and_tables_of_streams() {
    const LARGE: Topic<u64, u64> = Topic::new("large");
    const REST: Topic<u64, u64> = Topic::new("rest");
    const LAST: Store<u64, u64> = Store::new("last");
    let app = StreamsBuilder::new();
    let cents = app.stream(ORDERS).map_values(|_, order| order.cents);
    let split = cents.split();
    let large = split.branch(|_, cents| *cents > 100);
    let odd = split.branch(|_, cents| cents % 2 == 1);
    let rest = split.default();
    large.to(LARGE);
    odd.map_values(|_, cents| cents + 1).merge(&rest).to(REST);
    let last = cents.filter_not(|_, cents| *cents == 0).to_table(LAST);
    last.filter_not(|_, cents| *cents > 100).to(Topic::<u64, Option<u64>>::new("small-rows"));
    let mut driver = TestDriver::new(app.build().unwrap());
    for cents in [7, 101, 8, 0] {
        driver.send(ORDERS, 1, order(1, cents));
    }
    let values = |topic| driver.all(topic).into_iter().map(|(_, cents, _)| cents).collect::<Vec<_>>();
    assert_eq!((values(LARGE), values(REST)), (vec![Some(101)], vec![Some(8), Some(8), Some(0)]));
    // A row that no longer passes is deleted; one that never passed is not heard of.
    assert_eq!(values(Topic::new("small-rows")), [Some(7), None, Some(8)]);
    assert_eq!(driver.row(LAST, 1), Some(8));
}

#[test]
fn a_failing_record_has_no_effect_and_becomes_a_letter() {
    const SUMS: Topic<u64, u64> = Topic::new("sums");
    const SUM: Store<u64, u64> = Store::new("sum");
    const COUNT: Store<u64, u64> = Store::new("count");
    let topology = |materialized: fn() -> Materialized<u64, u64>| {
        let app = StreamsBuilder::new();
        let cents = app.stream(ORDERS).map_values(|_, order| order.cents);
        let _ = cents.group_by_key().count(materialized());
        let checked =
            cents.try_map_values(|_, cents| if cents < 100 { Ok(cents) } else { Err(format!("{cents} is too much")) }).named("check");
        checked.group_by_key().reduce(SUM, |_, sum, cents| sum + cents).to(SUMS);
        app.build().unwrap()
    };
    for materialized in [|| COUNT.cached(1 << 20), || COUNT.uncached()] {
        for recovery in [Recovery::Undo, Recovery::Continue] {
            let config = Config { recovery, ..Config::new("test") };
            let mut driver = TestDriver::with_config(topology(materialized), &config).commit_on_demand();
            for cents in [1, 100, 2] {
                driver.send(ORDERS, 7, order(7, cents));
            }
            driver.commit();
            let letters: Vec<_> = driver.dead_letters().into_iter().map(|letter| (letter.stage, letter.reason, letter.offset)).collect();
            assert_eq!(letters, [("check".to_owned(), "100 is too much".to_owned(), 1)]);
            let counted = if recovery == Recovery::Undo { 2 } else { 3 };
            assert_eq!((driver.row(SUM, 7), driver.row(COUNT, 7)), (Some(3), Some(counted)), "{recovery:?}");
        }
    }
    let config = Config { on_failure: OnFailure::Fail, ..Config::new("test") };
    let error = TestDriver::with_config(topology(|| COUNT.uncached()), &config).try_send(ORDERS, 7, order(7, 100)).unwrap_err();
    assert!(error.to_string().contains("operator check") && error.to_string().contains("100 is too much"), "{error}");
}

#[test]
fn a_cached_store_tells_the_last_word_of_each_row_in_the_order_of_last_writes() {
    const COUNTS: Topic<u64, u64> = Topic::new("counts");
    let topology = |store: Materialized<u64, u64>| {
        let app = StreamsBuilder::new();
        app.stream(ORDERS).group_by_key().count(store).to(COUNTS);
        app.build().unwrap()
    };
    let written = |store: Materialized<u64, u64>| {
        let mut driver = TestDriver::new(topology(store)).commit_on_demand();
        for (at, key) in [(10, 1), (30, 2), (20, 1), (25, 3)] {
            driver.at(at).send(ORDERS, key, order(0, 0));
        }
        driver.commit().at(5).send(ORDERS, 2, order(0, 0)).commit();
        driver.all(COUNTS).into_iter().map(|(key, count, at)| (key.unwrap(), count.unwrap(), at)).collect::<Vec<_>>()
    };
    const COUNT: Store<u64, u64> = Store::new("count");
    // The time of an aggregate is the largest of its records', also when a late one comes last.
    assert_eq!(written(COUNT.cached(1 << 20)), [(2, 1, 30), (1, 2, 20), (3, 1, 25), (2, 2, 30)]);
    assert_eq!(written(COUNT.uncached()), [(1, 1, 10), (2, 1, 30), (1, 2, 20), (3, 1, 25), (2, 2, 30)]);
}

#[test]
fn a_full_cache_passes_on_early_and_loses_nothing() {
    const COUNTS: Topic<u64, u64> = Topic::new("counts");
    let app = StreamsBuilder::new();
    app.stream(ORDERS).group_by_key().count(Store::new("count").cached(1_000)).to(COUNTS);
    let mut driver = TestDriver::new(app.build().unwrap()).commit_on_demand();
    for n in 0..1_000 {
        driver.send(ORDERS, n % 100, order(0, 0));
    }
    assert!(driver.all(COUNTS).len() > 100, "it flushed before any commit");
    driver.commit();
    assert!((0..100).all(|key| driver.latest(COUNTS, key) == Some(10)));
}

#[test]
fn hopping_windows_count_late_records_window_by_window() {
    const COUNTS: Topic<Windowed<u64>, u64> = Topic::new("counts");
    let app = StreamsBuilder::new();
    let windows = Hopping::of_ms(10, 5);
    app.stream(ORDERS)
        .group_by_key()
        .windowed_by(windows)
        .count(WindowStore::new("count").uncached().retention(Duration::from_millis(100)))
        .to(COUNTS);
    let config = Config { time_rule: TimeRule::Kafka, late: headwater_streams::runtime::Late::Drop, ..Config::new("test") };
    let mut driver = TestDriver::with_config(app.build().unwrap(), &config);
    for at in [7, 16, 9, 4] {
        driver.at(at).send(ORDERS, 1, order(0, 0));
    }
    let counts: Vec<_> = driver.all(COUNTS).into_iter().map(|(window, count, at)| (window.unwrap().start, count.unwrap(), at)).collect();
    // 9 comes when windows up to an end of 16 have closed: of its windows 0 and 5 one is left. 4 has one window, which is closed.
    assert_eq!(counts, [(0, 1, 7), (5, 1, 7), (10, 1, 16), (15, 1, 16)]);
    assert_eq!(driver.dropped(), 3);
}

#[test]
fn processors_scan_and_count_their_failures() {
    const SEEN: Store<u64, u64> = Store::new("seen");
    const TOTALS: Topic<u64, u64> = Topic::new("totals");
    let app = StreamsBuilder::new();
    let orders = app.stream(ORDERS);
    orders.absorb(SEEN, |order, seen| {
        if order.value.cents == 0 {
            return Err(Failure::text("an order of nothing"));
        }
        seen.update(&order.key, |sum| Some(sum.unwrap_or(0) + order.value.cents))?;
        Ok(())
    });
    orders
        .process(SEEN, |order, seen, out| {
            out.send(order.key, seen.all()?.into_iter().map(|(_, cents)| cents).sum());
            out.send(order.key, seen.range(..order.key)?.len() as u64);
            Ok(())
        })
        .to(TOTALS);
    let mut driver = TestDriver::new(app.build().unwrap());
    driver.send(ORDERS, 1, order(0, 5)).send(ORDERS, 2, order(0, 6)).send(ORDERS, 2, order(0, 0)).send(ORDERS, 3, order(0, 1));
    let totals: Vec<_> = driver.all(TOTALS).into_iter().map(|(_, total, _)| total.unwrap()).collect();
    assert_eq!(totals, [5, 0, 11, 1, 12, 2]);
    assert_eq!((driver.dead_letters()[0].stage.as_str(), driver.dead_letters()[0].reason.as_str()), ("absorb", "an order of nothing"));
}

#[test]
fn headers_travel_to_the_last_record_of_an_aggregate() {
    const COUNTS: Topic<u64, u64> = Topic::new("counts");
    for store in [Store::new("count").cached(1 << 20), Store::new("count").uncached()] {
        let app = StreamsBuilder::new();
        app.stream(ORDERS).group_by_key().count(store).to(COUNTS);
        let mut driver = TestDriver::new(app.build().unwrap());
        let headers = Headers::new().with("h", Some(b"1"));
        let value = br#"{"customer":1,"cents":2}"#;
        for headers in [&headers, &Headers::new()] {
            driver.try_send_record("orders", Some(&1_u64.to_be_bytes()), Some(value), headers).unwrap();
        }
        assert_eq!(driver.headers(COUNTS), [headers, Headers::new()]);
    }
}

#[test]
fn topologies_describe_themselves() {
    const COUNTS: Topic<u64, u64> = Topic::new("counts");
    let build = || {
        let app = StreamsBuilder::new();
        let counts = app.stream(ORDERS).group_by(|_, order| order.cents).aggregate_merging(
            Store::new("count"),
            || 0,
            |_, _, count| *count += 1,
            |_, left, right| left + right,
        );
        counts.to(COUNTS);
        app.build().unwrap()
    };
    let text = "\
sub-topology 0
  reads orders (stream)
  writes -count-repartition
     0 stream orders -> 1
     1 select_key -> 2
     2 repartition to count-repartition

sub-topology 1
  reads -count-repartition (stream)
  writes counts
  keeps count (key-value, big-endian/u64 -> big-endian/u64, cached in 10485760 bytes, changelog -count-changelog)
     3 repartition from count-repartition -> 4
     4 aggregate [count] (mergeable) -> 5
     5 to counts
";
    let topology = build();
    assert_eq!(topology.describe().to_string(), text);
    assert_eq!(topology.plan_hash(), build().plan_hash());
    // Computed by another program: the hash must be the same for ever.
    assert_eq!(topology.plan_hash(), 3430795404099374460);
}

#[test]
fn topics_are_copy_and_types_are_free_of_auto_trait_surprises() {
    fn copy<T: Copy + Send + Sync + 'static>(_: T) {}
    let here = Topic::<std::rc::Rc<str>, String>::new("x"); // the types only name, they are not held
    copy(here);
    copy(Store::<Vec<u8>, std::cell::Cell<u8>>::of(String::from("made") + " at run time"));
}
