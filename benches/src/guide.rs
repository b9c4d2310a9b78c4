//! The seven topologies of the comparison as `docs/from-kafka-streams.md` shows them: the same results as [`crate::peer`], between topics
//! whose names are known when they are written.

use crate::peer::{Alert, Category, CategorySales, Enriched, ProductSales, Projected, Transaction, User, UserTotal};
use headwater_streams::prelude::*;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const TX: Topic<String, Transaction> = Topic::new("tx");
const USERS: Topic<String, User> = Topic::new("users");
const MINUTE: Duration = Duration::from_secs(60);

/// Count and sum.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Sum {
    count: i64,
    cents: i64,
}

/// What a user has spent.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Spent {
    count: i64,
    cents: i64,
    last: i64,
}

/// A user's transactions of the last minute: time and cents.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Recent(Vec<(i64, i64)>);

impl Sum {
    fn add(&mut self, cents: i64) {
        self.count += 1;
        self.cents += cents;
    }
}

impl Spent {
    fn add(&mut self, tx: &Transaction) {
        self.count += 1;
        self.cents += tx.amount_cents;
        self.last = self.last.max(tx.timestamp);
    }
}

impl Data for Sum {
    type Format = Json;
}

impl Data for Spent {
    type Format = Json;
}

impl Data for Recent {
    type Format = Json;
}

/// The topology of that name.
///
/// # Errors
/// What is wrong with it; nothing is.
///
/// # Panics
/// On another name.
pub fn topology(name: &str) -> Result<Topology, TopologyErrors> {
    let app = StreamsBuilder::new();
    match name {
        "passthrough" => passthrough(&app),
        "stateless" => stateless(&app),
        "category-sales" => category_sales(&app),
        "hopping" => hopping(&app),
        "user-totals" => user_totals(&app),
        "fraud" => fraud(&app),
        "enrich" => enrich(&app),
        other => panic!("no topology is called {other}"),
    }
    app.build()
}

fn passthrough(app: &StreamsBuilder) {
    app.stream(Topic::<Bytes, Bytes>::new("tx")).to(Topic::new("out"));
}

fn stateless(app: &StreamsBuilder) {
    app.stream(TX)
        .filter(|_, tx| tx.amount_cents > 50_000)
        .map_values(|_, tx| Projected::new(tx.transaction_id, tx.user_id, tx.amount_cents))
        .to(Topic::new("out"));
}

fn category_sales(app: &StreamsBuilder) {
    app.stream(TX)
        .map(|_, tx| (tx.product_category, tx.amount_cents))
        .group_by_key()
        .named("by-category")
        .windowed_by(Tumbling::of(MINUTE).grace(MINUTE))
        .aggregate(WindowStore::new("category-sales"), Sum::default, |_, cents, sum| sum.add(cents))
        .updates()
        .map(|w, sum| (format!("{}@{}", w.key, w.start), category_row(w, sum)))
        .to(Topic::new("out"));
}

fn category_row(w: Windowed<Category>, sum: Sum) -> CategorySales {
    CategorySales { category: w.key, window_start: w.start, window_end: w.end, count: sum.count, total_cents: sum.cents }
}

fn hopping(app: &StreamsBuilder) {
    app.stream(TX)
        .map(|_, tx| (tx.product_name, tx.amount_cents))
        .group_by_key()
        .named("by-product")
        .windowed_by(Hopping::of(MINUTE, Duration::from_secs(10)).grace(MINUTE))
        .aggregate(WindowStore::new("hopping"), Sum::default, |_, cents, sum| sum.add(cents))
        .updates()
        .map(|w, sum| (format!("{}@{}", w.key, w.start), product_row(w, sum)))
        .to(Topic::new("out"));
}

fn product_row(w: Windowed<String>, sum: Sum) -> ProductSales {
    ProductSales { product: w.key, window_start: w.start, window_end: w.end, count: sum.count, total_cents: sum.cents }
}

fn user_totals(app: &StreamsBuilder) {
    app.stream(TX)
        .group_by_key()
        .aggregate(Store::new("user-totals"), Spent::default, |_, tx, spent| spent.add(&tx))
        .map_values(|user, spent| UserTotal { user_id: user.clone(), count: spent.count, sum_cents: spent.cents, last_ts: spent.last })
        .to(Topic::<_, UserTotal>::new("out"));
}

fn fraud(app: &StreamsBuilder) {
    app.stream(TX)
        .process(Store::<String, Recent>::new("velocity"), |record, velocity, out| {
            let (ts, cents) = (record.timestamp, record.value.amount_cents);
            let Recent(mut recent) = velocity.get(&record.key)?.unwrap_or_default();
            recent.retain(|(time, _)| *time > ts - 60_000);
            recent.push((ts, cents));
            let (count, sum) = (recent.len(), recent.iter().map(|(_, cents)| cents).sum());
            velocity.put(&record.key, Recent(recent))?;
            if count >= 5 || cents > 90_000 {
                out.send(record.key, alert(record.value, count, sum, ts));
            }
            Ok(())
        })
        .to(Topic::new("out"));
}

fn alert(tx: Transaction, count_60s: usize, sum_60s_cents: i64, ts: i64) -> Alert {
    Alert { transaction_id: tx.transaction_id, user_id: tx.user_id, amount_cents: tx.amount_cents, count_60s, sum_60s_cents, ts }
}

fn enrich(app: &StreamsBuilder) {
    let users = app.table(USERS, Store::new("users"));
    app.stream(TX).join(&users, |_, tx, user| enriched(tx, user)).to(Topic::new("out"));
}

fn enriched(tx: Transaction, user: User) -> Enriched {
    let (country, tier) = (user.country, user.tier);
    Enriched { transaction_id: tx.transaction_id, user_id: tx.user_id, amount_cents: tx.amount_cents, country, tier }
}
