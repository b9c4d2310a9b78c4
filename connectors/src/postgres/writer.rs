//! Writes the rows of one partition with their progress. A row that the database refuses becomes a dead letter in the same transaction.
//!
//! A batch is tried as a whole; where the database refuses it, once more in parts. No transaction outlives a call.

use super::database::Postgres;
use super::fault::Fault;
use super::rows::{Refusals, Rows, Wish, rows_but};
use super::session::Session;
use super::{letters, progress};
use crate::progress::Claimed;
use headwater_streams::connector::{Claim, ConnectorError, DeadLetter, Writer, Written};
use headwater_streams::log::Records;
use std::sync::Arc;

pub(crate) struct PostgresWriter {
    database: Postgres,
    rows: Arc<Rows>,
    claimed: Claimed,
}

impl PostgresWriter {
    pub(crate) fn new(database: Postgres, rows: Arc<Rows>, claimed: Claimed) -> Self {
        PostgresWriter { database, rows, claimed }
    }

    fn try_claim(&mut self) -> Result<Claim, Fault> {
        let (found, unpublished) = self.database.transaction(async |session| {
            let found = progress::take_over(session, &self.claimed).await?;
            Ok((found, letters::unpublished(session, &self.claimed).await?))
        })?;
        Ok(Claim { next_offset: self.claimed.hold(found), unpublished })
    }

    fn try_write(&mut self, batch: &Records, next_offset: i64) -> Result<Written, Fault> {
        let wishes = self.rows.wishes(batch);
        let together = self.database.transaction(async |session| {
            let wishes = self.still_to_do(session, &wishes).await?;
            let refusals = self.rows.apply_all(session, wishes).await?;
            self.finish(session, wishes, refusals, next_offset).await
        });
        match together {
            Err(Fault::Row(_)) => self.database.transaction(async |session| {
                let wishes = self.still_to_do(session, &wishes).await?;
                let refusals = self.rows.apply_each(session, wishes).await?;
                self.finish(session, wishes, refusals, next_offset).await
            }),
            done => done,
        }
    }

    /// What was written before stays as it is: a batch that comes again must not undo a later one.
    async fn still_to_do<'w, 'r>(&self, session: &Session, wishes: &'w [Wish<'r>]) -> Result<&'w [Wish<'r>], Fault> {
        let written = progress::next_offset(session, &self.claimed).await?.unwrap_or(i64::MIN);
        Ok(&wishes[wishes.partition_point(|(record, _)| record.offset < written)..])
    }

    async fn finish(&self, session: &Session, wishes: &[Wish<'_>], refusals: Refusals, next_offset: i64) -> Result<Written, Fault> {
        let rows = rows_but(wishes, &refusals);
        let letters = refusals.into_iter().map(|(place, reason)| self.claimed.letter(wishes[place].0, reason)).collect();
        let refused = letters::keep(session, &self.claimed, letters).await?;
        progress::advance(session, &self.claimed, next_offset).await?;
        Ok(Written { rows, refused })
    }

    fn try_mark(&mut self, published: &[DeadLetter]) -> Result<(), Fault> {
        let addressed = |letter: &DeadLetter| (self.claimed.task.application_id.clone(), letter.clone());
        let letters: Vec<letters::Addressed> = published.iter().map(addressed).collect();
        self.database.transaction(async |session| letters::mark(session, &letters).await)
    }
}

impl Writer for PostgresWriter {
    fn claim(&mut self) -> Result<Claim, ConnectorError> {
        self.try_claim().map_err(|fault| fault.of(&self.claimed))
    }

    fn write(&mut self, batch: &Records, next_offset: i64) -> Result<Written, ConnectorError> {
        self.try_write(batch, next_offset).map_err(|fault| fault.of(&self.claimed))
    }

    fn published(&mut self, letters: &[DeadLetter]) -> Result<(), ConnectorError> {
        self.try_mark(letters).map_err(|fault| fault.of(&self.claimed))
    }
}
