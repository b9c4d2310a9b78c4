//! What one change makes different, as the rows of a table: the value of a record of `dim-product` and its like.

use super::json::{Json, Members};
use super::{Columns, Dimension};
use crate::iso8601;
use headwater_streams::prelude::{Scd2Rows, Scd2Version};
use headwater_streams::record::Timestamp;

impl Dimension {
    /// `{"upserts": [version, ..], "deletes": [key of a version, ..]}`: all of it is one transaction of the sink.
    pub fn rows(&self, key: &str, rows: &Scd2Rows<Columns>) -> Json {
        let upserts = rows.upserts.iter().map(|version| self.version(key, version)).collect();
        let deletes = rows.removals.iter().map(|effective_date| self.primary_key(key, *effective_date)).map(Json::Object).collect();
        object([("upserts", Json::Array(upserts)), ("deletes", Json::Array(deletes))])
    }

    fn version(&self, key: &str, version: &Scd2Version<Columns>) -> Json {
        let Scd2Version { effective_date, end_date, columns } = version;
        let mut row = columns.0.clone();
        row.extend(self.primary_key(key, *effective_date));
        row.insert("end_date".into(), end_date.map_or(Json::Null, time));
        row.insert("is_current".into(), Json::Boolean(end_date.is_none()));
        Json::Object(row)
    }

    fn primary_key(&self, key: &str, effective_date: Timestamp) -> Members {
        [(self.key.to_owned(), key.into()), ("effective_date".to_owned(), time(effective_date))].into()
    }
}

fn object<const N: usize>(fields: [(&str, Json); N]) -> Json {
    Json::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn time(time: Timestamp) -> Json {
    let mut text = Vec::with_capacity(24);
    iso8601::write_millis(time, &mut text);
    Json::Text(String::from_utf8(text).expect("digits are ASCII"))
}
