//! What the nodes of a case make: streams, tables, groupings and so on, keyed by dynamic values or by windows of them.

use super::StoreRole;
use crate::conformance::value::{Value, WindowForm};
use headwater_streams::dsl::{
    CogroupedKStream, GlobalKTable, KGroupedStream, KGroupedTable, KStream, KTable, SessionWindowedCogroup, SessionWindowedKStream,
    SlidingWindowedCogroup, SlidingWindowedKStream, TimeWindowedCogroup, TimeWindowedKStream,
};
use headwater_streams::format::Row;
use headwater_streams::record::Windowed;
use headwater_streams::topic::Sink;

/// What a node has made.
#[derive(Clone)]
pub enum Thing {
    /// A stream.
    Stream(KStream<Value, Value>),
    /// A stream keyed by windows.
    WindowedStream(KStream<Windowed<Value>, Value>),
    /// A table.
    Table(KTable<Value, Value>),
    /// A table keyed by windows.
    WindowedTable(KTable<Windowed<Value>, Value>),
    /// A global table.
    Global(GlobalKTable<Value, Value>),
    /// A grouped stream.
    Grouped(KGroupedStream<Value, Value>),
    /// A stream grouped by windows of an earlier aggregation.
    WindowedGrouped(KGroupedStream<Windowed<Value>, Value>),
    /// A grouped table.
    GroupedTable(KGroupedTable<Value, Value>),
    /// A grouped stream in time windows of such a size.
    TimeWindowed(TimeWindowedKStream<Value, Value>, i64),
    /// A grouped stream in sliding windows of such a size.
    SlidingWindowed(SlidingWindowedKStream<Value, Value>, i64),
    /// A grouped stream in sessions.
    SessionWindowed(SessionWindowedKStream<Value, Value>),
    /// A cogroup.
    Cogrouped(CogroupedKStream<Value, Value>),
    /// A cogroup in time windows of such a size.
    TimeCogroup(TimeWindowedCogroup<Value, Value>, i64),
    /// A cogroup in sliding windows of such a size.
    SlidingCogroup(SlidingWindowedCogroup<Value, Value>, i64),
    /// A cogroup in sessions.
    SessionCogroup(SessionWindowedCogroup<Value, Value>),
}

/// A key of a case: a dynamic value, or a window of one.
pub trait CaseKey: Row + Send + Sync {
    /// What a store of rows by such keys is.
    const ROWS: StoreRole;
    /// As functions of the cases see it.
    fn to_value(&self) -> Value;
    /// Back from there; none: it is no such key.
    fn of_value(value: &Value) -> Option<Self>;
    /// A stream of such keys.
    fn stream(stream: KStream<Self, Value>) -> Thing;
    /// A table of such keys.
    fn table(table: KTable<Self, Value>) -> Thing;
    /// A grouped stream of such keys.
    fn grouped(grouped: KGroupedStream<Self, Value>) -> Thing;
    /// The sink with the form in which such keys are written to a topic.
    fn written(sink: Sink<Self, Value>) -> Sink<Self, Value>;
}

impl CaseKey for Value {
    const ROWS: StoreRole = StoreRole::Rows;

    fn to_value(&self) -> Value {
        self.clone()
    }

    fn of_value(value: &Value) -> Option<Self> {
        Some(value.clone())
    }

    fn stream(stream: KStream<Value, Value>) -> Thing {
        Thing::Stream(stream)
    }

    fn table(table: KTable<Value, Value>) -> Thing {
        Thing::Table(table)
    }

    fn grouped(grouped: KGroupedStream<Value, Value>) -> Thing {
        Thing::Grouped(grouped)
    }

    fn written(sink: Sink<Value, Value>) -> Sink<Value, Value> {
        sink
    }
}

impl CaseKey for Windowed<Value> {
    const ROWS: StoreRole = StoreRole::RowsByWindow;

    fn to_value(&self) -> Value {
        Value::Windowed(Box::new(self.clone()))
    }

    fn of_value(value: &Value) -> Option<Self> {
        match value {
            Value::Windowed(windowed) => Some((**windowed).clone()),
            Value::Null | Value::String(_) | Value::Long(_) | Value::List(_) => None,
        }
    }

    fn stream(stream: KStream<Windowed<Value>, Value>) -> Thing {
        Thing::WindowedStream(stream)
    }

    fn table(table: KTable<Windowed<Value>, Value>) -> Thing {
        Thing::WindowedTable(table)
    }

    fn grouped(grouped: KGroupedStream<Windowed<Value>, Value>) -> Thing {
        Thing::WindowedGrouped(grouped)
    }

    fn written(sink: Sink<Windowed<Value>, Value>) -> Sink<Windowed<Value>, Value> {
        sink.key_format(WindowForm)
    }
}

/// Does the same with a stream, whatever its keys; any other thing has no such operation.
macro_rules! on_stream {
    ($thing:expr, $op:expr, $stream:ident => $made:expr) => {
        match $thing {
            $crate::conformance::build::Thing::Stream($stream) => $made,
            $crate::conformance::build::Thing::WindowedStream($stream) => $made,
            other => return Err(other.has_no($op)),
        }
    };
}

/// Does the same with a table, whatever its keys; any other thing has no such operation.
macro_rules! on_table {
    ($thing:expr, $op:expr, $table:ident => $made:expr) => {
        match $thing {
            $crate::conformance::build::Thing::Table($table) => $made,
            $crate::conformance::build::Thing::WindowedTable($table) => $made,
            other => return Err(other.has_no($op)),
        }
    };
}

pub(super) use {on_stream, on_table};

impl Thing {
    /// The complaint that this operation does not go with this thing.
    pub(super) fn has_no(&self, op: &str) -> super::Unbuildable {
        let what = match self {
            Thing::Stream(_) => "a stream",
            Thing::WindowedStream(_) => "a stream of windows",
            Thing::Table(_) => "a table",
            Thing::WindowedTable(_) => "a table of windows",
            Thing::Global(_) => "a global table",
            Thing::Grouped(_) => "a grouped stream",
            Thing::WindowedGrouped(_) => "a grouped stream of windows",
            Thing::GroupedTable(_) => "a grouped table",
            Thing::TimeWindowed(..) | Thing::SlidingWindowed(..) | Thing::SessionWindowed(_) => "a windowed stream",
            Thing::Cogrouped(_) => "a cogroup",
            Thing::TimeCogroup(..) | Thing::SlidingCogroup(..) | Thing::SessionCogroup(_) => "a windowed cogroup",
        };
        super::unsupported(format!("unsupported op {op} on {what}"))
    }
}
