//! An ordered map whose clones share what neither of them has changed since.
//!
//! The rows stand in leaves behind shared pointers, so that a writer copies only the leaves that it changes while a reader still sees the map as
//! it was: a query that holds a moment of a large store costs the next commit little.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use crate::Direction;

type Leaf = BTreeMap<Box<[u8]>, Box<[u8]>>;

/// A leaf of more entries becomes two.
const LEAF_ENTRIES: usize = 256;

/// Keys and values, ordered as unsigned bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedMap {
    /// By a bound that is not above any of a leaf's keys and above all of those before; the first leaf's is empty. No other leaf is empty.
    leaves: BTreeMap<Arc<[u8]>, Arc<Leaf>>,
}

impl SharedMap {
    pub(crate) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let (_, leaf) = self.leaves.range::<[u8], _>((Bound::Unbounded, Bound::Included(key))).next_back()?;
        leaf.get(key).map(AsRef::as_ref)
    }

    pub(crate) fn insert(&mut self, key: &[u8], value: &[u8]) {
        let found = self.leaves.range_mut::<[u8], _>((Bound::Unbounded, Bound::Included(key))).next_back();
        let leaf = match found {
            Some((_, leaf)) => leaf,
            None => self.leaves.entry(Arc::default()).or_default(),
        };
        let leaf = Arc::make_mut(leaf);
        leaf.insert(key.into(), value.into());
        if leaf.len() > LEAF_ENTRIES {
            let middle = leaf.keys().nth(LEAF_ENTRIES / 2).expect("it has more").clone();
            let upper = leaf.split_off(&middle);
            self.leaves.insert(Arc::from(middle), Arc::new(upper));
        }
    }

    pub(crate) fn remove(&mut self, key: &[u8]) {
        let found = self.leaves.range_mut::<[u8], _>((Bound::Unbounded, Bound::Included(key))).next_back();
        let Some((bound, leaf)) = found.filter(|(_, leaf)| leaf.contains_key(key)) else { return };
        let leaf = Arc::make_mut(leaf);
        leaf.remove(key);
        if leaf.is_empty() && !bound.is_empty() {
            let bound = Arc::clone(bound);
            self.leaves.remove(&bound);
        }
    }

    /// Removes the keys from `from` up to, not including, `to`.
    pub(crate) fn remove_range(&mut self, from: &[u8], to: &[u8]) {
        if from >= to {
            return;
        }
        let first = self.leaf_at(from);
        let touched = self.leaves.range_mut::<[u8], _>((Bound::Included(&*first), Bound::Excluded(to)));
        for (_, leaf) in touched.filter(|(_, leaf)| leaf.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to))).next().is_some()) {
            let leaf = Arc::make_mut(leaf);
            leaf.extract_if(Box::from(from)..Box::from(to), |_, _| true).for_each(drop);
        }
        let emptied = self
            .leaves
            .extract_if((Bound::Included(first), Bound::Excluded(Arc::from(to))), |bound, leaf| leaf.is_empty() && !bound.is_empty());
        emptied.for_each(drop);
    }

    /// Visits the keys between the bounds until `visit` breaks off. The bounds are in order.
    pub(crate) fn scan(
        &self, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction, visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) {
        let (Bound::Included(lowest) | Bound::Excluded(lowest)) = from else { return self.scan_from(&[], (from, to), direction, visit) };
        self.scan_from(&self.leaf_at(lowest), (from, to), direction, visit);
    }

    fn scan_from(
        &self, first: &[u8], keys: (Bound<&[u8]>, Bound<&[u8]>), direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) {
        let leaves = self.leaves.range::<[u8], _>((Bound::Included(first), keys.1));
        let mut entries = leaves.flat_map(|(_, leaf)| leaf.range::<[u8], _>(keys));
        let next = || match direction {
            Direction::Forward => entries.next(),
            Direction::Backward => entries.next_back(),
        };
        let _ = std::iter::from_fn(next).try_for_each(|(key, value)| visit(key, value));
    }

    /// The bound of the leaf in which the key would be.
    fn leaf_at(&self, key: &[u8]) -> Arc<[u8]> {
        let found = self.leaves.range::<[u8], _>((Bound::Unbounded, Bound::Included(key))).next_back();
        found.map_or_else(Arc::default, |(bound, _)| Arc::clone(bound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u16, u8),
        Remove(u16),
        RemoveRange(u16, u16),
        Scan(Bound<u16>, Bound<u16>, Direction, usize),
        Clone,
    }

    fn step() -> impl Strategy<Value = Step> {
        let key = || 0..3_000_u16;
        let bound = move || prop_oneof![Just(Bound::Unbounded), key().prop_map(Bound::Included), key().prop_map(Bound::Excluded)];
        let direction = prop_oneof![Just(Direction::Forward), Just(Direction::Backward)];
        prop_oneof![
            400 => (key(), any::<u8>()).prop_map(|(key, value)| Step::Insert(key, value)),
            200 => key().prop_map(Step::Remove),
            2 => (key(), key()).prop_map(|(from, to)| Step::RemoveRange(from, to)),
            20 => (bound(), bound(), direction, 1..1_000_usize).prop_map(|(from, to, direction, most)| Step::Scan(from, to, direction, most)),
            2 => Just(Step::Clone),
        ]
    }

    fn scanned(map: &SharedMap, from: Bound<u16>, to: Bound<u16>, direction: Direction, most: usize) -> Vec<(u16, u8)> {
        let (from, to) = (from.map(u16::to_be_bytes), to.map(u16::to_be_bytes));
        let mut found = Vec::new();
        map.scan(from.as_ref().map(<[u8; 2]>::as_slice), to.as_ref().map(<[u8; 2]>::as_slice), direction, &mut |key, value| {
            found.push((u16::from_be_bytes(key.try_into().unwrap()), value[0]));
            if found.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        found
    }

    fn expected(model: &BTreeMap<u16, u8>, from: Bound<u16>, to: Bound<u16>, direction: Direction, most: usize) -> Vec<(u16, u8)> {
        let entries = model.range((from, to)).map(|(key, value)| (*key, *value));
        match direction {
            Direction::Forward => entries.take(most).collect(),
            Direction::Backward => entries.rev().take(most).collect(),
        }
    }

    fn in_order(from: Bound<u16>, to: Bound<u16>) -> bool {
        match (from, to) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => true,
            (Bound::Included(from) | Bound::Excluded(from), Bound::Included(to) | Bound::Excluded(to)) => from < to,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn it_is_an_ordered_map_and_so_are_its_clones(steps in vec(step(), 1..4_000)) {
            let (mut map, mut model) = (SharedMap::default(), BTreeMap::new());
            let mut moments = Vec::new();
            for step in steps {
                match step {
                    Step::Insert(key, value) => {
                        map.insert(&key.to_be_bytes(), &[value]);
                        model.insert(key, value);
                    }
                    Step::Remove(key) => {
                        map.remove(&key.to_be_bytes());
                        model.remove(&key);
                    }
                    Step::RemoveRange(from, to) => {
                        map.remove_range(&from.to_be_bytes(), &to.to_be_bytes());
                        model.retain(|key, _| !(from..to).contains(key));
                    }
                    Step::Scan(from, to, direction, most) if in_order(from, to) => {
                        prop_assert_eq!(scanned(&map, from, to, direction, most), expected(&model, from, to, direction, most));
                    }
                    Step::Scan(..) => {}
                    Step::Clone => moments.push((map.clone(), model.clone())),
                }
            }
            moments.push((map, model));
            for (map, model) in &moments {
                let all = scanned(map, Bound::Unbounded, Bound::Unbounded, Direction::Forward, usize::MAX);
                prop_assert_eq!(&all, &model.iter().map(|(key, value)| (*key, *value)).collect::<Vec<_>>());
                for key in (0..3_000_u16).step_by(7) {
                    prop_assert_eq!(map.get(&key.to_be_bytes()), model.get(&key).map(std::slice::from_ref));
                }
            }
        }
    }

    #[test]
    fn a_writer_copies_only_the_leaves_that_it_changes() {
        let mut map = SharedMap::default();
        (0..10_000_u16).for_each(|key| map.insert(&key.to_be_bytes(), b"before"));
        let moment = map.clone();
        map.insert(&5_000_u16.to_be_bytes(), b"after");
        let shared = map.leaves.iter().filter(|(bound, leaf)| Arc::ptr_eq(leaf, &moment.leaves[*bound])).count();
        assert_eq!(shared, map.leaves.len() - 1);
        assert_eq!(moment.get(&5_000_u16.to_be_bytes()), Some(b"before".as_slice()));
        map.remove_range(&0_u16.to_be_bytes(), &9_999_u16.to_be_bytes());
        assert_eq!(map.leaves.len(), 2, "the first leaf stays, and the one that holds something");
        map.remove(&9_999_u16.to_be_bytes());
        assert_eq!(map.leaves.len(), 1);
    }
}
