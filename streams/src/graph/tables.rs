//! Tables with and without stores: where their rows are, who must keep them, and who tells what a row was before.
//!
//! Kafka decides this while a topology is being built, in the order in which it is written, and outputs depend on it; so does this.

use super::stores::{StoreUse, Stores};
use super::{Graph, Node, NodeId, TopologyError};
use crate::topic::intern;

/// Where the rows of a node's table are.
#[derive(Clone, Debug, Default)]
pub(crate) enum RowsOf {
    /// The node makes no table.
    #[default]
    Nobody,
    /// In the node's own store.
    Stored(&'static str),
    /// In a store that the parents fill together, as those of a cogroup do.
    Filled(&'static str),
    /// Nowhere: they come and go, as from a topic. A store is made of this where somebody needs it. Kafka: `KTableSource`.
    Passing(Box<StoreUse>),
    /// In a store that somebody needed; `build()` gives it its name.
    Wanted(Box<StoreUse>),
    /// With the parents, from whose rows they are computed; what a row was before is known where a parent knows it.
    Derived,
    /// With the parents, which must know what a row was before whenever somebody asks. Kafka: `KTableKTableAbstractJoin`.
    Joined,
}

impl RowsOf {
    /// The node's own store.
    pub(crate) fn store(&self) -> Option<&'static str> {
        match self {
            RowsOf::Stored(name) | RowsOf::Filled(name) => Some(name),
            RowsOf::Nobody | RowsOf::Passing(_) | RowsOf::Wanted(_) | RowsOf::Derived | RowsOf::Joined => None,
        }
    }
}

impl Graph {
    /// The node's rows are kept in this store of its own.
    pub(crate) fn store_rows(&mut self, node: NodeId, store: &'static str) {
        let before = std::mem::replace(&mut self.nodes[node].rows, RowsOf::Stored(store));
        if let RowsOf::Stored(first) | RowsOf::Filled(first) = before {
            self.mistakes.push(TopologyError::StoredTwice { first, second: store });
        }
    }

    /// Somebody below asks for rows: where they only pass, they are kept from now on. Kafka: `KTableSource.materialize`.
    pub(crate) fn need_rows(&mut self, node: NodeId) {
        match std::mem::take(&mut self.nodes[node].rows) {
            RowsOf::Passing(store) => self.nodes[node].rows = RowsOf::Wanted(store),
            rows @ (RowsOf::Derived | RowsOf::Joined) => {
                self.nodes[node].rows = rows;
                self.nodes[node].parents.clone().into_iter().for_each(|parent| self.need_rows(parent));
            }
            rows @ (RowsOf::Nobody | RowsOf::Stored(_) | RowsOf::Filled(_) | RowsOf::Wanted(_)) => self.nodes[node].rows = rows,
        }
    }

    /// `reader` asks for rows of `table`.
    pub(crate) fn look_at(&mut self, reader: NodeId, table: NodeId) {
        self.need_rows(table);
        self.nodes[reader].looks_at.push(table);
    }

    /// Somebody below needs what a row was before: where nobody upstream keeps rows, a store is made. Kafka: `enableSendingOldValues(true)`.
    pub(crate) fn need_old_values(&mut self, node: NodeId) {
        if matches!(self.nodes[node].rows, RowsOf::Passing(_)) {
            self.need_rows(node);
        }
        if !self.nodes[node].sends_old_values && self.learns_from_parents(node) {
            self.nodes[node].parents.clone().into_iter().for_each(|parent| self.need_old_values(parent));
        }
        self.nodes[node].sends_old_values = true;
    }

    /// Somebody below would use what a row was before, but not at the price of a store. Returns whether it will be told. Kafka: `enableSendingOldValues(false)`.
    pub(crate) fn ask_old_values(&mut self, node: NodeId) -> bool {
        if self.nodes[node].sends_old_values {
            return true;
        }
        let told = match self.nodes[node].rows {
            RowsOf::Passing(_) => false,
            RowsOf::Derived | RowsOf::Filled(_) => self.nodes[node].parents.clone().into_iter().all(|parent| self.ask_old_values(parent)),
            RowsOf::Nobody | RowsOf::Stored(_) | RowsOf::Wanted(_) | RowsOf::Joined => true,
        };
        if told {
            self.need_old_values(node);
        }
        told
    }

    /// Whether the node is told by its parents what a row was before. Where the sides of a join come together that is so with a store as well.
    fn learns_from_parents(&self, node: NodeId) -> bool {
        let meets = || self.nodes[node].parents.iter().any(|parent| matches!(self.nodes[*parent].rows, RowsOf::Joined));
        matches!(self.nodes[node].rows, RowsOf::Derived | RowsOf::Joined | RowsOf::Filled(_)) || meets()
    }

    /// Names the stores that somebody needed and nobody named: as their nodes, or as the topics that they are read from.
    pub(super) fn name_wanted_stores(&mut self) {
        for id in 0..self.nodes.len() {
            let RowsOf::Wanted(used) = &self.nodes[id].rows else { continue };
            let used = used.clone();
            match self.wanted_name(id) {
                Some(name) => self.keep_rows(id, StoreUse { name, ..*used }),
                // Its repartitions are unnamed as well, which is said once.
                None if self.nodes[id].called_after.is_some() => {}
                None => self.mistakes.push(TopologyError::UnnamedStore { operation: self.nodes[id].kind.operation() }),
            }
        }
    }

    /// Names what suppressed tables hold back: after their nodes, as in Kafka, or after the nearest store upstream.
    pub(super) fn name_buffers(&mut self) {
        for id in 0..self.nodes.len() {
            let Some(used) = self.nodes[id].buffer.clone() else { continue };
            let mut upstream = Vec::new();
            self.nodes[id].parents.iter().for_each(|parent| stores_below(&self.nodes, *parent, &mut upstream));
            let named = self.nodes[id].name.as_ref().map(|name| format!("{name}-store"));
            let Some(name) = named.or_else(|| upstream.first().map(|store| format!("{store}-suppress"))) else {
                self.mistakes.push(TopologyError::UnnamedStore { operation: "suppress" });
                continue;
            };
            let used = StoreUse { name: intern(&name), ..used };
            let node = &mut self.nodes[id];
            node.stores.push(used.name);
            node.buffer = Some(used.clone());
            self.stores.declare(used).unwrap_or_else(|mistake| self.mistakes.push(mistake));
        }
    }

    fn wanted_name(&self, id: NodeId) -> Option<&'static str> {
        let node = &self.nodes[id];
        if node.called_after.is_some() {
            return self.name_after(id).map(|name| intern(&name));
        }
        let topic = || node.parents.first().and_then(|parent| self.nodes[*parent].kind.topic());
        node.name.as_deref().map(intern).or_else(topic)
    }

    /// What a node is called that is called after another one: by that one's name, or by its store's.
    pub(super) fn name_after(&self, id: NodeId) -> Option<String> {
        let (after, suffix) = self.nodes[id].called_after?;
        let after = &self.nodes[after];
        let name = after.name.as_deref().or_else(|| after.rows.store())?;
        Some(format!("{name}{suffix}"))
    }

    fn keep_rows(&mut self, id: NodeId, used: StoreUse) {
        let node = &mut self.nodes[id];
        node.rows = RowsOf::Stored(used.name);
        node.stores.insert(0, used.name);
        self.stores.declare(used).unwrap_or_else(|mistake| self.mistakes.push(mistake));
    }

    /// Joins that wait for tables which do not know their rows so far back.
    pub(super) fn impatient_joins(&self) -> Vec<TopologyError> {
        let mut found = Vec::new();
        for node in &self.nodes {
            let (Some(grace_ms), Some(table)) = (node.grace_ms, node.looks_at.first()) else { continue };
            // It stands in for a table of another builder, which is a mistake already.
            if matches!(self.nodes[*table].rows, RowsOf::Nobody) {
                continue;
            }
            let mut stores = Vec::new();
            stores_below(&self.nodes, *table, &mut stores);
            let history = |store: &&'static str| self.stores.get(store).and_then(|store| store.kind.history_ms());
            let history_ms = stores.iter().map(history).min().flatten();
            if !is_versioned(&self.nodes, &self.stores, *table) || history_ms.is_none_or(|history_ms| history_ms < grace_ms) {
                let join = node.stores.first().copied().unwrap_or_default();
                found.push(TopologyError::GraceOfTable { join, grace_ms, history_ms });
            }
        }
        found
    }

    /// Whoever asks for rows is connected with the stores that they are in.
    pub(super) fn connect_readers(&mut self) {
        for id in 0..self.nodes.len() {
            let mut stores = Vec::new();
            self.nodes[id].looks_at.iter().for_each(|table| stores_below(&self.nodes, *table, &mut stores));
            let node = &mut self.nodes[id];
            stores.retain(|store| !node.stores.contains(store));
            node.stores.extend(stores);
        }
    }
}

/// Whether a node's table is versioned: its store is, or, where it has none of its own, those that it is computed from. Joins are not (KIP-914).
pub(super) fn is_versioned(nodes: &[Node], stores: &Stores, table: NodeId) -> bool {
    match &nodes[table].rows {
        RowsOf::Stored(name) | RowsOf::Filled(name) => stores.get(name).is_some_and(|store| store.kind.is_versioned()),
        RowsOf::Derived => nodes[table].parents.iter().all(|parent| is_versioned(nodes, stores, *parent)),
        RowsOf::Nobody | RowsOf::Passing(_) | RowsOf::Wanted(_) | RowsOf::Joined => false,
    }
}

fn stores_below(nodes: &[Node], table: NodeId, found: &mut Vec<&'static str>) {
    match &nodes[table].rows {
        RowsOf::Stored(store) | RowsOf::Filled(store) if found.contains(store) => {}
        RowsOf::Stored(store) | RowsOf::Filled(store) => found.push(store),
        RowsOf::Derived | RowsOf::Joined => nodes[table].parents.iter().for_each(|parent| stores_below(nodes, *parent, found)),
        RowsOf::Nobody | RowsOf::Passing(_) | RowsOf::Wanted(_) => {}
    }
}
