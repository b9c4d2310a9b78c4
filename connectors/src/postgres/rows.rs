//! The rows of a batch: the last change of each is written, in the order of the keys, so that two writers that meet in a table wait for
//! each other in the same direction. Where they delete as well they may still stand in each other's way: then one tries again.
//!
//! What the database refuses is found by halves, with savepoints: parts of a batch in the order of its records, down to the one record
//! whose rows are refused, and then all of them are. Constraints that are deferred are checked with every part: a part may not rest on
//! rows of a later one.

use super::arrays::{arrays, parameters};
use super::database::Postgres;
use super::exact_columns;
use super::fault::Fault;
use super::migrations;
use super::session::Session;
use super::statements::{self, Statements};
use crate::change::{Cell, Change, Changes};
use crate::portions::portions;
use crate::table::{Column, Shape, Table};
use headwater_streams::log::{RecordRef, Records};
use std::collections::BTreeMap;

const IGNORED: &str = "the database ignored the row (a trigger returned null)";

/// A record with what it asks of the table, or why it asks nothing.
pub(crate) type Wish<'a> = (RecordRef<'a>, Result<Changes, String>);

/// Places in a batch whose records took no effect, with the reasons.
pub(crate) type Refusals = Vec<(usize, String)>;

/// The table with its statements.
#[derive(Debug)]
pub(crate) struct Rows {
    table: Table,
    shape: Shape,
    statements: Statements,
    /// Where the key columns stand among the columns.
    key_places: Vec<usize>,
}

impl Rows {
    pub(crate) fn of(table: Table, shape: Shape) -> Rows {
        let place = |key: &Column| table.columns.iter().position(|column| column.name == key.name);
        let key_places = table.key_columns().filter_map(place).collect();
        Rows { table, shape, statements: Statements::of(&table), key_places }
    }

    /// The same for records that bring several rows.
    pub(crate) fn several(&self) -> Rows {
        Rows::of(self.table, Shape::Rows)
    }

    /// What each record asks of the table.
    pub(crate) fn wishes<'a>(&self, batch: &'a Records) -> Vec<Wish<'a>> {
        batch.iter().map(|record| (record, Changes::of(&self.table, self.shape, record))).collect()
    }

    /// Makes the table where it is missing, and lets the server check all that will be done to it: a table that was there before may lack
    /// columns or the key, or be somebody else's.
    pub(crate) fn prepare(&self, database: &Postgres) -> Result<(), Fault> {
        migrations::make_table(database, self.table.name, &statements::create(&self.table))?;
        let no_rows: &[Vec<&Cell>] = &[];
        let (columns, keys) = (arrays(self.table.columns.iter(), no_rows), arrays(self.table.key_columns(), no_rows));
        database.transaction(async |session| {
            exact_columns::check(session, &self.table).await?;
            session.execute(&self.statements.upsert, &parameters(&columns)).await?;
            session.execute(&self.statements.delete, &parameters(&keys)).await.map(|_| ())
        })
    }

    /// The way of nearly every batch: all of it, or [`Fault::Row`], after which the transaction is of no use any more.
    pub(crate) async fn apply_all(&self, session: &Session, wishes: &[Wish<'_>]) -> Result<Refusals, Fault> {
        self.write(session, wishes).await?;
        Ok(unreadable(wishes))
    }

    /// Applies what the database takes.
    pub(crate) async fn apply_each(&self, session: &Session, wishes: &[Wish<'_>]) -> Result<Refusals, Fault> {
        let mut refusals = unreadable(wishes);
        let mut parts = vec![(0, wishes)];
        while let Some((start, part)) = parts.pop() {
            if let Err(reason) = self.attempt(session, part).await? {
                match part {
                    [_] => refusals.push((start, reason)),
                    _ => {
                        let (first, second) = part.split_at(part.len() / 2);
                        parts.extend([(start + first.len(), second), (start, first)]);
                    }
                }
            }
        }
        refusals.sort_unstable_by_key(|(place, _)| *place);
        Ok(refusals)
    }

    /// Takes back what a refused attempt left behind, triggers' work included, and tells the reason.
    async fn attempt(&self, session: &Session, wishes: &[Wish<'_>]) -> Result<Result<(), String>, Fault> {
        session.run("SAVEPOINT attempt").await?;
        let written = async {
            self.write(session, wishes).await?;
            session.run("SET CONSTRAINTS ALL IMMEDIATE; RELEASE attempt").await
        };
        match written.await {
            Ok(()) => Ok(Ok(())),
            Err(Fault::Row(reason)) => {
                session.run("ROLLBACK TO attempt; RELEASE attempt").await?;
                Ok(Err(reason))
            }
            Err(fault) => Err(fault),
        }
    }

    /// The last change of each row, in the order of the keys.
    async fn write(&self, session: &Session, wishes: &[Wish<'_>]) -> Result<(), Fault> {
        for portion in portions(&self.last_changes(wishes), |change| bytes(change)) {
            self.write_portion(session, portion).await?;
        }
        Ok(())
    }

    async fn write_portion(&self, session: &Session, changes: &[&Change]) -> Result<(), Fault> {
        let (mut upserts, mut deletes) = (Vec::new(), Vec::new());
        for change in changes {
            match change {
                Change::Upsert(cells) => upserts.push(cells.iter().collect()),
                Change::Delete(cells) => deletes.push(cells.iter().collect()),
            }
        }
        if !deletes.is_empty() {
            session.execute(&self.statements.delete, &parameters(&arrays(self.table.key_columns(), &deletes))).await?;
        }
        if upserts.is_empty() {
            return Ok(());
        }
        let written = session.execute(&self.statements.upsert, &parameters(&arrays(self.table.columns.iter(), &upserts))).await?;
        if written == upserts.len() as u64 { Ok(()) } else { Err(Fault::Row(IGNORED.into())) }
    }

    fn last_changes<'a>(&self, wishes: &'a [Wish<'_>]) -> Vec<&'a Change> {
        let changes = wishes.iter().filter_map(|(_, wish)| wish.as_ref().ok()).flat_map(Changes::as_slice);
        let rows: BTreeMap<Vec<&Cell>, &Change> = changes.map(|change| (self.key(change), change)).collect();
        rows.into_values().collect()
    }

    fn key<'a>(&self, change: &'a Change) -> Vec<&'a Cell> {
        match change {
            Change::Upsert(cells) => self.key_places.iter().map(|place| &cells[*place]).collect(),
            Change::Delete(cells) => cells.iter().collect(),
        }
    }
}

/// What it takes to send a change.
fn bytes(change: &Change) -> usize {
    let (Change::Upsert(cells) | Change::Delete(cells)) = change;
    cells.iter().map(Cell::bytes).sum()
}

/// How many rows the records bring that were not refused.
pub(crate) fn rows_but(wishes: &[Wish<'_>], refusals: &Refusals) -> usize {
    let rows = |(_, wish): &Wish<'_>| wish.as_ref().map_or(0, |changes| changes.as_slice().len());
    wishes.iter().map(rows).sum::<usize>() - refusals.iter().map(|(place, _)| rows(&wishes[*place])).sum::<usize>()
}

/// Records that are no rows, with the reason.
fn unreadable(wishes: &[Wish<'_>]) -> Refusals {
    let reasons = wishes.iter().enumerate().filter_map(|(place, (_, wish))| Some((place, wish.as_ref().err()?.clone())));
    reasons.collect()
}
