//! The rows of a batch: the last change of each is written, in the order of the keys, so that two writers that meet in a table wait for
//! each other in the same direction. Where they delete as well they may still stand in each other's way: then one tries again.
//!
//! What the database refuses is found by halves, with savepoints. A row whose last change is refused keeps the change before it.
//! Constraints that are deferred are checked with every part: a part may not rest on rows of a later one.

use super::arrays::{arrays, parameters};
use super::database::Postgres;
use super::exact_columns;
use super::fault::Fault;
use super::migrations;
use super::session::Session;
use super::statements::{self, Statements};
use crate::change::{Cell, Change};
use crate::portions::portions;
use crate::table::{Column, Table};
use headwater_streams::log::{RecordRef, Records};
use std::collections::BTreeMap;

const IGNORED: &str = "the database ignored the row (a trigger returned null)";

/// A record with what it asks of the table, or why it asks nothing.
pub(crate) type Wish<'a> = (RecordRef<'a>, Result<Change, String>);

/// Places in a batch whose records took no effect, with the reasons.
pub(crate) type Refusals = Vec<(usize, String)>;

/// All changes of one row, in order, with their places in the batch.
type RowChanges<'a> = Vec<(usize, &'a Change)>;

/// The table with its statements.
#[derive(Debug)]
pub(crate) struct Rows {
    table: Table,
    statements: Statements,
    /// Where the key columns stand among the columns.
    key_places: Vec<usize>,
}

impl Rows {
    pub(crate) fn of(table: Table) -> Rows {
        let place = |key: &Column| table.columns.iter().position(|column| column.name == key.name);
        let key_places = table.key_columns().filter_map(place).collect();
        Rows { table, statements: Statements::of(&table), key_places }
    }

    /// What each record asks of the table.
    pub(crate) fn wishes<'a>(&self, batch: &'a Records) -> Vec<Wish<'a>> {
        batch.iter().map(|record| (record, Change::of(&self.table, record))).collect()
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
        let rows = self.by_key(wishes);
        for part in portions(&rows, bytes) {
            self.write(session, &last_changes(part)).await?;
        }
        Ok(unreadable(wishes))
    }

    /// Applies what the database takes.
    pub(crate) async fn apply_each(&self, session: &Session, wishes: &[Wish<'_>]) -> Result<Refusals, Fault> {
        let rows = self.by_key(wishes);
        let mut refusals = unreadable(wishes);
        let mut parts = portions(&rows, bytes);
        parts.reverse();
        while let Some(part) = parts.pop() {
            if let Err(reason) = self.attempt(session, &last_changes(part)).await? {
                match part {
                    [row] => refusals.extend(self.apply_an_earlier(session, row, reason).await?),
                    _ => {
                        let (first, second) = part.split_at(part.len() / 2);
                        parts.extend([second, first]);
                    }
                }
            }
        }
        refusals.sort_unstable_by_key(|(place, _)| *place);
        Ok(refusals)
    }

    /// The last change of the row was refused for this reason: the one before takes effect, if the database takes it.
    async fn apply_an_earlier(&self, session: &Session, row: &RowChanges<'_>, reason: String) -> Result<Refusals, Fault> {
        let mut changes = row.iter().rev();
        let mut refusals: Refusals = changes.next().map(|(place, _)| (*place, reason)).into_iter().collect();
        for (place, change) in changes {
            match self.attempt(session, &[change]).await? {
                Ok(()) => break,
                Err(reason) => refusals.push((*place, reason)),
            }
        }
        Ok(refusals)
    }

    /// Takes back what a refused attempt left behind, triggers' work included, and tells the reason.
    async fn attempt(&self, session: &Session, changes: &[&Change]) -> Result<Result<(), String>, Fault> {
        session.run("SAVEPOINT attempt").await?;
        let written = async {
            self.write(session, changes).await?;
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

    /// Changes of different rows, in the order of their keys.
    async fn write(&self, session: &Session, changes: &[&Change]) -> Result<(), Fault> {
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

    /// The changes of each row, rows in the order of their keys.
    fn by_key<'a>(&self, wishes: &'a [Wish<'_>]) -> Vec<RowChanges<'a>> {
        let mut rows: BTreeMap<Vec<&Cell>, RowChanges<'a>> = BTreeMap::new();
        for (place, (_, wish)) in wishes.iter().enumerate() {
            if let Ok(change) = wish {
                rows.entry(self.key(change)).or_default().push((place, change));
            }
        }
        rows.into_values().collect()
    }

    fn key<'a>(&self, change: &'a Change) -> Vec<&'a Cell> {
        match change {
            Change::Upsert(cells) => self.key_places.iter().map(|place| &cells[*place]).collect(),
            Change::Delete(cells) => cells.iter().collect(),
        }
    }
}

/// What it takes to send the last change of a row.
fn bytes(changes: &RowChanges<'_>) -> usize {
    let cells = changes.last().map(|(_, Change::Upsert(cells) | Change::Delete(cells))| cells);
    cells.into_iter().flatten().map(Cell::bytes).sum()
}

fn last_changes<'a>(rows: &[RowChanges<'a>]) -> Vec<&'a Change> {
    rows.iter().filter_map(|changes| changes.last()).map(|(_, change)| *change).collect()
}

/// Records that are no rows, with the reason.
fn unreadable(wishes: &[Wish<'_>]) -> Refusals {
    let reasons = wishes.iter().enumerate().filter_map(|(place, (_, wish))| Some((place, wish.as_ref().err()?.clone())));
    reasons.collect()
}
