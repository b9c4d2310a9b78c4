//! Writes the rows of one partition with their progress. A row that the database refuses becomes a dead letter in the same transaction.
//!
//! A batch is tried as a whole, then record by record inside the same transaction. Two refusals leave no transaction to go on in (a
//! trigger's `RAISE(ROLLBACK)`, a deferred foreign key that fails at the commit): then each record gets a transaction of its own.

use super::fault::{Fault, is_general, is_refusal_of_row};
use super::letters;
use super::progress;
use super::statements;
use crate::change::{Cell, Change, Changes};
use crate::progress::Claimed;
use crate::table::{Shape, Table};
use crate::time_text;
use headwater_streams::connector::{Claim, ConnectorError, DeadLetter, Writer, Written};
use headwater_streams::log::{RecordRef, Records};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, Transaction, TransactionBehavior, params_from_iter};

const IGNORED: &str = "the database ignored the row (RAISE(IGNORE) in a trigger)";

pub(crate) struct SqliteWriter {
    connection: Connection,
    rows: Rows,
    claimed: Claimed,
}

/// The table with its statements.
struct Rows {
    table: Table,
    shape: Shape,
    upsert: String,
    delete: String,
}

/// What became of an attempt to write rows.
enum Outcome<T> {
    Done(T),
    /// The database says no to what was to be written, in its words.
    Refused(String),
}

/// A record with what it asks of the table, or why it asks nothing.
type Wish<'a> = (RecordRef<'a>, Result<Changes, String>);

impl SqliteWriter {
    pub(crate) fn new(connection: Connection, table: Table, shape: Shape, claimed: Claimed) -> Self {
        let (upsert, delete) = (statements::upsert(&table), statements::delete(&table));
        SqliteWriter { connection, rows: Rows { table, shape, upsert, delete }, claimed }
    }

    fn try_claim(&mut self) -> Result<Claim, Fault> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found = progress::take_over(&transaction, &self.claimed)?;
        let unpublished = letters::unpublished(&transaction, &self.claimed)?;
        transaction.commit()?;
        Ok(Claim { next_offset: self.claimed.hold(found), unpublished })
    }

    fn try_write(&mut self, batch: &Records, next_offset: i64) -> Result<Written, Fault> {
        let Rows { table, shape, .. } = &self.rows;
        let wishes: Vec<Wish<'_>> = batch.iter().map(|record| (record, Changes::of(table, *shape, record))).collect();
        match self.write_together(&wishes, next_offset)? {
            Outcome::Done(written) => Ok(written),
            Outcome::Refused(_) => self.write_singly(wishes, next_offset),
        }
    }

    /// One transaction for all. `Refused` only where a refusal has ended the transaction.
    fn write_together(&mut self, wishes: &[Wish<'_>], next_offset: i64) -> Result<Outcome<Written>, Fault> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let written = progress::next_offset(&transaction, &self.claimed)?.unwrap_or(i64::MIN);
        // What was written before stays as it is: a batch that comes again must not undo a later one.
        let wishes = &wishes[wishes.partition_point(|(record, _)| record.offset < written)..];
        let refused = match self.rows.apply_all(&transaction, wishes)? {
            Outcome::Done(()) => None,
            Outcome::Refused(reason) if transaction.is_autocommit() => return Ok(Outcome::Refused(reason)),
            Outcome::Refused(_) => match self.rows.refusals(&transaction, wishes)? {
                Outcome::Done(reasons) => Some(reasons),
                Outcome::Refused(reason) => return Ok(Outcome::Refused(reason)),
            },
        };
        let refused = refused.unwrap_or_else(|| unreadable(wishes));
        let rows = rows_but(wishes, &refused);
        let letters: Vec<DeadLetter> = refused.into_iter().map(|(place, reason)| self.claimed.letter(wishes[place].0, reason)).collect();
        let result = Written { rows, refused: letters::keep(&transaction, &self.claimed, letters)? };
        progress::advance(&transaction, &self.claimed, next_offset)?;
        Ok(commit(transaction)?.map(|()| result))
    }

    /// A transaction for each record, so that a refusal at the commit is that of one record.
    fn write_singly(&mut self, wishes: Vec<Wish<'_>>, next_offset: i64) -> Result<Written, Fault> {
        let mut all = Written::default();
        for (record, wish) in wishes {
            let mut wish = [(record, wish)];
            let one = match self.write_together(&wish, record.offset + 1)? {
                Outcome::Done(written) => written,
                Outcome::Refused(reason) => {
                    wish[0].1 = Err(reason);
                    self.write_together(&wish, record.offset + 1)?.or_fault()?
                }
            };
            all.rows += one.rows;
            all.refused.extend(one.refused);
        }
        self.write_together(&[], next_offset)?.or_fault()?;
        Ok(all)
    }

    fn try_mark(&mut self, published: &[DeadLetter]) -> Result<(), Fault> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for letter in published {
            letters::mark(&transaction, &self.claimed.task.application_id, letter)?;
        }
        Ok(transaction.commit()?)
    }
}

impl Writer for SqliteWriter {
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

impl Rows {
    /// The way of nearly every batch: everything is applied, or nothing.
    fn apply_all(&self, transaction: &Transaction<'_>, wishes: &[Wish<'_>]) -> Result<Outcome<()>, Fault> {
        savepoint(transaction, || {
            for changes in wishes.iter().filter_map(|(_, wish)| wish.as_ref().ok()) {
                if let Outcome::Refused(reason) = self.apply(transaction, changes)? {
                    return Ok(Outcome::Refused(reason));
                }
            }
            Ok(Outcome::Done(()))
        })
    }

    /// Applies what the database takes; returns the places of the others with their reasons.
    fn refusals(&self, transaction: &Transaction<'_>, wishes: &[Wish<'_>]) -> Result<Outcome<Vec<(usize, String)>>, Fault> {
        let mut refusals = Vec::new();
        for (place, (_, wish)) in wishes.iter().enumerate() {
            let applied = match wish {
                Ok(changes) => savepoint(transaction, || self.apply(transaction, changes))?,
                Err(reason) => Outcome::Refused(reason.clone()),
            };
            match applied {
                Outcome::Done(()) => {}
                Outcome::Refused(reason) if transaction.is_autocommit() => return Ok(Outcome::Refused(reason)),
                Outcome::Refused(reason) => refusals.push((place, reason)),
            }
        }
        Ok(Outcome::Done(refusals))
    }

    /// All that one record asks for.
    fn apply(&self, transaction: &Transaction<'_>, changes: &Changes) -> Result<Outcome<()>, Fault> {
        for change in changes.as_slice() {
            if let Outcome::Refused(reason) = self.apply_one(transaction, change)? {
                return Ok(Outcome::Refused(reason));
            }
        }
        Ok(Outcome::Done(()))
    }

    fn apply_one(&self, transaction: &Transaction<'_>, change: &Change) -> Result<Outcome<()>, Fault> {
        let (sql, cells) = match change {
            Change::Upsert(cells) => (&self.upsert, cells),
            Change::Delete(cells) => (&self.delete, cells),
        };
        let applied = transaction.prepare_cached(sql)?.execute(params_from_iter(cells));
        match applied {
            Ok(0) if matches!(change, Change::Upsert(_)) => Ok(Outcome::Refused(IGNORED.into())),
            Ok(_) => Ok(Outcome::Done(())),
            Err(error) if is_refusal_of_row(&error) => Ok(Outcome::Refused(error.to_string())),
            Err(error) if is_general(&error) => {
                // A statement that does not even compile any more says nothing about the row.
                transaction.prepare(sql)?;
                Ok(Outcome::Refused(error.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl<T> Outcome<T> {
    fn map<U>(self, with: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Outcome::Done(done) => Outcome::Done(with(done)),
            Outcome::Refused(reason) => Outcome::Refused(reason),
        }
    }

    /// Where no row is left to blame, the refusal is that of the whole.
    fn or_fault(self) -> Result<T, Fault> {
        match self {
            Outcome::Done(done) => Ok(done),
            Outcome::Refused(reason) => Err(Fault::Refused(reason)),
        }
    }
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Cell::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Cell::Boolean(value) => ToSqlOutput::from(*value),
            Cell::Integer(number) => ToSqlOutput::from(*number),
            Cell::Timestamp(micros) => ToSqlOutput::from(time_text::write_micros(*micros)),
            Cell::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

/// How many rows the records bring that were not refused.
fn rows_but(wishes: &[Wish<'_>], refused: &[(usize, String)]) -> usize {
    let rows = |(_, wish): &Wish<'_>| wish.as_ref().map_or(0, |changes| changes.as_slice().len());
    wishes.iter().map(rows).sum::<usize>() - refused.iter().map(|(place, _)| rows(&wishes[*place])).sum::<usize>()
}

/// Records that are no rows, with the reason.
fn unreadable(wishes: &[Wish<'_>]) -> Vec<(usize, String)> {
    let reasons = wishes.iter().enumerate().filter_map(|(place, (_, wish))| Some((place, wish.as_ref().err()?.clone())));
    reasons.collect()
}

/// Takes back what a refused attempt left behind, triggers' work included.
fn savepoint(transaction: &Transaction<'_>, attempt: impl FnOnce() -> Result<Outcome<()>, Fault>) -> Result<Outcome<()>, Fault> {
    transaction.prepare_cached("SAVEPOINT attempt")?.execute(())?;
    let outcome = attempt()?;
    // The transaction may be gone, and the savepoint with it.
    if !transaction.is_autocommit() {
        if let Outcome::Refused(_) = outcome {
            transaction.prepare_cached("ROLLBACK TO attempt")?.execute(())?;
        }
        transaction.prepare_cached("RELEASE attempt")?.execute(())?;
    }
    Ok(outcome)
}

fn commit(transaction: Transaction<'_>) -> Result<Outcome<()>, Fault> {
    match transaction.commit() {
        Ok(()) => Ok(Outcome::Done(())),
        Err(error) if is_refusal_of_row(&error) => Ok(Outcome::Refused(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::database;
    use crate::table::Column;
    use headwater_streams::connector::SinkTask;
    use headwater_streams::log::Headers;
    use std::time::Duration;

    const TABLE: Table = Table { name: "t", columns: &[Column::text("id")], primary_key: &["id"] };

    fn writer(directory: &tempfile::TempDir) -> SqliteWriter {
        let connection = database::open(&directory.path().join("w.sqlite")).unwrap();
        connection.execute_batch(&statements::create(&TABLE)).unwrap();
        let (application_id, topic) = ("app".to_string(), "topic".to_string());
        let task = SinkTask { application_id, topic, partition: 0, topic_id: [0; 16], log_start: 0, log_end: 1 << 20 };
        SqliteWriter::new(connection, TABLE, Shape::Row, Claimed::nothing_yet(&task, "sink"))
    }

    fn ids(count: i64) -> Records {
        let mut records = Records::new();
        for id in 0..count {
            records.push(id, 0, None, Some(format!(r#"{{"id":"{id:0200}"}}"#).as_bytes()), &Headers::new());
        }
        records
    }

    fn count(writer: &SqliteWriter) -> i64 {
        writer.connection.query_row("SELECT (SELECT count(*) FROM t) + (SELECT count(*) FROM dead_letters)", (), |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_full_disk_loses_nothing_and_the_batch_can_be_tried_again() {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = writer(&directory);
        writer.claim().unwrap();
        let pages: i64 = writer.connection.query_row("PRAGMA page_count", (), |row| row.get(0)).unwrap();
        let limit =
            |writer: &SqliteWriter, pages: i64| writer.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()));
        limit(&writer, pages + 20).unwrap();
        let error = writer.write(&ids(2000), 2000).unwrap_err();
        assert!(matches!(&error, ConnectorError::Unavailable { reason, .. } if reason.contains("full")), "{error}");
        assert_eq!(count(&writer), 0);
        limit(&writer, 1 << 20).unwrap();
        assert_eq!(writer.write(&ids(2000), 2000).unwrap().rows, 2000);
    }

    #[test]
    fn a_locked_file_is_unavailable_and_takes_the_batch_later() {
        let directory = tempfile::tempdir().unwrap();
        let (mut writer, other) = (writer(&directory), database::open(&directory.path().join("w.sqlite")).unwrap());
        writer.claim().unwrap();
        writer.connection.busy_timeout(Duration::from_millis(1)).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert!(matches!(writer.write(&ids(3), 3), Err(ConnectorError::Unavailable { .. })));
        assert!(matches!(writer.claim(), Err(ConnectorError::Unavailable { .. })));
        other.execute_batch("ROLLBACK").unwrap();
        assert_eq!(writer.write(&ids(3), 3).unwrap().rows, 3);
    }

    #[test]
    fn a_table_that_is_gone_stops_the_sink_instead_of_burying_its_rows() {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = writer(&directory);
        writer.claim().unwrap();
        writer.write(&ids(1), 1).unwrap();
        writer.connection.execute_batch("ALTER TABLE t RENAME TO u").unwrap();
        let error = writer.write(&ids(3), 3).unwrap_err();
        assert!(matches!(&error, ConnectorError::Refused { reason, .. } if reason.contains("no such table")), "{error}");
        writer.connection.execute_batch("ALTER TABLE u RENAME TO t").unwrap();
        assert_eq!((writer.write(&ids(3), 3).unwrap().rows, count(&writer)), (2, 3));
    }
}
