//! Whose turn it is among the lanes of a task: the one with the earliest head.
//!
//! Which of several equal heads goes first follows Kafka (`PartitionGroup` over `java.util.PriorityQueue`), since it decides what a join sees: a
//! lane stands in a binary heap from when its head is known until that head is processed; then, if it has more, it joins the heap anew.

use super::tie_heap::TieHeap;
use crate::record::Timestamp;
use std::collections::VecDeque;

/// Lanes by their places in the task.
#[derive(Debug)]
pub(super) struct Turns {
    heap: TieHeap<usize>,
    /// Lanes that have got a head which is not decoded yet, first come, first served.
    arrived: VecDeque<usize>,
    /// Of each lane, whether nothing is queued though its log may have more.
    awaited: Vec<bool>,
    /// How many such lanes there are: every record asks.
    awaited_count: usize,
}

impl Turns {
    /// So many lanes of which nothing was read yet.
    pub(super) fn of(lanes: usize) -> Turns {
        Turns { heap: TieHeap::default(), arrived: VecDeque::new(), awaited: vec![true; lanes], awaited_count: lanes }
    }

    /// The lane has nothing queued and may get an earlier record than all others, or not so any more.
    #[inline]
    pub(super) fn set_awaited(&mut self, lane: usize, is_awaited: bool) {
        match (std::mem::replace(&mut self.awaited[lane], is_awaited), is_awaited) {
            (false, true) => self.awaited_count += 1,
            (true, false) => self.awaited_count -= 1,
            (true, true) | (false, false) => {}
        }
    }

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

    /// The lane whose turn it is: the one with the earliest head, but nobody while a lane is awaited (`max.task.idle.ms=0`).
    #[inline]
    pub(super) fn first(&self) -> Option<usize> {
        if self.awaited_count == 0 { self.heap.first().map(|(_, lane)| *lane) } else { None }
    }

    /// Its head is done with.
    #[inline]
    pub(super) fn leave_first(&mut self) {
        self.heap.poll();
    }
}

#[cfg(test)]
mod tests {
    use super::Turns;

    /// Lanes with their heads' times arrive in this order; each has one record.
    fn order(arrivals: &[(i64, usize)]) -> Vec<usize> {
        let mut turns = Turns::of(arrivals.len());
        (0..arrivals.len()).for_each(|lane| turns.set_awaited(lane, false));
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
        let mut turns = Turns::of(1);
        turns.set_awaited(0, false);
        turns.arrive(0);
        assert_eq!(turns.arrived(), Some(0));
        turns.admit(None);
        assert_eq!((turns.arrived(), turns.first()), (None, None));
    }

    #[test]
    fn nobody_has_a_turn_while_a_lane_is_awaited() {
        let mut turns = Turns::of(2);
        turns.set_awaited(0, false);
        turns.arrive(0);
        turns.admit(Some(5));
        assert_eq!(turns.first(), None, "nothing was read of the other");
        for _ in 0..2 {
            turns.set_awaited(1, false);
            assert_eq!(turns.first(), Some(0));
        }
        turns.set_awaited(1, true);
        assert_eq!(turns.first(), None);
    }
}
