//! End-to-end latency and cost of an application under an open loop.
//!
//! Makes the topics, starts the application that is named behind `--`, offers the load, reads the output and prints one line of JSON.
//! See `docs/performance.md` for the commands of the published figures.

use clap::{Parser, ValueEnum};
use headwater_benches::latency::{LagWatch, Load, Matching, Receiver, Sent};
use headwater_benches::process::cpu_of;
use headwater_streams::log::{KafkaConfig, KafkaLog, Log, TopicPartition, TopicSpec};
use serde_json::json;
use std::collections::BTreeMap;
use std::error::Error;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::mpsc::{Receiver as Told, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Measure end-to-end latency of an application under an open loop
#[derive(Debug, Parser)]
struct Options {
    /// Where the cluster is
    #[arg(long, default_value = "127.0.0.1:9092")]
    brokers: String,
    /// The input topic; deleted first if it is there
    #[arg(long, default_value = "transactions")]
    input: String,
    /// The output topic; deleted first if it is there
    #[arg(long, default_value = "category-sales")]
    output: String,
    /// The application's consumer group, for the lag
    #[arg(long, default_value = "category-sales")]
    group: String,
    /// Partitions of both topics
    #[arg(long, default_value_t = 1)]
    partitions: i32,
    /// Records a second
    #[arg(long, default_value_t = 10_000)]
    rate: u64,
    /// Seconds that count
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Seconds before them that do not
    #[arg(long, default_value_t = 10)]
    warm: u64,
    /// How output records name the input records that they answer
    #[arg(long, value_enum, default_value = "counts")]
    matching: By,
    /// Seconds after the begin of the load for which the lag is told, as the mean of the second that ends there
    #[arg(long, value_delimiter = ',', default_value = "20,60")]
    lag_at: Vec<u64>,
    /// The application
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    Counts,
    Timestamps,
}

fn main() -> Fallible<()> {
    let options = Options::parse();
    let mut cluster = KafkaConfig::new(&options.brokers);
    // What this program itself adds to a latency should be nothing.
    cluster
        .properties
        .extend([("fetch.wait.max.ms", "5"), ("fetch.queue.backoff.ms", "1")].map(|(name, value)| (name.into(), value.into())));
    let log: Arc<dyn Log> = Arc::new(KafkaLog::connect(cluster)?);
    for topic in [&options.input, &options.output] {
        make_anew(&*log, topic, options.partitions)?;
    }
    let (program, arguments) = options.command.split_first().ok_or("no application is named")?;
    let mut application = Application(Command::new(program).args(arguments).spawn()?);
    wait_for_group(&*log, &options.group)?;
    let report = measure(&options, &log, application.0.id())?;
    println!("{report}");
    application.stop()
}

fn measure(options: &Options, log: &Arc<dyn Log>, pid: u32) -> Fallible<serde_json::Value> {
    let start_ms = now_ms() + 500;
    let length_ms = (options.warm + options.seconds) as i64 * 1_000;
    let (topic, partitions, rate) = (options.input.clone(), options.partitions, options.rate);
    let load = Load { topic, partitions, rate, start_ms, length_ms };
    let matching = match options.matching {
        By::Counts => Matching::Counts,
        By::Timestamps => Matching::Timestamps,
    };
    let mut receiver = Receiver::open(&**log, &options.output, matching, &load, Duration::from_secs(options.warm))?;
    let (tell, told) = channel();
    let (sender, of_load) = (log.clone(), load.clone());
    std::thread::Builder::new().name("load".into()).spawn(move || tell.send(of_load.run(&*sender)))?;
    let inputs = (0..options.partitions).map(|number| TopicPartition::new(&*options.input, number)).collect();
    let begins = Instant::now() + Duration::from_millis((start_ms - now_ms()).max(0) as u64);
    let lag = LagWatch::start(log.clone(), options.group.clone(), inputs, begins)?;
    let watched = watch(options, pid, start_ms, &mut receiver, &told)?;
    let mut lag = lag.stop()?;
    lag.retain(|second, _| options.lag_at.contains(second));
    let latency = |percentile| receiver.latencies_us().value_at_percentile(percentile) as f64 / 1_000.0;
    Ok(json!({
        "rate": options.rate, "seconds": options.seconds, "partitions": options.partitions,
        "p50_ms": latency(50.0), "p90_ms": latency(90.0), "p99_ms": latency(99.0), "p999_ms": latency(99.9), "max_ms": latency(100.0),
        "counted": receiver.latencies_us().len(), "received": receiver.received(), "sent": watched.sent.records,
        "load_late_ms": watched.sent.worst_lateness.as_secs_f64() * 1e3,
        "cpu_cores": watched.cpu.as_secs_f64() / options.seconds as f64,
        "lag": lag,
    }))
}

#[derive(Default)]
struct Watched {
    sent: Sent,
    /// What the application used while records counted.
    cpu: Duration,
}

/// Receives until everything has come, or nothing more will; looks at the application on the way.
fn watch(options: &Options, pid: u32, start_ms: i64, receiver: &mut Receiver, told: &Told<Fallible<Sent>>) -> Fallible<Watched> {
    let mut watched = Watched::default();
    let (mut cpu_before, mut sent, mut deadline) = (None, None, None::<Instant>);
    loop {
        receiver.poll()?;
        let second = (now_ms() - start_ms).max(0) as u64 / 1_000;
        if cpu_before.is_none() && second >= options.warm {
            cpu_before = Some(cpu_of(pid)?);
        }
        if sent.is_none()
            && let Ok(outcome) = told.try_recv()
        {
            watched.sent = outcome?;
            watched.cpu = cpu_of(pid)? - cpu_before.unwrap_or_default();
            sent = Some(watched.sent.records);
            deadline = Some(Instant::now() + PATIENCE);
        }
        if sent.is_some_and(|sent| receiver.received() >= sent) || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ok(watched);
        }
    }
}

/// What has not come so long after the last record was sent counts as not received.
const PATIENCE: Duration = Duration::from_secs(30);

fn make_anew(log: &dyn Log, topic: &str, partitions: i32) -> Fallible<()> {
    if log.admin().describe_topic(topic)?.is_some() {
        log.admin().delete_topic(topic)?;
        wait(|| Ok(log.admin().describe_topic(topic)?.is_none()))?;
    }
    log.admin().create_topic(&TopicSpec { name: topic.into(), partitions, configs: BTreeMap::new() })?;
    wait(|| Ok(log.admin().describe_topic(topic)?.is_some()))
}

/// Until the application has its partitions.
fn wait_for_group(log: &dyn Log, group: &str) -> Fallible<()> {
    wait(|| Ok(log.admin().describe_group(group)?.is_some_and(|found| found.state == "Stable" && !found.members.is_empty())))
}

fn wait(mut is_done: impl FnMut() -> Fallible<bool>) -> Fallible<()> {
    let deadline = Instant::now() + PATIENCE;
    while !is_done()? {
        if Instant::now() >= deadline {
            return Err("the cluster or the application is not ready".into());
        }
        // Between two questions to the cluster, which tells of no change by itself.
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// The application under test, which does not outlive this program.
struct Application(Child);

impl Application {
    fn stop(&mut self) -> Fallible<()> {
        Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status()?;
        let status = self.0.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the application ended with {status}").into()) }
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        // After an orderly stop there is nothing to kill, and nobody to tell.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
