//! What an operator may know and do beyond its own record: times, coordinates, sends, failures.

use super::{Failure, Fault, Flow, Front, Outbox, Schedules, Stop};
use crate::log::TopicPartition;
use crate::record::{NO_TIMESTAMP, Timestamp};
use crate::runtime::{Late, OnFailure, Policies, Recovery, TimeRule};
use headwater_state::TaskState;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// The task around an operator, handed along with every record. Kafka: `ProcessorContext`.
pub struct Context {
    pub(crate) outbox: Outbox,
    pub(crate) rules: Rules,
    pub(crate) stream_time: Timestamp,
    pub(crate) wall_time: Timestamp,
    pub(crate) coordinates: Option<Coordinates>,
    /// Letters of the record at hand; the task adds the bytes and sends them.
    pub(crate) letters: Vec<Letter>,
    /// Records that were dropped without a letter. Kafka: `dropped-records-total`.
    pub(crate) dropped: u64,
    pub(crate) state: Rc<RefCell<TaskState>>,
    pub(crate) fronts: Vec<Rc<dyn Front>>,
    pub(crate) schedules: Schedules,
}

/// How this application treats time and failures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rules {
    pub(crate) time: TimeRule,
    pub(crate) failures: Policies,
    pub(crate) recovery: Recovery,
    pub(crate) late: Late,
}

/// Where the record at hand was read. Kafka: `RecordMetadata`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coordinates {
    /// The topic.
    pub topic: Arc<str>,
    /// Its partition.
    pub partition: i32,
    /// The record's offset.
    pub offset: i64,
}

/// A failure on its way to the dead-letter topic.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Letter {
    pub(crate) stage: Arc<str>,
    pub(crate) reason: String,
    /// In a flush or a punctuation: the key and value that failed, in place of a record that was read.
    pub(crate) stands_for: Option<(Option<Vec<u8>>, Option<Vec<u8>>)>,
}

impl Context {
    pub(crate) fn new(rules: Rules, state: Rc<RefCell<TaskState>>) -> Self {
        Context {
            outbox: Outbox::default(),
            rules,
            stream_time: NO_TIMESTAMP,
            wall_time: 0,
            coordinates: None,
            letters: Vec::new(),
            dropped: 0,
            state,
            fronts: Vec::new(),
            schedules: Schedules::new(rules.recovery == Recovery::Undo),
        }
    }

    /// The task's stream time in milliseconds, before the record at hand has moved it under [`TimeRule::Watermark`],
    /// after it has under [`TimeRule::Kafka`]; [`NO_TIMESTAMP`] while unknown.
    pub fn stream_time(&self) -> Timestamp {
        self.stream_time
    }

    /// The time of the last step of the runtime, in milliseconds since the epoch. Kafka: `currentSystemTimeMs`.
    pub fn wall_time(&self) -> Timestamp {
        self.wall_time
    }

    /// Where the record at hand was read; none in a flush or a punctuation.
    pub fn coordinates(&self) -> Option<&Coordinates> {
        self.coordinates.as_ref()
    }

    /// The record at hand was read here.
    #[inline]
    pub(crate) fn point_at(&mut self, at: &TopicPartition, offset: i64) {
        match &mut self.coordinates {
            // Mostly the partition stays: then only the offset moves, and no count of references.
            Some(known) if known.partition == at.partition && Arc::ptr_eq(&known.topic, &at.topic) => known.offset = offset,
            coordinates => *coordinates = Some(Coordinates { topic: at.topic.clone(), partition: at.partition, offset }),
        }
    }

    /// An operator could not process its record. Under [`Recovery::Undo`] the whole record is given up; under
    /// [`Recovery::Continue`] only what would have followed from here, as Kafka's processing exception handler does (KIP-1033).
    pub(crate) fn fail(&mut self, stage: &Arc<str>, cause: Failure) -> Flow {
        self.fail_at(Fault::Processing, stage, cause)
    }

    /// The same for what cannot be written or has nowhere to go.
    pub(crate) fn fail_send(&mut self, stage: &Arc<str>, cause: Failure) -> Flow {
        self.fail_at(Fault::Sending, stage, cause)
    }

    #[cold]
    pub(crate) fn fail_at(&mut self, fault: Fault, stage: &Arc<str>, cause: Failure) -> Flow {
        let stop = Box::new(Stop::Record { fault, stage: stage.clone(), cause });
        match self.rules.recovery {
            Recovery::Undo => Err(stop),
            Recovery::Continue => self.settle(stop, None),
        }
    }

    /// The record came after its window had closed.
    pub(crate) fn drop_late(&mut self, stage: &Arc<str>) {
        match self.rules.late {
            Late::Drop => self.dropped += 1,
            Late::DeadLetter => self.letters.push(Letter { stage: stage.clone(), reason: "late".into(), stands_for: None }),
        }
    }

    /// The record has no place in the operator (a null key in a grouping): Kafka counts such records and goes on.
    pub(crate) fn drop_record(&mut self) {
        self.dropped += 1;
    }

    /// A forward outside of a record's processing (a cache flush, a punctuation): where it fails, only it is given up.
    pub(crate) fn detached(
        &mut self, stands_for: impl FnOnce() -> (Option<Vec<u8>>, Option<Vec<u8>>), forward: impl FnOnce(&mut Context) -> Flow,
    ) -> Flow {
        self.begin_record();
        match forward(self) {
            Err(stop) if matches!(*stop, Stop::Record { .. }) => {
                if self.rules.recovery == Recovery::Undo {
                    self.undo_record();
                }
                self.settle(stop, Some(stands_for()))
            }
            done => done,
        }
    }

    /// Applies the policy for a failed record whose effects have been dealt with.
    pub(crate) fn settle(&mut self, stop: Box<Stop>, stands_for: Option<(Option<Vec<u8>>, Option<Vec<u8>>)>) -> Flow {
        let Stop::Record { fault, stage, cause } = &*stop else { return Err(stop) };
        match self.rules.failures.of(*fault) {
            OnFailure::Fail => return Err(stop),
            OnFailure::Skip => self.dropped += 1,
            OnFailure::DeadLetter => self.letters.push(Letter { stage: stage.clone(), reason: cause.to_string(), stands_for }),
        }
        Ok(())
    }

    /// User code of a processor with this number is about to run.
    #[inline]
    pub(crate) fn speak(&mut self, number: usize) {
        self.schedules.speak(number, self.stream_time, self.wall_time);
    }

    /// What has happened so far stays, whatever becomes of the next record.
    pub(crate) fn begin_record(&mut self) {
        if self.rules.recovery == Recovery::Undo {
            self.outbox.begin_record();
            self.schedules.begin_record();
            self.state.borrow().begin_record();
            self.fronts.iter().for_each(|front| front.begin_record());
        }
    }

    /// Takes back store writes and sends since [`Context::begin_record`].
    pub(crate) fn undo_record(&mut self) {
        self.outbox.undo_record();
        self.schedules.undo_record();
        self.state.borrow().undo_record();
        self.fronts.iter().for_each(|front| front.undo_record());
    }
}
