//! Topics by name and type, and the options of reading, writing and creating them.
//!
//! A topic is a typed constant: producers, topologies, tests and queries share it, and types flow from it.

mod declaration;
mod name;
mod pattern;
mod route;
mod sink;
mod source;

pub use declaration::{Cleanup, Retention, TopicDeclaration};
pub(crate) use name::{intern, is_legal};
pub use pattern::TopicPattern;
pub use route::Partitions;
pub(crate) use route::{Partitioner, Target};
pub(crate) use sink::encode;
pub use sink::{IntoSink, Sink};
pub use source::{IntoSource, Reset, Source};
pub(crate) use source::{Manner, TimestampRule};

use std::fmt;
use std::marker::PhantomData;

/// A topic's name with the types of its keys and values.
///
/// `Option<V>` as value means that there may be tombstones, `()` as key that keys are ignored.
///
/// ```
/// use headwater_streams::prelude::*;
/// const LINES: Topic<String, String> = Topic::new("lines");
/// let by_tenant = Topic::<String, u64>::of(format!("counts-{}", 7));
/// assert_eq!((LINES.name(), by_tenant.name()), ("lines", "counts-7"));
/// ```
pub struct Topic<K, V> {
    name: &'static str,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Topic<K, V> {
    /// A topic with a name known at compile time. `build()` refuses names that Kafka refuses.
    pub const fn new(name: &'static str) -> Self {
        Topic { name, types: PhantomData }
    }

    /// The same with a name made at run time. It lives as long as the process, once per distinct name, so this is not for names that data chooses.
    pub fn of(name: impl AsRef<str>) -> Self {
        Topic::new(intern(name.as_ref()))
    }

    /// The topic's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// How this topic is to be created where it does not exist; for [`StreamsBuilder::declare`](crate::dsl::StreamsBuilder::declare).
    pub fn declaration(self) -> TopicDeclaration {
        TopicDeclaration::new(self.name)
    }
}

impl<K, V> Clone for Topic<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Topic<K, V> {}

impl<K, V> fmt::Debug for Topic<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({})", self.name)
    }
}
