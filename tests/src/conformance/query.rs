//! Stores as the cases read them: queries between steps, contents at the end.

use super::build::StoreRole;
use super::case::Query;
use super::value::Value;
use headwater_streams::dsl::{SessionStore, Store, WindowStore};
use headwater_streams::record::Windowed;
use headwater_streams::testing::TestDriver;
use serde_json::{Value as Json, json};

/// What a query finds.
pub(super) fn answer(_driver: &TestDriver, query: &Query, role: StoreRole) -> Result<Json, String> {
    Err(format!("unsupported query {} of {role:?}", query.kind))
}

/// The kind of a store and all that it holds.
pub(super) fn contents(driver: &TestDriver, name: &str, role: StoreRole) -> Result<(&'static str, Vec<Json>), String> {
    match role {
        StoreRole::Rows => {
            let rows = driver.rows(Store::<Value, Value>::of(name)).into_iter();
            let entry = |(key, value, time): (Value, Value, i64)| json!({"key": key.to_json(), "value": value.to_json(), "ts": time});
            Ok(("timestamped_kv", rows.map(entry).collect()))
        }
        StoreRole::PlainRows => {
            let rows = driver.rows(Store::<Value, Value>::of(name)).into_iter();
            Ok(("kv", rows.map(|(key, value, _)| json!({"key": key.to_json(), "value": value.to_json()})).collect()))
        }
        StoreRole::Windows { size_ms } => {
            let rows = driver.window_rows(WindowStore::<Value, Value>::of(name)).into_iter();
            let key = |key, start| Value::Windowed(Box::new(Windowed { key, start, end: start.saturating_add(size_ms) })).to_json();
            let entry =
                |(of, start, value, time): (Value, i64, Value, i64)| json!({"key": key(of, start), "value": value.to_json(), "ts": time});
            Ok(("timestamped_window", rows.map(entry).collect()))
        }
        StoreRole::Sessions => {
            let rows = driver.session_rows(SessionStore::<Value, Value>::of(name)).into_iter();
            let entry =
                |(key, value): (Windowed<Value>, Value)| json!({"key": Value::Windowed(Box::new(key)).to_json(), "value": value.to_json()});
            Ok(("session", rows.map(entry).collect()))
        }
        StoreRole::Versions => Err(format!("unsupported contents of {name}")),
    }
}
