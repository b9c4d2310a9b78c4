//! Sales per product in minutes that begin every ten seconds: each record is in six windows.

use super::window_sums::{ProductSales, WindowSum, row_key};
use super::{Cache, TopicNames, Transaction};
use headwater_streams::prelude::*;
use std::time::Duration;

const SUMS: WindowStore<String, WindowSum> = WindowStore::new("hopping");
const MINUTE: Duration = Duration::from_secs(60);
const ADVANCE: Duration = Duration::from_secs(10);

pub(super) fn add(app: &StreamsBuilder, topics: &TopicNames, cache: Cache) {
    app.stream(Topic::<String, Transaction>::of(&topics.input))
        .map(|_, transaction| (transaction.product_name, transaction.amount_cents))
        .group_by_key()
        .named("by-product")
        .windowed_by(Hopping::of(MINUTE, ADVANCE).grace(MINUTE))
        .aggregate(cache.windows(SUMS), WindowSum::default, |_, cents, sum| sum.add(cents))
        .updates()
        .map(|window, sum| (row_key(&window), row(window, sum)))
        .to(Topic::of(&topics.output));
}

fn row(window: Windowed<String>, sum: WindowSum) -> ProductSales {
    let Windowed { key: product, start: window_start, end: window_end } = window;
    ProductSales { product, window_start, window_end, count: sum.count, total_cents: sum.total_cents }
}
