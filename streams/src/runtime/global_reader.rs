//! Reads the topics of global tables: to their ends before anything else is done, and on from there.

use super::outage::Outages;
use super::plan::Plan;
use super::{AppError, OnFailure};
use crate::log::{FetchLimit, Fetched, Log, LogError, Reader, StartAt, TopicPartition};
use crate::task::NoRow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tracing::{info, warn};

/// Before the tables are complete there is nothing else to do, so the reader may wait so long for records, or for a log that is away.
const LOADING_WAIT: Duration = Duration::from_millis(10);

/// The reader of one instance. No group knows of it: every instance reads everything.
pub(super) struct GlobalReader {
    reader: Box<dyn Reader>,
    stage: Stage,
    assigned: BTreeSet<TopicPartition>,
    fetched: Vec<Fetched>,
}

enum Stage {
    /// It is not known yet where the topics end.
    Asking,
    /// Up to these offsets tables are to be read before there are tasks.
    Loading(BTreeMap<TopicPartition, i64>),
    Following,
}

impl GlobalReader {
    pub(super) fn new(reader: Box<dyn Reader>) -> Self {
        GlobalReader { reader, stage: Stage::Asking, assigned: BTreeSet::new(), fetched: Vec::new() }
    }

    /// Takes in what there is. Returns whether the tables are complete, as of the start.
    pub(super) fn poll(&mut self, now: i64, plan: &Plan, log: &dyn Log, outages: &mut Outages) -> Result<bool, AppError> {
        match self.stage {
            Stage::Asking => {
                if let Some(ends) = outages.bridge(now, "the ends of global tables", ends(plan, log))? {
                    plan.globals.clear();
                    self.assign(ends.keys().cloned());
                    self.stage = Stage::Loading(ends);
                }
            }
            Stage::Loading(_) => {}
            Stage::Following => self.follow_growth(plan),
        }
        let wait = if matches!(self.stage, Stage::Following) { Duration::ZERO } else { LOADING_WAIT };
        let read = self.reader.poll(FetchLimit::default(), wait, &mut self.fetched);
        outages.bridge(now, "global tables", read)?;
        for fetched in self.fetched.drain(..) {
            take(now, plan, &fetched)?;
            if let Some(error) = fetched.error {
                return Err(AppError::log(format!("cannot read global table {} at offset {}", fetched.partition, fetched.next))(error));
            }
            self.reader.recycle(fetched.records);
        }
        let reader = &self.reader;
        if let Stage::Loading(missing) = &mut self.stage {
            missing.retain(|at, end| reader.position(at).is_none_or(|position| position < *end));
            if missing.is_empty() {
                info!("global tables are complete");
                self.stage = Stage::Following;
            }
        }
        Ok(matches!(self.stage, Stage::Following))
    }

    fn assign(&mut self, partitions: impl IntoIterator<Item = TopicPartition>) {
        for at in partitions {
            if !self.assigned.contains(&at) {
                self.reader.assign(&at, StartAt::Earliest);
                self.assigned.insert(at);
            }
        }
    }

    /// Rows may stand in any partition, so those that a topic has got since the start belong to its table. (Kafka's global thread reads them after the next
    /// start only.)
    fn follow_growth(&mut self, plan: &Plan) {
        if plan.global_partition_count() > self.assigned.len() {
            self.assign(plan.global_partitions());
        }
    }
}

fn ends(plan: &Plan, log: &dyn Log) -> Result<BTreeMap<TopicPartition, i64>, LogError> {
    let admin = log.admin();
    plan.global_partitions().into_iter().map(|at| admin.ends(&at).map(|ends| (at, ends.stable))).collect()
}

/// There is no task that could write a dead letter: where the policy is not to stop, a record that cannot be read is told of and left out.
fn take(now: i64, plan: &Plan, fetched: &Fetched) -> Result<(), AppError> {
    let at = &fetched.partition;
    plan.globals.take(now, fetched, |NoRow { offset, cause }| match plan.config.rules().failures.of(cause.fault) {
        OnFailure::Fail => Err(AppError::GlobalTable { at: at.clone(), offset, reason: cause.cause.to_string() }),
        OnFailure::Skip | OnFailure::DeadLetter => {
            warn!(%at, offset, reason = %cause.cause, "record of a global table cannot be read, left out");
            Ok(())
        }
    })
}
