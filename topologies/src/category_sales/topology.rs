//! Transactions in, sales per category and minute out, updated as they come.

use super::formats::CategoryWindowJson;
use super::{Category, CategorySales, Sale, Sales, Transaction};
use headwater_streams::log::TopicSpec;
use headwater_streams::prelude::*;
use std::time::Duration;

/// The application's name, and its id unless a person chooses another.
pub const NAME: &str = "category-sales";

/// What shops send. Keys are the producers' own business.
pub const TRANSACTIONS: Topic<(), Transaction<'static>> = Topic::new("transactions");

/// Sums per category and minute.
pub const SALES_BY_MINUTE: WindowStore<Category, Sales> = WindowStore::new("category-sales");

/// The results: a record per update, the last one of a key is its row.
pub const CATEGORY_SALES: Topic<Windowed<Category>, CategorySales> = Topic::new("category-sales");

/// One, so that everything stays in order; `--partitions` of the generator makes the input with more.
const PARTITIONS: i32 = 1;
const WINDOW: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(60);
/// Room for more windows than are ever open: running updates are coalesced until the commit, not evicted before.
const CACHE_BYTES: usize = 8 << 20;
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// The input topic for whoever fills it before the application has run, as the application itself would make it.
pub fn transactions_topic() -> TopicSpec {
    let configs = [("cleanup.policy", "delete".to_owned()), ("retention.ms", WEEK.as_millis().to_string())];
    TopicSpec {
        name: TRANSACTIONS.name().into(),
        partitions: PARTITIONS,
        configs: configs.map(|(name, value)| (name.into(), value)).into(),
    }
}

/// The application without its sinks.
pub fn topology() -> StreamsBuilder {
    let app = StreamsBuilder::new();
    app.declare(TRANSACTIONS.declaration().partitions(PARTITIONS).retention(WEEK));
    app.declare(CATEGORY_SALES.declaration().partitions(PARTITIONS).retention(WEEK));
    app.stream(TRANSACTIONS.source().named("transactions").timestamp(|_, transaction| transaction.timestamp))
        .map(|_, transaction| (transaction.product_category, Sale::from(&transaction)))
        .named("by-category")
        .group_by_key()
        .windowed_by(Tumbling::of(WINDOW).grace(GRACE))
        .aggregate(SALES_BY_MINUTE.cached(CACHE_BYTES), Sales::default, |_, sale, sales| sales.add(&sale))
        .updates()
        .map_values(|window, sales| CategorySales { window: *window, sales })
        .to(CATEGORY_SALES.sink().named("results").key_format(CategoryWindowJson::of(WINDOW.as_millis() as i64)));
    app
}
