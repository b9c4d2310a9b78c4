//! Record headers: names with optional bytes, in order, duplicates allowed. Owned by users, encoded inside [`Records`](super::Records).

use std::sync::Arc;

/// A header's value of no bytes is not the same as no value: this length stands for the latter.
const NULL: u32 = u32::MAX;

/// One header.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Header {
    /// Its name; may be empty, may occur more than once.
    pub name: Box<str>,
    /// Its value.
    pub value: Option<Box<[u8]>>,
}

/// A record's headers. Empty by default and then without any allocation; cloning is cheap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Headers(Option<Arc<[Header]>>);

impl Headers {
    /// No headers.
    pub const EMPTY: Headers = Headers(None);

    /// No headers.
    pub fn new() -> Self {
        Self::EMPTY
    }

    /// These headers and one more behind them.
    pub fn with(&self, name: &str, value: Option<&[u8]>) -> Self {
        let added = Header { name: name.into(), value: value.map(Into::into) };
        self.as_slice().iter().cloned().chain(std::iter::once(added)).collect()
    }

    /// The value of the last header of this name: `None` if there is none, `Some(None)` if it has no value.
    pub fn last(&self, name: &str) -> Option<Option<&[u8]>> {
        self.iter().filter(|(found, _)| *found == name).last().map(|(_, value)| value)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// All of them, in order.
    pub fn as_slice(&self) -> &[Header] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        self.as_slice().iter().map(|header| (&*header.name, header.value.as_deref()))
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        for (name, value) in self.iter() {
            put(out, Some(name.as_bytes()));
            put(out, value);
        }
    }
}

impl FromIterator<Header> for Headers {
    fn from_iter<T: IntoIterator<Item = Header>>(headers: T) -> Self {
        let headers: Arc<[Header]> = headers.into_iter().collect();
        Self(if headers.is_empty() { None } else { Some(headers) })
    }
}

/// A record's headers where they lie, encoded.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct HeadersRef<'a>(pub(super) &'a [u8]);

impl<'a> HeadersRef<'a> {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Option<&'a [u8]>)> + use<'a> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let name = take(&mut rest).expect("a header has a name");
            let name = std::str::from_utf8(name).expect("a header's name was a str when it was encoded");
            Some((name, take(&mut rest)))
        })
    }

    /// The value of the last header of this name: `None` if there is none, `Some(None)` if it has no value.
    pub fn last(&self, name: &str) -> Option<Option<&'a [u8]>> {
        self.iter().filter(|(found, _)| *found == name).last().map(|(_, value)| value)
    }

    /// The same headers on their own.
    #[inline]
    pub fn to_headers(&self) -> Headers {
        // Most records have none, and an empty slice of its own would be an allocation.
        if self.is_empty() {
            return Headers::EMPTY;
        }
        self.iter().map(|(name, value)| Header { name: name.into(), value: value.map(Into::into) }).collect()
    }
}

impl std::fmt::Debug for HeadersRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

pub(super) fn put(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    let len = bytes.map_or(NULL, |bytes| u32::try_from(bytes.len()).expect("a header is shorter than 4 GiB"));
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(bytes.unwrap_or_default());
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, behind) = rest.split_first_chunk::<4>().expect("each header part begins with its length");
    let len = u32::from_le_bytes(*len);
    if len == NULL {
        *rest = behind;
        return None;
    }
    let (bytes, behind) = behind.split_at(len as usize);
    *rest = behind;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_headers_keep_order_duplicates_nulls_and_empties() {
        let headers = Headers::new().with("b", Some(b"1")).with("a", None).with("b", Some(b"")).with("", Some(b"x"));
        let mut bytes = Vec::new();
        headers.encode(&mut bytes);
        let found = HeadersRef(&bytes);
        assert_eq!(found.to_headers(), headers);
        assert_eq!(found.last("b"), Some(Some(&b""[..])));
        assert_eq!(found.last("a"), Some(None));
        assert_eq!(found.last("c"), None);
    }

    #[test]
    fn no_headers_are_no_bytes() {
        let mut bytes = Vec::new();
        Headers::new().encode(&mut bytes);
        assert!(bytes.is_empty() && HeadersRef(&bytes).is_empty() && HeadersRef(&bytes).to_headers().is_empty());
    }
}
