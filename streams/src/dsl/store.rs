//! Stores by name and type.

use crate::topic::intern;
use std::fmt;
use std::marker::PhantomData;

macro_rules! typed_name { ($($(#[$doc:meta])* $name:ident;)*) => { $(
    $(#[$doc])*
    pub struct $name<K, V> {
        name: &'static str,
        types: PhantomData<fn() -> (K, V)>,
    }

    impl<K, V> $name<K, V> {
        /// A store with a name known at compile time. Its changelog is `<application id>-<name>-changelog`.
        pub const fn new(name: &'static str) -> Self {
            $name { name, types: PhantomData }
        }

        /// The same with a name made at run time. It lives as long as the process, once per distinct name.
        pub fn of(name: impl AsRef<str>) -> Self {
            $name::new(intern(name.as_ref()))
        }

        /// The store's name.
        pub const fn name(&self) -> &'static str {
            self.name
        }
    }

    impl<K, V> Clone for $name<K, V> {
        fn clone(&self) -> Self {
            *self
        }
    }

    impl<K, V> Copy for $name<K, V> {}

    impl<K, V> fmt::Debug for $name<K, V> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{}({})", stringify!($name), self.name)
        }
    }
)* } }

typed_name! {
    /// A store of rows by key, as a typed constant. Kafka: `TimestampedKeyValueStore`.
    ///
    /// `Store<K, Option<A>>` lets an aggregation delete its row.
    Store;
    /// A store of rows by key and window, as a typed constant. Kafka: `TimestampedWindowStore`.
    WindowStore;
    /// A store of rows by key and session, as a typed constant. Kafka: `SessionStore`.
    SessionStore;
}
