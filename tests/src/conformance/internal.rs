//! Changelogs and repartition topics, byte for byte: what we write there beside what Kafka Streams has written, and what becomes of its bytes here.

use super::build::{Built, StoreRole, build};
use super::case::{Case, Contents, Op, Output, Step, Stored};
use super::compare::{Difference, compare_stores};
use super::play::{APPLICATION, Seen, config, is_internal, output, send};
use super::queries::contents;
use super::value::Value;
use headwater_streams::record::Headers;
use headwater_streams::testing::{TestDriver, TestRecord};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::Path;

/// A record of an internal topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InternalRecord {
    /// The step in which it was written.
    pub step: usize,
    /// Its key's bytes.
    pub key: Option<Vec<u8>>,
    /// Its value's bytes.
    pub value: Option<Vec<u8>>,
    /// Its timestamp.
    pub ts: i64,
}

/// Records by topic, without the application's name before it.
pub type Internal = BTreeMap<String, Vec<InternalRecord>>;

/// A case of which the internal topics were recorded, too.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The case.
    pub case: Case,
    /// What Kafka Streams has written to topics whose names and layouts are ours as well.
    pub internal: Internal,
}

impl Recorded {
    /// Reads a case; nothing where its internal topics were not recorded, or none of them has a name of its own.
    pub fn read(path: &Path) -> Result<Option<Recorded>, String> {
        let case = Case::read(path)?;
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        let json: Json = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let Some(topics) = json["expect"]["internal"].as_object() else { return Ok(None) };
        let ours = topics.iter().filter(|(topic, _)| is_shared(topic, &case));
        let kept = |topic: &String, records: &Json| Ok((topic.clone(), without_refused(&case, topic, records_of(records)?)));
        let internal: Internal = ours.map(|(topic, records)| kept(topic, records)).collect::<Result<_, String>>()?;
        Ok((!internal.is_empty()).then_some(Recorded { case, internal }))
    }

    /// Plays the case and compares what is written to the same topics, step by step.
    pub fn compare_written(&self) -> Result<Vec<Difference>, String> {
        let (mut driver, _) = open(&self.case)?;
        let mut seen = Internal::new();
        for (step, what) in self.case.input.iter().enumerate() {
            let done = match what {
                Step::Record(input) => send(&mut driver, input),
                Step::Commit { .. } => driver.try_commit(),
                Step::Advance { advance_wall_clock_ms } => driver.try_advance_wall_clock(*advance_wall_clock_ms),
                Step::Query { .. } => Ok(()),
            };
            done.map_err(|error| format!("step {step}: {error}"))?;
            let written = driver.take_written().into_iter().filter(|record| is_internal(&record.topic));
            written.for_each(|record| note(&mut seen, step, record));
        }
        let nothing = Vec::new();
        let beside = |topic: &String| seen.get(topic).unwrap_or(&nothing);
        let differing = self.internal.iter().filter(|(topic, expected)| *expected != beside(topic));
        Ok(differing
            .map(|(topic, expected)| Difference { at: topic.clone(), expected: show(expected), seen: show(beside(topic)) })
            .collect())
    }

    /// Restores stores from the changelogs that Kafka Streams has written, and compares what they hold.
    pub fn compare_restored(&self) -> Result<Vec<Difference>, String> {
        let (mut driver, roles) = open(&self.case)?;
        self.feed(&mut driver, "-changelog")?;
        driver.restart_elsewhere().map_err(|error| format!("restore: {error}"))?;
        let (mut seen, mut expect) = (Seen::default(), Seen::default());
        // Of versions the cases list none.
        let listed = self.case.expect.stores.iter().filter(|(_, expected)| expected.kind != "versioned");
        let restored = listed.filter(|(store, _)| self.internal.contains_key(&format!("{store}-changelog")));
        for (store, expected) in restored {
            let role = *roles.get(store).ok_or_else(|| format!("no store {store}"))?;
            let (kind, entries) = contents(&driver, store, role)?;
            seen.stores.insert(store.clone(), Contents { kind: kind.to_owned(), entries });
            expect.stores.insert(store.clone(), expected.clone());
        }
        let mut found = Vec::new();
        compare_stores(&expect, &seen, &mut found);
        Ok(found)
    }

    /// Sends what Kafka Streams has written to repartition topics through what is behind them, and compares what comes out of that. What
    /// has another way as well is nothing to compare.
    pub fn compare_read(&self) -> Result<Vec<Difference>, String> {
        let (mut driver, _) = open(&self.case)?;
        let written = self.feed(&mut driver, "-repartition")?;
        if written.is_empty() || self.case.topology.iter().any(|node| matches!(node.op, Op::Cogroup { .. })) {
            return Ok(Vec::new());
        }
        let written = written.into_iter().filter(|record| !is_internal(&record.topic));
        let seen: Vec<_> = written.map(|record| output(0, record)).collect::<Result<_, _>>()?;
        let expected: Vec<_> = self.case.expect.outputs.iter().map(|output| Output { step: 0, ..output.clone() }).collect();
        let (expected, seen) = (format!("{expected:?}"), format!("{seen:?}"));
        Ok(if expected == seen { Vec::new() } else { vec![Difference { at: "outputs".into(), expected, seen }] })
    }

    /// Sends all that was recorded of topics of a kind, in the order of the steps; returns what is written meanwhile. What one of these
    /// topics makes us write to another is not sent there once more.
    fn feed(&self, driver: &mut TestDriver, kind: &str) -> Result<Vec<TestRecord>, String> {
        let topics = self.internal.iter().filter(|(topic, _)| topic.ends_with(kind));
        let mut records: Vec<_> =
            topics.flat_map(|(topic, records)| records.iter().map(move |record| (record.step, topic, record))).collect();
        records.sort_by_key(|(step, ..)| *step);
        let mut written: Vec<TestRecord> = Vec::new();
        for (_, topic, InternalRecord { key, value, ts, .. }) in records {
            let topic = format!("{APPLICATION}-{topic}");
            if !written.iter().any(|record| record.topic == topic) {
                let sent = driver.at(*ts).try_send_record(&topic, key.as_deref(), value.as_deref(), &Headers::EMPTY);
                sent.map_err(|error| format!("{topic}: {error}"))?;
                written.extend(driver.take_written());
            }
        }
        driver.try_commit().map_err(|error| format!("commit: {error}"))?;
        written.extend(driver.take_written());
        Ok(written)
    }
}

fn open(case: &Case) -> Result<(TestDriver, BTreeMap<String, StoreRole>), String> {
    let Built { topology, stores } = build(&case.topology, &case.config).map_err(|refused| refused.to_string())?;
    let driver = TestDriver::one_task(&topology, &config(&case.config)).map_err(|error| format!("cannot start: {error}"))?;
    Ok((if case.config.commits_by_hand() { driver.commit_on_demand() } else { driver }, stores))
}

/// Names that Kafka Streams counts up are its own, and so are the layouts of foreign-key joins and of suppress. A grouping without a name is
/// called as its store there, and as the runner likes here.
fn is_shared(topic: &str, case: &Case) -> bool {
    let of_java = ["KSTREAM-", "KTABLE-", "-STATE-STORE-0", "-subscription-", "supp-store-"];
    let is_named = |name: &str| case.topology.iter().any(|node| node.name.as_deref() == Some(name));
    !of_java.iter().any(|part| topic.contains(part)) && topic.strip_suffix("-repartition").is_none_or(is_named)
}

/// Kafka Streams also logs a version that comes too late for its store; nobody makes anything of it.
fn without_refused(case: &Case, topic: &str, mut records: Vec<InternalRecord>) -> Vec<InternalRecord> {
    let history = case.topology.iter().find_map(|node| match &node.op {
        Op::Table { store: Some(Stored { name: Some(name), history_ms, .. }), .. } if topic.strip_suffix("-changelog") == Some(name) => {
            *history_ms
        }
        _ => None,
    });
    let mut observed = i64::MIN;
    records.retain(|record| {
        observed = observed.max(record.ts);
        history.is_none_or(|history| record.ts >= observed - history)
    });
    records
}

fn records_of(records: &Json) -> Result<Vec<InternalRecord>, String> {
    let record = |json: &Json| {
        let step = json["step"].as_u64().ok_or("a record without a step")? as usize;
        let ts = json["ts"].as_i64().ok_or("a record without a time")?;
        Ok(InternalRecord { step, key: bytes(&json["key"])?, value: bytes(&json["value"])?, ts })
    };
    records.as_array().ok_or("no list of records")?.iter().map(record).collect()
}

/// The bytes that a case names: in hexadecimal, or as a value.
fn bytes(json: &Json) -> Result<Option<Vec<u8>>, String> {
    let Some(hex) = json.get("hex").and_then(Json::as_str) else { return Ok(Value::of_json(json)?.to_bytes()) };
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).map_err(|error| format!("{hex}: {error}"));
    (0..hex.len()).step_by(2).map(byte).collect::<Result<_, _>>().map(Some)
}

fn note(seen: &mut Internal, step: usize, record: TestRecord) {
    let topic = record.topic[APPLICATION.len() + 1..].to_owned();
    seen.entry(topic).or_default().push(InternalRecord { step, key: record.key, value: record.value, ts: record.timestamp });
}

fn show(records: &[InternalRecord]) -> String {
    let part = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or("null".to_owned(), |bytes| bytes.escape_ascii().to_string());
    let record = |record: &InternalRecord| format!("{}: {}={}@{}", record.step, part(&record.key), part(&record.value), record.ts);
    records.iter().map(record).collect::<Vec<_>>().join("  ")
}
