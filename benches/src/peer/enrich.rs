//! Transactions with what is known of their users: a stream joined with a table.

use super::{Cache, TopicNames, Transaction};
use headwater_streams::prelude::*;
use serde::{Deserialize, Serialize};

const USERS: Store<String, User> = Store::new("users");

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The key.
    pub user_id: String,
    /// The name.
    pub name: String,
    /// Where.
    pub country: String,
    /// How dear to us.
    pub tier: String,
}

impl Data for User {
    type Format = Json;
}

/// A transaction and its user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enriched {
    /// Which one.
    pub transaction_id: String,
    /// Whose.
    pub user_id: String,
    /// How much.
    pub amount_cents: i64,
    /// Where the user is.
    pub country: String,
    /// How dear the user is to us.
    pub tier: String,
}

impl Data for Enriched {
    type Format = Json;
}

pub(super) fn add(app: &StreamsBuilder, topics: &TopicNames, cache: Cache) {
    let source = Topic::<String, User>::of(&topics.users).source();
    let source = if topics.users_as_changelog { source.as_changelog() } else { source };
    let users = app.table(source, cache.rows(USERS));
    app.stream(Topic::<String, Transaction>::of(&topics.input))
        .join(&users, |_, transaction, user| enriched(transaction, user))
        .to(Topic::of(&topics.output));
}

fn enriched(transaction: Transaction, user: User) -> Enriched {
    let Transaction { transaction_id, user_id, amount_cents, .. } = transaction;
    Enriched { transaction_id, user_id, amount_cents, country: user.country, tier: user.tier }
}
