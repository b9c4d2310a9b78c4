//! What a topology became: nodes as plain data, with the makers that put a task together from them.
//!
//! The graph knows names, ids and kinds; user types only inside of the makers. It finds the sub-topologies, checks what can be checked
//! without a broker, and wires tasks (`wiring` holds the only downcast of the code base).

mod behind;
mod copartition;
mod describe;
mod error;
mod global;
mod kind;
mod mistakes;
mod naming;
mod node;
mod patterns;
mod picture;
mod plan;
mod plan_hash;
mod settle;
mod stores;
mod sub_topology;
mod tables;
mod topology;
mod wiring;

pub(crate) use behind::Placed;
pub use error::{TopologyError, TopologyErrors};
pub(crate) use global::{GlobalRow, GlobalTable, ReadGlobal};
pub(crate) use kind::{Kind, Repartition, SourceTopics};
pub use node::NodeId;
pub(crate) use node::{Graph, Merge, Node};
pub(crate) use plan::ChangelogLayout;
pub use plan::{Changelog, Input, InputRole, RepartitionPlan, StorePlan, TopicName};
pub(crate) use stores::{StoreKind, StoreOptions, StoreRead, StoreUse, Stores};
pub use sub_topology::SubTopology;
pub(crate) use tables::RowsOf;
pub use topology::Topology;
pub(crate) use wiring::{Wiring, WiringEnvironment};
