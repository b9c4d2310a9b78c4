//! The driver: feeds a case's steps to its topology and writes down what is seen.

use super::build::{Built, StoreRole, Unbuildable, build};
use super::case::{Answer, Case, CaseConfig, Contents, Expected, Failed, Input, Output, Record, Step};
use super::queries::{answer, contents};
use super::restart::Restart;
use super::value::Value;
use headwater_streams::record::{Header, Headers};
use headwater_streams::runtime::{Config, Late, OnFailure, Recovery, TimeRule};
use headwater_streams::task::{Fault, TaskError};
use headwater_streams::testing::{TestDriver, TestRecord};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a case has led to, in the words of its expectation.
pub type Seen = Expected;

/// The application id of all cases, which internal topics begin with.
pub(super) const APPLICATION: &str = "app";

/// Plays a case. An error is what the runner cannot do.
pub fn play(case: &Case, restart: &Restart) -> Result<Seen, String> {
    let Built { topology, stores } = match build(&case.topology, &case.config) {
        Ok(built) => built,
        Err(refused @ (Unbuildable::Refused(_) | Unbuildable::Untypable(_))) => {
            let error = failed("build", None, refused.kind().unwrap_or_default(), refused.to_string());
            return Ok(Seen { error: Some(error), ..Seen::default() });
        }
        Err(unsupported) => return Err(unsupported.to_string()),
    };
    let driver = TestDriver::one_task(&topology, &config(&case.config)).map_err(|error| format!("cannot start: {error}"))?;
    let driver = if case.config.commits_by_hand() { driver.commit_on_demand() } else { driver };
    let mut play = Play { driver, stores, seen: Seen::default() };
    let places = restart.places(case);
    for (step, what) in case.input.iter().enumerate() {
        if places.contains(&step) {
            play.restart(step, restart)?;
        }
        if let Err((kind, detail)) = play.step(step, what)? {
            play.seen.error = Some(failed("run", Some(step), kind, detail));
            return Ok(play.seen);
        }
    }
    play.close()
}

struct Play {
    driver: TestDriver,
    stores: BTreeMap<String, StoreRole>,
    seen: Seen,
}

impl Play {
    /// Does one step; the inner error is the kind of a failure of the application, and what it said.
    fn step(&mut self, step: usize, what: &Step) -> Result<Result<(), (&'static str, String)>, String> {
        let done = match what {
            Step::Advance { advance_wall_clock_ms } => self.driver.try_advance_wall_clock(*advance_wall_clock_ms),
            Step::Commit { .. } => self.driver.try_commit(),
            Step::Query { query } => {
                let role = *self.stores.get(&query.store).ok_or_else(|| format!("no store {}", query.store))?;
                self.seen.queries.push(Answer { step, result: answer(&self.driver, query, role)? });
                Ok(())
            }
            Step::Record(Input { record, .. }) if !self.driver.reads(&record.topic) => {
                return Ok(Err(("unknown_topic", record.topic.clone())));
            }
            Step::Record(input) => send(&mut self.driver, input),
        };
        if let Err(error) = done {
            return Ok(Err((kind_of(&error), error.to_string())));
        }
        self.write_down(step).map(Ok)
    }

    /// What a commit still sends belongs to the step before.
    fn restart(&mut self, step: usize, restart: &Restart) -> Result<(), String> {
        let done = match restart {
            Restart::Never => Ok(()),
            Restart::Kept { .. } => self.driver.restart(),
            Restart::Wiped { .. } => self.driver.restart_elsewhere(),
        };
        done.map_err(|error| format!("restart before step {step}: {error}"))?;
        self.write_down(step - 1)
    }

    fn write_down(&mut self, step: usize) -> Result<(), String> {
        for record in self.driver.take_written().into_iter().filter(|record| !is_internal(&record.topic)) {
            self.seen.outputs.push(output(step, record)?);
        }
        Ok(())
    }

    fn close(mut self) -> Result<Seen, String> {
        for (name, role) in &self.stores {
            let (kind, entries) = contents(&self.driver, name, *role)?;
            self.seen.stores.insert(name.clone(), Contents { kind: kind.to_owned(), entries });
        }
        self.seen.dropped = Some(self.driver.dropped());
        Ok(self.seen)
    }
}

pub(super) fn config(config: &CaseConfig) -> Config {
    let policy = |policy: &Option<String>| match policy.as_deref() {
        Some("continue") => Some(OnFailure::Skip),
        _ => Some(OnFailure::Fail),
    };
    Config {
        time_rule: TimeRule::Kafka,
        on_failure: OnFailure::Fail,
        on_undecodable: policy(&config.deserialization_errors),
        on_processing_failure: policy(&config.processing_errors),
        recovery: Recovery::Continue,
        late: Late::Drop,
        far_future: Duration::MAX,
        ..Config::new(APPLICATION)
    }
}

pub(super) fn send(driver: &mut TestDriver, input: &Input) -> Result<(), TaskError> {
    let bytes = |part: &str, value: &Value| if input.bad.as_deref() == Some(part) { Some(vec![0xff]) } else { value.to_bytes() };
    let Record { topic, key, value, ts, headers } = &input.record;
    let (key, value) = (bytes("key", key), bytes("value", value));
    let header = |(name, value): &(String, Option<String>)| {
        let value = value.as_ref().map(|value| value.as_bytes().into());
        Header { name: name.as_str().into(), value }
    };
    let headers: Headers = headers.iter().map(header).collect();
    driver.at(*ts).try_send_record(topic, key.as_deref(), value.as_deref(), &headers)
}

pub(super) fn is_internal(topic: &str) -> bool {
    let of_ours = ["-changelog", "-repartition", "-topic"];
    topic.strip_prefix(APPLICATION).is_some_and(|rest| rest.starts_with('-') && of_ours.iter().any(|end| rest.ends_with(end)))
}

pub(super) fn output(step: usize, record: TestRecord) -> Result<Output, String> {
    let value = |bytes: Option<Vec<u8>>| Value::of_bytes(bytes.as_deref()).map_err(|error| format!("{}: {error}", record.topic));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = record.headers.iter().map(|(name, value)| (name.to_owned(), value.map(text))).collect();
    let (key, value) = (value(record.key)?, value(record.value)?);
    Ok(Output { step, record: Record { topic: record.topic, key, value, ts: record.timestamp, headers } })
}

fn failed(phase: &str, step: Option<usize>, kind: &str, detail: String) -> Failed {
    Failed { phase: phase.into(), step, kind: kind.into(), detail: Some(detail) }
}

/// Why the application stopped, as the cases call it.
fn kind_of(error: &TaskError) -> &'static str {
    match error {
        TaskError::Record { fault: Fault::Undecodable, .. } => "deserialization",
        TaskError::Record { fault: Fault::Time | Fault::SentTime, .. } => "invalid_timestamp",
        TaskError::Record { fault: Fault::Processing, .. } => "processing",
        TaskError::Record { fault: Fault::Sending, .. } => "production",
        TaskError::BufferFull { .. } => "buffer_full",
        _ => "internal",
    }
}
