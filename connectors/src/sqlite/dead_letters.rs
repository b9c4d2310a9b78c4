//! The sink from the dead-letter topic into the table `dead_letters`: one row per identity, also where the topic holds a letter twice.

use super::database;
use super::fault::Fault;
use super::letters;
use super::progress;
use crate::progress::Claimed;
use headwater_streams::connector::{Claim, Connector, ConnectorError, DeadLetter, Level, SinkTask, Writer, Written};
use headwater_streams::log::Records;
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
        let found = progress::take_over(&transaction, &self.claimed)?;
        transaction.commit()?;
        Ok(Claim { next_offset: self.claimed.hold(found), unpublished: Vec::new() })
    }

    fn try_write(&mut self, batch: &Records, next_offset: i64) -> Result<Written, Fault> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let written = progress::next_offset(&transaction, &self.claimed)?.unwrap_or(i64::MIN);
        let mut rows = 0;
        for record in batch.iter().filter(|record| record.offset >= written) {
            let (application_id, letter) = self.claimed.letter_in(record);
            rows += usize::from(letters::add_published(&transaction, &application_id, &letter)?);
        }
        progress::advance(&transaction, &self.claimed, next_offset)?;
        transaction.commit()?;
        Ok(Written { rows, refused: Vec::new() })
    }
}

impl Writer for LettersWriter {
    fn claim(&mut self) -> Result<Claim, ConnectorError> {
        self.try_claim().map_err(|fault| fault.of(&self.claimed))
    }

    fn write(&mut self, batch: &Records, next_offset: i64) -> Result<Written, ConnectorError> {
        self.try_write(batch, next_offset).map_err(|fault| fault.of(&self.claimed))
    }

    /// This sink has no letters of its own.
    fn published(&mut self, _: &[DeadLetter]) -> Result<(), ConnectorError> {
        Ok(())
    }
}
