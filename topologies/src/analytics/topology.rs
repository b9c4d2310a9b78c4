//! Transactions in, one row per window out, updated as they come.
//!
//! What is late is decided once, where records are read. Behind that nothing has to be late any more, so that a sale is in all of its
//! windows, for its product and for its country, or in none.

use super::{ProductSales, Sale, SaleOfTransaction, Sums, TopProduct, WindowAnalytics, WindowPart, WindowSales, WindowStart};
use crate::sales_stream::{self, Country, SALES_STREAM};
use headwater_streams::prelude::*;
use headwater_streams::record::{Item, Portable};
use std::sync::Arc;
use std::time::Duration;

/// The application's name, and its id unless a person chooses another.
pub const NAME: &str = "analytics";

/// The results: a record per update, the last one of a key is its row.
pub const ANALYTICS_STREAM: Topic<WindowStart, WindowAnalytics> = Topic::new("analytics_stream");

/// A product's sales per window.
const PRODUCTS: WindowStore<String, ProductSales> = WindowStore::new("analytics-products");
/// A country's sales per window.
const COUNTRIES: WindowStore<Country, Sums> = WindowStore::new("analytics-countries");
/// What is known of each window.
const WINDOWS: WindowStore<WindowStart, WindowSales> = WindowStore::new("analytics-windows");

const PARTITIONS: i32 = 2;
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
const WINDOW_MS: Timestamp = 60_000;
const ADVANCE_MS: Timestamp = 10_000;
/// How long a sale is taken after the end of the first window that holds it, in the time of its partition.
const GRACE_MS: Timestamp = 60_000;
/// What windows wait longer than that. A partition that has stood idle holds nobody's time; when it is filled again, its sales may be
/// behind the others'.
const SLACK_MS: Timestamp = 600_000;
/// Room for more windows than are ever updated: running updates are coalesced until the commit, not evicted before.
const CACHE_BYTES: usize = 8 << 20;

/// The application without its sinks.
pub fn topology() -> StreamsBuilder {
    let app = StreamsBuilder::new();
    sales_stream::declare(&app);
    app.declare(ANALYTICS_STREAM.declaration().partitions(PARTITIONS).retention(WEEK));
    let sales = sales_in_time(&app);
    products(&sales)
        .merge(&countries(&sales))
        .named("by-window")
        .group_by_key()
        .windowed_by(Tumbling::of_ms(ADVANCE_MS).grace_ms(WINDOW_MS + GRACE_MS + SLACK_MS))
        .aggregate(WINDOWS.cached(CACHE_BYTES), WindowSales::default, |_, part, sales| sales.update(part))
        .updates()
        .map(|window, sales| (window.key, WindowAnalytics { start: window.start, end: window.start + WINDOW_MS, sales }))
        .to(ANALYTICS_STREAM.sink().named("results"));
    app
}

/// The sales of the topic; one that comes too late ends here, as a dead letter.
fn sales_in_time(app: &StreamsBuilder) -> KStream<(), Sale> {
    let sales: Topic<(), Sale> = Topic::of(SALES_STREAM.name());
    app.stream(sales.source().named("sales").value_format(SaleOfTransaction).timestamp(|_, sale| sale.event_time))
        .process((), |sale: Record<(), Sale>, _, out| {
            if is_late(sale.timestamp, out.stream_time()) {
                return Err(Failure::text("late"));
            }
            out.send_record(sale)?;
            Ok(())
        })
        .named("in-time")
}

/// Whether the first of the windows that hold this time has ended longer ago than the grace.
fn is_late(time: Timestamp, stream_time: Timestamp) -> bool {
    let first_end = time - time % ADVANCE_MS + ADVANCE_MS;
    first_end + GRACE_MS <= stream_time
}

fn windows() -> Hopping {
    Hopping::of_ms(WINDOW_MS, ADVANCE_MS).grace_ms(GRACE_MS + SLACK_MS)
}

fn products(sales: &KStream<(), Sale>) -> KStream<WindowStart, WindowPart> {
    let updates = sales
        .map(|(), sale| (sale.product_id.to_string(), sale))
        .named("by-product")
        .group_by_key()
        .windowed_by(windows())
        .aggregate(PRODUCTS.cached(CACHE_BYTES), ProductSales::default, |_, sale, product| product.add(&sale))
        .updates();
    to_windows(&updates, |product_id, ProductSales { sums, name, .. }| {
        WindowPart::Product(TopProduct { product_id: Arc::from(product_id), name, sums })
    })
}

fn countries(sales: &KStream<(), Sale>) -> KStream<WindowStart, WindowPart> {
    let updates = sales
        .map(|(), sale| (sale.country, sale))
        .named("by-country")
        .group_by_key()
        .windowed_by(windows())
        .aggregate(COUNTRIES.cached(CACHE_BYTES), Sums::default, |_, sale, sums| sums.add(sale.amount))
        .updates();
    to_windows(&updates, WindowPart::Country)
}

/// Hands updates to their windows. They carry the start of the window as their time, so that they find it, however late they are updated.
fn to_windows<K: Item, V: Item>(
    updates: &KStream<Windowed<K>, V>, part: impl Fn(K, V) -> WindowPart + Portable,
) -> KStream<WindowStart, WindowPart> {
    updates.process((), move |update: Record<Windowed<K>, V>, _, out| {
        let Record { key, value, headers, .. } = update;
        out.send_record(Record { key: WindowStart(key.start), value: part(key.key, value), timestamp: key.start, headers })?;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iso8601::{parse, to_text};
    use crate::money::Cents;
    use crate::sales_stream::{Currency, PaymentMethod, Place, Transaction};
    use headwater_streams::testing::TestDriver;
    use uuid::Uuid;

    const NOON: &str = "2025-11-29T12:00:00Z";

    fn sold(product: &str, country: &str, cents: i128, time: Timestamp) -> Transaction<'static> {
        Transaction {
            transaction_id: Uuid::from_u128(7),
            user_id: "u".into(),
            session_id: "s".into(),
            event_time: time,
            product_id: product.to_owned().into(),
            product_name: format!("Thing {product}").into(),
            product_category: "Home".into(),
            quantity: 1,
            unit_price: Cents(cents),
            total_amount: Cents(cents),
            currency: Currency::Usd,
            payment_method: PaymentMethod::Paypal,
            device_id: "d".into(),
            ip_address: [203, 0, 113, 7].into(),
            place: Place {
                country: Country::from_code(country).unwrap(),
                city: "Berlin".into(),
                latitude: Default::default(),
                longitude: Default::default(),
            },
        }
    }

    fn noon() -> Timestamp {
        parse(NOON).unwrap()
    }

    fn driver() -> TestDriver {
        TestDriver::new(topology().build().unwrap())
    }

    /// Sends sales; times are seconds after noon.
    fn driver_of(sales: &[(&str, &str, i128, f64)]) -> TestDriver {
        let mut driver = driver();
        for (product, country, cents, seconds) in sales {
            let time = noon() + (seconds * 1000.0) as Timestamp;
            driver.send(SALES_STREAM, (), sold(product, country, *cents, time));
        }
        driver
    }

    fn row(driver: &TestDriver, seconds: Timestamp) -> Option<WindowAnalytics> {
        driver.latest(ANALYTICS_STREAM, WindowStart(noon() + seconds * 1000))
    }

    /// Revenue in cents and orders of the window that begins so many seconds after noon.
    fn total(driver: &TestDriver, seconds: Timestamp) -> Option<(i128, u64)> {
        row(driver, seconds).map(|row| row.sales.total()).map(|total| (total.revenue.0, total.orders))
    }

    fn top(driver: &TestDriver, seconds: Timestamp) -> Vec<String> {
        let row = row(driver, seconds).unwrap();
        row.sales.top_products.as_slice().iter().map(|product| product.product_id.to_string()).collect()
    }

    #[test]
    fn a_sale_is_in_the_six_windows_that_hold_it() {
        for (seconds, first, last) in [(0.0, -50, 0), (9.999, -50, 0), (10.0, -40, 10), (59.999, 0, 50), (60.0, 10, 60)] {
            let driver = driver_of(&[("P-1", "DE", 1_050, seconds)]);
            let found: Vec<_> = driver.all(ANALYTICS_STREAM).into_iter().map(|(key, row, _)| (key.unwrap().0, row.unwrap())).collect();
            let starts: Vec<_> = found.iter().map(|(start, _)| (start - noon()) / 1000).collect();
            assert_eq!((starts.iter().min(), starts.iter().max()), (Some(&first), Some(&last)), "{seconds}");
            for (start, row) in found {
                assert_eq!((row.start, row.end), (start, start + 60_000), "{}", to_text(start));
            }
            for start in (first..=last).step_by(10) {
                assert_eq!(total(&driver, start), Some((1_050, 1)), "{seconds} {start}");
            }
        }
    }

    #[test]
    fn windows_begin_with_the_epoch() {
        let mut driver = driver();
        driver.send(SALES_STREAM, (), sold("P-1", "DE", 1, 25_000));
        let mut starts: Vec<_> = driver.all(ANALYTICS_STREAM).into_iter().map(|(key, _, _)| key.unwrap().0).collect();
        starts.sort_unstable();
        starts.dedup();
        assert_eq!(starts, [0, 10_000, 20_000]);
    }

    #[test]
    fn the_order_of_arrival_does_not_matter() {
        let sales = [
            ("P-1", "DE", 1_000, 0.0),
            ("P-2", "BR", 2_000, 31.0),
            ("P-1", "BR", 500, 12.5),
            ("P-3", "DE", 2_500, 59.9),
            ("P-2", "DE", 1, 60.0),
        ];
        let expected = driver_of(&sales);
        assert_eq!((total(&expected, 0), total(&expected, 10)), (Some((6_000, 4)), Some((5_001, 4))));
        assert_eq!(top(&expected, 0), ["P-3", "P-2", "P-1"]);
        for order in [[4, 3, 2, 1, 0], [2, 0, 4, 1, 3], [1, 4, 0, 3, 2]] {
            let driver = driver_of(&order.map(|at| sales[at]));
            for start in (-50..=60).step_by(10) {
                assert_eq!(row(&driver, start), row(&expected, start), "{order:?} {start}");
            }
        }
    }

    #[test]
    fn countries_add_up_to_the_total() {
        let driver = driver_of(&[("P-1", "DE", 1_000, 0.0), ("P-2", "BR", 2_000, 1.0), ("P-1", "DE", 501, 2.0)]);
        let row = row(&driver, 0).unwrap();
        let countries: Vec<_> = row.sales.countries.iter().map(|(country, sums)| (country.code(), sums.revenue.0, sums.orders)).collect();
        assert_eq!(countries, [("BR", 2_000, 1), ("DE", 1_501, 2)]);
        assert_eq!((row.sales.total().revenue, row.sales.total().average()), (Cents(3_501), Cents(1_167)));
    }

    #[test]
    fn ties_at_the_end_of_the_list_go_to_the_smaller_id_and_more_revenue_enters() {
        let ids: Vec<_> = (0..12).map(|n| format!("P-{n:02}")).collect();
        let mut sales: Vec<_> = ids.iter().rev().map(|id| (id.as_str(), "DE", 1_000, 5.0)).collect();
        assert_eq!(top(&driver_of(&sales), 0), ids[..10]);
        sales.push(("P-11", "DE", 1, 5.0));
        let driver = driver_of(&sales);
        assert_eq!((top(&driver, 0)[0].as_str(), top(&driver, 0)[9].as_str()), ("P-11", "P-08"), "P-09 has left");
        sales.push(("P-09", "DE", 2, 65.0));
        let driver = driver_of(&sales);
        assert_eq!((top(&driver, 0).last().unwrap().as_str(), top(&driver, 10)), ("P-08", vec!["P-09".to_owned()]));
    }

    #[test]
    fn updates_of_one_interval_are_one_record_per_window() {
        let mut driver = driver().commit_on_demand();
        for n in 0..100 {
            driver.send(SALES_STREAM, (), sold(&format!("P-{}", n % 20), "DE", 100, noon() + n));
        }
        assert!(driver.all(ANALYTICS_STREAM).is_empty());
        // Once for the sums of products and countries, once for their windows.
        driver.commit().commit();
        assert_eq!(total(&driver, 0), Some((10_000, 100)));
        assert!(driver.all(ANALYTICS_STREAM).len() <= 12, "products and countries may come apart, no more");
    }

    #[test]
    fn a_late_sale_is_a_dead_letter_with_all_of_its_transaction_and_is_in_no_window() {
        // In time as long as the first of its windows has not ended a minute ago: 12:00:05 is in the one that ends at 12:00:10.
        for (latest, is_late) in [(69.999, false), (70.0, true), (3_600.0, true)] {
            let mut driver = driver_of(&[("P-1", "DE", 1_000, latest)]);
            let transaction = sold("P-1", "DE", 5_000, noon() + 5_000);
            driver.send(SALES_STREAM, (), transaction.clone());
            let letters = driver.dead_letters();
            assert_eq!(
                letters.iter().map(|letter| (&*letter.topic, &*letter.stage, &*letter.reason)).collect::<Vec<_>>(),
                match is_late {
                    true => vec![("sales_stream", "in-time", "late")],
                    false => vec![],
                }
            );
            let found = letters.iter().map(|letter| Transaction::parse(letter.value.as_deref().unwrap()).unwrap().into_owned());
            assert!(found.into_iter().all(|found| found == transaction));
            for start in (-50..=0).step_by(10) {
                let own = if is_late { None } else { Some((5_000, 1)) };
                assert_eq!(total(&driver, start), own.or(total(&driver, start).filter(|_| latest < 70.0)), "{latest} {start}");
            }
        }
    }

    #[test]
    fn what_breaks_a_rule_is_a_dead_letter_of_the_stage_that_read_it() {
        let mut driver = driver();
        driver.send_bytes("sales_stream", Some(b"k"), Some(b"{\"transaction_id\": "));
        driver.send(SALES_STREAM, (), Transaction { total_amount: Cents(3), ..sold("P-1", "DE", 1, noon()) });
        driver.send_bytes("sales_stream", None, None);
        let letters = driver.dead_letters();
        for (letter, reason) in letters.iter().zip(["broken JSON", "wrong total: 1 times 0.01 is not 0.03", "null value"]) {
            assert!(letter.stage == "sales" && letter.reason.contains(reason), "{}", letter.reason);
        }
        assert!(letters.len() == 3 && driver.all(ANALYTICS_STREAM).is_empty());
    }
}
