//! Headers as JSON: pairs of name and value, in order. A value is a string where it is UTF-8, else `{"base64": ..}`, or null.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use headwater_streams::log::{Header, Headers};
use serde_json::{Value, json};

pub(crate) fn write(headers: &Headers) -> String {
    let pairs = headers.iter().map(|(name, value)| match value.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
        None => json!([name, null]),
        Some((_, Ok(text))) => json!([name, text]),
        Some((bytes, Err(_))) => json!([name, { "base64": STANDARD.encode(bytes) }]),
    });
    Value::Array(pairs.collect()).to_string()
}

/// `None` where the text is not what [`write`] writes.
pub(crate) fn read(text: &str) -> Option<Headers> {
    let pairs: Vec<(String, Value)> = serde_json::from_str(text).ok()?;
    let header = |(name, value): (String, Value)| {
        let value: Option<Box<[u8]>> = match value {
            Value::Null => None,
            Value::String(text) => Some(text.into_bytes().into()),
            other => Some(STANDARD.decode(other.get("base64")?.as_str()?).ok()?.into()),
        };
        Some(Header { name: name.into(), value })
    };
    pairs.into_iter().map(header).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_bytes_nulls_and_duplicates_come_back() {
        let headers = Headers::new().with("a", Some(b"1")).with("a", None).with("b", Some(b"\xff\x00")).with("", Some(b""));
        let text = r#"[["a","1"],["a",null],["b",{"base64":"/wA="}],["",""]]"#;
        assert_eq!(write(&headers), text);
        assert_eq!(read(text), Some(headers));
        assert_eq!((write(&Headers::new()).as_str(), read("[]")), ("[]", Some(Headers::new())));
        assert_eq!(read(r#"[["a",1]]"#), None);
    }
}
