//! What users write: streams, tables, groupings, windows. Handles carry the types; the graph does not.
//!
//! A handle is cheap to clone and every method takes `&self`, so one stream feeds many. Closures see the key first and hold no state:
//! state is a [`Store`]. No method fails: `build()` returns every mistake at once.

mod aggregation;
mod builder;
mod cogroup;
mod foreign_key_join;
mod global_table;
mod grace_join;
mod grouped;
mod grouped_table;
mod join;
mod join_windows;
mod materialized;
mod process;
mod read;
mod read_only;
mod repartitioned;
mod scd2;
mod self_join;
mod session;
mod sliding;
mod split;
mod store;
mod stream;
mod stream_join;
mod suppress;
mod table;
mod table_join;
mod versioned;
mod windowed;
mod windows;

pub use builder::StreamsBuilder;
pub use cogroup::{CogroupedKStream, SessionWindowedCogroup, SlidingWindowedCogroup, TimeWindowedCogroup};
pub use global_table::{By, GlobalKTable};
pub use grace_join::WithGrace;
pub use grouped::KGroupedStream;
pub use grouped_table::KGroupedTable;
pub use join::RightSide;
pub use join_windows::{JoinWindows, Within};
pub use materialized::{ByKey, BySession, ByWindow, Expiring, IntoStore, Materialized, SessionMaterialized, WindowMaterialized};
pub use process::{Processor, Stores};
pub use read_only::ReadOnlyStore;
pub use repartitioned::Repartitioned;
pub use scd2::Scd2Store;
pub use session::{Session, SessionWindowedKStream};
pub use sliding::{Sliding, SlidingWindowedKStream};
pub use split::Split;
pub use store::{SessionStore, Store, WindowStore};
pub use stream::KStream;
pub use suppress::{Suppress, SuppressUntil, UntilTimeLimit, UntilWindowCloses};
pub use table::KTable;
pub use versioned::VersionedStore;
pub use windowed::TimeWindowedKStream;
pub use windows::{Hopping, Tumbling, Unlimited, Windowing};
