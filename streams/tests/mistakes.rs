//! The mistakes that users of Kafka Streams meet most often at run time. Here each is found by the compiler (the programs in `ui/`, which
//! `ui.rs` compiles) or by `build()`, with a text that says what to do.
//!
//! | mistake | there | here |
//! |---|---|---|
//! | no format for a type, or another one than it was written with | `ClassCastException` in a task | `no_data_*.rs`, `wrong_topic.rs`, `wrong_store.rs` |
//! | a null that nobody expected | `NullPointerException` in a task | `null_value_not_looked_at.rs`, `table_stream_to_plain.rs` |
//! | windowed keys written as plain ones | `ClassCastException` in a task | `windowed_key_to_plain.rs` |
//! | a processor asks for a store that it was not connected with | `StreamsException` in a task | `store_not_given.rs` |
//! | a processor that promised to keep the key changes it | `UnsupportedOperationException` in a task | `values_processor_changes_key.rs` |
//! | functions that share state over threads | wrong results | `closure_not_send.rs` |
//! | both sides of a join have different keys | nothing is joined | `wrong_join_key.rs` |
//! | a stream without an end | nothing happens | `forgotten_stream.rs` |
//! | state behind a changed key | one key has rows in several tasks | below |
//! | inputs of a join with different partition counts | the application stops when it gets partitions | below |
//! | internal topics that are called anew when the topology changes | state is lost | below |
//! | parts of two builders put together | that operation is left out, with everything behind it | below |
//! | one topic read twice, one store for two | `TopologyException` where it is built, one at a time | below, all at once |

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::prelude::*;

const ORDERS: Topic<u64, String> = Topic::new("orders");
const NAMES: Topic<String, String> = Topic::new("names");
const SEEN: Store<String, u64> = Store::new("seen");
const OUT: Topic<String, u64> = Topic::new("out");

fn refused(app: &StreamsBuilder) -> Vec<String> {
    app.build().unwrap_err().iter().map(ToString::to_string).collect()
}

/// Counts in a store.
fn counted(stream: &KStream<String, String>) -> KStream<String, u64> {
    stream.process_values(SEEN, |record, seen, out| {
        seen.update(record.key, |count| Some(count.unwrap_or(0) + 1))?;
        out.send(seen.get(record.key)?.unwrap_or(0));
        Ok(())
    })
}

#[test]
fn state_behind_a_changed_key() {
    let app = StreamsBuilder::new();
    let by_name = app.stream(ORDERS).select_key(|_, name| name.clone());
    counted(&by_name).to(OUT);
    let says = "`process_values` keeps state in `seen` behind `select_key`, which may change the key: \
                add .repartition(Repartitioned::named(\"...\")) between them; if the key stays, write process_values or map_values for `select_key`; \
                if state by partition is meant, call trust_partitions() on the builder";
    assert_eq!(refused(&app), [says]);

    let mended = StreamsBuilder::new();
    let by_name = mended.stream(ORDERS).select_key(|_, name| name.clone()).repartition(Repartitioned::named("by-name"));
    counted(&by_name).to(OUT);
    assert_eq!(mended.build().unwrap().sub_topologies().len(), 2);

    app.trust_partitions();
    assert_eq!(app.build().unwrap().sub_topologies().len(), 1, "whoever means it may have it");
}

#[test]
fn inputs_of_a_join_with_different_partition_counts() {
    let app = StreamsBuilder::new();
    app.declare(NAMES.declaration().partitions(3));
    let others: Topic<String, u64> = Topic::new("others");
    app.declare(others.declaration().partitions(4));
    let table = app.table(others, Store::new("others"));
    app.stream(NAMES).join(&table, |_, _, other| other).to(OUT);
    assert_eq!(refused(&app), ["joined inputs have different partition counts: names 3, others 4; repartition(..) one of them"]);
}

#[test]
fn nothing_durable_is_anonymous() {
    let app = StreamsBuilder::new();
    let table = app.table(Topic::<String, u64>::new("others"), Store::new("others"));
    app.stream(ORDERS).map(|_, name| (name.clone(), name)).join(&table, |_, _, other| other).to(OUT);
    let says = "the repartition before `join` (after `map`) has no name: add .named(\"...\") after the change of key";
    assert_eq!(refused(&app), [says]);
}

#[test]
fn everything_at_once() {
    let app = StreamsBuilder::new();
    app.table(NAMES, Store::new("a")).to(NAMES.sink().named("same"));
    app.stream(NAMES).group_by_key().count(Store::new("a")).to(OUT.sink().named("same"));
    app.stream(Topic::<String, String>::new("no topic")).filter(|_, _| true).for_each(|_, _| ());
    let other = StreamsBuilder::new();
    let _ = app.stream(ORDERS).merge(&other.stream(ORDERS));
    let says = refused(&app);
    let beginnings = [
        "store `a` is used with two types",
        "`merge` puts together what two builders have made: build one topology with one StreamsBuilder",
        "two nodes are called `same`: call one of them otherwise",
        "topic `names` is read twice, differently: read it once and use the stream or table again",
        "`no topic` is no legal name for a topic: at most 249 letters, digits, `.`, `_` and `-`",
    ];
    assert_eq!(says.len(), beginnings.len(), "{says:#?}");
    for (said, beginning) in says.iter().zip(beginnings) {
        assert!(said.starts_with(beginning), "{said}");
    }
}

/// A stream, a table, a grouping and a global table, in topics of their own.
struct Parts {
    stream: KStream<String, u64>,
    table: KTable<String, u64>,
    grouped: KGroupedStream<String, u64>,
    global: GlobalKTable<String, u64>,
}

fn parts(app: &StreamsBuilder, of: &str) -> Parts {
    let topic = |what: &str| Topic::<String, u64>::of(format!("{of}-{what}"));
    let store = |what: &str| Store::<String, u64>::of(format!("{of}-{what}"));
    Parts {
        stream: app.stream(topic("stream")),
        table: app.table(topic("table"), store("table")),
        grouped: app.stream(topic("grouped")).group_by_key(),
        global: app.global_table(topic("global"), store("global")),
    }
}

#[test]
fn parts_of_two_builders() {
    let windows = JoinWindows::of_ms(10);
    type Mix = fn(&Parts, &Parts, JoinWindows);
    let mixes: &[(&str, Mix)] = &[
        ("merge", |ours, other, _| ours.stream.merge(&other.stream).for_each(|_, _| ())),
        ("join", |ours, other, _| ours.stream.join(&other.table, |_, left, right| left + right).for_each(|_, _| ())),
        ("left_join", |ours, other, _| ours.stream.left_join(&other.table, |_, left, _| left).for_each(|_, _| ())),
        ("join", |ours, other, _| {
            let waiting = other.table.with_grace_ms(5).stored("waiting");
            ours.stream.join(&waiting, |_, left, right| left + right).for_each(|_, _| ());
        }),
        ("join", |ours, other, _| {
            ours.stream.join(&other.global.by(|key: &String, _: &u64| key.clone()), |_, left, right| left + right).for_each(|_, _| ());
        }),
        ("left_join", |ours, other, windows| {
            ours.stream.left_join(&other.stream.within(windows).stored("both"), |_, left, _| left).for_each(|_, _| ());
        }),
        ("outer_join", |ours, other, windows| {
            ours.stream.outer_join(&other.stream.within(windows).stored("both"), |_, left, _| left.unwrap_or(0)).for_each(|_, _| ());
        }),
        ("join", |ours, other, _| ours.table.join(&other.table, |_, left, right| left + right).to(OUT)),
        ("left_join", |ours, other, _| ours.table.left_join(&other.table, |_, left, _| left).to(OUT)),
        ("outer_join", |ours, other, _| ours.table.outer_join(&other.table, |_, left, _| left.unwrap_or(0)).to(OUT)),
        ("join_by", |ours, other, _| {
            ours.table.join_by(&other.table, |key, _| key.clone(), |_, left, right| left + right).stored(Store::new("joined")).to(OUT);
        }),
        ("cogroup", |ours, other, _| {
            let both = ours.grouped.cogroup(|_, n, sum: &mut u64| *sum += n).with(&other.grouped, |_, n, sum| *sum += n);
            both.aggregate(Store::new("sums"), || 0).to(OUT);
        }),
    ];
    for (operation, mix) in mixes {
        let (app, elsewhere) = (StreamsBuilder::new(), StreamsBuilder::new());
        // So that numbers of its nodes mean nothing here.
        (0..40).for_each(|n| elsewhere.stream(Topic::<u64, u64>::of(format!("more-{n}"))).for_each(|_, _| ()));
        mix(&parts(&app, "ours"), &parts(&elsewhere, "other"), windows);
        let says = format!("`{operation}` puts together what two builders have made: build one topology with one StreamsBuilder");
        assert_eq!(refused(&app), [says]);

        let app = StreamsBuilder::new();
        let (ours, other) = (parts(&app, "ours"), parts(&app, "other"));
        mix(&ours, &other, windows);
        let mistakes = app.build().err();
        assert!(
            mistakes.is_none_or(|mistakes| mistakes.iter().all(|mistake| matches!(mistake, TopologyError::GraceOfTable { .. }))),
            "{operation} within one builder"
        );
    }
}
