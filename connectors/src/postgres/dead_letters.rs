//! The sink from the dead-letter topic into the table `dead_letters`: one row per identity, also where the topic holds a letter twice.

use super::database::Postgres;
use super::fault::Fault;
use super::{letters, progress};
use crate::progress::Claimed;
use headwater_streams::connector::{Claim, Connector, ConnectorError, DeadLetter, Level, SinkTask, Writer, Written};
use headwater_streams::log::Records;

const NAME: &str = "dead_letters";

/// Reads `<application id>-dlq` into the table `dead_letters` of a PostgreSQL database, exactly once.
#[derive(Clone, Debug)]
pub struct PostgresDeadLetters {
    database: Postgres,
}

impl PostgresDeadLetters {
    /// The sink into this database.
    pub fn new(database: Postgres) -> PostgresDeadLetters {
        PostgresDeadLetters { database }
    }
}

impl Connector for PostgresDeadLetters {
    fn name(&self) -> &str {
        NAME
    }

    fn level(&self) -> Level {
        Level::ExactlyOnce
    }

    fn open(&self, task: &SinkTask) -> Result<Box<dyn Writer>, ConnectorError> {
        Ok(Box::new(LettersWriter { database: self.database.clone(), claimed: Claimed::nothing_yet(task, NAME) }))
    }
}

struct LettersWriter {
    database: Postgres,
    claimed: Claimed,
}

impl LettersWriter {
    fn try_claim(&mut self) -> Result<Claim, Fault> {
        let found = self.database.transaction(async |session| progress::take_over(session, &self.claimed).await)?;
        Ok(Claim { next_offset: self.claimed.hold(found), unpublished: Vec::new() })
    }

    fn try_write(&mut self, batch: &Records, next_offset: i64) -> Result<Written, Fault> {
        self.database.transaction(async |session| {
            let written = progress::next_offset(session, &self.claimed).await?.unwrap_or(i64::MIN);
            let records = batch.iter().filter(|record| record.offset >= written);
            let letters: Vec<letters::Addressed> = records.map(|record| self.claimed.letter_in(record)).collect();
            let rows = letters::add_published(session, &letters).await?;
            progress::advance(session, &self.claimed, next_offset).await?;
            Ok(Written { rows: rows as usize, refused: Vec::new() })
        })
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
