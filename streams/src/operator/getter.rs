//! A table as others ask it for rows. Kafka: `KTableValueGetter`.

use crate::record::Timestamp;
use crate::task::store::RowError;
use std::rc::Rc;

/// The row of a key, and the time of its last update. What a table computes is computed anew for each question.
pub(crate) type Getter<K, V> = Rc<dyn Fn(&K, AsOf) -> Result<Option<(V, Timestamp)>, RowError>>;

/// The moment that a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AsOf {
    /// The row as it stands.
    Now,
    /// The row as it was at a time; only a versioned table knows (KIP-889), every other answers with what it has.
    Time(Timestamp),
}
