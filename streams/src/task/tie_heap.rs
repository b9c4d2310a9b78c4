//! A heap by time whose ties fall as Kafka's do, so that what is due at one time runs in the same order there and here.

use crate::record::Timestamp;

/// A binary heap, smallest time first. Among equal times its shape decides, as that of `java.util.PriorityQueue` does: what is added moves up
/// while it is strictly smaller than its parent; for what is taken the last one moves down from the root, to the left on a tie.
#[derive(Clone, Debug)]
pub(crate) struct TieHeap<T>(Vec<(Timestamp, T)>);

impl<T> Default for TieHeap<T> {
    fn default() -> Self {
        TieHeap(Vec::new())
    }
}

impl<T> TieHeap<T> {
    /// What has the smallest time.
    #[inline]
    pub(crate) fn first(&self) -> Option<&(Timestamp, T)> {
        self.0.first()
    }

    /// All that wait, in no order.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().map(|(_, item)| item)
    }

    pub(crate) fn offer(&mut self, at: Timestamp, item: T) {
        self.0.push((at, item));
        let mut child = self.0.len() - 1;
        while child > 0 {
            let parent = (child - 1) / 2;
            if self.0[child].0 >= self.0[parent].0 {
                break;
            }
            self.0.swap(child, parent);
            child = parent;
        }
    }

    pub(crate) fn poll(&mut self) -> Option<(Timestamp, T)> {
        if self.0.is_empty() {
            return None;
        }
        let first = self.0.swap_remove(0);
        let mut parent = 0;
        loop {
            let (left, right) = (2 * parent + 1, 2 * parent + 2);
            if left >= self.0.len() {
                return Some(first);
            }
            let child = if right < self.0.len() && self.0[right].0 < self.0[left].0 { right } else { left };
            if self.0[parent].0 <= self.0[child].0 {
                return Some(first);
            }
            self.0.swap(parent, child);
            parent = child;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TieHeap;

    /// What `java.util.PriorityQueue` of OpenJDK 17 does with the same calls.
    #[test]
    fn ties_fall_as_in_java() {
        let mut heap = TieHeap::default();
        for name in ["a", "b", "c", "d"] {
            heap.offer(5, name);
        }
        let order: Vec<_> = std::iter::from_fn(|| heap.poll()).map(|(_, name)| name).collect();
        assert_eq!(order, ["a", "d", "c", "b"]);
    }

    #[test]
    fn the_smallest_comes_first() {
        let mut heap = TieHeap::default();
        for at in [7, 3, 9, 1, 3, 8, 2] {
            heap.offer(at, ());
        }
        let order: Vec<_> = std::iter::from_fn(|| heap.poll()).map(|(at, ())| at).collect();
        assert_eq!(order, [1, 2, 3, 3, 7, 8, 9]);
    }
}
