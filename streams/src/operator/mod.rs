//! Operators: one concept, one file. They see typed records, typed stores and the [`Context`] of their task,
//! and touch neither clock nor log.
//!
//! Edges are typed, operators behind them are erased: a node owns its children as `Box<dyn Operator<K, V>>`.

mod aggregate;
mod buffered_join;
mod emit;
mod filter;
mod flat_map;
mod foreign_key;
mod getter;
mod global_join;
mod lateness;
mod map;
mod ok_err;
mod out;
mod pass;
mod peek;
mod present_key;
mod process;
mod processor;
mod repartition;
mod routed;
mod scd2;
mod self_join;
mod session_aggregate;
mod sink;
mod sliding_aggregate;
mod source;
mod split;
mod stream_join;
mod stream_table_join;
mod suppress;
mod table_group;
mod table_join;
mod table_map;
mod table_source;
mod to_stream;
mod try_map_values;
mod update;
mod window_aggregate;
mod windows;
mod with_coordinates;

pub(crate) use aggregate::{Fold, Initial, aggregate};
pub(crate) use buffered_join::{Buffer, BufferedJoin};
pub(crate) use emit::{ByTime, Closing, Finals, OnClose};
pub(crate) use filter::filter;
pub(crate) use flat_map::{flat_map, flat_map_values};
pub(crate) use foreign_key::{
    Answer, ForeignJoiner, ForeignKey, Subscribed, Subscriber, Subscribing, Subscription, answer, answer_change, answer_sink, resolve,
    subscribe,
};
pub(crate) use getter::{AsOf, Getter};
pub(crate) use global_join::GlobalJoin;
pub(crate) use map::{map, map_values, select_key};
pub(crate) use ok_err::ok_err;
pub(crate) use out::Way;
pub use out::{Out, OutValues, SendError};
pub(crate) use pass::pass;
pub(crate) use peek::{for_each, peek};
pub(crate) use present_key::present_key;
pub(crate) use process::{Processing, absorb, process, process_values};
pub use processor::ProcessorContext;
pub(crate) use processor::{SharedProcessor, Work};
pub(crate) use repartition::{repartition, routed_repartition};
pub(crate) use routed::Routed;
pub(crate) use scd2::{Around, Right};
pub use scd2::{Scd2Change, Scd2ChangeLayout, Scd2Kept, Scd2KeptLayout, Scd2Order, Scd2Rows, Scd2Span, Scd2SpanLayout, Scd2Version};
pub(crate) use self_join::{SelfJoin, SelfPair};
pub(crate) use session_aggregate::{SessionAggregate, SessionFold};
pub(crate) use sink::{routed_sink, routed_table_sink, sink, table_sink};
pub(crate) use sliding_aggregate::SlidingAggregate;
pub(crate) use source::{Arrival, Reading, read_stream, read_table};
pub(crate) use split::{Predicate, split};
pub(crate) use stream_join::{Leftovers, Pair, Reach, Side, Single, StreamJoin, Waiting};
pub(crate) use stream_table_join::{StreamTableJoin, Unmatched};
pub(crate) use suppress::{Suppressing, Suppression, WhenFull, suppress};
pub(crate) use table_group::{Adjust, table_aggregate, table_group};
pub(crate) use table_join::{JoinSide, Needs, TableJoiner, joined_row, passing_join, stored_join, table_join_side};
pub(crate) use table_map::{Nothing, Passing, RowMap, stored_table_map, table_map};
pub(crate) use table_source::{passing_table, table_source};
pub(crate) use to_stream::{to_stream, updates};
pub(crate) use try_map_values::try_map_values;
pub(crate) use update::Update;
pub(crate) use window_aggregate::WindowAggregate;
pub use windows::TimeWindows;
pub(crate) use windows::{UnlimitedWindow, WindowsOf};
pub(crate) use with_coordinates::with_coordinates;

use crate::record::Record;
use crate::task::{Context, Flow};

/// One node of a running task.
pub trait Operator<K, V> {
    /// Takes one record; whatever follows from it is forwarded before this returns (depth first, as in Kafka).
    fn process(&mut self, record: Record<K, V>, task: &mut Context) -> Flow;
}

impl<K, V, F: FnMut(Record<K, V>, &mut Context) -> Flow> Operator<K, V> for F {
    #[inline]
    fn process(&mut self, record: Record<K, V>, task: &mut Context) -> Flow {
        self(record, task)
    }
}

/// A node's children, owned: one virtual call per hop.
pub struct Outlet<K, V>(Vec<Box<dyn Operator<K, V>>>);

impl<K, V> Outlet<K, V> {
    pub(crate) fn new(children: Vec<Box<dyn Operator<K, V>>>) -> Self {
        Outlet(children)
    }
}

impl<K: Clone, V: Clone> Outlet<K, V> {
    /// Forwards to every child, in the order in which they were built.
    // Always inlined, the rare case apart: otherwise a record is copied twice per hop, which doubles its cost.
    #[inline(always)]
    pub fn send(&mut self, record: Record<K, V>, task: &mut Context) -> Flow {
        match &mut self.0[..] {
            [only] => only.process(record, task),
            _ => self.send_to_many(record, task),
        }
    }

    /// Forwards to one child only.
    pub(crate) fn send_to(&mut self, child: usize, record: Record<K, V>, task: &mut Context) -> Flow {
        self.0[child].process(record, task)
    }

    #[inline(never)]
    fn send_to_many(&mut self, record: Record<K, V>, task: &mut Context) -> Flow {
        let Some((last, others)) = self.0.split_last_mut() else { return Ok(()) };
        for other in others {
            other.process(record.clone(), task)?;
        }
        last.process(record, task)
    }
}
