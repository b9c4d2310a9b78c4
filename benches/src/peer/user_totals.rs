//! What each user has spent: many keys, so that few are hot.

use super::window_sums::big_endian;
use super::{Cache, TopicNames, Transaction};
use headwater_streams::format::{Format, FormatError};
use headwater_streams::prelude::*;
use serde::{Deserialize, Serialize};

const TOTALS: Store<String, Total> = Store::new("user-totals");

/// What a user has spent, as it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Total {
    count: i64,
    sum_cents: i64,
    last_ts: i64,
}

impl Total {
    fn add(&mut self, transaction: &Transaction) {
        self.count += 1;
        self.sum_cents += transaction.amount_cents;
        self.last_ts = self.last_ts.max(transaction.timestamp);
    }
}

/// The three numbers, 8 bytes each, big-endian.
#[derive(Clone, Copy, Debug, Default)]
struct TotalFormat;

impl Format<Total> for TotalFormat {
    fn encode(&self, total: &Total, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.extend_from_slice(&total.count.to_be_bytes());
        out.extend_from_slice(&total.sum_cents.to_be_bytes());
        out.extend_from_slice(&total.last_ts.to_be_bytes());
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Total, FormatError> {
        let [count, sum_cents, last_ts] = big_endian(bytes)?;
        Ok(Total { count, sum_cents, last_ts })
    }
}

impl Data for Total {
    type Format = TotalFormat;
}

/// What a user has spent, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserTotal {
    /// The key.
    pub user_id: String,
    /// How many transactions.
    pub count: i64,
    /// Their sum.
    pub sum_cents: i64,
    /// When the last one was.
    pub last_ts: i64,
}

impl Data for UserTotal {
    type Format = Json;
}

pub(super) fn add(app: &StreamsBuilder, topics: &TopicNames, cache: Cache) {
    app.stream(Topic::<String, Transaction>::of(&topics.input))
        .group_by_key()
        .aggregate(cache.rows(TOTALS), Total::default, |_, transaction, total| total.add(&transaction))
        .map_values(|user_id, Total { count, sum_cents, last_ts }| UserTotal { user_id: user_id.clone(), count, sum_cents, last_ts })
        .to(Topic::<String, UserTotal>::of(&topics.output));
}
