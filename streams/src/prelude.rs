//! What a topology imports: `use headwater_streams::prelude::*;`.

pub use crate::dsl::{
    ByKey, BySession, ByWindow, CogroupedKStream, GlobalKTable, Hopping, IntoStore, JoinWindows, KGroupedStream, KGroupedTable, KStream,
    KTable, Materialized, Processor, ReadOnlyStore, Repartitioned, Scd2Store, Session, SessionMaterialized, SessionStore,
    SessionWindowedKStream, Sliding, SlidingWindowedKStream, Split, Store, Stores, StreamsBuilder, Suppress, TimeWindowedKStream, Tumbling,
    Unlimited, VersionedStore, WindowMaterialized, WindowStore, Windowing,
};
pub use crate::format::{BigEndian, Bincode, Bytes, Data, Format, FormatError, Json, Moment, Nullable, Raw, Row, TimeWindowed, Utf8};
pub use crate::graph::{Topology, TopologyError, TopologyErrors};
pub use crate::operator::{
    Out, OutValues, ProcessorContext, Scd2Change, Scd2Order, Scd2Rows, Scd2Span, Scd2Version, SendError, TimeWindows,
};
pub use crate::query::{Entry, KeyValueView, QueryError, Queryable, SessionView, Version, VersionedView, WindowView};
pub use crate::record::{Change, Header, Headers, Record, Timestamp, Windowed};
pub use crate::task::store::{ReadHandle, ReadOnlyHandle, StoreError, StoreHandle};
pub use crate::task::{Due, Failure, Schedule, Schedules};
pub use crate::topic::{IntoSink, IntoSource, Partitions, Reset, Sink, Source, Topic, TopicDeclaration, TopicPattern};
pub use headwater_state::Direction;
