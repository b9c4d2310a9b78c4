//! (k, a, b) → value: reducer, aggregator, session merger, joiner.

use crate::conformance::value::Value;
use serde::Deserialize;

/// Makes one value of two.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "fn", rename_all = "snake_case")]
#[allow(missing_docs, reason = "the cases' own names; tests/conformance/SPEC.md says what each does")]
pub enum Combiner {
    Concat {
        sep: String,
    },
    KeyConcat {
        sep: String,
    },
    Sum,
    Sub,
    Count,
    Uncount,
    Min,
    Max,
    First,
    Last,
    Append,
    Remove,
    Const {
        #[serde(default)]
        value: Value,
    },
    Null,
    NullAt {
        f: Box<Combiner>,
        #[serde(default)]
        at: Value,
    },
    Strict {
        f: Box<Combiner>,
    },
}

impl Combiner {
    /// What it makes of them.
    pub fn combine(&self, key: &Value, a: &Value, b: &Value) -> Value {
        match self {
            Combiner::Concat { sep } => Value::String(format!("{}{sep}{}", a.show(), b.show())),
            Combiner::KeyConcat { sep } => Value::String(format!("{}{sep}{}{sep}{}", key.show(), a.show(), b.show())),
            Combiner::Sum => Value::Long(a.number().wrapping_add(b.number())),
            Combiner::Sub => Value::Long(a.number().wrapping_sub(b.number())),
            Combiner::Count => Value::Long(a.number().wrapping_add(1)),
            Combiner::Uncount => Value::Long(a.number().wrapping_sub(1)),
            Combiner::Min => choose(a, b, b.number() < a.number()),
            Combiner::Max => choose(a, b, b.number() > a.number()),
            Combiner::First => a.clone(),
            Combiner::Last => b.clone(),
            Combiner::Append => {
                let mut items = a.clone().into_items();
                items.push(b.clone());
                Value::List(items)
            }
            Combiner::Remove => {
                let mut items = a.clone().into_items();
                items.iter().position(|item| item == b).map(|at| items.remove(at));
                Value::List(items)
            }
            Combiner::Const { value } => value.clone(),
            Combiner::Null => Value::Null,
            Combiner::NullAt { f, at } => Some(f.combine(key, a, b)).filter(|made| made != at).unwrap_or_default(),
            Combiner::Strict { .. } if a.is_null() || b.is_null() => Value::Null,
            Combiner::Strict { f } => f.combine(key, a, b),
        }
    }
}

/// The other one where one is null; else the second if it is better.
fn choose(a: &Value, b: &Value, second_is_better: bool) -> Value {
    match (a.is_null(), b.is_null()) {
        (true, _) => b.clone(),
        (false, true) => a.clone(),
        (false, false) => if second_is_better { b } else { a }.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn check(f: Json, a: Json, b: Json, expected: Json) {
        let combiner: Combiner = serde_json::from_value(f.clone()).unwrap();
        let of = |json: &Json| Value::of_json(json).unwrap();
        assert_eq!(combiner.combine(&Value::text("k"), &of(&a), &of(&b)).to_json(), expected, "{f} of {a}, {b}");
    }

    #[test]
    fn combiners_do_what_the_table_says() {
        check(json!({"fn": "concat", "sep": "+"}), json!(null), json!(1), json!("null+1"));
        check(json!({"fn": "key_concat", "sep": "+"}), json!("a"), json!("b"), json!("k+a+b"));
        check(json!({"fn": "sub"}), json!(i64::MIN), json!(1), json!(i64::MAX));
        check(json!({"fn": "count"}), json!("4"), json!(null), json!(5));
        check(json!({"fn": "min"}), json!(3), json!("3"), json!(3));
        check(json!({"fn": "min"}), json!(null), json!("3"), json!("3"));
        check(json!({"fn": "max"}), json!(3), json!(null), json!(3));
        check(json!({"fn": "append"}), json!("x"), json!(null), json!(["x", null]));
        check(json!({"fn": "remove"}), json!([1, 2, 1]), json!(1), json!([2, 1]));
        check(json!({"fn": "remove"}), json!([1]), json!("1"), json!([1]));
        check(json!({"fn": "null_at", "f": {"fn": "sum"}, "at": 3}), json!(1), json!(2), json!(null));
        check(json!({"fn": "strict", "f": {"fn": "sum"}}), json!(1), json!(null), json!(null));
    }
}
