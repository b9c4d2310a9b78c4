//! Tables of a page out of PostgreSQL, beside whoever writes them. Times and amounts come as text that the server makes.

use crate::listing::{Dialect, Listing};
use crate::postgres::{VERSION, unavailable};
use crate::source::Source;
use crate::tables::{Rows, Tables};
use crate::{SourceError, TablesPage};
use headwater_connectors::postgres::Postgres;

/// The tables of a page in a PostgreSQL database. They may come later.
#[derive(Debug)]
pub struct PostgresTables {
    database: Postgres,
    page: TablesPage,
    /// The sinks' progress before the last read.
    version: Option<String>,
}

impl PostgresTables {
    /// Reads this database.
    pub fn new(database: Postgres, page: TablesPage) -> PostgresTables {
        PostgresTables { database, page, version: None }
    }

    fn version(&self) -> Result<String, SourceError> {
        let rows = self.database.query(VERSION, &[]).map_err(unavailable)?;
        rows.first().map_or(Ok(String::new()), |row| row.try_get(0)).map_err(unavailable)
    }

    fn exists(&self, table: &str) -> Result<bool, SourceError> {
        let rows = self.database.query("SELECT to_regclass($1::text) IS NOT NULL", &[&table]).map_err(unavailable)?;
        rows.first().map_or(Ok(false), |row| row.try_get(0)).map_err(unavailable)
    }

    fn rows(&self, listing: &Listing) -> Result<Rows, SourceError> {
        let mut found = Rows::default();
        for row in self.database.query(&listing.select(Dialect::Postgres), &[]).map_err(unavailable)? {
            let columns = (1..=listing.columns.len()).map(|column| row.try_get(column)).collect::<Result<_, _>>().map_err(unavailable)?;
            found.add(listing, row.try_get(0).map_err(unavailable)?, columns)?;
        }
        Ok(found)
    }
}

impl Source<Tables> for PostgresTables {
    fn may_have_changed(&mut self) -> Result<bool, SourceError> {
        let Some(version) = &self.version else { return Ok(true) };
        Ok(self.version()? != *version)
    }

    fn read(&mut self) -> Result<Tables, SourceError> {
        // What fails is read again, whether it has changed or not. Asked before the rows, so that none that comes meanwhile is missed.
        self.version = None;
        let mut found = Tables::default();
        let mut version = None;
        for listing in self.page.listings {
            if self.exists(listing.table)? {
                version = Some(version.map_or_else(|| self.version(), Ok)?);
                found.listings.insert(listing.name, self.rows(listing)?);
            } else {
                found.absent.get_or_insert_with(|| format!("the database has no table {} yet", listing.table));
            }
        }
        self.version = version.filter(|_| found.absent.is_none());
        Ok(found)
    }
}
