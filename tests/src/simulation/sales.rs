//! Category-sales under simulation: an input and what must come out of it.
//!
//! The model shares nothing with the topology: it reads the input as loose JSON and adds up.

use super::World;
use headwater_streams::connector::DeadLetter;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// When the first sale is made (milliseconds).
pub const START: i64 = 1_767_225_600_000;

type Row = (String, String);

/// Lines as a producer sends them, some of them bad, some too late.
pub struct Input(Vec<Vec<u8>>);

impl Input {
    /// `records` lines.
    pub fn generate(records: i64) -> Input {
        let line = |i: i64| -> Vec<u8> {
            // Two hours later than the rest at the end of each third, so that what follows is late.
            let at = if i % 80 == 79 { START + 7_200_000 * (i / 80 + 1) } else { START + i * 1_500 };
            let at = format_time(at);
            let category = ["Electronics", "Fashion", "Beauty", "Home", "Sports", "Grocery"][(i * 7 % 6) as usize];
            let text = format!(
                r#"{{"transaction_id":"5f0c7d1e-8a55-4c3e-9b64-{i:012x}","user_id":"user_{}","product_category":"{category}","product_name":"thing","amount":{}.{:02},"timestamp":"{at}","payment_method":"paypal"}}"#,
                i % 9,
                10 + i % 900,
                i % 100
            );
            match i % 41 {
                13 => b"{\"transaction_id\": ".to_vec(),
                29 => text.replace("\"user_id\"", "\"user\"").into_bytes(),
                31 => text.replace(category, "Cars").into_bytes(),
                37 => vec![0xff, 0xfe],
                _ => text.into_bytes(),
            }
        };
        Input((0..records).map(line).collect())
    }

    /// The lines.
    pub fn lines(&self) -> &[Vec<u8>] {
        &self.0
    }
}

/// How strictly results are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Everything once.
    ExactlyOnce,
    /// Nothing is missing.
    AtLeastOnce,
}

impl Check {
    /// Table as the output topic's last values, letters, and both together the input.
    pub fn sales(self, world: &World, input: &Input, case: &str) {
        let table = self.table(world, case);
        let letters: Vec<_> = world
            .read("category-sales-dlq")
            .iter()
            .flat_map(|records| records.iter())
            .map(|record| DeadLetter::from_record(record).expect("what was written can be read").1)
            .collect();
        let identities: BTreeSet<_> =
            letters.iter().map(|letter| (&letter.topic, letter.partition, letter.offset, &letter.stage)).collect();
        let late: Vec<_> = letters.iter().filter(|letter| letter.reason == "late").collect();
        let counted: i64 = table.values().map(|row| row.1).sum();
        let (found, all) = (counted + identities.len() as i64, input.lines().len() as i64);
        let model = model(input, &late);
        match self {
            Check::ExactlyOnce => {
                assert_eq!(identities.len(), letters.len(), "{case}: a letter came twice");
                assert_eq!(table, model, "{case}");
                assert_eq!(found, all, "{case}: input = result + dead letters");
            }
            Check::AtLeastOnce => {
                let count = |key: &Row| table.get(key).map_or(0, |row| row.1);
                model.iter().for_each(|(key, row)| assert!(count(key) >= row.1, "{case}: {key:?} has {} of {}", count(key), row.1));
                assert!(found >= all, "{case}: {found} results and letters of {all} records");
            }
        }
    }

    fn table(self, world: &World, case: &str) -> BTreeMap<Row, (i64, i64)> {
        let mut table: BTreeMap<Row, (i64, i64)> = BTreeMap::new();
        let partitions = world.read("category-sales");
        for record in partitions.iter().flat_map(|records| records.iter()) {
            let row: Value =
                serde_json::from_slice(record.value.expect("what was written can be read")).expect("what was written can be read");
            let key = (text(&row, "window_start"), text(&row, "category"));
            let new = (cents(&text(&row, "total_sales")), row["transaction_count"].as_i64().expect("what was written can be read"));
            if let Some(old) = table.insert(key.clone(), new) {
                assert!(self == Check::AtLeastOnce || new.1 > old.1, "{case}: count of {key:?} goes from {} to {}", old.1, new.1);
            }
        }
        table
    }
}

/// Adds up what is good and not among the late.
fn model(input: &Input, late: &[&DeadLetter]) -> BTreeMap<Row, (i64, i64)> {
    let late: Vec<String> = late
        .iter()
        .map(|letter| {
            text(
                &serde_json::from_slice(letter.value.as_ref().expect("what was written can be read"))
                    .expect("what was written can be read"),
                "transaction_id",
            )
        })
        .collect();
    let mut table = BTreeMap::new();
    for line in &input.0 {
        let Ok(sale) = serde_json::from_slice::<Value>(line) else { continue };
        let category = sale["product_category"].as_str().expect("what was written can be read");
        if sale.get("user_id").is_none() || category == "Cars" || late.contains(&text(&sale, "transaction_id")) {
            continue;
        }
        let minute = format!("{}:00Z", &text(&sale, "timestamp")[..16]);
        let row: &mut (i64, i64) = table.entry((minute, category.to_owned())).or_default();
        row.0 += cents(&sale["amount"].to_string());
        row.1 += 1;
    }
    table
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("{field} of {value}")).to_owned()
}

/// "12.3" is 1230 cents.
fn cents(decimal: &str) -> i64 {
    let (whole, part) = decimal.split_once('.').unwrap_or((decimal, ""));
    whole.parse::<i64>().expect("what was written can be read") * 100
        + format!("{part:0<2}").parse::<i64>().expect("what was written can be read")
}

/// Times of one day suffice here.
fn format_time(ms: i64) -> String {
    let seconds = (ms - START) / 1000;
    format!("2026-01-01T{:02}:{:02}:{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
