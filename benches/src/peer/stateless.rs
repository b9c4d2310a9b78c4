//! Large transactions, and of these only what matters.

use super::{TopicNames, Transaction};
use headwater_streams::prelude::*;
use serde::{Deserialize, Serialize};

const LARGE_CENTS: i64 = 50_000;

/// A large transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Projected {
    /// Which one.
    pub transaction_id: String,
    /// Whose.
    pub user_id: String,
    /// How much.
    pub amount_cents: i64,
}

impl Projected {
    /// What matters of a large transaction.
    pub fn new(transaction_id: String, user_id: String, amount_cents: i64) -> Self {
        Projected { transaction_id, user_id, amount_cents }
    }
}

impl Data for Projected {
    type Format = Json;
}

pub(super) fn add(app: &StreamsBuilder, topics: &TopicNames) {
    app.stream(Topic::<String, Transaction>::of(&topics.input))
        .filter(|_, transaction| transaction.amount_cents > LARGE_CENTS)
        .map_values(|_, transaction| Projected::new(transaction.transaction_id, transaction.user_id, transaction.amount_cents))
        .to(Topic::of(&topics.output));
}
