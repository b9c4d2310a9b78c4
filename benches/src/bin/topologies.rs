//! CPU and throughput of the seven topologies on the embedded log: what the engine costs where no broker and no client stand in the way.
//!
//!     cargo run --release -p headwater-benches --bin topologies -- [RECORDS [NAME..]]

use headwater_benches::peer::{Cache, Kind, TopicNames, generator, topology};
use headwater_benches::process::cpu_of_this_process;
use headwater_state::{Disk, MemoryBudget, StateDirectory};
use headwater_streams::log::{EmbeddedLog, Headers, Log, NO_OFFSET, Producer, ProducerConfig, Records, TopicPartition, TopicSpec};
use headwater_streams::runtime::{App, Config};
use headwater_streams::task::partition_of_key;
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PARTITIONS: i32 = 4;
const PATIENCE: Duration = Duration::from_secs(600);
/// Records of a partition that are sent together.
const SEND: usize = 2_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let records = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let named: Vec<Kind> = arguments.map(|name| name.parse()).collect::<Result<_, _>>()?;
    let kinds = if named.is_empty() { &Kind::ALL[..] } else { &named[..] };
    println!("topology         guarantee      records/s  CPU s/million");
    for kind in kinds {
        for config in [Config::new("bench").at_least_once(), Config::new("bench")] {
            run(*kind, config, records)?;
        }
    }
    Ok(())
}

fn run(kind: Kind, config: Config, records: u64) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let log = Arc::new(EmbeddedLog::open(folder.path().join("log"))?);
    fill(&*log, records)?;
    let names = TopicNames { input: "tx".into(), output: "out".into(), users: "users".into(), users_as_changelog: true };
    let (topology, guarantee) = (topology(kind, &names, Cache::Default)?, config.guarantee);
    let state = StateDirectory::open(&folder.path().join("state"), &config.application_id, MemoryBudget::from_cgroup())?;
    let (began, cpu) = (Instant::now(), cpu_of_this_process()?);
    let running = App::new(topology, config).start(log, Disk::Directory(state))?;
    if !running.drain(PATIENCE) {
        return Err(format!("{} is not done within {PATIENCE:?}", kind.name()).into());
    }
    let (took, used) = (began.elapsed(), cpu_of_this_process()? - cpu);
    running.stop()?;
    let millions = records as f64 / 1e6;
    println!("{:<16} {guarantee:<12?} {:11.0} {:14.2}", kind.name(), records as f64 / took.as_secs_f64(), used.as_secs_f64() / millions);
    Ok(())
}

fn fill(log: &dyn Log, records: u64) -> Result<(), Box<dyn Error>> {
    for topic in ["tx", "out", "users"] {
        log.admin().create_topic(&topic_for_ever(topic))?;
    }
    let (mut key, mut value) = (Vec::new(), Vec::new());
    let mut users = Feed::new(log, "users")?;
    for i in 0..generator::USERS {
        generator::user(i, &mut key, &mut value)?;
        users.send(&key, &value, generator::START_MS - 1_000)?;
    }
    users.finish()?;
    let mut transactions = Feed::new(log, "tx")?;
    for i in 0..records {
        let timestamp = generator::transaction(1, i, &mut key, &mut value)?;
        transactions.send(&key, &value, timestamp)?;
    }
    transactions.finish()
}

/// Event times are years old: a retention would delete them at once.
fn topic_for_ever(name: &str) -> TopicSpec {
    let configs = BTreeMap::from([("retention.ms".to_owned(), "-1".to_owned())]);
    TopicSpec { name: name.into(), partitions: PARTITIONS, configs }
}

/// Gathers records by partition.
struct Feed {
    producer: Box<dyn Producer>,
    partitions: Vec<(TopicPartition, Records)>,
}

impl Feed {
    fn new(log: &dyn Log, topic: &str) -> Result<Self, Box<dyn Error>> {
        let partitions = (0..PARTITIONS).map(|number| (TopicPartition::new(topic, number), Records::new())).collect();
        Ok(Feed { producer: log.producer(ProducerConfig::default())?, partitions })
    }

    fn send(&mut self, key: &[u8], value: &[u8], timestamp: i64) -> Result<(), Box<dyn Error>> {
        let (at, records) = &mut self.partitions[partition_of_key(key, PARTITIONS) as usize];
        records.push(NO_OFFSET, timestamp, Some(key), Some(value), &Headers::EMPTY);
        if records.len() >= SEND {
            self.producer.send(at, records)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), Box<dyn Error>> {
        for (at, records) in self.partitions.iter_mut().filter(|(_, records)| !records.is_empty()) {
            self.producer.send(at, records)?;
        }
        self.producer.flush()?;
        Ok(())
    }
}
