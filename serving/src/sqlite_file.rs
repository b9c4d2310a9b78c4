//! A SQLite file that is read beside whoever writes it, and may come later or be replaced by another one.

use crate::SourceError;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a reader waits where the file is being recovered.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);

/// The file, open or not.
#[derive(Debug)]
pub(crate) struct SqliteFile {
    path: PathBuf,
    open: Option<Connection>,
    /// Which file is open: another one may come to stand under its name.
    identity: Option<FileIdentity>,
    /// SQLite's `data_version` at the last read.
    version: Option<i64>,
}

/// A look at the file as of one moment.
pub(crate) struct Reading<'a> {
    pub(crate) transaction: Transaction<'a>,
    /// It is not the file of the last time.
    pub(crate) is_another_file: bool,
}

impl SqliteFile {
    pub(crate) fn new(path: PathBuf) -> SqliteFile {
        SqliteFile { path, open: None, identity: None, version: None }
    }

    /// Whether it may hold something else than at the last reading.
    pub(crate) fn may_have_changed(&self) -> Result<bool, SourceError> {
        let (Some(open), Some(version)) = (&self.open, self.version) else { return Ok(true) };
        if identity_of(&self.path) != self.identity {
            return Ok(true);
        }
        let found =
            open.prepare_cached("PRAGMA data_version").and_then(|mut statement| statement.query_row((), |row| row.get::<_, i64>(0)));
        Ok(found.map_err(|error| SourceError::Unavailable(error.to_string()))? != version)
    }

    /// Begins to read.
    pub(crate) fn begin(&mut self) -> rusqlite::Result<Reading<'_>> {
        let is_another_file = self.connect()?;
        let transaction = self.open.as_mut().expect("connected above").transaction()?;
        transaction.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))?;
        // Asked after the first read, so that it is the version of what is read here.
        self.version = Some(transaction.query_row("PRAGMA data_version", (), |row| row.get(0))?);
        Ok(Reading { transaction, is_another_file })
    }

    /// What was read last is to be read again in any case.
    pub(crate) fn forget_version(&mut self) {
        self.version = None;
    }

    /// Says why a reading failed: that there is no file yet, or an error. Whatever it was, the next one begins anew.
    pub(crate) fn failed(&mut self, error: &rusqlite::Error) -> Result<String, SourceError> {
        (self.open, self.version) = (None, None);
        if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) && !self.path.exists() {
            return Ok(format!("there is no file {} yet", self.path.display()));
        }
        Err(SourceError::Unavailable(error.to_string()))
    }

    fn connect(&mut self) -> rusqlite::Result<bool> {
        let identity = identity_of(&self.path);
        if self.open.is_some() && identity == self.identity {
            return Ok(false);
        }
        (self.open, self.version) = (None, None);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        (self.open, self.identity) = (Some(connection), identity);
        Ok(true)
    }
}

/// Whether there is such a table by now.
pub(crate) fn table_exists(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<bool> {
    let mut statement = transaction.prepare_cached("SELECT 1 FROM sqlite_schema WHERE name = ?1")?;
    Ok(statement.query_row([name], |_| Ok(())).optional()?.is_some())
}

/// Device and number of a file.
#[cfg(unix)]
type FileIdentity = (u64, u64);
#[cfg(not(unix))]
type FileIdentity = std::time::SystemTime;

/// `None` where there is no file.
fn identity_of(path: &Path) -> Option<FileIdentity> {
    let file = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    return Some((std::os::unix::fs::MetadataExt::dev(&file), std::os::unix::fs::MetadataExt::ino(&file)));
    #[cfg(not(unix))]
    return file.created().ok();
}
