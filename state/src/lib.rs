//! What survives: byte stores on RocksDB or in memory, with changelog positions beside the data.
//!
//! This room speaks bytes. It knows neither Kafka nor user types nor formats, it has no clock, no threads and no `async`.
//! Only the files `rocks*` know which engine is below.
//!
//! - [`ByteDatabase`] is an ordered byte database with atomic writes: families of keys, points, scans, range deletes.
//!   [`ByteReader`] reads it from another process.
//! - `TaskState` keeps the stores of one task on such a database: the writes of the running commit interval stand in an
//!   overlay above it and become durable, together with the changelog positions, in one atomic commit.

mod budget;
mod database;
mod directory;
mod error;
mod family;
mod lock;
mod memory;
mod reader;
mod rocks;
mod write_set;

pub use budget::MemoryBudget;
pub use database::{ByteDatabase, ByteView};
pub use directory::{Disk, StateDirectory};
pub use error::{EngineError, StateError};
pub use family::{Direction, Family, FamilySpec};
pub use memory::MemoryDisk;
pub use reader::ByteReader;
pub use write_set::WriteSet;
