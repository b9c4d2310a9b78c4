//! How changes and versions are written; `docs/formats.md` has the bytes. Columns come last, in the format of their type.

use super::{Scd2Change, Scd2Kept, Scd2Order, Scd2Span};
use crate::format::{Data, Format, FormatError};
use crate::record::Timestamp;
use std::borrow::Cow;

const VERSION: u8 = 1;

/// A change on its way to the partition of its key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scd2ChangeLayout<F>(F);

/// A change in the store.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scd2KeptLayout<F>(F);

/// A version in the store.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scd2SpanLayout<F>(F);

impl<V: Data> Data for Scd2Change<V> {
    type Format = Scd2ChangeLayout<V::Format>;
}

impl<V: Data> Data for Scd2Kept<V> {
    type Format = Scd2KeptLayout<V::Format>;
}

impl<V: Data> Data for Scd2Span<V> {
    type Format = Scd2SpanLayout<V::Format>;
}

impl<V, F: Format<V>> Format<Scd2Change<V>> for Scd2ChangeLayout<F> {
    fn encode(&self, change: &Scd2Change<V>, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.push(VERSION);
        out.extend_from_slice(&change.valid_from.to_be_bytes());
        write_order(change.order, out);
        write_columns(change.columns.as_ref(), &self.0, out)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Scd2Change<V>, FormatError> {
        let mut bytes = versioned(bytes)?;
        let valid_from = Timestamp::from_be_bytes(take(&mut bytes)?);
        let order = read_order(&mut bytes)?;
        Ok(Scd2Change { valid_from, order, columns: read_columns(bytes, &self.0)? })
    }

    fn name(&self) -> Cow<'static, str> {
        format!("scd2-change-1({})", self.0.name()).into()
    }
}

impl<V, F: Format<V>> Format<Scd2Kept<V>> for Scd2KeptLayout<F> {
    fn encode(&self, kept: &Scd2Kept<V>, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.push(VERSION);
        write_order(kept.order, out);
        write_columns(kept.columns.as_ref(), &self.0, out)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Scd2Kept<V>, FormatError> {
        let mut bytes = versioned(bytes)?;
        let order = read_order(&mut bytes)?;
        Ok(Scd2Kept { order, columns: read_columns(bytes, &self.0)? })
    }

    fn name(&self) -> Cow<'static, str> {
        format!("scd2-kept-1({})", self.0.name()).into()
    }
}

impl<V, F: Format<V>> Format<Scd2Span<V>> for Scd2SpanLayout<F> {
    fn encode(&self, span: &Scd2Span<V>, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.push(VERSION);
        out.push(u8::from(span.end_date.is_some()));
        out.extend_from_slice(&span.end_date.unwrap_or(0).to_be_bytes());
        self.0.encode(&span.columns, out)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Scd2Span<V>, FormatError> {
        let mut bytes = versioned(bytes)?;
        let has_end = read_flag(&mut bytes)?;
        let end_date = Timestamp::from_be_bytes(take(&mut bytes)?);
        Ok(Scd2Span { end_date: has_end.then_some(end_date), columns: self.0.decode(bytes)? })
    }

    fn name(&self) -> Cow<'static, str> {
        format!("scd2-span-1({})", self.0.name()).into()
    }
}

fn write_order(order: Scd2Order, out: &mut Vec<u8>) {
    out.extend_from_slice(&order.offset.to_be_bytes());
    out.extend_from_slice(&order.partition.to_be_bytes());
}

fn read_order(bytes: &mut &[u8]) -> Result<Scd2Order, FormatError> {
    Ok(Scd2Order { offset: i64::from_be_bytes(take(bytes)?), partition: i32::from_be_bytes(take(bytes)?) })
}

fn write_columns<V, F: Format<V>>(columns: Option<&V>, format: &F, out: &mut Vec<u8>) -> Result<(), FormatError> {
    out.push(u8::from(columns.is_some()));
    columns.map_or(Ok(()), |columns| format.encode(columns, out))
}

fn read_columns<V, F: Format<V>>(mut bytes: &[u8], format: &F) -> Result<Option<V>, FormatError> {
    let has_columns = read_flag(&mut bytes)?;
    has_columns.then(|| format.decode(bytes)).transpose()
}

fn read_flag(bytes: &mut &[u8]) -> Result<bool, FormatError> {
    match take(bytes)? {
        [0] => Ok(false),
        [1] => Ok(true),
        [other] => Err(FormatError::malformed(format_args!("{other} is neither 0 nor 1"))),
    }
}

fn versioned(mut bytes: &[u8]) -> Result<&[u8], FormatError> {
    match take(&mut bytes)? {
        [VERSION] => Ok(bytes),
        [found] => Err(FormatError::WrongVersion { expected: VERSION, found }),
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], FormatError> {
    let (taken, rest) = bytes.split_first_chunk::<N>().ok_or_else(|| FormatError::malformed("ends too early"))?;
    *bytes = rest;
    Ok(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Debug;

    fn check<T: Data + PartialEq + Debug>(value: T, expected: &[u8]) {
        let (format, mut bytes) = (T::Format::default(), Vec::new());
        format.encode(&value, &mut bytes).unwrap();
        assert_eq!(bytes, expected);
        assert_eq!(format.decode(&bytes).unwrap(), value);
        // The columns are a format's own affair; everything before them is ours.
        (0..bytes.len().min(10)).for_each(|end| assert!(format.decode(&bytes[..end]).is_err(), "{end} bytes of {bytes:?}"));
        bytes[0] = 2;
        assert!(matches!(format.decode(&bytes), Err(FormatError::WrongVersion { found: 2, .. })));
    }

    /// These bytes lie in stores and topics: they stay.
    #[test]
    fn bytes_are_as_documented() {
        let order = Scd2Order { offset: 258, partition: 3 };
        let columns = Some("ab".to_owned());
        check(
            Scd2Change { valid_from: -1, order, columns: columns.clone() },
            b"\x01\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\x01\x02\0\0\0\x03\x01ab",
        );
        check(Scd2Kept { order, columns }, b"\x01\0\0\0\0\0\0\x01\x02\0\0\0\x03\x01ab");
        check(Scd2Kept::<String> { order, columns: None }, b"\x01\0\0\0\0\0\0\x01\x02\0\0\0\x03\0");
        check(Scd2Span { end_date: Some(7), columns: "ab".to_owned() }, b"\x01\x01\0\0\0\0\0\0\0\x07ab");
        check(Scd2Span { end_date: None, columns: "ab".to_owned() }, b"\x01\0\0\0\0\0\0\0\0\0ab");
    }
}
