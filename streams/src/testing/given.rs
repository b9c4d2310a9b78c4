//! What a test may write where a key or a value is wanted.

use crate::format::Data;

/// What can stand for a `T`. Not `Into`: with that an integer literal would become an `i32`.
pub trait Given<T> {
    /// The value.
    fn give(self) -> T;
}

impl<T> Given<T> for T {
    fn give(self) -> T {
        self
    }
}

impl<T: Data> Given<Option<T>> for T {
    fn give(self) -> Option<T> {
        Some(self)
    }
}

impl Given<String> for &str {
    fn give(self) -> String {
        self.to_owned()
    }
}

impl Given<Option<String>> for &str {
    fn give(self) -> Option<String> {
        Some(self.to_owned())
    }
}
