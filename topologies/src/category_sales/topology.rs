//! Transactions in, sales per category and minute out, updated as they come.

use super::{Category, CategorySales, CategoryWindow, Sale, Sales, Transaction};
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
pub const CATEGORY_SALES: Topic<CategoryWindow, CategorySales> = Topic::new("category-sales");

/// One, so that everything stays in order; `--partitions` of the generator makes the input with more.
const PARTITIONS: i32 = 1;
const WINDOW: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(60);
/// Room for more windows than are ever open: running updates are coalesced until the commit, not evicted before.
const CACHE_BYTES: usize = 8 << 20;
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// The input topic for whoever fills it before the application has run, as the application itself would make it.
pub fn transactions_topic() -> TopicSpec {
    let configs = [("retention.ms", WEEK.as_millis().to_string()), ("message.timestamp.type", "LogAppendTime".to_owned())];
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
        .map(|_, row| (row.key(), row))
        .to(CATEGORY_SALES.sink().named("results"));
    app
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::category_sales::{Cents, PaymentMethod, SaleJson};
    use crate::iso8601::parse;
    use headwater_streams::testing::TestDriver;
    use uuid::Uuid;

    fn bought(category: Category, cents: i128, at: &str) -> Transaction<'static> {
        Transaction {
            transaction_id: Uuid::from_u128(7),
            user_id: "user_00001".into(),
            product_category: category,
            product_name: "thing".into(),
            amount: Cents(cents),
            timestamp: parse(at).unwrap(),
            payment_method: PaymentMethod::Paypal,
        }
    }

    fn row(category: Category, start: &str) -> CategoryWindow {
        CategoryWindow { window_start: parse(start).unwrap(), category }
    }

    fn driver() -> TestDriver {
        TestDriver::new(topology().build().unwrap())
    }

    #[test]
    fn adds_up_per_category_and_minute_and_updates_as_it_goes() {
        let mut driver = driver();
        driver.send(TRANSACTIONS, (), bought(Category::Home, 1_010, "2025-11-29T20:04:00Z"));
        driver.send(TRANSACTIONS, (), bought(Category::Beauty, 99_999, "2025-11-29T20:04:59.999Z"));
        driver.send(TRANSACTIONS, (), bought(Category::Home, 1_020, "2025-11-29T20:04:59.999Z"));
        driver.send(TRANSACTIONS, (), bought(Category::Home, 2_000, "2025-11-29T20:05:00Z"));
        let sales = |category, start| driver.latest(CATEGORY_SALES, row(category, start)).map(|row| (row.sales.total.0, row.sales.count));
        assert_eq!(sales(Category::Home, "2025-11-29T20:04:00Z"), Some((2_030, 2)));
        assert_eq!(sales(Category::Beauty, "2025-11-29T20:04:00Z"), Some((99_999, 1)));
        assert_eq!(sales(Category::Home, "2025-11-29T20:05:00Z"), Some((2_000, 1)));
        let counts: Vec<_> = driver.all(CATEGORY_SALES).into_iter().map(|(_, row, _)| row.unwrap().sales.count).collect();
        assert_eq!(counts, [1, 1, 2, 1], "an update per commit, not only a final result");
    }

    #[test]
    fn updates_of_one_interval_are_one_record_per_window() {
        let mut driver = driver().commit_on_demand();
        for second in 0..60 {
            driver.send(TRANSACTIONS, (), bought(Category::Home, 1_000, &format!("2025-11-29T20:04:{second:02}Z")));
        }
        assert!(driver.all(CATEGORY_SALES).is_empty());
        driver.commit();
        let found: Vec<_> = driver.all(CATEGORY_SALES).into_iter().map(|(key, row, _)| (key.unwrap(), row.unwrap().sales)).collect();
        assert_eq!(found, [(row(Category::Home, "2025-11-29T20:04:00Z"), Sales { total: Cents(60_000), count: 60 })]);
    }

    #[test]
    fn what_breaks_a_rule_is_a_dead_letter_of_the_stage_that_read_it() {
        let mut driver = driver();
        driver.send_bytes("transactions", Some(b"k"), Some(b"{\"transaction_id\": "));
        driver.send(TRANSACTIONS, (), bought(Category::Home, 5, "2025-11-29T20:04:00Z"));
        driver.send_bytes("transactions", None, None);
        let letters = driver.dead_letters();
        let found: Vec<_> = letters.iter().map(|letter| (&*letter.topic, letter.offset, &*letter.stage)).collect();
        assert_eq!(found, [("transactions", 0, "transactions"), ("transactions", 1, "transactions"), ("transactions", 2, "transactions")]);
        let reasons = ["broken JSON", "amount out of range 10.00 to 999.99: 0.05", "null value"];
        for (letter, reason) in letters.iter().zip(reasons) {
            assert!(letter.reason.contains(reason), "{}", letter.reason);
        }
        assert_eq!((letters[0].key.as_deref(), letters[0].value.as_deref()), (Some(&b"k"[..]), Some(&b"{\"transaction_id\": "[..])));
        assert!(driver.all(CATEGORY_SALES).is_empty());
    }

    #[test]
    fn a_late_transaction_is_a_dead_letter_that_says_which_it_was() {
        let mut driver = driver();
        driver.send(TRANSACTIONS, (), bought(Category::Home, 1_000, "2025-11-29T20:04:30Z"));
        driver.send(TRANSACTIONS, (), bought(Category::Home, 1_000, "2025-11-29T20:06:00Z"));
        // The partition task tells the others its time with the first commit of each second.
        driver.advance_wall_clock(2_000).send(TRANSACTIONS, (), bought(Category::Home, 1_000, "2025-11-29T20:06:01Z"));
        driver.advance_wall_clock(2_000).send(TRANSACTIONS, (), bought(Category::Home, 3_000, "2025-11-29T20:04:59Z"));
        let letters = driver.dead_letters();
        assert_eq!(letters.iter().map(|letter| &*letter.reason).collect::<Vec<_>>(), ["late"]);
        assert!(letters[0].topic.ends_with("by-category-repartition"));
        let sale = SaleJson.decode(letters[0].value.as_deref().unwrap()).unwrap();
        assert_eq!((sale.transaction_id, sale.amount), (Uuid::from_u128(7), Cents(3_000)));
        assert_eq!(driver.latest(CATEGORY_SALES, row(Category::Home, "2025-11-29T20:04:00Z")).unwrap().sales.count, 1);
    }

    #[test]
    fn the_generator_may_make_the_input_topic_first() {
        let topology = topology().build().unwrap();
        let declared = topology.declared_topics().iter().find(|topic| topic.name == TRANSACTIONS.name()).unwrap();
        let spec = transactions_topic();
        assert_eq!((declared.partitions, spec.configs["retention.ms"].as_str()), (Some(spec.partitions), "604800000"));
    }
}
