//! Changes of rows, as they travel to the partitions of another key. Kafka: `ChangedSerializer`, `ChangedDeserializer` (KIP-904).

use super::{Format, FormatError, Nullable, Row};
use crate::record::Change;
use std::borrow::Cow;

/// The bytes of `old` and a 0; those of `new` and a 1; or the length of `new` (zigzag varint), `new`, `old` and a 2.
///
/// Read are also 3, 4 and 5, which are the same with a byte before the flag that says whether the change is the latest (KIP-914 as it was in 3.5).
#[derive(Clone, Copy, Debug, Default)]
pub struct ChangeFormat<F>(F);

const OLD: u8 = 0;
const NEW: u8 = 1;
const BOTH: u8 = 2;
/// With this more, a flag has the byte about the latest before it.
const WITH_LATEST: u8 = 3;

impl<V, F: Format<V>> Format<Change<V>> for ChangeFormat<F> {
    fn encode(&self, change: &Change<V>, out: &mut Vec<u8>) -> Result<(), FormatError> {
        match (&change.new, &change.old) {
            (Some(new), Some(old)) => {
                let at = out.len();
                self.0.encode(new, out)?;
                let length = i32::try_from(out.len() - at).map_err(FormatError::unwritable)?;
                out.splice(at..at, varint(length));
                self.0.encode(old, out)?;
                out.push(BOTH);
            }
            (Some(new), None) => {
                self.0.encode(new, out)?;
                out.push(NEW);
            }
            (None, Some(old)) => {
                self.0.encode(old, out)?;
                out.push(OLD);
            }
            (None, None) => return Err(FormatError::unwritable("a change from nothing to nothing")),
        }
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Change<V>, FormatError> {
        let short = || FormatError::malformed("too short for a change");
        let (flag, rest) = bytes.split_last().ok_or_else(short)?;
        let (flag, rest, is_latest) = match flag.checked_sub(WITH_LATEST) {
            Some(flag) => {
                let (latest, rest) = rest.split_last().ok_or_else(short)?;
                (flag, rest, *latest == 1)
            }
            None => (*flag, rest, true),
        };
        let (new, old) = match flag {
            OLD => (None, Some(rest)),
            NEW => (Some(rest), None),
            BOTH => {
                let (length, rest) = split_varint(rest).ok_or_else(short)?;
                let (new, old) = rest.split_at_checked(length).ok_or_else(short)?;
                (Some(new), Some(old))
            }
            other => return Err(FormatError::malformed(format_args!("unknown flag {other} of a change"))),
        };
        let read = |bytes: Option<&[u8]>| bytes.map(|bytes| self.0.decode(bytes)).transpose();
        Ok(Change { old: read(old)?, new: read(new)?, is_latest })
    }

    fn name(&self) -> Cow<'static, str> {
        format!("change({})", self.0.name()).into()
    }
}

/// A change is never null: what is neither old nor new does not travel.
impl<V: Row> Nullable for Change<V> {
    type Present = Change<V>;
    type OrNull = Option<Change<V>>;
    type Format = ChangeFormat<V::Format>;

    fn present(&self) -> Option<&Change<V>> {
        Some(self)
    }
    fn into_present(self) -> Option<Change<V>> {
        Some(self)
    }
    fn from_present(value: Change<V>) -> Change<V> {
        value
    }
    fn null() -> Option<Change<V>> {
        None
    }
    fn or_null(value: Option<Change<V>>) -> Option<Change<V>> {
        value
    }
}

/// Kafka: `ByteUtils.writeVarint`: zigzag, seven bits a byte, the lowest first.
fn varint(number: i32) -> impl Iterator<Item = u8> {
    let mut left = Some(((number << 1) ^ (number >> 31)) as u32);
    std::iter::from_fn(move || {
        let bits = left?;
        left = (bits >= 0x80).then_some(bits >> 7);
        Some(bits as u8 & 0x7f | if bits >= 0x80 { 0x80 } else { 0 })
    })
}

fn split_varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let end = bytes.iter().take(5).position(|byte| byte & 0x80 == 0)? + 1;
    let bits = bytes[..end].iter().rev().fold(0_u64, |bits, byte| bits << 7 | u64::from(byte & 0x7f));
    // An odd one is a negative number.
    (bits & 1 == 0).then_some(((bits >> 1) as usize, &bytes[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Utf8;

    #[track_caller]
    fn check(old: Option<&str>, new: Option<&str>, bytes: &[u8]) {
        let (format, mut written) = (ChangeFormat::<Utf8>::default(), Vec::new());
        let change = Change::<String>::new(old.map(str::to_owned), new.map(str::to_owned));
        format.encode(&change, &mut written).unwrap();
        assert_eq!(written, bytes);
        assert_eq!(format.decode(bytes).unwrap(), change);
    }

    #[test]
    fn changes_look_as_in_kafka() {
        check(Some("ab"), None, b"ab\0");
        check(None, Some("ab"), b"ab\x01");
        check(Some("a"), Some("bcd"), b"\x06bcda\x02");
        check(Some(""), Some(""), b"\0\x02");
        let long = "x".repeat(100);
        check(Some("a"), Some(&long), &[b"\xc8\x01", long.as_bytes(), b"a\x02"].concat());
    }

    #[test]
    fn what_is_no_change_is_refused() {
        let format = ChangeFormat::<Utf8>::default();
        let read = |bytes: &[u8]| Format::<Change<String>>::decode(&format, bytes);
        for bytes in [&b""[..], b"\x02", b"\x06a\x02", b"a\x06", b"\x03", b"\x01\x02"] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
        let not_latest = read(b"a\0\x04").unwrap();
        assert_eq!(not_latest, Change { old: None, new: Some("a".to_owned()), is_latest: false });
        assert!(Format::<Change<String>>::encode(&format, &Change::new(None, None), &mut Vec::new()).is_err());
    }
}
