//! Names of topics and stores: those made at run time, and what Kafka allows.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Kafka: `org.apache.kafka.common.internals.Topic.MAX_NAME_LENGTH`.
const MAX_NAME_LENGTH: usize = 249;

/// Gives a name for the life of the process, once per distinct name: that keeps `Topic` and `Store` `Copy`.
pub(crate) fn intern(name: &str) -> &'static str {
    static NAMES: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
    // A name is leaked before it is inserted, so the set is whole even after a panic.
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let names = names.get_or_insert_default();
    if let Some(known) = names.get(name) {
        return known;
    }
    let kept: &'static str = Box::leak(name.into());
    names.insert(kept);
    kept
}

/// What Kafka takes as a topic's name; stores and operators become parts of such names.
pub(crate) fn is_legal(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !name.is_empty() && name.len() <= MAX_NAME_LENGTH && name != "." && name != ".." && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::{intern, is_legal};

    #[test]
    fn one_name_is_kept_once() {
        let (a, b) = (intern(&String::from("made")), intern(&String::from("made")));
        assert!(std::ptr::eq(a, b));
    }

    #[test]
    fn kafka_decides_what_a_name_is() {
        for legal in ["a", "A.b_c-9", &"x".repeat(249)] {
            assert!(is_legal(legal), "{legal}");
        }
        for illegal in ["", ".", "..", "a b", "ü", "a/b", &"x".repeat(250)] {
            assert!(!is_legal(illegal), "{illegal}");
        }
    }
}
