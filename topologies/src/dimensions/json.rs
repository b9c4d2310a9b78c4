//! JSON as values: objects have no order, numbers keep the text that they were written with and are compared by what they are worth.
//!
//! No number passes through a float: 0.1 stays 0.1, and 20 digits stay 20 digits. A name that stands twice in an object is a mistake,
//! since nobody knows which one is meant. Strings and the words of errors are left to `serde_json`, which a test holds this reader against.

use headwater_streams::format::{Data, Format, FormatError};
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Deeper documents are not read, as in `serde_json`.
const DEPTH_MAX: usize = 127;

/// The members of an object.
pub type Members = BTreeMap<String, Json>;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number.
    Number(Number),
    /// A string.
    Text(String),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(Members),
}

/// A number as it was written. Equal are numbers of one worth: 1, 1.0 and 10e-1.
#[derive(Debug, Clone)]
pub struct Number(String);

/// Why bytes are no JSON value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotJson {
    /// Not text at all.
    #[error("not UTF-8: byte {at} begins no character")]
    NotUtf8 {
        /// Where the text ends being text.
        at: usize,
    },
    /// Not a JSON document.
    #[error("broken JSON: {reason}")]
    Broken {
        /// What the parser expected, and where.
        reason: String,
    },
    /// An object with one name twice.
    #[error("repeated field {name}")]
    Repeated {
        /// The name.
        name: String,
    },
}

impl Json {
    /// Reads a document.
    ///
    /// ```
    /// use headwater_topologies::dimensions::Json;
    /// assert_eq!(Json::parse(br#"{"a": 1, "b": [0.10]}"#), Json::parse(br#"{"b": [1e-1], "a": 1.0}"#));
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Json, NotJson> {
        let text = std::str::from_utf8(bytes).map_err(|error| NotJson::NotUtf8 { at: error.valid_up_to() })?;
        let mut reader = Reader { text, at: 0, depth: 0, repeated: None };
        let read = reader.value().filter(|_| reader.peek().is_none());
        match (read, reader.repeated) {
            (_, Some(name)) if serde_json::from_str::<IgnoredAny>(text).is_ok() => Err(NotJson::Repeated { name }),
            (Some(value), None) => Ok(value),
            (_, _) => Err(explain(text)),
        }
    }

    /// Writes it without spaces, members in the order of their names.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Json::Null => out.extend_from_slice(b"null"),
            Json::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Json::Number(Number(text)) => out.extend_from_slice(text.as_bytes()),
            Json::Text(text) => write_text(text, out),
            Json::Array(items) => write_list(b"[]", items, out, |item, out| item.write(out)),
            Json::Object(members) => write_members(members, out),
        }
    }

    /// What it is, for an error.
    pub fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Boolean(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::Text(_) => "a string",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Json::Text(text.to_owned())
    }
}

impl From<i64> for Json {
    fn from(number: i64) -> Self {
        Json::Number(Number(number.to_string()))
    }
}

impl Number {
    /// The number as it was written.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The number, if it is a whole one of 64 bits.
    pub fn integer(&self) -> Option<i64> {
        self.0.parse().ok().or_else(|| self.shifted(0))
    }

    /// The number with its point moved so many places to the right, if it is then a whole one of 64 bits: 2 makes whole cents of a price.
    pub fn shifted(&self, places: i64) -> Option<i64> {
        let Worth { is_negative, digits, exponent } = self.worth();
        let zeros = usize::try_from(exponent.saturating_add(places)).ok().filter(|zeros| *zeros < 20)?;
        format!("{}{digits}{}", if is_negative { "-" } else { "" }, "0".repeat(zeros)).parse().ok()
    }

    fn worth(&self) -> Worth {
        let (is_negative, text) = self.0.strip_prefix('-').map_or((false, &*self.0), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        let digits = all.trim_matches('0');
        if digits.is_empty() {
            return Worth { is_negative: false, digits: "0".into(), exponent: 0 };
        }
        let zeros = all.len() - all.trim_end_matches('0').len();
        // Beyond 64 bits of exponent all numbers are taken for one: there is nothing to count there.
        let exponent: i64 = exponent.parse().unwrap_or(if exponent.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 });
        Worth { is_negative, digits: digits.to_owned(), exponent: exponent.saturating_add(zeros as i64 - fraction.len() as i64) }
    }
}

/// Digits without zeros around them, times a power of ten: the same for equal numbers.
#[derive(PartialEq)]
struct Worth {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.worth() == other.worth()
    }
}

/// A JSON value in a topic or a store, as [`Json::write`] writes it.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonText;

impl Format<Json> for JsonText {
    fn encode(&self, value: &Json, out: &mut Vec<u8>) -> Result<(), FormatError> {
        value.write(out);
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Json, FormatError> {
        Json::parse(bytes).map_err(FormatError::malformed)
    }

    fn name(&self) -> Cow<'static, str> {
        "json".into()
    }
}

impl Data for Json {
    type Format = JsonText;
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("text can be written into memory");
}

/// Writes an object, members in the order of their names.
pub(super) fn write_members(members: &Members, out: &mut Vec<u8>) {
    write_list(b"{}", members, out, |(name, value), out| {
        write_text(name, out);
        out.push(b':');
        value.write(out);
    });
}

fn write_list<T>(around: &[u8; 2], items: impl IntoIterator<Item = T>, out: &mut Vec<u8>, write: impl Fn(T, &mut Vec<u8>)) {
    out.push(around[0]);
    for (place, item) in items.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(around[1]);
}

/// The words for what went wrong.
#[cold]
fn explain(text: &str) -> NotJson {
    let reason = match serde_json::from_str::<serde_json::Value>(text) {
        Err(error) => error.to_string(),
        Ok(_) => "a string or a number is not valid".into(),
    };
    NotJson::Broken { reason }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    repeated: Option<String>,
}

impl Reader<'_> {
    fn value(&mut self) -> Option<Json> {
        match self.peek()? {
            b'"' => self.string().map(Json::Text),
            b'{' => self.nested(|reader| reader.object().map(Json::Object)),
            b'[' => self.nested(|reader| reader.array().map(Json::Array)),
            b'n' => self.word("null", Json::Null),
            b't' => self.word("true", Json::Boolean(true)),
            b'f' => self.word("false", Json::Boolean(false)),
            _ => self.number().map(Json::Number),
        }
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Option<Json>) -> Option<Json> {
        self.at += 1;
        self.depth += 1;
        let value = if self.depth > DEPTH_MAX { None } else { read(self) };
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Option<Members> {
        let mut members = Members::new();
        self.list(b'}', |reader| {
            reader.peek()?;
            let name = reader.string()?;
            reader.token(b':')?;
            let value = reader.value()?;
            match members.entry(name) {
                Entry::Vacant(free) => drop(free.insert(value)),
                Entry::Occupied(known) => drop(reader.repeated.get_or_insert_with(|| known.key().clone())),
            }
            Some(())
        })?;
        Some(members)
    }

    fn array(&mut self) -> Option<Vec<Json>> {
        let mut items = Vec::new();
        self.list(b']', |reader| reader.value().map(|value| items.push(value)))?;
        Some(items)
    }

    fn list(&mut self, end: u8, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if self.peek()? == end {
            self.at += 1;
            return Some(());
        }
        loop {
            item(self)?;
            match self.peek()? {
                b',' => self.at += 1,
                found if found == end => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(())
    }

    /// The string that begins here.
    fn string(&mut self) -> Option<String> {
        let rest = &self.text[self.at..];
        if !rest.starts_with('"') {
            return None;
        }
        // Most strings hold nothing that must be unescaped.
        let plain = rest[1..].find(|c: char| c == '"' || c == '\\' || c < ' ')?;
        if rest.as_bytes()[1 + plain] == b'"' {
            self.at += plain + 2;
            return Some(rest[1..=plain].to_owned());
        }
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<String>();
        let string = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(string)
    }

    /// JSON's grammar: `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
    fn number(&mut self) -> Option<Number> {
        let start = self.at;
        self.skip_one(b"-");
        if !self.skip_one(b"0") {
            self.digits()?;
        }
        if self.skip_one(b".") {
            self.digits()?;
        }
        if self.skip_one(b"eE") {
            self.skip_one(b"+-");
            self.digits()?;
        }
        Some(Number(self.text[start..self.at].to_owned()))
    }

    fn digits(&mut self) -> Option<()> {
        let rest = &self.text.as_bytes()[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(())
    }

    fn word(&mut self, word: &str, value: Json) -> Option<Json> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())?;
        Some(value)
    }

    fn token(&mut self, expected: u8) -> Option<()> {
        (self.peek()? == expected).then(|| self.at += 1)
    }

    fn skip_one(&mut self, any_of: &[u8]) -> bool {
        let found = self.text.as_bytes().get(self.at).is_some_and(|byte| any_of.contains(byte));
        self.at += usize::from(found);
        found
    }

    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.as_bytes().get(self.at) {
            self.at += 1;
        }
        self.text.as_bytes().get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Json, NotJson> {
        Json::parse(text.as_bytes())
    }

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        parse(text).unwrap().write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_compared_by_worth_and_keep_their_text() {
        for (one, other, equal) in [
            ("1", "1.0", true),
            ("1", "10e-1", true),
            ("0", "-0.0", true),
            ("0", "0e7", true),
            ("1e2", "100", true),
            ("120", "1.2E+2", true),
            ("0.10", "0.1", true),
            ("1", "-1", false),
            ("1", "10", false),
            ("1", "true", false),
            ("1", "\"1\"", false),
            ("9007199254740993", "9007199254740992.0", false),
            ("0.1", "0.1000000000000000055511151231257827", false),
            ("1e400", "1e401", false),
            ("{\"a\":1,\"b\":[2,null]}", "{\"b\":[2.0,null],\"a\":1}", true),
            ("[1,2]", "[2,1]", false),
            ("{\"a\":null}", "{}", false),
        ] {
            assert_eq!(parse(one).unwrap() == parse(other).unwrap(), equal, "{one} {other}");
        }
        assert_eq!(written(r#" { "b" : [ 1.50 , 1e400, "\u00e4\n" ] , "a" : { } } "#), "{\"a\":{},\"b\":[1.50,1e400,\"ä\\n\"]}");
    }

    #[test]
    fn whole_numbers_of_64_bits_are_integers() {
        for (text, integer) in [
            ("7", Some(7)),
            ("-7.0", Some(-7)),
            ("1.7e3", Some(1_700)),
            ("0.0", Some(0)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808.0", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("1.5", None),
            ("1e-1", None),
            ("1e400", None),
        ] {
            let Json::Number(number) = parse(text).unwrap() else { panic!("{text} is a number") };
            assert_eq!(number.integer(), integer, "{text}");
        }
        for (text, cents) in
            [("4.5", Some(450)), ("4.500", Some(450)), ("-0.01", Some(-1)), ("1e3", Some(100_000)), ("4.505", None), ("0", Some(0))]
        {
            let Json::Number(number) = parse(text).unwrap() else { panic!("{text} is a number") };
            assert_eq!(number.shifted(2), cents, "{text}");
        }
    }

    #[test]
    fn what_is_no_value_says_why() {
        for (text, reason) in [
            ("", "broken JSON: EOF while parsing a value at line 1 column 0"),
            ("{\"a\":1", "broken JSON: EOF while parsing an object at line 1 column 6"),
            ("{\"a\":01}", "broken JSON: invalid number at line 1 column 7"),
            ("[1] x", "broken JSON: trailing characters at line 1 column 5"),
            ("{\"a\":{\"b\":1,\"b\":1}}", "repeated field b"),
            ("{\"a\":1,\"a\":2", "broken JSON: EOF while parsing an object at line 1 column 12"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), reason, "{text}");
        }
        assert_eq!(Json::parse(b"\"\xff\""), Err(NotJson::NotUtf8 { at: 1 }));
    }

    #[test]
    fn depth_has_the_same_bound_as_that_of_serde_json() {
        for depth in [1, 126, 127, 128, 129, 100_000] {
            let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            assert_eq!(parse(&text).is_ok(), serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{depth}");
        }
    }

    proptest! {
        /// Documents, and documents cut or with one byte changed: both readers take the same ones, and what is written is read as the same.
        #[test]
        fn agrees_with_serde_json(
            names in prop::collection::btree_set("[a-c\\\\\"\u{e4}]{0,3}", 0..4), number in "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?(e[+-]?[0-9]{1,2})?",
            at in any::<prop::sample::Index>(), byte in prop::sample::select(&b"\"{}[]:,.-+e0 1\\ntu\t\x01"[..]), change in 0..3,
        ) {
            let members: String = names.iter().map(|name| format!("{}:{number},", serde_json::to_string(name).unwrap())).collect();
            let mut text = format!("{{{members}\"n\": [{number}, \"x\", [], {{}}, true, false],\"z\":null}}");
            let index = at.index(text.len());
            match change {
                0 => {}
                1 if text.is_char_boundary(index) => text.truncate(index),
                _ if text.is_char_boundary(index) && text.is_char_boundary(index + 1) => text.replace_range(index..=index, &(byte as char).to_string()),
                _ => {}
            }
            match (parse(&text), serde_json::from_str::<serde_json::Value>(&text)) {
                (Ok(ours), Ok(theirs)) => {
                    let mut out = Vec::new();
                    ours.write(&mut out);
                    prop_assert_eq!(Json::parse(&out).unwrap(), ours);
                    prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&out).unwrap(), theirs);
                }
                (Err(NotJson::Repeated { .. }), Ok(_)) => {}
                (Err(_), Err(_)) => {}
                // A number that no float holds is a number here.
                (Ok(_), Err(error)) => prop_assert!(error.to_string().starts_with("number out of range"), "{} {}", text, error),
                (Err(ours), Ok(_)) => prop_assert!(false, "{} {}", text, ours),
            }
        }
    }
}
