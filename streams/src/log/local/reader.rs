//! A reader with librdkafka's behaviour: positions, resets, ends.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::host::Host;
use crate::log::core::broker::Broker;
use crate::log::core::fetch::{self, FetchPlan, Reach};
use crate::log::faults::Request;
use crate::log::{
    ErrorCode, FetchLimit, Fetched, GroupOffset, Isolation, LogError, Reader, ReaderConfig, Records, Reset, StartAt, TopicPartition,
};

/// So many arenas are kept for later fetches.
const MOST_SPARE: usize = 32;

/// A reader of the embedded or the simulated log.
pub(crate) struct LocalReader {
    host: Arc<Host>,
    config: ReaderConfig,
    places: Vec<Place>,
    /// Topics that were there once. When they go, librdkafka says nothing.
    known: HashSet<Arc<str>>,
    /// The place that is first in the next poll.
    turn: usize,
    spare: Vec<Records>,
}

/// One assigned partition.
struct Place {
    at: TopicPartition,
    start: StartAt,
    /// Where to read on.
    from: Option<i64>,
    /// The offset behind the last record or marker, once there was one.
    passed: Option<i64>,
    paused: bool,
    /// The end was told of and nothing has come since.
    told_end: bool,
    /// It failed, which was told, and is to be assigned anew.
    failed: bool,
    /// The topic was never there, which was told.
    told_missing: bool,
    /// This poll's request for it does not arrive.
    lost: bool,
}

/// What a poll has found out about a place.
enum Found {
    Nothing,
    End,
    Failed(ErrorCode),
    Plan(FetchPlan),
}

impl LocalReader {
    pub(crate) fn new(host: Arc<Host>, config: ReaderConfig) -> Self {
        Self { host, config, places: Vec::new(), known: HashSet::new(), turn: 0, spare: Vec::new() }
    }

    fn place(&mut self, at: &TopicPartition) -> Option<&mut Place> {
        self.places.iter_mut().find(|place| place.at == *at)
    }

    /// Looks once at all places.
    fn poll_once(&mut self, limit: FetchLimit, out: &mut Vec<Fetched>) -> Result<(), LogError> {
        let count = self.places.len();
        for place in &mut self.places {
            place.lost = self.host.loses(&Request::Fetch { at: &place.at });
        }
        let (places, known, config, turn) = (&mut self.places, &mut self.known, &self.config, self.turn);
        let mut plans = Vec::new();
        self.host.view(|broker| {
            // The committed offsets are one question: where a transaction holds one of them, all wait.
            let held = places.iter().any(|place| place.is_held(broker, config));
            for index in (0..count).map(|step| (turn + step) % count) {
                let place = &mut places[index];
                if held && place.awaits_committed() {
                    continue;
                }
                match place.look(broker, config, known) {
                    Found::Nothing => {}
                    Found::End => out.push(place.fetched(Records::new(), true, None)),
                    Found::Failed(code) => out.push(place.fetched(Records::new(), false, Some(LogError::new(code, &place.at)))),
                    Found::Plan(plan) => plans.push((index, plan)),
                }
            }
            Ok(())
        })?;
        self.turn = if count == 0 { 0 } else { (turn + 1) % count };
        self.read(plans, limit, out)
    }

    /// Reads what was planned, each partition its share.
    fn read(&mut self, plans: Vec<(usize, FetchPlan)>, limit: FetchLimit, out: &mut Vec<Fetched>) -> Result<(), LogError> {
        let mut left = plans.len();
        let (mut records_left, mut bytes_left) = (limit.records, limit.bytes);
        for (index, plan) in plans {
            let share = FetchLimit { records: records_left.div_ceil(left), bytes: bytes_left.div_ceil(left) };
            left -= 1;
            if share.records == 0 || share.bytes == 0 {
                continue;
            }
            let mut records = self.spare.pop().unwrap_or_default();
            let progress = fetch::read(&*self.host.store, &plan, share, &mut records)?;
            let place = &mut self.places[index];
            let isolation = self.config.isolation;
            // What was deleted while it was read is not skipped in silence: the next look resets the position.
            let (holds, at_end) = self.host.view(|broker| {
                Ok((broker.still_holds(&place.at, &plan), broker.reach(&place.at, progress.next, isolation) == Reach::AtEnd))
            })?;
            if !holds {
                self.recycle(records);
                continue;
            }
            records_left = records_left.saturating_sub(records.len());
            bytes_left = bytes_left.saturating_sub(records.byte_len());
            (place.from, place.told_end) = (Some(progress.next), at_end);
            place.passed = progress.passed.or(place.passed);
            if at_end || progress.passed.is_some() {
                out.push(place.fetched(records, at_end, None));
            } else {
                self.recycle(records);
            }
        }
        Ok(())
    }
}

impl Place {
    fn fetched(&self, records: Records, at_end: bool, error: Option<LogError>) -> Fetched {
        let next = self.passed.or(self.from).unwrap_or_default();
        Fetched { partition: self.at.clone(), records, next, at_end, error }
    }

    /// Whether it is to start where its group stands and has not learnt that yet.
    fn awaits_committed(&self) -> bool {
        self.start == StartAt::Committed && self.from.is_none() && !self.failed
    }

    fn is_held(&self, broker: &Broker, config: &ReaderConfig) -> bool {
        self.awaits_committed() && self.committed(broker, config) == Err(ErrorCode::UnstableOffsetCommit)
    }

    fn committed(&self, broker: &Broker, config: &ReaderConfig) -> Result<Option<GroupOffset>, ErrorCode> {
        let group = config.group.as_deref().unwrap_or_default();
        broker.committed(group, &self.at, config.isolation == Isolation::Committed)
    }

    fn look(&mut self, broker: &Broker, config: &ReaderConfig, known: &mut HashSet<Arc<str>>) -> Found {
        if self.paused || self.failed || self.lost {
            return Found::Nothing;
        }
        if broker.partition(&self.at).is_err() {
            return self.missing(known);
        }
        self.told_missing = false;
        if !known.contains(&self.at.topic) {
            known.insert(Arc::clone(&self.at.topic));
        }
        if self.from.is_none() {
            match self.resolve(broker, config) {
                Ok(from) => self.from = Some(from),
                Err(code) => return self.fail(code),
            }
        }
        self.look_on(broker, config)
    }

    fn look_on(&mut self, broker: &Broker, config: &ReaderConfig) -> Found {
        match broker.reach(&self.at, self.from.unwrap_or_default(), config.isolation) {
            Reach::Nowhere | Reach::AboveStable => Found::Nothing,
            Reach::AtEnd if self.told_end => Found::Nothing,
            Reach::AtEnd => {
                self.told_end = true;
                Found::End
            }
            Reach::Ready(plan) => Found::Plan(plan),
            Reach::Outside => match self.reset(broker, config) {
                Ok(from) => {
                    (self.from, self.passed, self.told_end) = (Some(from), None, false);
                    // The place of a reset is inside the log, so this ends.
                    self.look_on(broker, config)
                }
                Err(code) => self.fail(code),
            },
        }
    }

    /// A topic that was never there is an error, told once; one that went away is silence.
    fn missing(&mut self, known: &HashSet<Arc<str>>) -> Found {
        if self.told_missing || known.contains(&self.at.topic) {
            return Found::Nothing;
        }
        self.told_missing = true;
        Found::Failed(ErrorCode::UnknownTopicOrPartition)
    }

    fn fail(&mut self, code: ErrorCode) -> Found {
        self.failed = true;
        if self.passed.is_none() && !matches!(self.start, StartAt::Offset(_)) {
            self.from = None; // Nothing was read here: where a group had stood is no position of this reader.
        }
        Found::Failed(code)
    }

    /// The offset that the start means now.
    fn resolve(&self, broker: &Broker, config: &ReaderConfig) -> Result<i64, ErrorCode> {
        let partition = broker.partition(&self.at)?;
        match self.start {
            StartAt::Offset(offset) => Ok(offset),
            StartAt::Earliest => Ok(partition.log_start),
            StartAt::Latest => Ok(partition.shown_end(config.isolation)),
            StartAt::Committed => {
                let committed = self.committed(broker, config)?;
                committed.map_or_else(|| self.reset(broker, config), |committed| Ok(committed.offset))
            }
        }
    }

    fn reset(&self, broker: &Broker, config: &ReaderConfig) -> Result<i64, ErrorCode> {
        let partition = broker.partition(&self.at)?;
        match config.reset {
            Reset::Error => Err(ErrorCode::AutoOffsetReset),
            Reset::Earliest => Ok(partition.log_start),
            Reset::Latest => Ok(partition.shown_end(config.isolation)),
        }
    }
}

impl Reader for LocalReader {
    fn assign(&mut self, at: &TopicPartition, start: StartAt) {
        self.unassign(at);
        let from = match start {
            StartAt::Offset(offset) => Some(offset),
            StartAt::Earliest | StartAt::Latest | StartAt::Committed => None,
        };
        let (at, passed) = (at.clone(), None);
        let (paused, told_end, failed, told_missing, lost) = (false, false, false, false, false);
        self.places.push(Place { at, start, from, passed, paused, told_end, failed, told_missing, lost });
    }

    fn unassign(&mut self, at: &TopicPartition) {
        self.places.retain(|place| place.at != *at);
        self.turn = 0;
    }

    fn pause(&mut self, at: &TopicPartition) {
        if let Some(place) = self.place(at) {
            place.paused = true;
        }
    }

    fn resume(&mut self, at: &TopicPartition) {
        if let Some(place) = self.place(at) {
            place.paused = false;
        }
    }

    fn position(&self, at: &TopicPartition) -> Option<i64> {
        self.places.iter().find(|place| place.at == *at).and_then(|place| place.passed.or(place.from))
    }

    fn poll(&mut self, limit: FetchLimit, wait: Duration, out: &mut Vec<Fetched>) -> Result<(), LogError> {
        let (until, before) = (Instant::now() + wait, out.len());
        loop {
            let version = self.host.version();
            self.poll_once(limit, out)?;
            if out.len() > before || !self.host.wait(version, until) {
                return Ok(());
            }
        }
    }

    fn recycle(&mut self, mut records: Records) {
        if self.spare.len() < MOST_SPARE {
            records.clear();
            self.spare.push(records);
        }
    }
}
