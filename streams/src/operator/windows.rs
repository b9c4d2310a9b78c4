//! How time windows lie on the time line and when they close.

use crate::record::Timestamp;

/// Time windows, aligned to the epoch: `start` inclusive, `end` exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeWindows {
    pub(crate) size_ms: Timestamp,
    pub(crate) advance_ms: Timestamp,
    pub(crate) grace_ms: Timestamp,
}

/// Windows that lie fixed on the time line.
pub(crate) trait WindowsOf: Copy + 'static {
    /// The starts of all windows that hold this time, the earliest first.
    fn starts(self, timestamp: Timestamp) -> impl Iterator<Item = Timestamp>;
    /// The end of the window that starts here.
    fn end(self, start: Timestamp) -> Timestamp;
    /// Whether a window takes no more records.
    fn is_closed(self, start: Timestamp, time: Timestamp) -> bool;
}

impl WindowsOf for TimeWindows {
    #[inline]
    fn starts(self, timestamp: Timestamp) -> impl Iterator<Item = Timestamp> {
        TimeWindows::starts(self, timestamp)
    }

    #[inline]
    fn end(self, start: Timestamp) -> Timestamp {
        start.saturating_add(self.size_ms)
    }

    #[inline]
    fn is_closed(self, start: Timestamp, time: Timestamp) -> bool {
        TimeWindows::is_closed(self, start, time)
    }
}

/// One window that begins and never ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnlimitedWindow {
    pub(crate) start_ms: Timestamp,
}

impl WindowsOf for UnlimitedWindow {
    fn starts(self, timestamp: Timestamp) -> impl Iterator<Item = Timestamp> {
        (timestamp >= self.start_ms).then_some(self.start_ms).into_iter()
    }

    fn end(self, _: Timestamp) -> Timestamp {
        Timestamp::MAX
    }

    fn is_closed(self, _: Timestamp, _: Timestamp) -> bool {
        false
    }
}

impl TimeWindows {
    /// The starts of all windows that hold this time, the earliest first. No window begins before the epoch.
    #[inline]
    pub(crate) fn starts(self, timestamp: Timestamp) -> impl Iterator<Item = Timestamp> {
        let first = (timestamp - self.size_ms + self.advance_ms).max(0) / self.advance_ms * self.advance_ms;
        std::iter::successors(Some(first), move |start| Some(start + self.advance_ms)).take_while(move |start| *start <= timestamp)
    }

    /// Whether a window takes no more records.
    #[inline]
    pub(crate) fn is_closed(self, start: Timestamp, time: Timestamp) -> bool {
        start + self.size_ms + self.grace_ms <= time
    }

    /// How long after its start a window may change.
    pub(crate) fn needed_ms(self) -> Timestamp {
        self.size_ms.saturating_add(self.grace_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::TimeWindows;
    use proptest::prelude::*;

    fn windows(size_ms: i64, advance_ms: i64) -> TimeWindows {
        TimeWindows { size_ms, advance_ms, grace_ms: 0 }
    }

    #[test]
    fn windows_are_aligned_to_the_epoch() {
        let cases: [(i64, i64, i64, &[i64]); 7] = [
            (60, 60, 0, &[0]),
            (60, 60, 59, &[0]),
            (60, 60, 60, &[60]),
            (10, 5, 3, &[0]),
            (10, 5, 12, &[5, 10]),
            (10, 3, 10, &[3, 6, 9]),
            (10, 1, 2, &[0, 1, 2]),
        ];
        for (size, advance, time, starts) in cases {
            assert_eq!(windows(size, advance).starts(time).collect::<Vec<_>>(), starts, "{size} {advance} {time}");
        }
    }

    proptest! {
        #[test]
        fn a_record_enters_exactly_the_windows_that_hold_it(size in 1_i64..200, advance in 1_i64..200, time in 0_i64..2_000) {
            prop_assume!(advance <= size);
            let found: Vec<_> = windows(size, advance).starts(time).collect();
            let naive: Vec<_> = (0..=time).step_by(advance as usize).filter(|start| start + size > time).collect();
            prop_assert_eq!(found, naive);
        }

        #[test]
        fn a_window_closes_when_end_and_grace_have_passed(size in 1_i64..100, grace in 0_i64..100, start in 0_i64..1_000, time in 0_i64..2_000) {
            let windows = TimeWindows { size_ms: size, advance_ms: size, grace_ms: grace };
            prop_assert_eq!(windows.is_closed(start, time), start + size - 1 < time - grace);
        }
    }
}
