//! The table `dead_letters`: one row per identity, however often the letter comes.

use super::fault::Fault;
use crate::progress::Claimed;
use crate::{header_text, time_text};
use headwater_streams::connector::DeadLetter;
use headwater_streams::record::NO_TIMESTAMP;
use rusqlite::types::Type;
use rusqlite::{Error, Row, Transaction};

/// Stores letters of this sink; returns those that are still to be published.
pub(crate) fn keep(transaction: &Transaction<'_>, claimed: &Claimed, letters: Vec<DeadLetter>) -> Result<Vec<DeadLetter>, Fault> {
    let mut unpublished = Vec::new();
    for letter in letters {
        if add(transaction, &claimed.task.application_id, &letter)? {
            unpublished.push(letter);
        }
    }
    Ok(unpublished)
}

/// Adds a letter of our own, which the dead-letter topic does not hold yet. Returns whether it is still to be published:
/// after a reset the table may hold it, published long ago.
fn add(transaction: &Transaction<'_>, application_id: &str, letter: &DeadLetter) -> Result<bool, Fault> {
    insert(transaction, application_id, letter, 0)?;
    let sql = "SELECT published = 0 FROM dead_letters
        WHERE application_id = ?1 AND topic = ?2 AND partition = ?3 AND offset = ?4 AND stage = ?5";
    Ok(transaction.prepare_cached(sql)?.query_row(identity(application_id, letter), |row| row.get(0))?)
}

/// Adds a letter that was read from the dead-letter topic. Returns whether it is a new one.
pub(crate) fn add_published(transaction: &Transaction<'_>, application_id: &str, letter: &DeadLetter) -> Result<bool, Fault> {
    let is_new = insert(transaction, application_id, letter, 1)?;
    if !is_new {
        mark(transaction, application_id, letter)?;
    }
    Ok(is_new)
}

/// The letter stands in the dead-letter topic now.
pub(crate) fn mark(transaction: &Transaction<'_>, application_id: &str, letter: &DeadLetter) -> Result<(), Fault> {
    let sql = "UPDATE dead_letters SET published = 1
        WHERE application_id = ?1 AND topic = ?2 AND partition = ?3 AND offset = ?4 AND stage = ?5";
    transaction.prepare_cached(sql)?.execute(identity(application_id, letter))?;
    Ok(())
}

/// Letters of one sink and partition that may not stand in the dead-letter topic.
pub(crate) fn unpublished(transaction: &Transaction<'_>, claimed: &Claimed) -> Result<Vec<DeadLetter>, Fault> {
    let sql = "SELECT topic, partition, offset, stage, reason, key, value, timestamp, headers FROM dead_letters
        WHERE published = 0 AND application_id = ?1 AND stage = ?2 AND topic = ?3 AND partition = ?4 ORDER BY offset";
    let mut statement = transaction.prepare_cached(sql)?;
    let letters = statement.query_map((&claimed.task.application_id, &claimed.sink, &claimed.task.topic, claimed.task.partition), read)?;
    Ok(letters.collect::<rusqlite::Result<_>>()?)
}

fn insert(transaction: &Transaction<'_>, application_id: &str, letter: &DeadLetter, published: i64) -> Result<bool, Fault> {
    let sql = "INSERT INTO dead_letters
        (application_id, topic, partition, offset, stage, reason, key, value, timestamp, headers, published)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING";
    let timestamp = (letter.timestamp != NO_TIMESTAMP).then(|| time_text::write(letter.timestamp));
    let (topic, partition, offset, stage) = (&letter.topic, letter.partition, letter.offset, &letter.stage);
    let (reason, key, value, headers) = (&letter.reason, &letter.key, &letter.value, header_text::write(&letter.headers));
    let parameters = (application_id, topic, partition, offset, stage, reason, key, value, timestamp, headers, published);
    Ok(transaction.prepare_cached(sql)?.execute(parameters)? == 1)
}

fn identity<'a>(application_id: &'a str, letter: &'a DeadLetter) -> (&'a str, &'a str, i32, i64, &'a str) {
    (application_id, &letter.topic, letter.partition, letter.offset, &letter.stage)
}

fn read(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    let unreadable = |column: usize| Error::InvalidColumnType(column, "unreadable text".into(), Type::Text);
    let (timestamp, headers): (Option<String>, String) = (row.get(7)?, row.get(8)?);
    Ok(DeadLetter {
        topic: row.get(0)?,
        partition: row.get(1)?,
        offset: row.get(2)?,
        stage: row.get(3)?,
        reason: row.get(4)?,
        key: row.get(5)?,
        value: row.get(6)?,
        timestamp: timestamp.map_or(Some(NO_TIMESTAMP), |text| time_text::read(&text)).ok_or_else(|| unreadable(7))?,
        headers: header_text::read(&headers).ok_or_else(|| unreadable(8))?,
    })
}
