//! Two tables, where a row of the left one names a key of the right one. Kafka: the package `kstream.internals.foreignkeyjoin` (KIP-213, KIP-1032).
//!
//! ```text
//! left ──► subscribe ══topic══► answer ◄─ subscriptions ─► answer_change ◄── right
//!                                  ╚══════topic══════╦═══════╝
//!                                                 resolve ──► result
//! ```
//! A left row subscribes to its foreign key, in the partition of that key. Subscriptions and changes of the right side are answered, in the
//! partition of the left key, where an answer to what the left row no longer says is ignored. The bytes on the way are our own.

mod answer;
mod layout;
mod resolve;
mod subscribe;

pub(crate) use answer::{answer, answer_change, answer_sink};
pub(crate) use resolve::{ForeignJoiner, resolve};
pub(crate) use subscribe::{ForeignKey, Subscribing, subscribe};

/// Which state of a left row something is about: a hash of its bytes; none: it is deleted.
pub(crate) type RowVersion = Option<u128>;

/// What a left row wants from the partition of its foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subscription<K> {
    pub(crate) left: K,
    /// Where the left row stands, which its key alone may not tell: others fill that topic.
    pub(crate) partition: u32,
    pub(crate) version: RowVersion,
    pub(crate) wants: Wants,
}

/// What becomes of the subscription, and what is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// It ends, without a word: another one has been made elsewhere.
    End,
    /// It ends, and the result is deleted.
    EndAndAnswer,
    /// It begins or goes on; answered is what there is, or that there is nothing.
    Answer,
    /// The same, but nothing is answered where there is nothing.
    AnswerIfAny,
}

/// What the right side has to say to a left row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer<R> {
    /// Where the left row stands. It decides where the answer goes, and does not go along.
    pub(crate) partition: u32,
    /// The state of the left row that asked.
    pub(crate) version: RowVersion,
    pub(crate) row: Option<R>,
}

/// The key of a subscription: a left row under the bytes of the foreign key, so that those of one foreign key stand together in the order of the left keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subscriber<K> {
    pub(crate) foreign: Box<[u8]>,
    pub(crate) left: K,
}

/// What a subscription keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subscribed {
    /// Where the left row stands.
    pub(crate) partition: u32,
    /// The state of the left row that asked.
    pub(crate) version: RowVersion,
}

/// FNV-1a. Answers are compared with it over restarts and releases, so it stays as it is.
pub(crate) fn version_of(bytes: &[u8]) -> u128 {
    const OFFSET_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(OFFSET_BASIS, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}
