//! The bytes of subscriptions and answers; `docs/formats.md` describes them. They are read over restarts and releases, so each begins with a version.

use super::{Answer, RowVersion, Subscribed, Subscriber, Subscription, Wants};
use crate::format::{Format, FormatError, Nullable, Row};
use std::borrow::Cow;

/// Version, what is wanted, the partition of the row (4 bytes, big-endian), its state, its key.
#[derive(Debug, Default)]
pub(crate) struct SubscriptionLayout<F>(F);
/// Version, the state of the row that asked, whether there is a row, the row.
#[derive(Debug, Default)]
pub(crate) struct AnswerLayout<F>(F);
/// The length of the foreign key (4 bytes, big-endian), the foreign key, the left key. Kafka: `CombinedKeySchema`.
#[derive(Debug, Default)]
pub(crate) struct SubscriberLayout<F>(F);
/// Version, the partition of the row (4 bytes, big-endian), its state.
#[derive(Debug, Default)]
pub(crate) struct SubscribedLayout;

const VERSION: u8 = 0;

impl<K, F: Format<K>> Format<Subscription<K>> for SubscriptionLayout<F> {
    fn encode(&self, subscription: &Subscription<K>, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let wants = match subscription.wants {
            Wants::End => 0,
            Wants::EndAndAnswer => 1,
            Wants::Answer => 2,
            Wants::AnswerIfAny => 3,
        };
        out.extend([VERSION, wants]);
        out.extend(subscription.partition.to_be_bytes());
        put_row_version(subscription.version, out);
        self.0.encode(&subscription.left, out)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Subscription<K>, FormatError> {
        let (wants, rest) = split_version(bytes)?.split_first().ok_or_else(short)?;
        let wants = match wants {
            0 => Wants::End,
            1 => Wants::EndAndAnswer,
            2 => Wants::Answer,
            3 => Wants::AnswerIfAny,
            other => return Err(FormatError::malformed(format_args!("unknown wish {other} of a subscription"))),
        };
        let (partition, rest) = split_partition(rest)?;
        let (version, left) = split_row_version(rest)?;
        Ok(Subscription { left: self.0.decode(left)?, partition, version, wants })
    }

    fn name(&self) -> Cow<'static, str> {
        format!("subscription({})", self.0.name()).into()
    }
}

impl<R, F: Format<R>> Format<Answer<R>> for AnswerLayout<F> {
    fn encode(&self, answer: &Answer<R>, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.push(VERSION);
        put_row_version(answer.version, out);
        out.push(u8::from(answer.row.is_some()));
        answer.row.as_ref().map_or(Ok(()), |row| self.0.encode(row, out))
    }

    fn decode(&self, bytes: &[u8]) -> Result<Answer<R>, FormatError> {
        let (version, rest) = split_row_version(split_version(bytes)?)?;
        let (has_row, row) = rest.split_first().ok_or_else(short)?;
        let row = (*has_row == 1).then(|| self.0.decode(row)).transpose()?;
        Ok(Answer { partition: 0, version, row })
    }

    fn name(&self) -> Cow<'static, str> {
        format!("answer({})", self.0.name()).into()
    }
}

impl<K, F: Format<K>> Format<Subscriber<K>> for SubscriberLayout<F> {
    fn encode(&self, subscriber: &Subscriber<K>, out: &mut Vec<u8>) -> Result<(), FormatError> {
        put_foreign_key(&subscriber.foreign, out)?;
        self.0.encode(&subscriber.left, out)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Subscriber<K>, FormatError> {
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
        let (foreign, left) = rest.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or_else(short)?;
        Ok(Subscriber { foreign: foreign.into(), left: self.0.decode(left)? })
    }

    fn name(&self) -> Cow<'static, str> {
        format!("subscriber({})", self.0.name()).into()
    }
}

impl Format<Subscribed> for SubscribedLayout {
    fn encode(&self, subscribed: &Subscribed, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.push(VERSION);
        out.extend(subscribed.partition.to_be_bytes());
        put_row_version(subscribed.version, out);
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Subscribed, FormatError> {
        let (partition, rest) = split_partition(split_version(bytes)?)?;
        split_row_version(rest).map(|(version, _)| Subscribed { partition, version })
    }

    fn name(&self) -> Cow<'static, str> {
        "subscribed".into()
    }
}

/// What the keys of all subscriptions to a foreign key begin with.
pub(super) fn put_foreign_key(foreign: &[u8], out: &mut Vec<u8>) -> Result<(), FormatError> {
    out.extend(u32::try_from(foreign.len()).map_err(FormatError::unwritable)?.to_be_bytes());
    out.extend_from_slice(foreign);
    Ok(())
}

fn put_row_version(version: RowVersion, out: &mut Vec<u8>) {
    out.push(u8::from(version.is_some()));
    version.into_iter().for_each(|version| out.extend(version.to_be_bytes()));
}

fn split_row_version(bytes: &[u8]) -> Result<(RowVersion, &[u8]), FormatError> {
    match bytes.split_first().ok_or_else(short)? {
        (1, rest) => {
            let (version, rest) = rest.split_first_chunk::<16>().ok_or_else(short)?;
            Ok((Some(u128::from_be_bytes(*version)), rest))
        }
        (_, rest) => Ok((None, rest)),
    }
}

fn split_partition(bytes: &[u8]) -> Result<(u32, &[u8]), FormatError> {
    let (partition, rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
    Ok((u32::from_be_bytes(*partition), rest))
}

fn split_version(bytes: &[u8]) -> Result<&[u8], FormatError> {
    match bytes.split_first().ok_or_else(short)? {
        (&VERSION, rest) => Ok(rest),
        (&found, _) => Err(FormatError::WrongVersion { expected: VERSION, found }),
    }
}

fn short() -> FormatError {
    FormatError::malformed("too short for what a foreign-key join sends")
}

/// None of these is ever null.
macro_rules! present { ($($type:ty, $format:ty, ($($generic:ident)?);)*) => { $(
    impl$(<$generic: Row>)? Nullable for $type {
        type Present = $type;
        type OrNull = Option<$type>;
        type Format = $format;

        fn present(&self) -> Option<&$type> {
            Some(self)
        }
        fn into_present(self) -> Option<$type> {
            Some(self)
        }
        fn from_present(value: $type) -> $type {
            value
        }
        fn null() -> Option<$type> {
            None
        }
        fn or_null(value: Option<$type>) -> Option<$type> {
            value
        }
    }
)* } }
present! {
    Subscription<K>, SubscriptionLayout<K::Format>, (K);
    Answer<R>, AnswerLayout<R::Format>, (R);
    Subscriber<K>, SubscriberLayout<K::Format>, (K);
    Subscribed, SubscribedLayout, ();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: Row + PartialEq + std::fmt::Debug>(value: &T, bytes: &[u8]) {
        let (format, mut written) = (T::Format::default(), Vec::new());
        format.encode(value, &mut written).unwrap();
        assert_eq!(written, bytes);
        assert_eq!(format.decode(bytes).unwrap(), *value);
        // A key may be of any length, also none; everything before it is needed.
        assert!(format.decode(&[]).is_err());
    }

    #[test]
    fn layouts_stay_as_they_are() {
        let left = "l".to_owned();
        check(&Subscription { left: left.clone(), partition: 5, version: None, wants: Wants::End }, b"\0\0\0\0\0\x05\0l");
        let version = [0_u8; 15].into_iter().chain([7]).collect::<Vec<_>>();
        let subscription = Subscription { left: left.clone(), partition: 5, version: Some(7), wants: Wants::AnswerIfAny };
        check(&subscription, &[b"\0\x03\0\0\0\x05\x01", &version[..], b"l"].concat());
        check(&Answer { partition: 0, version: Some(7), row: Some("r".to_owned()) }, &[b"\0\x01", &version[..], b"\x01r"].concat());
        check(&Answer::<String> { partition: 0, version: None, row: None }, b"\0\0\0");
        check(&Subscriber { foreign: (*b"ab").into(), left }, b"\0\0\0\x02abl");
        check(&Subscribed { partition: 5, version: Some(7) }, &[b"\0\0\0\0\x05\x01", &version[..]].concat());
    }

    #[test]
    fn another_version_is_refused() {
        let read = Format::<Subscribed>::decode(&SubscribedLayout, b"\x01\0");
        assert_eq!(read, Err(FormatError::WrongVersion { expected: 0, found: 1 }));
    }

    #[test]
    fn the_hash_of_a_row_stays_as_it_is() {
        assert_eq!(super::super::version_of(b""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(super::super::version_of(b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }
}
