//! Which row of a key, in a store whose rows expire: a window or a session.

use crate::Timestamp;

/// What stands behind the key of such a row: the time by which it expires, then what tells rows of one key and time apart.
pub trait Span: Copy + 'static {
    /// How many bytes stand behind the time.
    const REST_BYTES: usize;
    /// Whether they stand in an index by time as well. Where not, the index has the first span of a time in mind.
    const INDEXES_REST: bool;

    /// The time by which the row expires, and by which the rows of one key are ordered.
    fn time(self) -> Timestamp;

    /// The lowest span of a time.
    fn first_at(time: Timestamp) -> Self;

    /// The highest span of a time.
    fn last_at(time: Timestamp) -> Self;

    /// Appends what stands behind the time, with its times written by `bytes`.
    fn write_rest(self, bytes: impl Fn(Timestamp) -> [u8; 8], out: &mut Vec<u8>);

    /// Reads it back, with its times read by `number`; none if it is not of this length.
    fn read_rest(time: Timestamp, rest: &[u8], number: impl Fn([u8; 8]) -> Timestamp) -> Option<Self>;
}

/// A window by its start. How long it is, is not the store's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// When it begins (milliseconds).
    pub start: Timestamp,
    /// Tells values of one key and start apart and orders them; 0 where there is only one. Kafka: a window store with `retainDuplicates`.
    pub number: u32,
}

/// A session by its first and its last event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Session {
    /// The time of the last event, inclusive (milliseconds).
    pub end: Timestamp,
    /// The time of the first event (milliseconds).
    pub start: Timestamp,
}

impl Window {
    /// The only window of a key that begins at `start`.
    pub fn at(start: Timestamp) -> Window {
        Window { start, number: 0 }
    }
}

impl Span for Window {
    const REST_BYTES: usize = 4;
    const INDEXES_REST: bool = false;

    fn time(self) -> Timestamp {
        self.start
    }

    fn first_at(start: Timestamp) -> Self {
        Window::at(start)
    }

    fn last_at(start: Timestamp) -> Self {
        Window { start, number: u32::MAX }
    }

    fn write_rest(self, _: impl Fn(Timestamp) -> [u8; 8], out: &mut Vec<u8>) {
        out.extend_from_slice(&self.number.to_be_bytes());
    }

    fn read_rest(start: Timestamp, rest: &[u8], _: impl Fn([u8; 8]) -> Timestamp) -> Option<Self> {
        Some(Window { start, number: u32::from_be_bytes(rest.try_into().ok()?) })
    }
}

impl Span for Session {
    const REST_BYTES: usize = 8;
    const INDEXES_REST: bool = true;

    fn time(self) -> Timestamp {
        self.end
    }

    fn first_at(end: Timestamp) -> Self {
        Session { end, start: Timestamp::MIN }
    }

    fn last_at(end: Timestamp) -> Self {
        Session { end, start: Timestamp::MAX }
    }

    fn write_rest(self, bytes: impl Fn(Timestamp) -> [u8; 8], out: &mut Vec<u8>) {
        out.extend_from_slice(&bytes(self.start));
    }

    fn read_rest(end: Timestamp, rest: &[u8], number: impl Fn([u8; 8]) -> Timestamp) -> Option<Self> {
        Some(Session { end, start: number(rest.try_into().ok()?) })
    }
}
