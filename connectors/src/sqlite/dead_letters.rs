//! The sink from the dead-letter topic into the table `dead_letters`: one row per identity, also where the topic holds a letter twice.

use super::database;
use super::fault::Fault;
use super::letters;
use super::progress::Claimed;
use headwater_streams::connector::{Claim, Connector, ConnectorError, DeadLetter, Level, SinkTask, Writer, Written};
use headwater_streams::log::{RecordRef, Records};
use rusqlite::{Connection, TransactionBehavior};
use std::path::PathBuf;

const NAME: &str = "dead_letters";

/// Reads `<application id>-dlq` into the table `dead_letters` of a SQLite file, exactly once.
#[derive(Clone, Debug)]
pub struct SqliteDeadLetters {
    path: PathBuf,
}

impl SqliteDeadLetters {
    /// The sink into the file at `path`, which is made where it is missing.
    pub fn new(path: impl Into<PathBuf>) -> SqliteDeadLetters {
        SqliteDeadLetters { path: path.into() }
    }
}

impl Connector for SqliteDeadLetters {
    fn name(&self) -> &str {
        NAME
    }

    fn level(&self) -> Level {
        Level::ExactlyOnce
    }

    fn open(&self, task: &SinkTask) -> Result<Box<dyn Writer>, ConnectorError> {
        let connection = database::open(&self.path).map_err(|fault| fault.into_connector_error(NAME, Some(task)))?;
        Ok(Box::new(LettersWriter { connection, claimed: Claimed::nothing_yet(task, NAME) }))
    }
}

struct LettersWriter {
    connection: Connection,
    claimed: Claimed,
}

impl LettersWriter {
    fn try_claim(&mut self) -> Result<Claim, Fault> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let next_offset = self.claimed.take_over(&transaction)?;
        transaction.commit()?;
        Ok(Claim { next_offset, unpublished: Vec::new() })
    }

    fn try_write(&mut self, batch: &Records, next_offset: i64) -> Result<Written, Fault> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let written = self.claimed.next_offset(&transaction)?.unwrap_or(i64::MIN);
        let mut rows = 0;
        for record in batch.iter().filter(|record| record.offset >= written) {
            let (application_id, letter) = letter_in(record, &self.claimed);
            rows += usize::from(letters::add_published(&transaction, &application_id, &letter)?);
        }
        self.claimed.advance(&transaction, next_offset)?;
        transaction.commit()?;
        Ok(Written { rows, refused: Vec::new() })
    }
}

impl Writer for LettersWriter {
    fn claim(&mut self) -> Result<Claim, ConnectorError> {
        self.try_claim().map_err(|fault| self.claimed.error(fault))
    }

    fn write(&mut self, batch: &Records, next_offset: i64) -> Result<Written, ConnectorError> {
        self.try_write(batch, next_offset).map_err(|fault| self.claimed.error(fault))
    }

    /// This sink has no letters of its own.
    fn published(&mut self, _: &[DeadLetter]) -> Result<(), ConnectorError> {
        Ok(())
    }
}

/// What is no letter is kept as one itself, under its place in the dead-letter topic: it is never lost and goes round no circle.
fn letter_in(record: RecordRef<'_>, claimed: &Claimed) -> (String, DeadLetter) {
    DeadLetter::from_record(record).unwrap_or_else(|error| {
        let letter = claimed.letter(record, error.to_string());
        (claimed.task.application_id.clone(), letter)
    })
}
