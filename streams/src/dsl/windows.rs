//! Time windows: how they lie on the time line and when they close.

use super::aggregation::Emission;
use super::materialized::millis;
use super::{CogroupedKStream, KGroupedStream, TimeWindowedCogroup, TimeWindowedKStream};
use crate::format::{Nullable, Row};
use crate::graph::TopologyError;
use crate::operator::TimeWindows;
use crate::record::Timestamp;
use std::time::Duration;

/// Windows that follow each other without gap or overlap. Kafka: `TimeWindows.ofSizeAndGrace`.
///
/// ```
/// use headwater_streams::prelude::*;
/// use std::time::Duration;
/// let minutes = Tumbling::of(Duration::from_secs(60)).grace(Duration::from_secs(10));
/// # let _ = minutes;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tumbling(TimeWindows);

/// Windows of one size that begin at regular intervals and overlap. Kafka: `TimeWindows.advanceBy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hopping(TimeWindows);

impl Tumbling {
    /// Windows of this size. `build()` returns [`TopologyError::WindowSize`] for none.
    pub fn of(size: Duration) -> Self {
        Tumbling::of_ms(millis(size))
    }

    /// The same in milliseconds.
    pub fn of_ms(size: Timestamp) -> Self {
        Tumbling(TimeWindows { size_ms: size, advance_ms: size, grace_ms: 0 })
    }

    /// How long a window still takes late records after its end, in stream time. KIP-328.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const IN: Topic<String, u64> = Topic::new("in");
    /// const COUNTS: WindowStore<String, u64> = WindowStore::new("counts");
    /// let app = StreamsBuilder::new();
    /// let _counts = app.stream(IN).group_by_key().windowed_by(Tumbling::of_ms(10).grace_ms(5)).count(COUNTS);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.at(14).send(IN, "a", 1).at(3).send(IN, "a", 1); // the window of 0 is over, but not closed
    /// assert_eq!(driver.window_row(COUNTS, "a", 0), Some(1));
    /// driver.at(15).send(IN, "a", 1).at(4).send(IN, "a", 1); // now it is
    /// assert_eq!(driver.window_row(COUNTS, "a", 0), Some(1));
    /// assert_eq!(driver.dead_letters()[0].reason, "late");
    /// ```
    pub fn grace(self, grace: Duration) -> Self {
        self.grace_ms(millis(grace))
    }

    /// The same in milliseconds. `build()` returns [`TopologyError::NegativeGrace`] for a value below zero.
    pub fn grace_ms(self, grace: Timestamp) -> Self {
        Tumbling(TimeWindows { grace_ms: grace, ..self.0 })
    }
}

impl Hopping {
    /// Windows of this size, one beginning each `advance`. `build()` returns [`TopologyError::WindowAdvance`] for an advance of nothing or above the size.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const IN: Topic<String, u64> = Topic::new("in");
    /// const COUNTS: WindowStore<String, u64> = WindowStore::new("counts");
    /// let app = StreamsBuilder::new();
    /// let _counts = app.stream(IN).group_by_key().windowed_by(Hopping::of_ms(10, 5)).count(COUNTS);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.at(7).send(IN, "a", 1);
    /// assert_eq!((driver.window_row(COUNTS, "a", 0), driver.window_row(COUNTS, "a", 5)), (Some(1), Some(1)));
    /// ```
    pub fn of(size: Duration, advance: Duration) -> Self {
        Hopping::of_ms(millis(size), millis(advance))
    }

    /// The same in milliseconds.
    pub fn of_ms(size: Timestamp, advance: Timestamp) -> Self {
        Hopping(TimeWindows { size_ms: size, advance_ms: advance, grace_ms: 0 })
    }

    /// How long a window still takes late records after its end, in stream time. KIP-328.
    pub fn grace(self, grace: Duration) -> Self {
        self.grace_ms(millis(grace))
    }

    /// The same in milliseconds. `build()` returns [`TopologyError::NegativeGrace`] for a value below zero.
    pub fn grace_ms(self, grace: Timestamp) -> Self {
        Hopping(TimeWindows { grace_ms: grace, ..self.0 })
    }
}

/// How a grouping is cut into windows: which of the windowed types it becomes, alone and as a cogroup.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no kind of window",
    note = "give `Tumbling::of(..)`, `Hopping::of(..)`, `Sliding::of(..)`, `Session::of(..)` or `Unlimited::new()`"
)]
pub trait Windowing: Sized {
    /// What a grouped stream becomes.
    type Stream<K: Row, V: Nullable>;
    /// What a cogroup becomes.
    type Cogroup<K: Row, A: Nullable>;
    /// Cuts a grouped stream into these windows.
    fn of_stream<K: Row, V: Nullable>(self, grouped: KGroupedStream<K, V>) -> Self::Stream<K, V>;
    /// Cuts a cogroup into these windows.
    fn of_cogroup<K: Row, A: Nullable>(self, cogroup: CogroupedKStream<K, A>) -> Self::Cogroup<K, A>;
}

/// Windows that lie fixed on the time line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FixedWindows {
    Aligned(TimeWindows),
    Unlimited { start_ms: Timestamp },
}

macro_rules! fixed { ($($windows:ident: |$this:ident| $fixed:expr;)*) => { $(
    impl Windowing for $windows {
        type Stream<K: Row, V: Nullable> = TimeWindowedKStream<K, V>;
        type Cogroup<K: Row, A: Nullable> = TimeWindowedCogroup<K, A>;

        fn of_stream<K: Row, V: Nullable>(self, grouped: KGroupedStream<K, V>) -> TimeWindowedKStream<K, V> {
            let $this = self;
            TimeWindowedKStream { grouped, windows: $fixed, emission: Emission::OnUpdate }
        }

        fn of_cogroup<K: Row, A: Nullable>(self, cogroup: CogroupedKStream<K, A>) -> TimeWindowedCogroup<K, A> {
            let $this = self;
            TimeWindowedCogroup { cogroup, windows: $fixed }
        }
    }
)* } }
fixed! {
    Tumbling: |this| FixedWindows::Aligned(this.0);
    Hopping: |this| FixedWindows::Aligned(this.0);
    TimeWindows: |this| FixedWindows::Aligned(this);
    Unlimited: |this| FixedWindows::Unlimited { start_ms: this.start_ms };
}

/// One window for all time, or for all from a moment on. It never closes, so nothing is ever late. Kafka: `UnlimitedWindows`.
///
/// ```
/// use headwater_streams::prelude::*;
/// let since_2024 = Unlimited::new().start_ms(1_704_067_200_000);
/// # let _ = since_2024;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unlimited {
    start_ms: Timestamp,
}

impl Unlimited {
    /// From the epoch on.
    pub fn new() -> Self {
        Unlimited::default()
    }

    /// From this time on, in milliseconds since the epoch; what is earlier enters no window. Kafka: `startOn`.
    /// `build()` returns [`TopologyError::UnlimitedStart`] for a value below zero.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const IN: Topic<String, u64> = Topic::new("in");
    /// const COUNTS: WindowStore<String, u64> = WindowStore::new("counts");
    /// let app = StreamsBuilder::new();
    /// let _counts = app.stream(IN).group_by_key().windowed_by(Unlimited::new().start_ms(100)).count(COUNTS);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.at(99).send(IN, "a", 1).at(100).send(IN, "a", 1).at(9_999).send(IN, "a", 1);
    /// assert_eq!(driver.window_row(COUNTS, "a", 100), Some(2));
    /// ```
    pub fn start_ms(self, start: Timestamp) -> Self {
        Unlimited { start_ms: start }
    }
}

impl FixedWindows {
    /// What is wrong with the windows of a store.
    pub(super) fn mistakes(self, store: &'static str, emission: Emission) -> Vec<TopologyError> {
        match self {
            FixedWindows::Aligned(windows) => mistakes(windows, store),
            FixedWindows::Unlimited { start_ms } => {
                let start = (start_ms < 0).then_some(TopologyError::UnlimitedStart { store, start_ms });
                let never = (emission == Emission::OnClose).then_some(TopologyError::NeverCloses { store });
                start.into_iter().chain(never).collect()
            }
        }
    }
}

fn mistakes(windows: TimeWindows, store: &'static str) -> Vec<TopologyError> {
    let TimeWindows { size_ms, advance_ms, grace_ms } = windows;
    let mut found = Vec::new();
    if size_ms <= 0 {
        found.push(TopologyError::WindowSize { store, size_ms });
    } else if advance_ms <= 0 || advance_ms > size_ms {
        found.push(TopologyError::WindowAdvance { store, advance_ms, size_ms });
    }
    found.extend(negative_grace(grace_ms, store));
    found
}

/// Grace is never negative, whatever the windows.
pub(super) fn negative_grace(grace_ms: Timestamp, store: &'static str) -> Option<TopologyError> {
    (grace_ms < 0).then_some(TopologyError::NegativeGrace { store, grace_ms })
}
