//! Tables of a page out of the SQLite file of the warehouse, beside whoever writes it.

use crate::listing::{Dialect, Listing};
use crate::source::Source;
use crate::sqlite_file::{SqliteFile, table_exists};
use crate::tables::{Rows, Tables};
use crate::{SourceError, TablesPage};
use rusqlite::Transaction;
use std::path::PathBuf;

/// The tables of a page in a SQLite file. File and tables may come later.
#[derive(Debug)]
pub struct SqliteTables {
    file: SqliteFile,
    page: TablesPage,
}

impl SqliteTables {
    /// Reads the file at `path`.
    pub fn new(path: impl Into<PathBuf>, page: TablesPage) -> SqliteTables {
        SqliteTables { file: SqliteFile::new(path.into()), page }
    }

    fn try_read(&mut self) -> Result<Tables, Trouble> {
        let transaction = self.file.begin()?.transaction;
        let mut found = Tables::default();
        for listing in self.page.listings {
            if table_exists(&transaction, listing.table)? {
                found.listings.insert(listing.name, rows(&transaction, listing)?);
            } else {
                found.absent.get_or_insert_with(|| format!("the file has no table {} yet", listing.table));
            }
        }
        Ok(found)
    }
}

impl Source<Tables> for SqliteTables {
    fn may_have_changed(&mut self) -> Result<bool, SourceError> {
        self.file.may_have_changed()
    }

    fn read(&mut self) -> Result<Tables, SourceError> {
        self.try_read().or_else(|trouble| match trouble {
            Trouble::Row(error) => {
                // Nothing changes until somebody repairs the row, and until then this is to be said again.
                self.file.forget_version();
                Err(error)
            }
            Trouble::Database(error) => Ok(Tables { absent: Some(self.file.failed(&error)?), ..Tables::default() }),
        })
    }
}

enum Trouble {
    Database(rusqlite::Error),
    Row(SourceError),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Trouble::Database(error)
    }
}

fn rows(transaction: &Transaction<'_>, listing: &Listing) -> Result<Rows, Trouble> {
    let mut statement = transaction.prepare_cached(&listing.select(Dialect::Sqlite))?;
    let mut read = statement.query(())?;
    let mut found = Rows::default();
    while let Some(row) = read.next()? {
        let columns = (1..=listing.columns.len()).map(|column| row.get(column)).collect::<Result<_, _>>()?;
        found.add(listing, &row.get::<_, String>(0)?, columns).map_err(Trouble::Row)?;
    }
    Ok(found)
}
