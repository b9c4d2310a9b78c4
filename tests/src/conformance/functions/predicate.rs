//! (k, v) → bool.

use crate::conformance::value::Value;
use serde::Deserialize;

/// Says yes or no to a key and a value.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "fn", rename_all = "snake_case")]
#[allow(missing_docs, reason = "the cases' own names; tests/conformance/SPEC.md says what each does")]
pub enum Predicate {
    True,
    False,
    ValueNull,
    KeyNull,
    Eq {
        #[serde(default)]
        value: Value,
    },
    KeyEq {
        #[serde(default)]
        value: Value,
    },
    Gt {
        n: i64,
    },
    Lt {
        n: i64,
    },
    Even,
    Contains {
        s: String,
    },
    StartsWith {
        s: String,
    },
    KeyStartsWith {
        s: String,
    },
    Not {
        p: Box<Predicate>,
    },
    And {
        ps: Vec<Predicate>,
    },
    Any {
        ps: Vec<Predicate>,
    },
}

impl Predicate {
    /// Its answer.
    pub fn test(&self, key: &Value, value: &Value) -> bool {
        let present = |of: &Value, holds: &dyn Fn(&Value) -> bool| !of.is_null() && holds(of);
        match self {
            Predicate::True => true,
            Predicate::False => false,
            Predicate::ValueNull => value.is_null(),
            Predicate::KeyNull => key.is_null(),
            Predicate::Eq { value: other } => value == other,
            Predicate::KeyEq { value: other } => key == other,
            Predicate::Gt { n } => present(value, &|value| value.number() > *n),
            Predicate::Lt { n } => present(value, &|value| value.number() < *n),
            Predicate::Even => present(value, &|value| value.number() % 2 == 0),
            Predicate::Contains { s } => present(value, &|value| value.show().contains(s)),
            Predicate::StartsWith { s } => present(value, &|value| value.show().starts_with(s)),
            Predicate::KeyStartsWith { s } => present(key, &|key| key.show().starts_with(s)),
            Predicate::Not { p } => !p.test(key, value),
            Predicate::And { ps } => ps.iter().all(|p| p.test(key, value)),
            Predicate::Any { ps } => ps.iter().any(|p| p.test(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn test(p: Json, key: Json, value: Json) -> bool {
        let predicate: Predicate = serde_json::from_value(p).unwrap();
        predicate.test(&Value::of_json(&key).unwrap(), &Value::of_json(&value).unwrap())
    }

    #[test]
    fn predicates_do_what_the_table_says() {
        assert!(test(json!({"fn": "eq", "value": null}), json!("k"), json!(null)));
        assert!(!test(json!({"fn": "eq", "value": "5"}), json!("k"), json!(5)));
        assert!(!test(json!({"fn": "gt", "n": -1}), json!("k"), json!(null)));
        assert!(test(json!({"fn": "gt", "n": -1}), json!("k"), json!("x")));
        assert!(test(json!({"fn": "even"}), json!("k"), json!("no number")));
        assert!(!test(json!({"fn": "key_starts_with", "s": "n"}), json!(null), json!("v")));
        assert!(test(json!({"fn": "starts_with", "s": "1"}), json!(null), json!(12)));
        assert!(test(json!({"fn": "and", "ps": []}), json!("k"), json!("v")));
        assert!(!test(json!({"fn": "any", "ps": [{"fn": "not", "p": {"fn": "true"}}]}), json!("k"), json!("v")));
    }
}
