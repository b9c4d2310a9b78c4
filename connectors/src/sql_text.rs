//! Pieces of SQL text that every target writes the same way.

/// The items' texts, separated by commas.
pub(crate) fn list<T>(items: impl Iterator<Item = T>, text: impl Fn(T) -> String) -> String {
    items.map(text).collect::<Vec<_>>().join(", ")
}

/// The name as an identifier, whatever stands in it.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
