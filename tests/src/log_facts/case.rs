//! Cases as they are recorded.

use std::path::Path;

use serde_json::{Map, Value};

/// What somebody did to a log, and what was seen.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// Its steps, each done before the next.
    pub steps: Vec<Step>,
}

/// A manner of doing an operation, and a word on it.
pub type Manner = (&'static str, fn(&Step) -> bool, &'static str);

/// One operation with its parameters and its result.
#[derive(Debug, Clone)]
pub struct Step {
    /// The operation.
    pub op: String,
    /// All parameters.
    pub body: Value,
    /// The result.
    pub see: Value,
}

impl Case {
    /// Reads a case from a file.
    pub fn read(path: &Path) -> Result<Self, String> {
        let at = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| at(&error))?;
        let value: Value = serde_json::from_str(&text).map_err(|error| at(&error))?;
        let name = value["name"].as_str().ok_or_else(|| at(&"a case without a name"))?.to_owned();
        let steps = value["steps"].as_array().ok_or_else(|| at(&"a case without steps"))?;
        Ok(Self { name, steps: steps.iter().map(Step::new).collect() })
    }

    /// Whether one of its steps does one of these operations.
    pub(super) fn asks_for(&self, operations: &[(&str, &str)]) -> bool {
        self.steps.iter().any(|step| operations.iter().any(|(op, _)| *op == step.op || step.body["step"]["op"] == *op))
    }

    /// Whether one of its steps does something like this.
    pub(super) fn does(&self, what: &[Manner]) -> bool {
        self.steps.iter().any(|step| what.iter().any(|(op, is_so, _)| *op == step.op && is_so(step)))
    }
}

impl Step {
    pub(super) fn new(value: &Value) -> Self {
        let mut body = value.as_object().cloned().unwrap_or_default();
        let see = body.remove("see").unwrap_or_else(|| Value::Object(Map::new()));
        Self { op: value["op"].as_str().unwrap_or_default().into(), body: Value::Object(body), see }
    }

    /// A parameter that must be there.
    pub(super) fn text(&self, name: &str) -> Result<&str, String> {
        self.body[name].as_str().ok_or_else(|| format!("{} has no {name}", self.op))
    }

    pub(super) fn text_or<'a>(&'a self, name: &str, otherwise: &'a str) -> &'a str {
        self.body[name].as_str().unwrap_or(otherwise)
    }

    pub(super) fn number_or(&self, name: &str, otherwise: i64) -> i64 {
        self.body[name].as_i64().unwrap_or(otherwise)
    }

    pub(super) fn flag_or(&self, name: &str, otherwise: bool) -> bool {
        self.body[name].as_bool().unwrap_or(otherwise)
    }

    pub(super) fn list(&self, name: &str) -> &[Value] {
        self.body[name].as_array().map(Vec::as_slice).unwrap_or_default()
    }
}
