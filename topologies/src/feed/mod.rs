//! Brings a generator's records to where they are wanted, at the pace that is wanted.
//!
//! A destination knows what it holds already, so that a feed that was killed goes on with the first record that is missing.

mod accompanied;
mod lines;
mod pace;
mod topic;

pub use accompanied::{Accompanied, Beside};
pub use lines::Lines;
pub use pace::Pace;
pub use topic::{FeedError, TopicFeed};

use crate::generator::{Generator, Settings};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a feed sleeps when nothing may be sent yet.
const TICK: Duration = Duration::from_millis(5);

/// The most records between two looks at the clock.
const ROUND: u64 = 1_000;

/// Takes records in the order of their index.
pub trait Destination {
    /// Why it takes no more.
    type Error;

    /// How the destination stands to the next record, which has this key.
    fn standing(&mut self, key: &[u8]) -> Standing;

    /// Compares the last record that is there with what it should be.
    fn check(&mut self, index: u64, key: &[u8], value: &[u8]) -> Result<(), Self::Error>;

    /// Takes a record that is missing.
    fn add(&mut self, key: &[u8], value: &[u8]) -> Result<(), Self::Error>;

    /// Lets go of what was gathered.
    fn send(&mut self) -> Result<(), Self::Error>;

    /// Ends: when this returns, everything that was taken is where it belongs.
    fn finish(&mut self) -> Result<(), Self::Error>;
}

/// Whether a record must be brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is missing.
    Missing,
    /// It is there.
    There,
    /// It is there, and the last one there with keys such as this: a mistake shows here.
    LastThere,
}

/// What is to be brought.
pub struct Feed<'a> {
    /// Where the records come from.
    pub generator: &'a dyn Generator,
    /// The settings that it was made with.
    pub settings: Settings,
    /// How many records there are; `None`: no end.
    pub count: Option<u64>,
    /// Records a second; 0: as fast as it goes.
    pub rate: u64,
}

/// Asked and told while a feed runs.
pub trait Watch {
    /// Waits at most this long; true: stop.
    fn stops_within(&self, wait: Duration) -> bool;

    /// All records below this index are there or on their way.
    fn reached(&self, index: u64);
}

impl Feed<'_> {
    /// Brings records until the count is reached or the watch says stop. Returns how many were sent.
    pub fn run<D: Destination>(&self, to: &mut D, watch: &impl Watch) -> Result<u64, D::Error> {
        let mut round = Round { feed: self, index: 0, sent: 0, key: Vec::new(), value: Vec::new() };
        let mut pace = Pace::new(self.rate);
        loop {
            let before = round.sent;
            let more = round.run(pace.allowance(round.sent).min(ROUND), to)?;
            to.send()?;
            watch.reached(round.index);
            let nap = if round.sent == before { TICK } else { Duration::ZERO };
            if !more || watch.stops_within(nap) {
                break;
            }
        }
        to.finish()?;
        Ok(round.sent)
    }
}

struct Round<'a> {
    feed: &'a Feed<'a>,
    index: u64,
    sent: u64,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Round<'_> {
    /// Sends at most `budget` records; false: there are no more.
    fn run<D: Destination>(&mut self, budget: u64, to: &mut D) -> Result<bool, D::Error> {
        let (feed, until, now) = (self.feed, self.sent + budget, now_ms());
        for looked_at in 0.. {
            if feed.count.is_some_and(|count| self.index >= count) {
                return Ok(false);
            }
            // What is there already costs no budget, but the watch wants to be asked.
            if self.sent == until || looked_at == 100 * ROUND || feed.settings.due(self.index) > now {
                break;
            }
            if !feed.generator.has(self.index) {
                self.index += 1;
                continue;
            }
            self.key.clear();
            feed.generator.key(self.index, &mut self.key);
            match to.standing(&self.key) {
                Standing::Missing => {
                    self.make_value();
                    to.add(&self.key, &self.value)?;
                    self.sent += 1;
                }
                Standing::There => {}
                Standing::LastThere => {
                    self.make_value();
                    to.check(self.index, &self.key, &self.value)?;
                }
            }
            self.index += 1;
        }
        Ok(true)
    }

    fn make_value(&mut self) {
        self.value.clear();
        self.feed.generator.value(self.index, &mut self.value);
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::convert::Infallible;

    struct Numbers;

    impl Generator for Numbers {
        fn key(&self, index: u64, out: &mut Vec<u8>) {
            out.push((index % 2) as u8);
        }

        fn value(&self, index: u64, out: &mut Vec<u8>) {
            out.push(index as u8);
        }
    }

    /// Holds some records of each key already, as a topic does after a kill.
    #[derive(Default)]
    struct Kept {
        held: [u64; 2],
        added: Vec<u8>,
        checked: Vec<u64>,
        finished: bool,
    }

    impl Destination for Kept {
        type Error = Infallible;

        fn standing(&mut self, key: &[u8]) -> Standing {
            let held = &mut self.held[usize::from(key[0])];
            let before = *held;
            *held = held.saturating_sub(1);
            match before {
                0 => Standing::Missing,
                1 => Standing::LastThere,
                _ => Standing::There,
            }
        }

        fn check(&mut self, index: u64, _: &[u8], _: &[u8]) -> Result<(), Infallible> {
            self.checked.push(index);
            Ok(())
        }

        fn add(&mut self, _: &[u8], value: &[u8]) -> Result<(), Infallible> {
            self.added.extend_from_slice(value);
            Ok(())
        }

        fn send(&mut self) -> Result<(), Infallible> {
            Ok(())
        }

        fn finish(&mut self) -> Result<(), Infallible> {
            self.finished = true;
            Ok(())
        }
    }

    /// Stops when asked for the `rounds`th time.
    struct Patience(Cell<u32>);

    impl Watch for Patience {
        fn stops_within(&self, _: Duration) -> bool {
            self.0.set(self.0.get() - 1);
            self.0.get() == 0
        }

        fn reached(&self, _: u64) {}
    }

    fn feed(start: i64) -> Feed<'static> {
        let settings = Settings { seed: 0, start, step: Duration::from_millis(1), late: 0.0, bad: 0.0 };
        Feed { generator: &Numbers, settings, count: Some(10), rate: 0 }
    }

    #[test]
    fn goes_on_after_a_kill_that_tore_a_batch() {
        let mut kept = Kept { held: [3, 1], ..Kept::default() };
        let sent = feed(0).run(&mut kept, &Patience(Cell::new(9))).unwrap();
        assert_eq!((sent, kept.added, kept.checked, kept.finished), (6, vec![3, 5, 6, 7, 8, 9], vec![1, 4], true));
    }

    #[test]
    fn waits_where_event_time_has_caught_up_with_the_clock() {
        let mut kept = Kept::default();
        let sent = feed(now_ms() + 3_600_000).run(&mut kept, &Patience(Cell::new(3))).unwrap();
        assert_eq!((sent, kept.finished), (0, true));
    }
}
