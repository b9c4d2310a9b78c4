//! Whether a play kept up with its case. What runs out by itself (a transaction's timeout, a linger, a topic's retention) runs out on a slow
//! machine before the steps that were recorded while it held. Such a play is no evidence, neither for nor against.
//!
//! A time counts from the beginning of the step that starts it. What a case itself waits for is granted: a time that is no longer than that was
//! meant to run out. Any other has to outlast the steps behind it, until one ends it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::case::Step;

/// So long an `until` may take, where it does not say.
const UNTIL: Duration = Duration::from_secs(15);
/// The timeout of a transaction, where a case does not say.
const TRANSACTION_MS: i64 = 60_000;
/// Settings of topics that let records go by themselves.
const OF_TOPICS: [&str; 2] = ["retention.ms", "segment.ms"];
/// After this time librdkafka tells the coordinator of a partition that has records in the queue. From then on an abort leaves a marker there,
/// though it throws the records away.
const UNTOLD: Duration = Duration::from_millis(1);

/// The times that run while a case is played.
#[derive(Debug)]
pub(super) struct Pace {
    is_real: bool,
    producers: BTreeMap<String, Producer>,
    /// By topic and setting.
    topics: BTreeMap<(String, &'static str), Duration>,
    running: Vec<Running>,
}

#[derive(Debug)]
struct Producer {
    transactional_id: String,
    timeout: Duration,
    linger: Duration,
}

/// Something that ends by itself.
#[derive(Debug)]
struct Running {
    what: What,
    since: Duration,
    lasts: Duration,
    /// How much of it the case has waited for.
    granted: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// A transaction, by its transactional id.
    Transaction(String),
    /// What waits in a producer's queue.
    Queue(String),
    /// The same, while its coordinator knows nothing of it. This is of the next step only.
    Untold(String),
    /// The records of a topic.
    Records(String),
}

impl Pace {
    /// Of a play on a log on which time passes by itself, or on a clock that the player moves.
    pub(super) fn new(is_real: bool) -> Self {
        Self { is_real, producers: BTreeMap::new(), topics: BTreeMap::new(), running: Vec::new() }
    }

    /// Takes note of a step that was done between these times. Says what had run out before it should.
    pub(super) fn did(&mut self, step: &Step, began: Duration, ended: Duration) -> Option<String> {
        let granted = granted(step);
        self.running.iter_mut().for_each(|running| running.granted += granted);
        self.running.retain(|running| running.granted < running.lasts && running.concerns(step));
        let late = self.running.iter().find(|running| ended.saturating_sub(running.since) >= running.lasts);
        let late =
            late.map(|running| format!("{:?} lasts {:?}, of which {:?} had passed", running.what, running.lasts, ended - running.since));
        self.end(step);
        self.start(step, began);
        late
    }

    fn start(&mut self, step: &Step, began: Duration) {
        let text = |name: &str| step.body[name].as_str().unwrap_or_default().to_owned();
        match step.op.as_str() {
            "producer" => {
                let (timeout, linger) = (transaction_timeout(step), linger(step, self.is_real));
                self.producers.insert(text("producer"), Producer { transactional_id: text("transactional_id"), timeout, linger });
            }
            "create_topic" | "alter_topic" => self.set_topic(step, &text("topic")),
            "begin" => {
                let Some(producer) = self.producers.get(&text("producer")) else { return };
                self.run(What::Transaction(producer.transactional_id.clone()), began, producer.timeout);
            }
            "send" | "send_batch" | "enqueue" => {
                let topic = text("topic");
                let times: Vec<_> = OF_TOPICS.iter().filter_map(|name| self.topics.get(&(topic.clone(), *name)).copied()).collect();
                times.into_iter().for_each(|lasts| self.run(What::Records(topic.clone()), began, lasts));
                if step.op == "enqueue" {
                    self.start_queue(text("producer"), began);
                }
            }
            _ => {}
        }
    }

    fn start_queue(&mut self, name: String, began: Duration) {
        let Some(producer) = self.producers.get(&name) else { return };
        let linger = producer.linger;
        if self.is_real && !producer.transactional_id.is_empty() {
            self.run(What::Untold(name.clone()), began, UNTOLD);
        }
        self.run(What::Queue(name), began, linger);
    }

    fn set_topic(&mut self, step: &Step, topic: &str) {
        for name in OF_TOPICS {
            let Some(time) = step.body["configs"][name].as_str().and_then(|time| time.parse::<i64>().ok()) else { continue };
            // Below 0 is without end, and 0 is over before anybody can be late.
            self.topics.insert((topic.to_owned(), name), Duration::from_millis(time.max(0).unsigned_abs()));
        }
        self.topics.retain(|_, time| !time.is_zero());
    }

    fn run(&mut self, what: What, since: Duration, lasts: Duration) {
        self.running.push(Running { what, since, lasts, granted: Duration::ZERO });
    }

    fn end(&mut self, step: &Step) {
        let name = step.body["producer"].as_str().unwrap_or_default();
        let sends_queue = matches!(step.op.as_str(), "send" | "send_batch" | "flush" | "results" | "commit" | "abort" | "kill");
        let has_ended = matches!(step.op.as_str(), "commit" | "abort" | "init") && step.see["error"].is_null();
        let id = self.producers.get(name).map(|producer| producer.transactional_id.clone()).unwrap_or_default();
        self.running.retain(|running| match &running.what {
            What::Transaction(of) => !(has_ended && *of == id),
            What::Queue(of) => !(sends_queue && of == name),
            What::Untold(_) => false,
            What::Records(_) => true,
        });
    }
}

impl Running {
    /// Whether it makes a difference to a step that this has run out.
    fn concerns(&self, step: &Step) -> bool {
        match &self.what {
            What::Untold(of) => step.op == "abort" && step.body["producer"] == **of,
            What::Transaction(_) | What::Queue(_) | What::Records(_) => true,
        }
    }
}

/// After this time the log aborts an open transaction of a producer.
pub(super) fn transaction_timeout(step: &Step) -> Duration {
    Duration::from_millis(step.number_or("timeout_ms", TRANSACTION_MS).unsigned_abs())
}

/// How long a producer gathers. Nobody waits for it in a case: what sends a queue is a flush. So on a cluster, however slow, what waits in a
/// queue is to be there still in the next step; a client wants its lingers shorter than its transactions.
pub(super) fn linger(step: &Step, is_real: bool) -> Duration {
    let recorded = Duration::from_millis(step.body["configs"]["linger.ms"].as_u64().unwrap_or_default());
    if is_real && !recorded.is_zero() { transaction_timeout(step) / 2 } else { recorded }
}

/// How long an `until` goes on.
pub(super) fn until_limit(step: &Step) -> Duration {
    step.body["timeout_ms"].as_u64().map_or(UNTIL, Duration::from_millis)
}

/// How long a step takes by its own account.
fn granted(step: &Step) -> Duration {
    match step.op.as_str() {
        "wait" => Duration::from_millis(step.number_or("ms", 0).unsigned_abs()),
        "until" => until_limit(step),
        _ => Duration::ZERO,
    }
}
