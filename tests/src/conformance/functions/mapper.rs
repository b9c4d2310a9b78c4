//! (k, v) → value.

use super::{Predicate, pieces};
use crate::conformance::value::Value;
use serde::Deserialize;

/// Makes a value, or a key, of a key and a value.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "fn", rename_all = "snake_case")]
#[allow(missing_docs, reason = "the cases' own names; tests/conformance/SPEC.md says what each does")]
pub enum Mapper {
    Value,
    Key,
    Null,
    Const {
        #[serde(default)]
        value: Value,
    },
    Upper,
    Lower,
    Append {
        s: String,
    },
    Prepend {
        s: String,
    },
    Add {
        n: i64,
    },
    Mul {
        n: i64,
    },
    Mod {
        n: i64,
    },
    Div {
        n: i64,
    },
    Length,
    Take {
        n: usize,
    },
    Drop {
        n: usize,
    },
    Field {
        i: usize,
        sep: String,
    },
    ToString,
    ToLong,
    KeyValue {
        sep: String,
    },
    OnKey {
        f: Box<Mapper>,
    },
    Seq {
        fs: Vec<Mapper>,
    },
    If {
        p: Predicate,
        then: Box<Mapper>,
        #[serde(rename = "else")]
        otherwise: Box<Mapper>,
    },
    NullIf {
        p: Predicate,
    },
    Or {
        #[serde(default)]
        value: Value,
    },
    WindowKey,
    WindowStart,
    WindowEnd,
}

impl Mapper {
    /// What it makes of them.
    pub fn apply(&self, key: &Value, value: &Value) -> Value {
        let of_value = |f: &dyn Fn(&Value) -> Value| if value.is_null() { Value::Null } else { f(value) };
        let of_text = |f: &dyn Fn(String) -> String| of_value(&|value| Value::String(f(value.show())));
        let of_number = |f: &dyn Fn(i64) -> i64| of_value(&|value| Value::Long(f(value.number())));
        match self {
            Mapper::Value => value.clone(),
            Mapper::Key => key.clone(),
            Mapper::Null => Value::Null,
            Mapper::Const { value } => value.clone(),
            Mapper::Upper => of_text(&|text| text.to_ascii_uppercase()),
            Mapper::Lower => of_text(&|text| text.to_ascii_lowercase()),
            Mapper::Append { s } => of_text(&|text| text + s),
            Mapper::Prepend { s } => of_text(&|text| format!("{s}{text}")),
            Mapper::Add { n } => of_number(&|number| number.wrapping_add(*n)),
            Mapper::Mul { n } => of_number(&|number| number.wrapping_mul(*n)),
            Mapper::Mod { n } => of_number(&|number| floored(number, *n).1),
            Mapper::Div { n } => of_number(&|number| floored(number, *n).0),
            Mapper::Length => of_value(&|value| Value::Long(value.show().chars().count() as i64)),
            Mapper::Take { n } => of_text(&|text| text.chars().take(*n).collect()),
            Mapper::Drop { n } => of_text(&|text| text.chars().skip(*n).collect()),
            Mapper::Field { i, sep } => {
                of_value(&|value| pieces(&value.show(), sep).into_iter().nth(*i).map_or(Value::Null, Value::String))
            }
            Mapper::ToString => of_text(&|text| text),
            Mapper::ToLong => of_number(&|number| number),
            Mapper::KeyValue { sep } => Value::String(format!("{}{sep}{}", key.show(), value.show())),
            Mapper::OnKey { f } => f.apply(key, key),
            Mapper::Seq { fs } => fs.iter().fold(value.clone(), |value, f| f.apply(key, &value)),
            Mapper::If { p, then, otherwise } => if p.test(key, value) { then } else { otherwise }.apply(key, value),
            Mapper::NullIf { p } => {
                if p.test(key, value) {
                    Value::Null
                } else {
                    value.clone()
                }
            }
            Mapper::Or { value: other } => if value.is_null() { other } else { value }.clone(),
            Mapper::WindowKey | Mapper::WindowStart | Mapper::WindowEnd => self.part_of_window(key),
        }
    }

    fn part_of_window(&self, key: &Value) -> Value {
        let Value::Windowed(of) = key else { return Value::Null };
        match self {
            Mapper::WindowStart => Value::Long(of.start),
            Mapper::WindowEnd => Value::Long(of.end),
            _ => of.key.clone(),
        }
    }
}

/// Quotient and remainder, rounded down. Cases do not divide by zero.
fn floored(number: i64, by: i64) -> (i64, i64) {
    let (quotient, remainder) = (number.wrapping_div(by), number.wrapping_rem(by));
    if remainder != 0 && (remainder < 0) != (by < 0) { (quotient - 1, remainder + by) } else { (quotient, remainder) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn check(f: Json, key: Json, value: Json, expected: Json) {
        let mapper: Mapper = serde_json::from_value(f.clone()).unwrap();
        let of = |json: &Json| Value::of_json(json).unwrap();
        assert_eq!(mapper.apply(&of(&key), &of(&value)).to_json(), expected, "{f} of {key}, {value}");
    }

    #[test]
    fn mappers_do_what_the_table_says() {
        check(json!({"fn": "upper"}), json!("k"), json!("aé"), json!("Aé"));
        check(json!({"fn": "upper"}), json!("k"), json!(null), json!(null));
        check(json!({"fn": "mod", "n": 2}), json!("k"), json!(-7), json!(1));
        check(json!({"fn": "div", "n": 2}), json!("k"), json!(-7), json!(-4));
        check(json!({"fn": "add", "n": 1}), json!("k"), json!(i64::MAX), json!(i64::MIN));
        check(json!({"fn": "take", "n": 1}), json!("k"), json!("abc"), json!("a"));
        check(json!({"fn": "drop", "n": 5}), json!("k"), json!("abc"), json!(""));
        check(json!({"fn": "field", "i": 1, "sep": ":"}), json!("k"), json!("a::b"), json!(""));
        check(json!({"fn": "field", "i": 3, "sep": ":"}), json!("k"), json!("a::b"), json!(null));
        check(json!({"fn": "key_value", "sep": "="}), json!(null), json!([1, "x"]), json!("null=[1,x]"));
        check(json!({"fn": "on_key", "f": {"fn": "append", "s": "!"}}), json!("k"), json!("v"), json!("k!"));
        check(json!({"fn": "or", "value": 5}), json!("k"), json!(null), json!(5));
        check(json!({"fn": "null_if", "p": {"fn": "even"}}), json!("k"), json!(4), json!(null));
        check(json!({"fn": "seq", "fs": [{"fn": "add", "n": 1}, {"fn": "to_string"}]}), json!("k"), json!("4"), json!("5"));
        check(json!({"fn": "window_end"}), json!({"key": "a", "start": 1, "end": 2}), json!("v"), json!(2));
        check(json!({"fn": "window_key"}), json!("a"), json!("v"), json!(null));
    }
}
