//! Sales per category and minute: few keys, so that each is hot.

use super::window_sums::{CategorySales, WindowSum, row_key};
use super::{Cache, Category, TopicNames, Transaction};
use headwater_streams::prelude::*;
use std::time::Duration;

const SUMS: WindowStore<Category, WindowSum> = WindowStore::new("category-sales");
const MINUTE: Duration = Duration::from_secs(60);

pub(super) fn add(app: &StreamsBuilder, topics: &TopicNames, cache: Cache) {
    app.stream(Topic::<String, Transaction>::of(&topics.input))
        .map(|_, transaction| (transaction.product_category, transaction.amount_cents))
        .group_by_key()
        .named("by-category")
        .windowed_by(Tumbling::of(MINUTE).grace(MINUTE))
        .aggregate(cache.windows(SUMS), WindowSum::default, |_, cents, sum| sum.add(cents))
        .updates()
        .map(|window, sum| (row_key(&window), row(window, sum)))
        .to(Topic::of(&topics.output));
}

fn row(window: Windowed<Category>, sum: WindowSum) -> CategorySales {
    let Windowed { key: category, start: window_start, end: window_end } = window;
    CategorySales { category, window_start, window_end, count: sum.count, total_cents: sum.total_cents }
}
