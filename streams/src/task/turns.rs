//! Whose turn it is among the lanes of a task: the one with the earliest head.
//!
//! Which of several equal heads goes first follows Kafka (`PartitionGroup` over `java.util.PriorityQueue`), since it decides what a join sees: a
//! lane stands in a binary heap from when its head is known until that head is processed; then, if it has more, it joins the heap anew.

use super::tie_heap::TieHeap;
use crate::record::Timestamp;
use std::collections::VecDeque;

/// Lanes by their places in the task.
#[derive(Debug, Default)]
pub(super) struct Turns {
    heap: TieHeap<usize>,
    /// Lanes that have got a head which is not decoded yet, first come, first served.
    arrived: VecDeque<usize>,
}

impl Turns {
    /// The lane has a head again.
    #[inline]
    pub(super) fn arrive(&mut self, lane: usize) {
        self.arrived.push_back(lane);
    }

    /// The next lane whose head is to be decoded.
    #[inline]
    pub(super) fn arrived(&self) -> Option<usize> {
        self.arrived.front().copied()
    }

    /// That head is decoded, and this is its time; or it was no record, and there is none behind it.
    #[inline]
    pub(super) fn admit(&mut self, time: Option<Timestamp>) {
        let lane = self.arrived.pop_front().expect("only a lane that has arrived is admitted");
        if let Some(time) = time {
            self.heap.offer(time, lane);
        }
    }

    /// The lane whose turn it is.
    #[inline]
    pub(super) fn first(&self) -> Option<usize> {
        self.heap.first().map(|(_, lane)| *lane)
    }

    /// Its head is done with.
    #[inline]
    pub(super) fn leave_first(&mut self) {
        self.heap.poll();
    }

    /// Nothing is queued any more.
    pub(super) fn clear(&mut self) {
        self.heap = TieHeap::default();
        self.arrived.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Turns;

    /// Lanes with their heads' times arrive in this order; each has one record.
    fn order(arrivals: &[(i64, usize)]) -> Vec<usize> {
        let mut turns = Turns::default();
        for (time, lane) in arrivals {
            turns.arrive(*lane);
            turns.admit(Some(*time));
        }
        let mut order = Vec::new();
        while let Some(lane) = turns.first() {
            order.push(lane);
            turns.leave_first();
        }
        order
    }

    /// What `java.util.PriorityQueue` (JDK 17) answers.
    #[test]
    fn ties_go_as_in_javas_priority_queue() {
        assert_eq!(order(&[(5, 0), (5, 1)]), [0, 1]);
        assert_eq!(order(&[(5, 0), (5, 1), (5, 2)]), [0, 2, 1]);
        assert_eq!(order(&[(5, 0), (5, 1), (5, 2), (5, 3)]), [0, 3, 2, 1]);
        assert_eq!(order(&[(7, 0), (5, 1), (7, 2), (5, 3)]), [1, 3, 2, 0]);
    }

    #[test]
    fn the_earliest_goes_first() {
        assert_eq!(order(&[(9, 0), (4, 1), (7, 2), (1, 3), (8, 4), (2, 5)]), [3, 5, 1, 2, 4, 0]);
    }

    #[test]
    fn a_lane_without_a_record_has_no_turn() {
        let mut turns = Turns::default();
        turns.arrive(3);
        assert_eq!(turns.arrived(), Some(3));
        turns.admit(None);
        assert_eq!((turns.arrived(), turns.first()), (None, None));
    }
}
