//! What survives: byte stores on RocksDB or in memory, with changelog positions beside the data.
//!
//! This room speaks bytes. It knows neither Kafka nor user types nor formats, it has no clock, no threads and no `async`.
//! Only the files `rocks*` know which engine is below.
//!
//! - [`ByteDatabase`] is an ordered byte database with atomic writes: families of keys, points, scans, range deletes.
//!   [`ByteReader`] reads it from another process.
//! - [`TaskState`] keeps the stores of one task on such a database: the writes of the running commit interval stand in an
//!   overlay above it and become durable, together with the changelog positions, in one atomic commit. A store may ask for memory
//!   in place of the disk: it commits with the others and is empty when the task is opened again.

mod budget;
mod committed;
mod database;
mod directory;
mod error;
mod family;
mod key_value;
mod lock;
mod memory;
mod metadata;
mod overlay;
mod reader;
mod rocks;
mod segments;
mod shared_map;
mod shelves;
mod span;
mod span_handle;
mod span_key;
mod span_scan;
mod spec;
mod store;
mod task;
mod time_index;
mod value;
mod version_scan;
mod versioned;
mod write_set;

pub use budget::MemoryBudget;
pub use committed::{
    CommittedKeyValue, CommittedSessions, CommittedSpans, CommittedState, CommittedVersions, CommittedView, CommittedWindows,
};
pub use database::{ByteDatabase, ByteView};
pub use directory::{Disk, StateDirectory};
pub use error::{EngineError, StateError};
pub use family::{Direction, Family, FamilySpec};
pub use key_value::KeyValueHandle;
pub use memory::MemoryDisk;
pub use reader::ByteReader;
pub use span::{Session, Span, Window};
pub use span_handle::{SessionHandle, SpanHandle, WindowHandle, Written};
pub use spec::{ChangelogPosition, ChangelogRecord, Journal, Layout, Logging, Place, RestoreRecord, StoreSpec, TimeIndex, Timestamp};
pub use task::{Opened, TaskState};
pub use version_scan::Version;
pub use versioned::{VersionPut, VersionedHandle};
pub use write_set::WriteSet;
