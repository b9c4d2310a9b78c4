//! Tables joined by a foreign key and grouped, on two processes of which either may die, lose its disk, stop or come at any moment: in the end the
//! results are what both tables say last, wherever rows stand and however often changes cross on their way between partitions.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::prelude::*;
use headwater_streams::runtime::Config;
use headwater_streams::task::partition_of_key;
use headwater_tests::simulation::{Fleet, Mischief, Random, START, Seed, World, seeds};
use std::collections::BTreeMap;

const ORDERS: Topic<u64, Option<(u64, u64)>> = Topic::new("orders"); // product, pieces
const PRICES: Topic<u64, Option<u64>> = Topic::new("prices");
const TOTALS: Topic<u64, Option<u64>> = Topic::new("totals");
const SALES: Topic<u64, Option<u64>> = Topic::new("sales");

const ORDER_PARTITIONS: i32 = 3;
const PRICE_PARTITIONS: i32 = 2;
const ORDER_COUNT: u64 = 7;
const PRODUCT_COUNT: u64 = 4;

fn on_disk() -> Topology {
    topology(&StreamsBuilder::new())
}

/// All stores are in memory but one on each side of the repartition.
fn mostly_in_memory() -> Topology {
    let app = StreamsBuilder::new();
    app.in_memory();
    topology(&app)
}

fn topology(app: &StreamsBuilder) -> Topology {
    let (orders, prices) = (app.table(ORDERS, Store::new("orders")), app.table(PRICES, Store::new("prices").on_disk()));
    // A left join, because an inner one, here as in Kafka, loses a deletion that a new row under another key overtakes on its way.
    let total = |_: &u64, (product, pieces), price: Option<u64>| price.map(|price| (product, pieces * price));
    let totals = orders.left_join_by(&prices, |_, (product, _)| *product, total).stored(Store::new("totals").on_disk());
    totals.map_values(|_, (_, cents)| cents).to(TOTALS);
    let by_product = totals.group_by(|_, (product, cents)| (product, cents));
    by_product.reduce(Store::new("sales"), |_, sum, cents| sum + cents, |_, sum, cents| sum - cents).to(SALES);
    app.build().unwrap()
}

/// What both sides say last.
#[derive(Default)]
struct Model {
    orders: BTreeMap<u64, (u64, u64)>,
    prices: BTreeMap<u64, u64>,
}

impl Model {
    fn totals(&self) -> BTreeMap<u64, u64> {
        let total = |(order, (product, pieces)): (&u64, &(u64, u64))| Some((*order, pieces * self.prices.get(product)?));
        self.orders.iter().filter_map(total).collect()
    }

    fn sales(&self) -> BTreeMap<u64, u64> {
        let mut sales = BTreeMap::new();
        for (order, cents) in self.totals() {
            *sales.entry(self.orders[&order].0).or_default() += cents;
        }
        sales
    }
}

fn bytes<T: Data>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    T::Format::default().encode(value, &mut bytes).unwrap();
    bytes
}

/// One change of one side. Orders do not stand where their keys would be.
fn change(world: &mut World, model: &mut Model, random: &mut Random) {
    let now = world.now();
    if random.below(3) == 0 {
        let (product, price) = (random.below(PRODUCT_COUNT), Some(random.below(9) + 1).filter(|_| random.below(4) > 0));
        let key = bytes(&product);
        world.append(PRICES.name(), partition_of_key(&key, PRICE_PARTITIONS), now, Some(&key), price.map(|price| bytes(&price)).as_deref());
        put(&mut model.prices, product, price);
    } else {
        let order = random.below(ORDER_COUNT);
        let row = Some((random.below(PRODUCT_COUNT), random.below(5) + 1)).filter(|_| random.below(4) > 0);
        let partition = (order % ORDER_PARTITIONS as u64) as i32;
        world.append(ORDERS.name(), partition, now, Some(&bytes(&order)), row.map(|row| bytes(&row)).as_deref());
        put(&mut model.orders, order, row);
    }
}

fn put<V>(rows: &mut BTreeMap<u64, V>, key: u64, row: Option<V>) {
    match row {
        Some(row) => rows.insert(key, row),
        None => rows.remove(&key),
    };
}

/// The last word of a topic about each key.
fn latest(world: &World, topic: &str) -> BTreeMap<u64, u64> {
    let number = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().unwrap());
    let mut rows = BTreeMap::new();
    for record in world.read(topic).iter().flat_map(|records| records.iter()) {
        match record.value {
            Some(value) => drop(rows.insert(number(record.key.unwrap()), number(value))),
            None => drop(rows.remove(&number(record.key.unwrap()))),
        }
    }
    rows
}

#[test]
fn joined_and_grouped_tables_are_what_both_sides_say_last() {
    comes_out_right(30, on_disk);
}

/// A task that opens finds some of its stores where they were and restores the others from the beginning, at the same commit.
#[test]
fn so_they_are_with_stores_in_memory_beside_stores_on_the_disk() {
    comes_out_right(30, mostly_in_memory);
}

fn comes_out_right(runs: u64, topology: fn() -> Topology) {
    let mischief = Mischief { kill: 40, burn: 15, stop: 30, start: 1_500, ..Mischief::default() };
    let mut kills = 0;
    for seed in seeds(runs) {
        let _seed = Seed(seed);
        let world = World::with_faults(START, seed, 100);
        world.create(ORDERS.name(), ORDER_PARTITIONS, &[]);
        world.create(PRICES.name(), PRICE_PARTITIONS, &[]);
        world.create(TOTALS.name(), 2, &[]);
        world.create(SALES.name(), 2, &[]);
        let mut fleet = Fleet::new(world, 2, seed, Config::new("shop"), topology);
        let (mut model, mut random) = (Model::default(), Random::of(seed));
        for _ in 0..120 {
            change(&mut fleet.world, &mut model, &mut random);
            fleet.run(15, mischief);
        }
        fleet.settle();
        assert_eq!(latest(&fleet.world, TOTALS.name()), model.totals(), "seed {seed}");
        let sales: BTreeMap<u64, u64> = latest(&fleet.world, SALES.name()).into_iter().filter(|(_, sum)| *sum > 0).collect();
        assert_eq!(sales, model.sales(), "seed {seed}");
        kills += fleet.kills;
    }
    assert!(kills > 30, "{kills} kills: nothing was tested");
}
