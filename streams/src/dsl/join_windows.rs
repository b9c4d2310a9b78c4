//! How far apart in time two records of joined streams may be.

use super::KStream;
use super::materialized::millis;
use crate::graph::TopologyError;
use crate::operator::Reach;
use crate::record::Timestamp;
use crate::topic::intern;
use std::time::Duration;

/// Which records of two streams meet: a record of the right side that is at most so much before or after one of the left side, both ends included.
/// Kafka: `JoinWindows`.
///
/// ```
/// use headwater_streams::prelude::*;
/// use std::time::Duration;
/// // A payment within an hour after its order.
/// let hour = JoinWindows::of(Duration::from_secs(3_600)).before(Duration::ZERO).grace(Duration::from_secs(60));
/// # let _ = hour;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinWindows(Reach);

impl JoinWindows {
    /// At most so far apart, in either direction. There is no grace unless it is stated. Kafka: `ofTimeDifferenceWithNoGrace`.
    pub fn of(difference: Duration) -> Self {
        JoinWindows::of_ms(millis(difference))
    }

    /// The same in milliseconds.
    pub fn of_ms(difference: Timestamp) -> Self {
        JoinWindows(Reach { before_ms: difference, after_ms: difference, grace_ms: 0 })
    }

    /// How much earlier than the left record the right one may be.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use std::time::Duration;
    /// let second = Duration::from_secs(1);
    /// assert_eq!(JoinWindows::of(second).before(second * 5), JoinWindows::of_ms(1_000).before_ms(5_000));
    /// assert_eq!(JoinWindows::of(second).before(second * 5).after(second * 5), JoinWindows::of(second * 5));
    /// ```
    pub fn before(self, difference: Duration) -> Self {
        self.before_ms(millis(difference))
    }

    /// The same in milliseconds; below zero, the right record must be later by as much. `build()` returns [`TopologyError::JoinWindow`] where the window would end
    /// before it begins.
    pub fn before_ms(self, difference: Timestamp) -> Self {
        JoinWindows(Reach { before_ms: difference, ..self.0 })
    }

    /// How much later than the left record the right one may be.
    pub fn after(self, difference: Duration) -> Self {
        self.after_ms(millis(difference))
    }

    /// The same in milliseconds; below zero, the right record must be earlier by as much.
    pub fn after_ms(self, difference: Timestamp) -> Self {
        JoinWindows(Reach { after_ms: difference, ..self.0 })
    }

    /// How long records that are out of order still meet, in stream time; so long a left or outer join waits before it sends a record on alone. KIP-633.
    pub fn grace(self, grace: Duration) -> Self {
        self.grace_ms(millis(grace))
    }

    /// The same in milliseconds. `build()` returns [`TopologyError::NegativeGrace`] for a value below zero.
    pub fn grace_ms(self, grace: Timestamp) -> Self {
        JoinWindows(Reach { grace_ms: grace, ..self.0 })
    }

    pub(super) fn reach(self) -> Reach {
        self.0
    }

    /// What is wrong with the windows of a join.
    pub(super) fn mistakes(self, join: &'static str) -> Vec<TopologyError> {
        let Reach { before_ms, after_ms, grace_ms } = self.0;
        let window = TopologyError::JoinWindow { join, before_ms, after_ms };
        let grace = TopologyError::NegativeGrace { store: join, grace_ms };
        [(before_ms.saturating_add(after_ms) < 0).then_some(window), (grace_ms < 0).then_some(grace)].into_iter().flatten().collect()
    }
}

/// The right side of a join of two streams, made by [`KStream::within`].
#[must_use = "it is the right side of a join"]
pub struct Within<K, V> {
    pub(super) stream: KStream<K, V>,
    pub(super) windows: JoinWindows,
    pub(super) name: Option<&'static str>,
    pub(super) in_memory: Option<bool>,
}

impl<K, V> Clone for Within<K, V> {
    fn clone(&self) -> Self {
        Within { stream: self.stream.clone(), ..*self }
    }
}

impl<K, V> KStream<K, V> {
    /// This stream as the right side of a join: its records meet those of the left side within the windows.
    /// [`stored`](Within::stored) names what the join keeps.
    pub fn within(&self, windows: JoinWindows) -> Within<K, V> {
        Within { stream: self.clone(), windows, name: None, in_memory: None }
    }
}

impl<K, V> Within<K, V> {
    /// Names the stores of the join: `<name>-this-join-store` and `<name>-other-join-store`, and in a left join `<name>-outer-other-join-store` and
    /// `<name>-left-shared-join-store`, in an outer join `<name>-outer-this-join-store`, `<name>-outer-other-join-store` and
    /// `<name>-outer-shared-join-store`. Where a side must be repartitioned and has no name of its own, its topic is `<name>-left` or
    /// `<name>-right` with `-repartition`. Kafka: `StreamJoined.withStoreName`.
    pub fn stored(self, name: impl AsRef<str>) -> Self {
        Within { name: Some(intern(name.as_ref())), ..self }
    }

    /// Keeps what the join keeps [in memory](super::Materialized::in_memory) only. Kafka: `StreamJoined.withThisStoreSupplier` and its sibling.
    pub fn in_memory(self) -> Self {
        Within { in_memory: Some(true), ..self }
    }

    /// Keeps it on the disk of the state, whatever the builder's default is.
    pub fn on_disk(self) -> Self {
        Within { in_memory: Some(false), ..self }
    }
}
