//! How far a sink has come, kept beside its rows, and who may write them: what all targets have in common.

use headwater_streams::connector::{DeadLetter, SinkTask};
use headwater_streams::log::RecordRef;
use std::fmt::Write;

/// Of application, topic and stage of a dead letter together. PostgreSQL's index takes 2704 bytes, and a NUL becomes three.
const LONGEST_NAMES: usize = 800;

/// A row of the table `headwater_sink_progress`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkProgress {
    /// The application.
    pub application_id: String,
    /// Its sink.
    pub sink: String,
    /// The topic that the sink reads.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// The topic's id in hexadecimal digits.
    pub topic_id: String,
    /// Where the sink reads on; `None` while nothing has been written.
    pub next_offset: Option<i64>,
    /// How often the partition has been taken over.
    pub epoch: i64,
}

/// The claim of one writer on one partition.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) task: SinkTask,
    pub(crate) sink: String,
    /// 0 before the first claim, which no row has.
    pub(crate) epoch: i64,
}

impl Claimed {
    pub(crate) fn nothing_yet(task: &SinkTask, sink: &str) -> Self {
        Claimed { task: task.clone(), sink: sink.to_string(), epoch: 0 }
    }

    /// The topic's id as the target keeps it.
    pub(crate) fn topic_id(&self) -> String {
        hex(&self.task.topic_id)
    }

    /// The claim stands in the target: says where to read on. Not before, or an epoch that was rolled back and given to another writer
    /// would be ours as well.
    pub(crate) fn hold(&mut self, found: SinkProgress) -> Option<i64> {
        self.epoch = found.epoch;
        found.next_offset
    }

    /// The letter for a record of the claimed partition that this sink cannot use.
    pub(crate) fn letter(&self, record: RecordRef<'_>, reason: String) -> DeadLetter {
        DeadLetter {
            topic: self.task.topic.clone(),
            partition: self.task.partition,
            offset: record.offset,
            stage: self.sink.clone(),
            reason,
            key: record.key.map(Into::into),
            value: record.value.map(Into::into),
            timestamp: record.timestamp,
            headers: record.headers.to_headers(),
        }
    }

    /// The letter that a record of a dead-letter topic holds, with its application. What is no letter is kept as one itself, under its
    /// place in the dead-letter topic: it is never lost and goes round no circle.
    pub(crate) fn letter_in(&self, record: RecordRef<'_>) -> (String, DeadLetter) {
        let read = DeadLetter::from_record(record).map_err(|error| error.to_string()).and_then(fits_a_key);
        read.unwrap_or_else(|reason| (self.task.application_id.clone(), self.letter(record, reason)))
    }

    /// Why the progress that was found does not belong to this log.
    pub(crate) fn misfit(&self, found: &SinkProgress) -> Option<String> {
        let SinkTask { application_id, topic, partition, log_start, log_end, .. } = &self.task;
        let decide = format!("to start over: headwater sink reset {application_id} {}", self.sink);
        let now = self.topic_id();
        if found.topic_id != now {
            let known = &found.topic_id;
            return Some(format!(
                "progress in {topic}-{partition} is that of another topic of this name (id {known}, now {now}); {decide}"
            ));
        }
        let next = found.next_offset?;
        if next < *log_start {
            let lost = log_start - next;
            return Some(format!(
                "progress in {topic}-{partition} is offset {next}, the log begins at {log_start}: {lost} offsets are gone; {decide}"
            ));
        }
        (next > *log_end).then(|| {
            let ahead = next - log_end;
            format!("progress in {topic}-{partition} is offset {next}, the log ends at {log_end}: {ahead} offsets are missing; {decide}")
        })
    }
}

/// A stranger may write names into a dead-letter topic that no index of a database takes.
fn fits_a_key((application_id, letter): (String, DeadLetter)) -> Result<(String, DeadLetter), String> {
    let names = application_id.len() + letter.topic.len() + letter.stage.len();
    if names > LONGEST_NAMES {
        return Err(format!("not a dead letter: its names have {names} bytes, at most {LONGEST_NAMES} are kept"));
    }
    Ok((application_id, letter))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}
