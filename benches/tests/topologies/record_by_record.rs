//! Single records: edges of windows, of thresholds and of the join.

use super::input::START;
use headwater_benches::peer::{
    Alert, Cache, Category, CategorySales, Enriched, Kind, PaymentMethod, ProductSales, Projected, TopicNames, Transaction, User,
    UserTotal, topology,
};
use headwater_streams::prelude::Topic;
use headwater_streams::testing::TestDriver;

const INPUT: Topic<String, Transaction> = Topic::new("tx");
const USERS: Topic<String, User> = Topic::new("users");

fn driver(kind: Kind) -> TestDriver {
    let names = TopicNames { input: "tx".into(), output: "out".into(), users: "users".into(), users_as_changelog: true };
    TestDriver::new(topology(kind, &names, Cache::Default).unwrap())
}

fn bought(user: &str, cents: i64, timestamp: i64) -> Transaction {
    Transaction {
        transaction_id: format!("{user}-{timestamp}"),
        user_id: user.into(),
        product_category: Category::Home,
        product_name: "Home Item 07".into(),
        amount_cents: cents,
        timestamp,
        payment_method: PaymentMethod::Paypal,
    }
}

fn send(driver: &mut TestDriver, user: &str, cents: i64, timestamp: i64) {
    driver.at(timestamp).send(INPUT, user, bought(user, cents, timestamp));
}

#[test]
fn bytes_pass_untouched_with_their_time() {
    let mut driver = driver(Kind::Passthrough);
    driver.at(START).send_bytes("tx", Some(b"\xff"), Some(b"no { json"));
    let out: Topic<Vec<u8>, Vec<u8>> = Topic::new("out");
    assert_eq!(driver.all(out), [(Some(b"\xff".to_vec()), Some(b"no { json".to_vec()), START)]);
}

#[test]
fn amounts_are_whole_cents_however_a_float_rounds_them() {
    for cents in (1_000..100_000).step_by(7) {
        let text = format!(
            r#"{{"transaction_id":"t","user_id":"u","product_category":"Home","product_name":"Home Item 07","amount":{}.{:02},"timestamp":1,"payment_method":"paypal"}}"#,
            cents / 100,
            cents % 100
        );
        assert_eq!(serde_json::from_str::<Transaction>(&text).unwrap().amount_cents, cents);
    }
}

#[test]
fn a_transaction_is_large_above_500() {
    let mut driver = driver(Kind::Stateless);
    for cents in [50_000, 50_001] {
        send(&mut driver, "ann", cents, START);
    }
    let out: Topic<String, Projected> = Topic::new("out");
    let large = Projected { transaction_id: format!("ann-{START}"), user_id: "ann".into(), amount_cents: 50_001 };
    assert_eq!(driver.all(out), [(Some("ann".into()), Some(large), START)]);
}

#[test]
fn a_minute_ends_before_the_next_begins() {
    let mut driver = driver(Kind::CategorySales);
    for (cents, at) in [(1_000, START), (2_000, START + 59_999), (4_000, START + 60_000)] {
        send(&mut driver, "ann", cents, at);
    }
    let out: Topic<String, CategorySales> = Topic::new("out");
    let row = |start, count, total_cents| {
        Some(CategorySales { category: Category::Home, window_start: start, window_end: start + 60_000, count, total_cents })
    };
    assert_eq!(driver.latest(out, "Home@1700000040000"), row(START, 2, 3_000));
    assert_eq!(driver.latest(out, "Home@1700000100000"), row(START + 60_000, 1, 4_000));
    assert_eq!(driver.all(out)[1].2, START + 59_999, "a row has the greatest time of its inputs");
}

#[test]
fn a_record_is_in_six_windows() {
    let mut driver = driver(Kind::Hopping);
    send(&mut driver, "ann", 1_000, START + 9_999);
    send(&mut driver, "bob", 2_000, START + 10_000);
    let out: Topic<String, ProductSales> = Topic::new("out");
    let row = |start: i64| driver.latest(out, format!("Home Item 07@{start}")).map(|row| (row.count, row.total_cents));
    assert_eq!(row(START - 60_000), None);
    assert_eq!(row(START - 50_000), Some((1, 1_000)));
    for start in (START - 40_000..=START).step_by(10_000) {
        assert_eq!(row(start), Some((2, 3_000)), "{start}");
    }
    assert_eq!(row(START + 10_000), Some((1, 2_000)));
    assert_eq!(row(START + 20_000), None);
}

#[test]
fn a_users_total_keeps_the_greatest_time() {
    let mut driver = driver(Kind::UserTotals);
    send(&mut driver, "ann", 1_000, START + 5);
    send(&mut driver, "ann", 2_000, START);
    let out: Topic<String, UserTotal> = Topic::new("out");
    let total = UserTotal { user_id: "ann".into(), count: 2, sum_cents: 3_000, last_ts: START + 5 };
    assert_eq!(driver.all(out).pop(), Some((Some("ann".into()), Some(total), START + 5)));
}

fn alerts(driver: &TestDriver) -> Vec<(usize, i64)> {
    let out: Topic<String, Alert> = Topic::new("out");
    driver.all(out).into_iter().map(|(_, alert, _)| alert.map(|alert| (alert.count_60s, alert.sum_60s_cents)).unwrap()).collect()
}

#[test]
fn the_fifth_transaction_of_a_minute_is_an_alert() {
    let mut driver = driver(Kind::Fraud);
    for i in 0..5 {
        send(&mut driver, "ann", 1_000, START + i * 10_000);
    }
    assert_eq!(alerts(&driver), [(5, 5_000)]);
    // The first is exactly a minute old now, so it does not count: four and this one.
    send(&mut driver, "ann", 2_000, START + 60_000);
    assert_eq!(alerts(&driver)[1..], [(5, 6_000)]);
    // And now two more have gone.
    send(&mut driver, "ann", 1_000, START + 85_000);
    assert_eq!(alerts(&driver).len(), 2);
}

#[test]
fn a_dear_transaction_is_an_alert() {
    let mut driver = driver(Kind::Fraud);
    for cents in [90_000, 90_001] {
        send(&mut driver, "bob", cents, START);
    }
    assert_eq!(alerts(&driver), [(2, 180_001)]);
}

#[test]
fn a_transaction_finds_its_user_or_ends() {
    let mut driver = driver(Kind::Enrich);
    let user = |country: &str| User { user_id: "ann".into(), name: "Ann".into(), country: country.into(), tier: "gold".into() };
    send(&mut driver, "ann", 1_000, START);
    driver.at(START + 1).send(USERS, "ann", user("DE"));
    send(&mut driver, "ann", 2_000, START + 2);
    driver.at(START + 3).send(USERS, "ann", user("FR"));
    send(&mut driver, "ann", 3_000, START + 4);
    send(&mut driver, "bob", 4_000, START + 5);
    let out: Topic<String, Enriched> = Topic::new("out");
    let found: Vec<_> =
        driver.all(out).into_iter().map(|(_, row, at)| row.map(|row| (row.country, row.amount_cents, at)).unwrap()).collect();
    assert_eq!(found, [("DE".to_owned(), 2_000, START + 2), ("FR".to_owned(), 3_000, START + 4)]);
}
