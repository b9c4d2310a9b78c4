//! What the load sends, as a function of its number: the receiver computes it again instead of being told.

use headwater_topologies::category_sales::Category;
use headwater_topologies::iso8601;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};

const USERS: u64 = 100_000;
const MINUTE_MS: i64 = 60_000;

/// An open loop: so many records a second from some millisecond on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    pub(super) start_ms: i64,
    pub(super) rate: u64,
}

impl Schedule {
    /// The millisecond at which a record is due.
    pub(super) fn due(self, i: u64) -> i64 {
        self.start_ms + (i * 1_000 / self.rate) as i64
    }

    /// How many records are due before the end of a millisecond.
    pub(super) fn due_by(self, ms: i64) -> u64 {
        ((ms + 1 - self.start_ms).max(0) as u64 * self.rate).div_ceil(1_000)
    }
}

pub(super) fn category(i: u64) -> Category {
    Category::ALL[(mix(i) % 6) as usize]
}

/// Key and value of a record: a transaction as `headwater run category-sales` reads it, its event time the millisecond at which it is due.
pub(super) fn write(i: u64, due: i64, key: &mut Vec<u8>, value: &mut Vec<u8>) -> io::Result<()> {
    let (a, b) = (mix(i ^ 0x5555), mix(i ^ 0xaaaa));
    let (user, cents, category) = (a % USERS, 1_000 + b % 99_000, category(i));
    key.clear();
    write!(key, "user_{user:06}")?;
    value.clear();
    write!(
        value,
        r#"{{"transaction_id":"{:08x}-0000-4000-8000-{:012x}","user_id":"user_{user:06}","product_category":"{category}","product_name":"{category} Item {:02}","amount":{}.{:02},"timestamp":""#,
        b as u32,
        i & 0xffff_ffff_ffff,
        a % 100,
        cents / 100,
        cents % 100,
    )?;
    iso8601::write_millis(due, value);
    value.extend_from_slice(br#"","payment_method":"paypal"}"#);
    Ok(())
}

/// splitmix64.
fn mix(i: u64) -> u64 {
    let mut z = i.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Which records a row of `category-sales` is the first to hold. With one input partition the application takes the records of a window in
/// the order in which they are due, so a count says which they are.
pub(super) struct Windows {
    schedule: Schedule,
    next: u64,
    open: BTreeMap<(i64, Category), Window>,
}

#[derive(Default)]
struct Window {
    shown: u64,
    waiting: VecDeque<i64>,
}

impl Windows {
    pub(super) fn new(schedule: Schedule) -> Self {
        Windows { schedule, next: 0, open: BTreeMap::new() }
    }

    /// A row shows `count` records: calls `seen` with when each of those was due that no row has shown before.
    pub(super) fn show(&mut self, start: i64, category: Category, count: u64, mut seen: impl FnMut(i64)) {
        self.replay(start + MINUTE_MS - 1);
        let window = self.open.entry((start, category)).or_default();
        let new = count.saturating_sub(window.shown).min(window.waiting.len() as u64);
        window.shown += new;
        window.waiting.drain(..new as usize).for_each(&mut seen);
    }

    /// Lines up everything that is due up to the end of a millisecond.
    fn replay(&mut self, up_to: i64) {
        for i in self.next..self.schedule.due_by(up_to) {
            let due = self.schedule.due(i);
            let window = self.open.entry((due - due % MINUTE_MS, category(i))).or_default();
            window.waiting.push_back(due);
        }
        self.next = self.next.max(self.schedule.due_by(up_to));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_due_within_its_millisecond() {
        for rate in [1, 7, 999, 1_000, 10_000, 100_003] {
            let schedule = Schedule { start_ms: 1_000, rate };
            for ms in 1_000..1_500 {
                let by = schedule.due_by(ms);
                assert!(by == 0 || schedule.due(by - 1) <= ms, "{rate} {ms}");
                assert!(schedule.due(by) > ms, "{rate} {ms}");
            }
        }
    }

    #[test]
    fn a_count_names_the_records_that_no_row_has_shown_before() {
        let schedule = Schedule { start_ms: 60_000, rate: 1_000 };
        let mut windows = Windows::new(schedule);
        let mut of_home = (0..120_000).filter(|i| category(*i) == Category::Home).map(|i| schedule.due(i));
        for (start, counts) in [(60_000, [10, 25, 25]), (120_000, [1, 2, 5])] {
            let mut all = of_home.by_ref().skip_while(|due| *due < start);
            let mut shown = 0;
            for count in counts {
                let mut seen = Vec::new();
                windows.show(start, Category::Home, count, |due| seen.push(due));
                let expected: Vec<_> = all.by_ref().take(count as usize - shown).collect();
                assert_eq!(seen, expected, "{start} {count}");
                shown = count as usize;
            }
        }
    }
}
