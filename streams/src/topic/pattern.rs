//! Topics by a pattern of their names.

use super::{IntoSource, Source, intern};
use crate::format::Nullable;
use std::fmt;
use std::marker::PhantomData;

/// All topics whose whole name a regular expression matches, as one source. Kafka: `StreamsBuilder.stream(Pattern)`.
///
/// They are looked for when the application starts; one that is made later is told of in the log and read after the next start, because it changes
/// what tasks there are. Topics of the application's own and those that begin with `__` are left out. At least one must exist.
///
/// ```
/// use headwater_streams::prelude::*;
/// const ORDERS: TopicPattern<u64, String> = TopicPattern::new(r"orders-[a-z]{2}");
/// const ALL: Topic<u64, String> = Topic::new("all-orders");
/// let app = StreamsBuilder::new();
/// app.stream(ORDERS).to(ALL);
/// app.declare(Topic::<u64, String>::new("orders-no").declaration());
///
/// # use headwater_streams::testing::TestDriver;
/// let mut driver = TestDriver::new(app.build().unwrap()); // which sees the declared topics
/// driver.send(Topic::<u64, String>::new("orders-no"), 7_u64, "fish");
/// assert_eq!(driver.latest(ALL, 7_u64).as_deref(), Some("fish"));
/// ```
pub struct TopicPattern<K, V> {
    pattern: &'static str,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> TopicPattern<K, V> {
    /// A pattern known at compile time. `build()` refuses one that is no regular expression.
    pub const fn new(pattern: &'static str) -> Self {
        TopicPattern { pattern, types: PhantomData }
    }

    /// The same with a pattern made at run time. It lives as long as the process, once per distinct pattern.
    pub fn of(pattern: impl AsRef<str>) -> Self {
        TopicPattern::new(intern(pattern.as_ref()))
    }
}

impl<K: Nullable, V: Nullable> TopicPattern<K, V> {
    /// The topics with options for reading them.
    pub fn source(self) -> Source<K, V> {
        Source { pattern: Some(self.pattern), ..Source::of(Vec::new()) }
    }
}

impl<K: Nullable, V: Nullable> IntoSource for TopicPattern<K, V> {
    type Key = K;
    type Value = V;
    fn into_source(self) -> Source<K, V> {
        self.source()
    }
}

impl<K, V> Clone for TopicPattern<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for TopicPattern<K, V> {}

impl<K, V> fmt::Debug for TopicPattern<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TopicPattern({})", self.pattern)
    }
}
