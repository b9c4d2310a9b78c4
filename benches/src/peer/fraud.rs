//! Alerts on users who buy often or dearly: a processor with a store of its own.

use super::{Cache, TopicNames, Transaction};
use headwater_streams::format::{Format, FormatError};
use headwater_streams::prelude::*;
use serde::{Deserialize, Serialize};

const VELOCITY: Store<String, Recent> = Store::new("velocity");
const WINDOW_MS: i64 = 60_000;
const OFTEN: usize = 5;
const DEAR_CENTS: i64 = 90_000;

/// A user's transactions of the last minute, in the order they came: time and cents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Recent(Vec<(i64, i64)>);

impl Recent {
    /// With one more, without those that are a minute older than it.
    fn with(mut self, now: i64, cents: i64) -> Self {
        self.0.retain(|(time, _)| *time > now - WINDOW_MS);
        self.0.push((now, cents));
        self
    }

    fn sum_cents(&self) -> i64 {
        self.0.iter().map(|(_, cents)| cents).sum()
    }
}

/// 16 bytes a transaction, big-endian.
#[derive(Clone, Copy, Debug, Default)]
struct RecentFormat;

impl Format<Recent> for RecentFormat {
    fn encode(&self, recent: &Recent, out: &mut Vec<u8>) -> Result<(), FormatError> {
        for (time, cents) in &recent.0 {
            out.extend_from_slice(&time.to_be_bytes());
            out.extend_from_slice(&cents.to_be_bytes());
        }
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Recent, FormatError> {
        let (numbers, rest) = bytes.as_chunks::<8>();
        let (pairs, odd) = numbers.as_chunks::<2>();
        if !rest.is_empty() || !odd.is_empty() {
            return Err(FormatError::malformed("not a number of transactions"));
        }
        Ok(Recent(pairs.iter().map(|[time, cents]| (i64::from_be_bytes(*time), i64::from_be_bytes(*cents))).collect()))
    }
}

impl Data for Recent {
    type Format = RecentFormat;
}

/// A transaction that someone should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Which one.
    pub transaction_id: String,
    /// Whose.
    pub user_id: String,
    /// How much.
    pub amount_cents: i64,
    /// How many the user made in the minute that it ends.
    pub count_60s: usize,
    /// How much they were together.
    pub sum_60s_cents: i64,
    /// When.
    pub ts: i64,
}

impl Data for Alert {
    type Format = Json;
}

pub(super) fn add(app: &StreamsBuilder, topics: &TopicNames, cache: Cache) {
    app.stream(Topic::<String, Transaction>::of(&topics.input))
        .process(cache.rows(VELOCITY), |record: Record<String, Transaction>, velocity, out| {
            let (now, cents) = (record.timestamp, record.value.amount_cents);
            let (mut count, mut sum) = (0, 0);
            velocity.update(&record.key, |kept| {
                let recent = kept.unwrap_or_default().with(now, cents);
                (count, sum) = (recent.0.len(), recent.sum_cents());
                Some(recent)
            })?;
            if count >= OFTEN || cents > DEAR_CENTS {
                out.send(record.key, alert(record.value, now, count, sum));
            }
            Ok(())
        })
        .to(Topic::of(&topics.output));
}

fn alert(transaction: Transaction, ts: i64, count_60s: usize, sum_60s_cents: i64) -> Alert {
    let Transaction { transaction_id, user_id, amount_cents, .. } = transaction;
    Alert { transaction_id, user_id, amount_cents, count_60s, sum_60s_cents, ts }
}
