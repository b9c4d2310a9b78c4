//! (k, v) → list of values.

use super::{Mapper, pieces};
use crate::conformance::value::Value;
use serde::Deserialize;

/// Makes any number of values of a key and a value.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "fn", rename_all = "snake_case")]
#[allow(missing_docs, reason = "the cases' own names; tests/conformance/SPEC.md says what each does")]
pub enum Lister {
    None,
    Split { sep: String },
    Repeat { n: usize },
    Items,
    Each { fs: Vec<Mapper> },
}

impl Lister {
    /// The values.
    pub fn list(&self, key: &Value, value: &Value) -> Vec<Value> {
        match self {
            Lister::None => Vec::new(),
            Lister::Split { .. } if value.is_null() => Vec::new(),
            Lister::Split { sep } => pieces(&value.show(), sep).into_iter().map(Value::String).collect(),
            Lister::Repeat { n } => vec![value.clone(); *n],
            Lister::Items => value.clone().into_items(),
            Lister::Each { fs } => fs.iter().map(|f| f.apply(key, value)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn check(f: Json, value: Json, expected: Json) {
        let lister: Lister = serde_json::from_value(f.clone()).unwrap();
        let listed = lister.list(&Value::text("k"), &Value::of_json(&value).unwrap());
        assert_eq!(Value::List(listed).to_json(), expected, "{f} of {value}");
    }

    #[test]
    fn listers_do_what_the_table_says() {
        check(json!({"fn": "none"}), json!("a"), json!([]));
        check(json!({"fn": "split", "sep": " "}), json!(""), json!([""]));
        check(json!({"fn": "split", "sep": " "}), json!("a  b"), json!(["a", "", "b"]));
        check(json!({"fn": "split", "sep": " "}), json!(null), json!([]));
        check(json!({"fn": "repeat", "n": 2}), json!(null), json!([null, null]));
        check(json!({"fn": "items"}), json!(["a", 1]), json!(["a", 1]));
        check(json!({"fn": "items"}), json!("a"), json!(["a"]));
        check(json!({"fn": "each", "fs": [{"fn": "value"}, {"fn": "null"}, {"fn": "key"}]}), json!(1), json!([1, null, "k"]));
    }
}
