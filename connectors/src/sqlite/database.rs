//! Opening the file, with the settings that every connection has.

use super::fault::Fault;
use super::schema;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a writer waits for another one before the batch is tried again.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two attempts to change the journal mode, which does not wait by itself.
const WAL_RETRY: Duration = Duration::from_millis(10);
/// To which size the write-ahead log is cut after a long reader let it grow.
const WAL_LIMIT_BYTES: i64 = 64 << 20;

/// Opens the file, made where it is missing, with our own tables in it.
pub(crate) fn open(path: &Path) -> Result<Connection, Fault> {
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_CREATE)?;
    schema::migrate(&mut connection)?;
    Ok(connection)
}

/// Opens a file that must be there.
pub(crate) fn open_existing(path: &Path) -> Result<Connection, Fault> {
    let mut connection = connect(path, OpenFlags::empty())?;
    schema::migrate(&mut connection)?;
    Ok(connection)
}

pub(crate) fn connect(path: &Path, create: OpenFlags) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | create;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    enter_wal(&connection)?;
    // Without a sync per commit: what the log promises as well.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "journal_size_limit", WAL_LIMIT_BYTES)?;
    Ok(connection)
}

/// The mode is a property of the file; of several processes that start at once, one changes it.
fn enter_wal(connection: &Connection) -> Result<(), Fault> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        let mode = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0));
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => return Err(Fault::Refused(format!("the database stays in journal mode {mode}, wal is needed"))),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < deadline => {
                std::thread::park_timeout(WAL_RETRY);
            }
            Err(error) => return Err(error.into()),
        }
    }
}
