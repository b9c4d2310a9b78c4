//! What wiring leaves to a task: its sources, and the handles by which it flushes, punctuates, undoes and remembers.

use super::store::{Asked, Refusals};
use super::{Context, Due, Failure, Fault, Flow, Schedules, Stop};
use crate::format::FormatError;
use crate::log::RecordRef;
use crate::record::Timestamp;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

/// The operators of one task, wired.
#[derive(Default)]
pub(crate) struct Processors {
    /// One entry a source node, in the order in which they were built.
    pub(crate) sources: Vec<WiredSource>,
    /// Cached stores' forwards, upstream first.
    pub(crate) flushers: Vec<Flusher>,
    /// Stores by name, for queries.
    pub(crate) stores: Vec<(&'static str, Rc<dyn Asked>)>,
    /// Processors that may have punctuations, in the order in which they were built.
    pub(crate) punctuated: Vec<Box<dyn Punctuated>>,
    /// Typed fronts of the byte stores.
    pub(crate) fronts: Vec<Rc<dyn Front>>,
    /// Times that operators and stores keep for themselves, by name; the task saves them with its commits.
    pub(crate) clocks: Vec<(Arc<str>, Rc<Cell<Timestamp>>)>,
    /// What stores have refused to write.
    pub(crate) refusals: Refusals,
}

/// A source node and the topics that it reads.
pub(crate) struct WiredSource {
    pub(crate) topics: Vec<Arc<str>>,
    pub(crate) node: Box<dyn SourceNode>,
}

/// A processor that may have punctuations.
pub(crate) trait Punctuated {
    /// Lets it schedule; `number` is its place among the processors of the task.
    fn init(&mut self, number: usize, schedules: &mut Schedules);
    /// One of its schedules is due.
    fn punctuate(&mut self, due: Due, task: &mut Context) -> Flow;
}

/// Forwards what a cached store holds back.
pub(crate) type Flusher = Box<dyn FnMut(&mut Context) -> Flow>;

/// Turns bytes into records. A `lane` is one input partition of this source.
pub(crate) trait SourceNode {
    /// Decodes the head of a lane and keeps it there until it is dispatched.
    fn stage(&mut self, lane: usize, record: RecordRef<'_>, clocks: Clocks) -> Result<Staged, Unreadable>;
    /// Sends the staged record of a lane on its way.
    fn dispatch(&mut self, lane: usize, task: &mut Context) -> Flow;
    /// The name for errors and dead letters.
    fn name(&self) -> &Arc<str>;
}

/// What a source may take a record's time from, beside the record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    /// The largest time seen in the partition.
    pub(crate) partition: Timestamp,
    /// The time of the step that reads the record.
    pub(crate) wall: Timestamp,
}

/// Why a record does not come past its source.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) fault: Fault,
    pub(crate) cause: Failure,
}

impl Unreadable {
    /// The record has no time.
    #[cold]
    pub(crate) fn timeless(reason: String) -> Self {
        Unreadable { fault: Fault::Time, cause: Failure::text(reason) }
    }
}

impl From<FormatError> for Unreadable {
    #[cold]
    fn from(error: FormatError) -> Self {
        Unreadable { fault: Fault::Undecodable, cause: error.into() }
    }
}

/// What became of a record at its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Staged {
    /// It waits with this event time.
    Ready(Timestamp),
    /// It waits with a time that it got here: what is in the log has no say in whether that can be.
    Stamped(Timestamp),
    /// Its time says that it is to be dropped.
    Dropped,
}

/// The typed front of a byte store: rows that were read or written in this commit interval, decoded.
pub(crate) trait Front {
    /// Encodes dirty rows into the byte store. Called before a commit and before a scan.
    fn write_back(&self) -> Result<(), Box<Stop>>;
    /// It holds more than its cache allows: time to flush.
    fn is_full(&self) -> bool;
    /// Forgets everything: the interval is aborted.
    fn abort(&self);
    /// What was written so far stays, whatever becomes of the next record.
    fn begin_record(&self);
    /// Takes back what was written since [`Front::begin_record`].
    fn undo_record(&self);
}
