//! So many records a second.

use std::time::{Duration, Instant};

/// Allows records at a rate, evenly; what a slow second left over is made up for during the next one only.
#[derive(Debug)]
pub struct Pace {
    rate: u64,
    began: Instant,
    sent_before: u64,
}

/// How far behind a pace may be before it starts anew.
const CATCH_UP: Duration = Duration::from_secs(1);

impl Pace {
    /// A pace of `rate` records a second from now on; 0: no limit.
    pub fn new(rate: u64) -> Self {
        Pace { rate, began: Instant::now(), sent_before: 0 }
    }

    /// How many records may go now, when `sent` have gone in all.
    pub fn allowance(&mut self, sent: u64) -> u64 {
        self.allowance_after(self.began.elapsed(), sent)
    }

    fn allowance_after(&mut self, elapsed: Duration, sent: u64) -> u64 {
        if self.rate == 0 {
            return u64::MAX;
        }
        let due = self.sent_before + self.due_within(elapsed);
        let allowance = due.saturating_sub(sent);
        let most = self.due_within(CATCH_UP).max(1);
        if allowance > most {
            self.sent_before = sent;
            self.began += elapsed;
            return most;
        }
        allowance
    }

    fn due_within(&self, time: Duration) -> u64 {
        u64::try_from(time.as_micros() * u128::from(self.rate) / 1_000_000).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allows_the_rate_and_makes_up_for_a_second_at_most() {
        let mut pace = Pace::new(1_000);
        assert_eq!(pace.allowance_after(Duration::from_millis(10), 0), 10);
        assert_eq!(pace.allowance_after(Duration::from_millis(10), 10), 0);
        assert_eq!(pace.allowance_after(Duration::from_millis(510), 10), 500);
        assert_eq!(pace.allowance_after(Duration::from_secs(60), 510), 1_000);
        assert_eq!(pace.allowance_after(Duration::from_millis(5), 1_510), 0);
        assert_eq!(Pace::new(0).allowance(1 << 40), u64::MAX);
    }
}
