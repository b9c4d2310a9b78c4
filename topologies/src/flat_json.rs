//! Reads one flat JSON object without copying: strings stay where they are, numbers stay text. Writes strings.
//!
//! Not a general parser: what the hot path does not need (escapes, nested values, the words of an error) is left to `serde_json`,
//! which a test holds this reader against. Numbers stay text because money must not pass through a float.

use serde::de::IgnoredAny;
use std::borrow::Cow;

/// A member's value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    /// A string, unescaped.
    Text(Cow<'a, str>),
    /// A number as it was written.
    Number(&'a str),
    /// Anything else: only its kind.
    Other(&'static str),
}

impl Value<'_> {
    /// What it is, for an error.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::Text(_) => "a string",
            Value::Number(_) => "a number",
            Value::Other(kind) => kind,
        }
    }
}

/// Why a document is not an object.
#[derive(Debug, PartialEq)]
pub(crate) enum NotAnObject {
    /// It is a document of another kind.
    But(&'static str),
    /// It is no document.
    Broken(String),
}

/// Hands every member of the object to `member`, in order, duplicates too.
pub(crate) fn read_object<'a>(text: &'a str, member: impl FnMut(Cow<'a, str>, Value<'a>)) -> Result<(), NotAnObject> {
    let mut reader = Reader { text, at: 0 };
    match reader.object(member) {
        Some(()) => Ok(()),
        None => Err(explain(text)),
    }
}

/// Whether the whole of `text` is a number in JSON's grammar.
pub(crate) fn is_number(text: &str) -> bool {
    let mut reader = Reader { text, at: 0 };
    reader.number().is_some() && reader.at == text.len()
}

/// The words for what went wrong. Off the hot path, so the document is read once more.
#[cold]
fn explain(text: &str) -> NotAnObject {
    match serde_json::from_str::<IgnoredAny>(text) {
        Err(error) => NotAnObject::Broken(error.to_string()),
        Ok(_) => match text.trim_start().bytes().next().map(kind_of) {
            Some("an object") | None => NotAnObject::Broken("a name or a string is not valid".into()),
            Some(kind) => NotAnObject::But(kind),
        },
    }
}

fn kind_of(first: u8) -> &'static str {
    match first {
        b'{' => "an object",
        b'[' => "an array",
        b'"' => "a string",
        b't' | b'f' => "a boolean",
        b'n' => "null",
        _ => "a number",
    }
}

/// Writes a JSON string behind what `out` holds. Most text needs no escaping, and a look at it is cheaper than a serializer.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).expect("memory takes every byte");
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn object(&mut self, mut member: impl FnMut(Cow<'a, str>, Value<'a>)) -> Option<()> {
        self.token(b'{')?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return self.end();
        }
        loop {
            self.skip_space();
            let name = self.string()?;
            self.token(b':')?;
            let value = self.value()?;
            member(name, value);
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => break,
                _ => return None,
            }
        }
        self.at += 1;
        self.end()
    }

    fn value(&mut self) -> Option<Value<'a>> {
        match self.peek()? {
            b'"' => self.string().map(Value::Text),
            b'-' | b'0'..=b'9' => self.number().map(Value::Number),
            first => self.other(first),
        }
    }

    /// The string that begins here, quotes gone.
    #[inline]
    fn string(&mut self) -> Option<Cow<'a, str>> {
        let bytes = self.text.as_bytes();
        if *bytes.get(self.at)? != b'"' {
            return None;
        }
        let start = self.at + 1;
        let mut at = start;
        loop {
            match *bytes.get(at)? {
                b'"' => break,
                b'\\' => return self.escaped_string(),
                0..0x20 => return None,
                _ => at += 1,
            }
        }
        self.at = at + 1;
        Some(Cow::Borrowed(&self.text[start..at]))
    }

    #[cold]
    fn escaped_string(&mut self) -> Option<Cow<'a, str>> {
        let mut values = serde_json::Deserializer::from_str(&self.text[self.at..]).into_iter::<String>();
        let string = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(Cow::Owned(string))
    }

    /// JSON's grammar: `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
    fn number(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.skip_one(b"-");
        match self.text.as_bytes().get(self.at)? {
            b'0' => self.at += 1,
            _ => self.digits()?,
        }
        if self.skip_one(b".") {
            self.digits()?;
        }
        if self.skip_one(b"eE") {
            self.skip_one(b"+-");
            self.digits()?;
        }
        Some(&self.text[start..self.at])
    }

    fn digits(&mut self) -> Option<()> {
        let rest = &self.text.as_bytes()[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(())
    }

    #[cold]
    fn other(&mut self, first: u8) -> Option<Value<'a>> {
        let mut values = serde_json::Deserializer::from_str(&self.text[self.at..]).into_iter::<IgnoredAny>();
        values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(Value::Other(kind_of(first)))
    }

    fn token(&mut self, expected: u8) -> Option<()> {
        (self.peek()? == expected).then(|| self.at += 1)
    }

    fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    fn skip_one(&mut self, any_of: &[u8]) -> bool {
        let found = self.text.as_bytes().get(self.at).is_some_and(|byte| any_of.contains(byte));
        self.at += usize::from(found);
        found
    }

    #[inline]
    fn peek(&mut self) -> Option<u8> {
        self.skip_space();
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.as_bytes().get(self.at) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn members(text: &str) -> Result<Vec<(String, Value<'_>)>, NotAnObject> {
        let mut found = Vec::new();
        read_object(text, |name, value| found.push((name.into_owned(), value)))?;
        Ok(found)
    }

    #[test]
    fn members_come_in_order_with_numbers_as_written() {
        let text = r#" { "a" : "x\u00e4\n" , "b":-1.50e+2,"c":[1,{"d":"]"}],"e":null,"a":true } "#;
        let expected = [
            ("a", Value::Text("xä\n".into())),
            ("b", Value::Number("-1.50e+2")),
            ("c", Value::Other("an array")),
            ("e", Value::Other("null")),
            ("a", Value::Other("a boolean")),
        ];
        assert_eq!(members(text), Ok(expected.map(|(name, value)| (name.to_owned(), value)).to_vec()));
    }

    #[test]
    fn strings_that_need_no_unescaping_are_borrowed() {
        let found = members(r#"{"a":"plain"}"#).unwrap();
        assert!(matches!(&found[0].1, Value::Text(Cow::Borrowed("plain"))));
    }

    #[test]
    fn what_is_not_an_object_is_named() {
        for (text, kind) in [("[1]", "an array"), (" \"x\"", "a string"), ("1", "a number"), ("true", "a boolean"), ("null", "null")] {
            assert_eq!(members(text), Err(NotAnObject::But(kind)));
        }
    }

    proptest! {
        /// Documents, and documents cut or with one byte changed: both readers take the same ones.
        #[test]
        fn agrees_with_serde_json(
            names in prop::collection::vec("[a-c\\\\\"\u{e4}]{0,3}", 0..4), number in "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?(e[+-]?[0-9]{1,2})?",
            at in any::<prop::sample::Index>(), byte in prop::sample::select(&b"\"{}[]:,.-+e0 1\\ntu\t\x01"[..]), change in 0..3,
        ) {
            let members_of: Vec<_> = names.iter().map(|name| format!("{}:{number}", serde_json::to_string(name).unwrap())).collect();
            let mut text = format!("{{{}, \"n\": [{number}, \"x\"]}}", members_of.iter().map(|m| format!("{m},")).collect::<String>() + "\"z\":null");
            let index = at.index(text.len());
            match change {
                0 => {}
                1 if text.is_char_boundary(index) => text.truncate(index),
                _ if text.is_char_boundary(index) && text.is_char_boundary(index + 1) => text.replace_range(index..=index, &(byte as char).to_string()),
                _ => {}
            }
            let theirs = serde_json::from_str::<std::collections::HashMap<String, IgnoredAny>>(&text).is_ok();
            prop_assert_eq!(members(&text).is_ok(), theirs, "{}", text);
        }
    }
}
