//! The table `dead_letters`: one row per identity, however often the letter comes.

use super::fault::Fault;
use super::session::{Parameters, Session};
use crate::portions::portions;
use crate::progress::Claimed;
use crate::{header_text, time_text};
use headwater_streams::connector::DeadLetter;
use headwater_streams::record::NO_TIMESTAMP;
use std::collections::HashSet;
use tokio_postgres::Row;

/// A letter with the application that it comes from.
pub(crate) type Addressed = (String, DeadLetter);

const SAME_IDENTITY: &str = r#"known.application_id = one.application_id AND known.topic = one.topic AND known.partition = one.partition
    AND known."offset" = one."offset" AND known.stage = one.stage"#;

/// Stores letters of this sink, which the dead-letter topic does not hold yet; returns those that are still to be published: after a
/// reset the table may hold some, published long ago.
pub(crate) async fn keep(session: &Session, claimed: &Claimed, letters: Vec<DeadLetter>) -> Result<Vec<DeadLetter>, Fault> {
    let letters: Vec<Addressed> = letters.into_iter().map(|letter| (claimed.task.application_id.clone(), letter)).collect();
    if letters.is_empty() {
        return Ok(Vec::new());
    }
    insert(session, &letters, false).await?;
    let offsets: Vec<i64> = letters.iter().map(|(_, letter)| letter.offset).collect();
    let sql = r#"SELECT "offset" FROM dead_letters WHERE NOT published
        AND application_id = $1 AND stage = $2 AND topic = $3 AND partition = $4 AND "offset" = ANY ($5)"#;
    let task = &claimed.task;
    let found = session.query(sql, &[&task.application_id, &claimed.sink, &task.topic, &task.partition, &offsets]).await?;
    let unpublished: HashSet<i64> = found.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    Ok(letters.into_iter().map(|(_, letter)| letter).filter(|letter| unpublished.contains(&letter.offset)).collect())
}

/// Adds letters that were read from the dead-letter topic. Returns how many are new.
pub(crate) async fn add_published(session: &Session, letters: &[Addressed]) -> Result<u64, Fault> {
    let new = insert(session, letters, true).await?;
    mark(session, letters).await?;
    Ok(new)
}

/// The letters stand in the dead-letter topic now.
pub(crate) async fn mark(session: &Session, letters: &[Addressed]) -> Result<(), Fault> {
    let sql = format!(
        r#"UPDATE dead_letters AS known SET published = true
        FROM UNNEST($1::text[], $2::text[], $3::integer[], $4::bigint[], $5::text[])
            AS one (application_id, topic, partition, "offset", stage)
        WHERE NOT known.published AND {SAME_IDENTITY}"#
    );
    let Identities { application_ids, topics, partitions, offsets, stages } = identities(letters);
    session.execute(&sql, &[&application_ids, &topics, &partitions, &offsets, &stages]).await.map(|_| ())
}

/// Letters of one sink and partition that may not stand in the dead-letter topic.
pub(crate) async fn unpublished(session: &Session, claimed: &Claimed) -> Result<Vec<DeadLetter>, Fault> {
    let sql = r#"SELECT topic, partition, "offset", stage, reason, key, value, timestamp, headers FROM dead_letters
        WHERE NOT published AND application_id = $1 AND stage = $2 AND topic = $3 AND partition = $4 ORDER BY "offset""#;
    let task = &claimed.task;
    let found = session.query(sql, &[&task.application_id, &claimed.sink, &task.topic, &task.partition]).await?;
    found.iter().map(read).collect()
}

async fn insert(session: &Session, letters: &[Addressed], published: bool) -> Result<u64, Fault> {
    let mut new = 0;
    for portion in portions(letters, bytes) {
        new += insert_portion(session, portion, published).await?;
    }
    Ok(new)
}

/// About how many bytes it takes to send a letter.
fn bytes((application_id, letter): &Addressed) -> usize {
    let names = application_id.len() + letter.topic.len() + letter.stage.len() + letter.reason.len();
    let bytes = [&letter.key, &letter.value].iter().map(|part| part.as_ref().map_or(0, Vec::len)).sum::<usize>();
    // In base64, and with quotes.
    let headers = letter.headers.iter().map(|(name, value)| 2 * name.len() + 2 * value.map_or(0, <[u8]>::len) + 32).sum::<usize>();
    names + bytes + headers + 128
}

async fn insert_portion(session: &Session, letters: &[Addressed], published: bool) -> Result<u64, Fault> {
    let sql = r#"INSERT INTO dead_letters
        (application_id, topic, partition, "offset", stage, reason, key, value, timestamp, headers, published)
        SELECT *, $11 FROM UNNEST($1::text[], $2::text[], $3::integer[], $4::bigint[], $5::text[], $6::text[], $7::bytea[],
            $8::bytea[], $9::text[], $10::text[]) ON CONFLICT DO NOTHING"#;
    let Identities { application_ids, topics, partitions, offsets, stages } = identities(letters);
    let letters = || letters.iter().map(|(_, letter)| letter);
    let reasons: Vec<String> = letters().map(|letter| text(&letter.reason)).collect();
    let keys: Vec<Option<&[u8]>> = letters().map(|letter| letter.key.as_deref()).collect();
    let values: Vec<Option<&[u8]>> = letters().map(|letter| letter.value.as_deref()).collect();
    let time = |letter: &DeadLetter| (letter.timestamp != NO_TIMESTAMP).then(|| time_text::write(letter.timestamp));
    let timestamps: Vec<Option<String>> = letters().map(time).collect();
    let headers: Vec<String> = letters().map(|letter| header_text::write(&letter.headers)).collect();
    let parameters: &Parameters<'_> =
        &[&application_ids, &topics, &partitions, &offsets, &stages, &reasons, &keys, &values, &timestamps, &headers, &published];
    session.execute(sql, parameters).await
}

struct Identities {
    application_ids: Vec<String>,
    topics: Vec<String>,
    partitions: Vec<i32>,
    offsets: Vec<i64>,
    stages: Vec<String>,
}

fn identities(letters: &[Addressed]) -> Identities {
    Identities {
        application_ids: letters.iter().map(|(application_id, _)| text(application_id)).collect(),
        topics: letters.iter().map(|(_, letter)| text(&letter.topic)).collect(),
        partitions: letters.iter().map(|(_, letter)| letter.partition).collect(),
        offsets: letters.iter().map(|(_, letter)| letter.offset).collect(),
        stages: letters.iter().map(|(_, letter)| text(&letter.stage)).collect(),
    }
}

/// PostgreSQL's text holds every character but this one.
fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn read(row: &Row) -> Result<DeadLetter, Fault> {
    let unreadable = |column: &str| Fault::Refused(format!("table dead_letters: column {column} holds what no sink has written"));
    let (timestamp, headers): (Option<String>, String) = (row.try_get(7)?, row.try_get(8)?);
    Ok(DeadLetter {
        topic: row.try_get(0)?,
        partition: row.try_get(1)?,
        offset: row.try_get(2)?,
        stage: row.try_get(3)?,
        reason: row.try_get(4)?,
        key: row.try_get(5)?,
        value: row.try_get(6)?,
        timestamp: timestamp.map_or(Some(NO_TIMESTAMP), |text| time_text::read(&text)).ok_or_else(|| unreadable("timestamp"))?,
        headers: header_text::read(&headers).ok_or_else(|| unreadable("headers"))?,
    })
}
