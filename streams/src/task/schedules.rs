//! Punctuations: what processors want done when a time has come, whether records come or not. Kafka: `Punctuator`, `PunctuationQueue`.

use super::tie_heap::TieHeap;
use crate::record::{NO_TIMESTAMP, Timestamp};
use std::time::Duration;

/// The punctuations of one task. A processor gets it in [`init`](crate::dsl::Processor::init) and through its context. Kafka: `ProcessorContext.schedule`.
///
/// Intervals are whole milliseconds, at least one. Slots that were missed are made up for once, not one by one. Schedules are not kept over a
/// restart: `init` makes them anew. Those of stream time then go on where the task's stream time stands, because it is kept.
#[derive(Clone, Debug)]
pub struct Schedules {
    stream: TieHeap<Slot>,
    wall: TieHeap<Slot>,
    /// The processor that is speaking.
    owner: usize,
    next_id: u32,
    /// The one whose punctuation runs; its next slot is not in line yet.
    firing: Option<(Schedule, bool)>,
    stream_time: Timestamp,
    wall_time: Timestamp,
    /// As it was before the record at hand, once that has changed anything.
    before: Option<Box<Schedules>>,
    undoes: bool,
}

/// One schedule of a processor, to know it by when it is due and to cancel it. Kafka: `Cancellable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Schedule(u32);

/// A punctuation whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Which schedule of the processor.
    pub schedule: Schedule,
    /// The time now, in milliseconds: stream time or wall clock, as the schedule has it. It may be later than the slot.
    pub timestamp: Timestamp,
}

/// What waits for its time.
#[derive(Clone, Debug)]
struct Slot {
    schedule: Schedule,
    owner: usize,
    interval: i64,
    is_cancelled: bool,
}

/// Which time a schedule goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Time {
    Stream,
    Wall,
}

/// A punctuation that is to run now.
pub(crate) struct Firing {
    pub(crate) owner: usize,
    pub(crate) due: Due,
    time: Time,
    at: Timestamp,
    interval: i64,
}

impl Schedules {
    pub(crate) fn new(undoes: bool) -> Self {
        Schedules {
            stream: TieHeap::default(),
            wall: TieHeap::default(),
            owner: 0,
            next_id: 0,
            firing: None,
            stream_time: NO_TIMESTAMP,
            wall_time: 0,
            before: None,
            undoes,
        }
    }

    /// Runs whenever stream time has reached another multiple of `every`, the first one being 0: so the very first record is reason enough.
    pub fn stream_time(&mut self, every: Duration) -> Schedule {
        let interval = whole_ms(every);
        // A restored task has had the slots up to its stream time.
        let first = if self.stream_time < 0 { 0 } else { (self.stream_time / interval + 1).saturating_mul(interval) };
        self.add(Time::Stream, first, interval)
    }

    /// Runs whenever the wall clock has moved on by `every`, beginning now.
    pub fn wall_clock(&mut self, every: Duration) -> Schedule {
        let interval = whole_ms(every);
        self.add(Time::Wall, self.wall_time.saturating_add(interval), interval)
    }

    /// The same with slots that lie at `start` (milliseconds since the epoch), `start + every` and so on, in the future only. KIP-1146.
    pub fn wall_clock_from(&mut self, start: Timestamp, every: Duration) -> Schedule {
        let interval = whole_ms(every);
        let first = if start < self.wall_time { next(start, interval, self.wall_time) } else { start };
        self.add(Time::Wall, first, interval)
    }

    /// Ends a schedule, also from within its own punctuation.
    pub fn cancel(&mut self, schedule: Schedule) {
        self.note_change();
        self.stream
            .iter_mut()
            .chain(self.wall.iter_mut())
            .filter(|slot| slot.schedule == schedule)
            .for_each(|slot| slot.is_cancelled = true);
        if let Some((_, is_cancelled)) = self.firing.as_mut().filter(|(firing, _)| *firing == schedule) {
            *is_cancelled = true;
        }
    }

    fn add(&mut self, time: Time, first: Timestamp, interval: i64) -> Schedule {
        self.note_change();
        let schedule = Schedule(self.next_id);
        self.next_id += 1;
        let slot = Slot { schedule, owner: self.owner, interval, is_cancelled: false };
        self.line(time).offer(first, slot);
        schedule
    }

    fn line(&mut self, time: Time) -> &mut TieHeap<Slot> {
        match time {
            Time::Stream => &mut self.stream,
            Time::Wall => &mut self.wall,
        }
    }

    fn note_change(&mut self) {
        if self.undoes && self.before.is_none() {
            self.before = Some(Box::new(self.clone()));
        }
    }

    /// User code of this processor is about to run at these times.
    #[inline]
    pub(crate) fn speak(&mut self, owner: usize, stream_time: Timestamp, wall_time: Timestamp) {
        (self.owner, self.stream_time, self.wall_time) = (owner, stream_time, wall_time);
    }

    /// Something is due by this time. Asked after every record.
    #[inline]
    pub(crate) fn is_due(&self, time: Time, now: Timestamp) -> bool {
        let line = if time == Time::Stream { &self.stream } else { &self.wall };
        line.first().is_some_and(|(at, _)| *at <= now)
    }

    /// When the wall clock is next waited for.
    pub(crate) fn next_wall(&self) -> Option<Timestamp> {
        self.wall.first().map(|(at, _)| *at)
    }

    /// The next punctuation that is due, taken out of the line. [`Schedules::fired`] puts the one after it there.
    pub(crate) fn take_due(&mut self, time: Time, now: Timestamp) -> Option<Firing> {
        while self.is_due(time, now) {
            let (at, slot) = self.line(time).poll()?;
            if !slot.is_cancelled {
                self.firing = Some((slot.schedule, false));
                let due = Due { schedule: slot.schedule, timestamp: now };
                return Some(Firing { owner: slot.owner, due, time, at, interval: slot.interval });
            }
        }
        None
    }

    /// A punctuation has run, for better or worse.
    pub(crate) fn fired(&mut self, firing: &Firing) {
        let is_cancelled = self.firing.take().is_some_and(|(_, is_cancelled)| is_cancelled);
        if !is_cancelled {
            let Firing { owner, due, time, at, interval } = *firing;
            let slot = Slot { schedule: due.schedule, owner, interval, is_cancelled: false };
            self.line(time).offer(next(at, interval, due.timestamp), slot);
        }
    }

    /// What has happened so far stays.
    #[inline]
    pub(crate) fn begin_record(&mut self) {
        self.before = None;
    }

    /// Takes back what was scheduled and cancelled since [`Schedules::begin_record`].
    pub(crate) fn undo_record(&mut self) {
        if let Some(before) = self.before.take() {
            *self = *before;
        }
    }
}

/// The first slot after `now`.
fn next(at: Timestamp, interval: i64, now: Timestamp) -> Timestamp {
    let missed = now.saturating_sub(at).max(0) / interval;
    at.saturating_add((missed + 1).saturating_mul(interval))
}

fn whole_ms(every: Duration) -> i64 {
    i64::try_from(every.as_millis()).unwrap_or(i64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fire(schedules: &mut Schedules, time: Time, now: Timestamp) -> Vec<Schedule> {
        let mut fired = Vec::new();
        while let Some(firing) = schedules.take_due(time, now) {
            fired.push(firing.due.schedule);
            schedules.fired(&firing);
        }
        fired
    }

    #[test]
    fn missed_slots_are_made_up_for_once() {
        let mut schedules = Schedules::new(false);
        let tens = schedules.stream_time(Duration::from_millis(10));
        assert_eq!(fire(&mut schedules, Time::Stream, 3), [tens], "slot 0 is due with the first record");
        assert_eq!(fire(&mut schedules, Time::Stream, 9), []);
        assert_eq!(fire(&mut schedules, Time::Stream, 47), [tens]);
        assert_eq!(fire(&mut schedules, Time::Stream, 49), []);
        assert_eq!(fire(&mut schedules, Time::Stream, 50), [tens]);
    }

    #[test]
    fn a_restored_task_does_not_repeat_slots() {
        let mut schedules = Schedules::new(false);
        schedules.speak(0, 47, 0);
        let tens = schedules.stream_time(Duration::from_millis(10));
        assert_eq!(fire(&mut schedules, Time::Stream, 49), []);
        assert_eq!(fire(&mut schedules, Time::Stream, 50), [tens]);
    }

    #[test]
    fn the_wall_clock_counts_from_now_or_from_an_anchor() {
        let mut schedules = Schedules::new(false);
        schedules.speak(0, NO_TIMESTAMP, 104);
        let plain = schedules.wall_clock(Duration::from_millis(25));
        let anchored = schedules.wall_clock_from(0, Duration::from_millis(50));
        assert_eq!(schedules.next_wall(), Some(129));
        assert_eq!(fire(&mut schedules, Time::Wall, 149), [plain]);
        assert_eq!(fire(&mut schedules, Time::Wall, 150), [anchored]);
        assert_eq!(fire(&mut schedules, Time::Wall, 204), [plain, anchored]);
    }

    #[test]
    fn a_record_that_is_undone_schedules_and_cancels_nothing() {
        let mut schedules = Schedules::new(true);
        let kept = schedules.stream_time(Duration::from_millis(10));
        schedules.begin_record();
        schedules.stream_time(Duration::from_millis(10));
        schedules.cancel(kept);
        schedules.undo_record();
        assert_eq!(fire(&mut schedules, Time::Stream, 0), [kept]);
    }

    #[test]
    fn a_punctuation_may_end_its_own_schedule() {
        let mut schedules = Schedules::new(false);
        let tens = schedules.stream_time(Duration::from_millis(10));
        let firing = schedules.take_due(Time::Stream, 0).unwrap();
        schedules.cancel(tens);
        schedules.fired(&firing);
        assert_eq!(schedules.take_due(Time::Stream, 1_000).map(|firing| firing.due), None);
    }
}
