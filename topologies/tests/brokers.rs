//! The command on a real broker and a real PostgreSQL. Runs where HEADWATER_TEST_BROKERS and HEADWATER_TEST_POSTGRES name them.
//!
//! The topic `transactions` has the same name for everybody, so the broker must be the test's own meanwhile.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use headwater_connectors::postgres::{Postgres, PostgresConfig};
use headwater_streams::log::{Ends, KafkaConfig, KafkaLog, Log, LogError};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const COUNT: u64 = 30_000;
const PATIENCE: Duration = Duration::from_secs(90);

/// A place of its own on servers that others use as well.
struct Place {
    brokers: String,
    postgres: String,
    id: String,
    folder: TempDir,
    database: Postgres,
    log: KafkaLog,
}

impl Place {
    fn of_this_test() -> Option<Self> {
        let named = |variable| std::env::var(variable).ok().filter(|value| !value.is_empty());
        let (brokers, url) = (named("HEADWATER_TEST_BROKERS")?, named("HEADWATER_TEST_POSTGRES")?);
        let id = format!("command-{}", std::process::id());
        let separator = if url.contains('?') { '&' } else { '?' };
        let postgres = format!("{url}{separator}schema={id}");
        let database = Postgres::connect(PostgresConfig::parse(&postgres).unwrap()).unwrap();
        let log = KafkaLog::connect(KafkaConfig::new(brokers.as_str())).unwrap();
        let place = Place { brokers, postgres, id, folder: tempfile::tempdir().unwrap(), database, log };
        place.forget_topics();
        Some(place)
    }

    fn forget_topics(&self) {
        let admin = self.log.admin();
        for topic in admin.topics().unwrap() {
            if ["transactions", "category-sales"].contains(&&*topic) || topic.starts_with(&self.id) {
                admin.delete_topic(&topic).unwrap();
            }
        }
        until("the topics are gone", || admin.topics().unwrap().iter().all(|topic| &**topic != "transactions"));
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
        command.current_dir(self.folder.path()).args(words).env("HEADWATER_LOG", "warn").env("HEADWATER_BROKERS", &self.brokers);
        // A password may stand in the URL here, and nowhere else.
        command.env("HEADWATER_POSTGRES", &self.postgres).env("HEADWATER_APPLICATION_ID", &self.id);
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        let done = self.command(words).output().unwrap();
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
        done
    }

    fn instance(&self, name: &str, more: &[&str]) -> Instance {
        let words = [&["run", "category-sales", "--state-dir", name][..], more].concat();
        let file = std::fs::File::create(self.folder.path().join(name.to_owned() + ".out")).unwrap();
        Instance(Some(self.command(&words).stdout(file).stderr(Stdio::inherit()).spawn().unwrap()))
    }

    fn said(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name.to_owned() + ".out")).unwrap_or_default()
    }

    /// Records that have come out, one way or the other; 0 while a table is not there.
    fn come_out(&self) -> u64 {
        let sum = "SELECT (SELECT coalesce(sum(transaction_count), 0) FROM category_sales)::bigint + (SELECT count(*) FROM dead_letters)";
        let found = self.database.query(sum, &[]).ok().and_then(|rows| rows.first()?.try_get::<_, i64>(0).ok());
        found.unwrap_or(0) as u64
    }

    fn topic(&self, topic: &str) -> Vec<serde_json::Value> {
        let printed = self.run(&["tail", topic, "--from", "start", "--to", "end"]);
        String::from_utf8(printed.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.database.query(&format!("DROP SCHEMA \"{}\" CASCADE", self.id), &[]);
    }
}

/// A process that does not outlive the test.
struct Instance(Option<Child>);

impl Instance {
    fn terminate(mut self) -> Option<i32> {
        let mut child = self.0.take().unwrap();
        let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(told.success());
        child.wait().unwrap().code()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

fn get(address: &str, path: &str) -> Option<String> {
    let mut connection = TcpStream::connect(address).ok()?;
    write!(connection, "GET {path} HTTP/1.1\r\nhost: headwater\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// The names of metrics in the expressions of docs/alerts.yml.
fn metrics_of_the_rules() -> BTreeSet<String> {
    let rules = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/alerts.yml")).unwrap();
    let prose = ["#", "summary:", "description:"];
    let code = rules.lines().filter(|line| !prose.iter().any(|start| line.trim_start().starts_with(start)));
    let words = code.flat_map(|line| line.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_'));
    words.filter(|word| word.starts_with("headwater_")).map(str::to_owned).collect()
}

#[test]
fn two_instances_share_the_work_and_stop_in_good_order() {
    let Some(place) = Place::of_this_test() else {
        println!("skipped: HEADWATER_TEST_BROKERS and HEADWATER_TEST_POSTGRES name no servers");
        return;
    };
    generated_once_however_often_killed(&place);

    let one = place.instance("one", &["--listen", "127.0.0.1:0"]);
    let two = place.instance("two", &["--guarantee", "exactly-once"]);
    until("everything has come out", || place.come_out() == COUNT);
    for (name, said) in [("one", place.said("one")), ("two", place.said("two"))] {
        assert!(said.contains("sink category-sales: exactly-once, into PostgreSQL at "), "{name}: {said}");
    }
    let said = place.said("one");
    let address = said.lines().find_map(|line| line.strip_prefix("the page: http://")?.strip_suffix('/')).unwrap().to_owned();
    until("the page shows it", || {
        let answer = get(&address, "/api/category-sales").unwrap_or_default();
        let body = answer.split("\r\n\r\n").nth(1).and_then(|body| serde_json::from_str::<serde_json::Value>(body).ok());
        let letters = place.topic(&format!("{}-dlq", place.id)).len() as u64;
        body.is_some_and(|sales| sales["transaction_count"].as_u64() == Some(COUNT - letters))
    });
    let mut missing = metrics_of_the_rules();
    assert!(missing.len() >= 9, "{missing:?}");
    until("every metric of the rules is served", || {
        let served = get(&address, "/prometheus").unwrap_or_default();
        missing.retain(|name| !served.contains(&format!("\n{name}")));
        // Which of the two met a dead letter is theirs to decide.
        missing.iter().all(|name| name == "headwater_dead_letters_total")
    });

    let listed = String::from_utf8(place.run(&["sink", "list"]).stdout).unwrap();
    assert_eq!(listed.lines().filter(|line| line.starts_with(&place.id)).count(), 2, "{listed}");
    assert_eq!((two.terminate(), one.terminate()), (Some(0), Some(0)));
    let rows = place.topic("category-sales");
    let latest: std::collections::BTreeMap<_, _> = rows.iter().map(|row| (row["key"].to_string(), row["value"].to_string())).collect();
    let table = place.database.query("SELECT 1 FROM category_sales", &[]).unwrap().len();
    assert_eq!(latest.len(), table, "the last record of each key is its row");
    assert!(place.run(&["describe", "category-sales"]).stdout.starts_with(format!("application {}", place.id).as_bytes()));
}

/// A value as `tail` prints it.
fn bytes_of(value: &serde_json::Value) -> Vec<u8> {
    match value.as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => STANDARD.decode(value["base64"].as_str().unwrap()).unwrap(),
    }
}

fn generated_once_however_often_killed(place: &Place) {
    let count = COUNT.to_string();
    let words = ["generate", "transactions", "--count", &count, "--partitions", "3", "--late", "0.02", "--bad", "0.02"];
    let mut killed = Instance(Some(place.command(&words).args(["--rate", "20000"]).spawn().unwrap()));
    let child = killed.0.as_mut().unwrap();
    let at = headwater_streams::log::TopicPartition::new("transactions", 1);
    let mut seen: Option<Result<Ends, LogError>> = None;
    let deadline = Instant::now() + PATIENCE;
    while !matches!(&seen, Some(Ok(ends)) if ends.latest > 1_000) {
        let ended = child.try_wait().unwrap().filter(|status| !status.success());
        assert!(ended.is_none() && Instant::now() < deadline, "the generator: {ended:?}; ends of {at}: {seen:?}");
        // Only a topic that is there has ends.
        let is_there = place.log.admin().describe_topic(&at.topic).is_ok_and(|found| found.is_some());
        seen = is_there.then(|| place.log.admin().ends(&at)).or(seen);
        std::thread::park_timeout(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let said = String::from_utf8(place.run(&words).stdout).unwrap();
    assert!(said.contains("all deliveries confirmed") && !said.starts_with(&count), "{said}");
    let records = place.topic("transactions");
    let mut found: Vec<_> = records.iter().map(|record| bytes_of(&record["value"])).collect();
    let printed = place.run(&[&words[..], &["--to", "-"]].concat()).stdout;
    let mut made: Vec<_> = printed.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    found.sort_unstable();
    made.sort_unstable();
    assert_eq!(found.len() as u64, COUNT);
    assert!(found == made, "something is missing, or there twice");
    let partitions: BTreeSet<_> = records.iter().map(|record| record["partition"].as_i64()).collect();
    assert_eq!(partitions.len(), 3);
}
