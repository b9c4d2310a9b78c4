//! Stores as the cases read them: queries between steps, contents at the end.

use super::build::{CaseKey, StoreRole};
use super::case::Query;
use super::value::Value;
use headwater_streams::dsl::{SessionStore, Store, VersionedStore, WindowStore};
use headwater_streams::query::{Entry, KeyValueView, QueryError, SessionView, Version, VersionedView, WindowView};
use headwater_streams::record::Windowed;
use headwater_streams::testing::TestDriver;
use serde_json::{Value as Json, json};
use std::ops::{Bound, RangeInclusive};
use std::time::Duration;

/// What a query finds.
pub(super) fn answer(driver: &TestDriver, query: &Query, role: StoreRole) -> Result<Json, String> {
    let failed = |error: QueryError| error.to_string();
    match role {
        StoreRole::Rows => of_rows(&rows(driver, &query.store)?, query, timed),
        StoreRole::PlainRows => of_rows(&rows(driver, &query.store)?, query, untimed),
        StoreRole::RowsByWindow => of_rows_by_window(&rows(driver, &query.store)?, query),
        StoreRole::Windows { .. } => of_windows(driver.try_store(WindowStore::<Value, Value>::of(&query.store)).map_err(failed)?, query),
        StoreRole::Sessions => of_sessions(driver.try_store(SessionStore::<Value, Value>::of(&query.store)).map_err(failed)?, query),
        StoreRole::Versions => of_versions(&versions(driver, &query.store)?, query),
    }
    .map_err(failed)?
    .ok_or_else(|| format!("unsupported query {} of {role:?}", query.kind))
}

/// The kind of a store and all that it holds.
pub(super) fn contents(driver: &TestDriver, name: &str, role: StoreRole) -> Result<(&'static str, Vec<Json>), String> {
    let failed = |error: QueryError| error.to_string();
    match role {
        StoreRole::Rows => Ok(("timestamped_kv", list(rows(driver, name)?.all().map_err(failed)?, timed))),
        StoreRole::PlainRows => Ok(("kv", list(rows(driver, name)?.all().map_err(failed)?, untimed))),
        StoreRole::RowsByWindow => {
            let rows = rows(driver, name)?.all().map_err(failed)?;
            Ok(("timestamped_kv", list(rows.into_iter().map(windowed), timed)))
        }
        StoreRole::Windows { .. } => {
            let windows = driver.try_store(WindowStore::<Value, Value>::of(name)).map_err(failed)?;
            Ok(("timestamped_window", list(windows.all().map_err(failed)?.into_iter().map(windowed), timed)))
        }
        StoreRole::Sessions => {
            let sessions = driver.try_store(SessionStore::<Value, Value>::of(name)).map_err(failed)?;
            Ok(("session", list(sessions.all().map_err(failed)?.into_iter().map(windowed), untimed)))
        }
        // The cases list none of these.
        StoreRole::Versions => versions(driver, name).map(|_| ("versioned", Vec::new())),
    }
}

fn rows<'d, K: CaseKey>(driver: &'d TestDriver, name: &str) -> Result<KeyValueView<'d, K, Value>, String> {
    driver.try_store(Store::<K, Value>::of(name)).map_err(|error| error.to_string())
}

fn versions<'d>(driver: &'d TestDriver, name: &str) -> Result<VersionedView<'d, Value, Value>, String> {
    let store = VersionedStore::<Value, Value>::of(name, Duration::ZERO);
    driver.try_store(store).map_err(|error| error.to_string())
}

fn of_versions(store: &VersionedView<'_, Value, Value>, query: &Query) -> Result<Option<Json>, QueryError> {
    let found = match (query.kind.as_str(), query.as_of) {
        ("get", _) => store.get(&query.key)?,
        ("get_as_of", Some(time)) => store.get_as_of(&query.key, time)?,
        _ => return Ok(None),
    };
    // Kafka's own doors to such a store do not tell until when a version was valid.
    let show = |found: Version<Value>| json!({"value": found.value.to_json(), "ts": found.valid_from});
    Ok(Some(found.map_or(Json::Null, show)))
}

/// None: there is no such query.
fn of_rows(store: &KeyValueView<'_, Value, Value>, query: &Query, show: Show) -> Result<Option<Json>, QueryError> {
    let backward = || store.clone().backward();
    Ok(Some(match query.kind.as_str() {
        "get" => only(store.entry(&query.key)?, show),
        "all" => list(store.all()?, show).into(),
        "reverse_all" => list(backward().all()?, show).into(),
        "range" => list(store.range(keys(query))?, show).into(),
        "reverse_range" => list(backward().range(keys(query))?, show).into(),
        "prefix" => list(store.prefix(&query.key)?, show).into(),
        _ => return Ok(None),
    }))
}

/// The same where keys are windows of an earlier aggregation.
fn of_rows_by_window(store: &KeyValueView<'_, Windowed<Value>, Value>, query: &Query) -> Result<Option<Json>, QueryError> {
    let of = |key: &Value| match key {
        Value::Windowed(of) => Some((**of).clone()),
        Value::Null | Value::String(_) | Value::Long(_) | Value::List(_) => None,
    };
    let bound = |key: &Value| of(key).map_or(Bound::Unbounded, Bound::Included);
    let listed = |entries: Vec<Entry<Windowed<Value>, Value>>| list(entries.into_iter().map(windowed), timed).into();
    Ok(Some(match (query.kind.as_str(), of(&query.key)) {
        ("get", Some(key)) => only(store.entry(&key)?.map(windowed), timed),
        ("all", _) => listed(store.all()?),
        ("reverse_all", _) => listed(store.clone().backward().all()?),
        ("range", _) => listed(store.range((bound(&query.from), bound(&query.to)))?),
        ("reverse_range", _) => listed(store.clone().backward().range((bound(&query.from), bound(&query.to)))?),
        _ => return Ok(None),
    }))
}

fn of_windows(store: WindowView<'_, Value, Value>, query: &Query) -> Result<Option<Json>, QueryError> {
    let starts = times(query);
    Ok(Some(match query.kind.as_str() {
        "get" => only(store.entry(&query.key, *starts.start())?.map(windowed), timed),
        "fetch" => by_start(store.fetch(&query.key, starts)?),
        "backward_fetch" => by_start(store.backward().fetch(&query.key, starts)?),
        "fetch_range" => list(store.fetch_range(keys(query), starts)?.into_iter().map(windowed), timed).into(),
        "fetch_all" => list(store.fetch_all(starts)?.into_iter().map(windowed), timed).into(),
        "backward_fetch_all" => list(store.backward().fetch_all(starts)?.into_iter().map(windowed), timed).into(),
        "all" => list(store.all()?.into_iter().map(windowed), timed).into(),
        _ => return Ok(None),
    }))
}

fn of_sessions(store: SessionView<'_, Value, Value>, query: &Query) -> Result<Option<Json>, QueryError> {
    let (from, to) = (query.time_from.unwrap_or(0), query.time_to.unwrap_or(i64::MAX));
    let backward = || store.clone().backward();
    let sessions = |entries: Vec<Entry<Windowed<Value>, Value>>| Json::from(list(entries.into_iter().map(windowed), untimed));
    Ok(Some(match query.kind.as_str() {
        "get" => only(store.entry(&query.key, from, to)?.map(windowed), untimed),
        "fetch" => sessions(store.fetch(&query.key)?),
        "backward_fetch" => sessions(backward().fetch(&query.key)?),
        "fetch_range" => sessions(store.fetch_range(keys(query))?),
        "find" => sessions(store.find(&query.key, from, to)?),
        "backward_find" => sessions(backward().find(&query.key, from, to)?),
        _ => return Ok(None),
    }))
}

/// Null is an open end.
fn keys(query: &Query) -> (Bound<Value>, Bound<Value>) {
    let bound = |key: &Value| if key.is_null() { Bound::Unbounded } else { Bound::Included(key.clone()) };
    (bound(&query.from), bound(&query.to))
}

fn times(query: &Query) -> RangeInclusive<i64> {
    query.time_from.unwrap_or(0)..=query.time_to.unwrap_or(i64::MAX)
}

fn windowed(entry: Entry<Windowed<Value>, Value>) -> Entry<Value, Value> {
    Entry { key: Value::Windowed(Box::new(entry.key)), value: entry.value, timestamp: entry.timestamp }
}

/// How a row is told, without its key.
type Show = fn(&Entry<Value, Value>) -> Json;

fn timed(entry: &Entry<Value, Value>) -> Json {
    json!({"value": entry.value.to_json(), "ts": entry.timestamp})
}

fn untimed(entry: &Entry<Value, Value>) -> Json {
    json!({"value": entry.value.to_json()})
}

fn only(entry: Option<Entry<Value, Value>>, show: Show) -> Json {
    entry.map_or(Json::Null, |entry| show(&entry))
}

fn list(entries: impl IntoIterator<Item = Entry<Value, Value>>, show: Show) -> Vec<Json> {
    let with_key = |entry: Entry<Value, Value>| {
        let mut shown = show(&entry);
        shown["key"] = entry.key.to_json();
        shown
    };
    entries.into_iter().map(with_key).collect()
}

fn by_start(entries: Vec<Entry<Windowed<Value>, Value>>) -> Json {
    entries.into_iter().map(|entry| json!({"start": entry.key.start, "value": entry.value.to_json(), "ts": entry.timestamp})).collect()
}
