//! Sales in, alerts out, as they come.

use super::{Alert, AlertKey, History, Purchase};
use crate::sales_stream::{self, SALES_STREAM};

use headwater_streams::prelude::*;
use std::time::Duration;

/// The application's name, and its id unless a person chooses another.
pub const NAME: &str = "fraud";

/// What is remembered, by user.
pub const HISTORIES: Store<String, History> = Store::new("histories");

/// The alerts: one record per suspicious transaction.
pub const FRAUD_ALERTS: Topic<AlertKey, Alert> = Topic::new("fraud_alerts");

const ALERT_PARTITIONS: i32 = 2;
const ALERT_RETENTION: Duration = Duration::from_secs(30 * 24 * 3600);

/// The application without its sinks.
pub fn topology() -> StreamsBuilder {
    let app = StreamsBuilder::new();
    sales_stream::declare(&app);
    app.declare(FRAUD_ALERTS.declaration().partitions(ALERT_PARTITIONS).retention(ALERT_RETENTION));
    app.stream(SALES_STREAM.source().named("sales").timestamp(|_, transaction| transaction.event_time))
        .map(|_, transaction| (transaction.user_id.to_string(), Purchase::from(&transaction)))
        .named("purchases")
        // Whatever the producer's keys are: a user's purchases meet their history.
        .repartition(Repartitioned::named("by-user"))
        .process(HISTORIES, examine)
        .named("examine")
        .to(FRAUD_ALERTS.sink().named("alerts"));
    app
}

fn examine(
    record: Record<String, Purchase>, histories: &mut StoreHandle<String, History>, out: &mut Out<AlertKey, Alert>,
) -> Result<(), Failure> {
    let mut history = histories.get(&record.key)?.unwrap_or_default();
    if let Some(alert) = history.examine(&record.key, record.value) {
        out.send(alert.key(), alert);
    }
    Ok(histories.put(&record.key, history)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fraud::{MODEL, Severity};
    use crate::iso8601::parse;
    use crate::sales_stream::{FRAUD_LABELS, Transaction, TransactionJson};
    use headwater_streams::testing::TestDriver;
    use uuid::Uuid;

    const SOLD: &str = r#"{"transaction_id":"00000000-0000-0000-0000-000000000000","user_id":"user_1","session_id":"s","event_time":"2025-11-29T20:00:00Z","product_id":"P","product_name":"Lamp","product_category":"Home","quantity":1,"unit_price":"50.00","total_amount":"50.00","currency":"USD","payment_method":"paypal","device_id":"d","ip_address":"203.0.113.7","country":"DE","city":"Berlin","latitude":52.5,"longitude":13.4}"#;

    /// Number of the transaction, user, time of 29 November 2025, dollars, longitude.
    type Sold<'a> = (u128, &'a str, &'a str, i128, i32);

    fn transaction((number, user, time, dollars, longitude): Sold<'_>) -> Transaction<'static> {
        let mut transaction = TransactionJson.decode(SOLD.as_bytes()).unwrap();
        transaction.transaction_id = Uuid::from_u128(number);
        transaction.user_id = user.to_owned().into();
        transaction.event_time = parse(&format!("2025-11-29T{time}Z")).unwrap();
        transaction.unit_price.0 = dollars * 100;
        transaction.total_amount.0 = dollars * 100;
        transaction.place.longitude.0 = longitude * 1_000_000;
        transaction
    }

    fn driver() -> TestDriver {
        TestDriver::new(topology().build().unwrap())
    }

    /// The alerts: number, score, detectors.
    fn alerts(driver: &TestDriver) -> Vec<(u128, String, String)> {
        let told = |alert: Alert| {
            let detectors: Vec<_> = alert.hits.iter().map(|hit| hit.detector.as_str()).collect();
            (alert.purchase.transaction_id.as_u128(), alert.score.to_string(), detectors.join(" "))
        };
        driver.all(FRAUD_ALERTS).into_iter().map(|(_, alert, _)| told(alert.unwrap())).collect()
    }

    #[test]
    fn each_detector_alone_and_all_together() {
        let hours = ["01:00:00", "02:00:00", "03:00:00", "04:00:00", "05:00:00", "06:00:00"];
        let habit: Vec<Sold<'_>> = hours.iter().zip(0..).map(|(time, number)| (number, "user_1", *time, 50, 13)).collect();
        for (name, sold, expected) in [
            ("a usual day", vec![(10, "user_1", "07:00:00", 60, 13)], vec![]),
            ("far above the habit", vec![(10, "user_1", "07:00:00", 400, 13)], vec![(10, "0.950", "amount")]),
            ("as much by somebody unknown", vec![(10, "user_2", "07:00:00", 400, 13)], vec![]),
            ("more than anybody spends", vec![(10, "user_2", "07:00:00", 12_000, 13)], vec![(10, "0.650", "amount")]),
            (
                "a family of three",
                vec![(10, "user_1", "07:00:00", 50, 13), (11, "user_1", "07:00:20", 50, 13), (12, "user_1", "07:00:40", 50, 13)],
                vec![],
            ),
            (
                "a burst",
                vec![
                    (10, "user_1", "07:00:00", 5, 13),
                    (11, "user_1", "07:00:05", 5, 13),
                    (12, "user_1", "07:00:10", 5, 13),
                    (13, "user_1", "07:00:15", 5, 13),
                ],
                vec![(13, "0.600", "velocity")],
            ),
            (
                "elsewhere at once",
                vec![(10, "user_1", "07:00:00", 50, 80), (11, "user_1", "07:30:00", 50, 13)],
                vec![(10, "0.950", "travel")],
            ),
            ("elsewhere in time", vec![(10, "user_1", "13:00:00", 50, 80)], vec![]),
            (
                "two weak hits",
                vec![(10, "user_1", "07:00:00", 50, 13), (11, "user_1", "07:00:20", 50, 13), (12, "user_1", "07:00:40", 200, 13)],
                vec![(12, "0.615", "amount velocity")],
            ),
        ] {
            let mut driver = driver();
            for one in habit.iter().chain(&sold) {
                driver.send(SALES_STREAM, (), transaction(*one));
            }
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(number, score, detectors): (u128, &str, &str)| (number, score.to_owned(), detectors.to_owned()))
                .collect();
            assert_eq!(alerts(&driver), expected, "{name}");
        }
    }

    #[test]
    fn an_alert_says_all_that_is_known() {
        let mut driver = driver();
        driver.send(SALES_STREAM, (), transaction((7, "user_1", "07:00:00", 30_000, 13)));
        let alert = driver.latest(FRAUD_ALERTS, AlertKey { transaction_id: Uuid::from_u128(7) }).unwrap();
        assert_eq!((alert.severity(), alert.model.as_str(), alert.user_id.as_str()), (Severity::Critical, MODEL, "user_1"));
        assert_eq!((alert.purchase.total.0, alert.purchase.country.code(), alert.purchase.city.as_str()), (3_000_000, "DE", "Berlin"));
        assert_eq!(alert.hits[0].reason, "30000.00 is at least 25000.00");
    }

    #[test]
    fn what_arrives_late_is_judged_too() {
        let mut driver = driver();
        for sold in [(1, "user_1", "07:00:00", 50, 13), (2, "user_1", "09:00:00", 50, 13), (3, "user_1", "07:10:00", 50, 80)] {
            driver.send(SALES_STREAM, (), transaction(sold));
        }
        assert_eq!(alerts(&driver).into_iter().map(|(number, ..)| number).collect::<Vec<_>>(), [3]);
        assert!(driver.dead_letters().is_empty());
    }

    #[test]
    fn what_breaks_a_rule_is_a_dead_letter_of_the_stage_that_read_it() {
        let mut driver = driver();
        for (value, reason) in [
            (SOLD.replace("\"total_amount\":\"50.00\"", "\"total_amount\":\"50.01\""), "wrong total: 1 times 50.00 is not 50.01"),
            (SOLD.replace("USD", "EUR"), "unknown currency: EUR"),
            (SOLD.replace('}', ""), "broken JSON"),
        ] {
            driver.send_bytes(SALES_STREAM.name(), Some(b"k"), Some(value.as_bytes()));
            let letter = driver.dead_letters().pop().unwrap();
            assert_eq!((&*letter.topic, &*letter.stage, letter.value.as_deref()), ("sales_stream", "sales", Some(value.as_bytes())));
            assert!(letter.reason.contains(reason), "{}", letter.reason);
        }
        assert!(driver.all(FRAUD_ALERTS).is_empty());
    }

    #[test]
    fn labels_are_never_read() {
        let topology = topology().build().unwrap();
        assert!(!topology.describe_as("fraud").to_string().contains(FRAUD_LABELS));
        let declared = topology.declared_topics().iter().find(|topic| topic.name == SALES_STREAM.name()).unwrap();
        assert_eq!(declared.partitions, Some(sales_stream::sales_stream_topic().partitions));
    }
}
