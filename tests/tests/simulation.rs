//! Category-sales on the simulated log, killed at every boundary: between any two effects and any two steps.
//!
//! The model shares nothing with the topology: it reads the input as loose JSON and adds up.

use headwater_state::{Disk, MemoryDisk};
use headwater_streams::connector::DeadLetter;
use headwater_streams::log::{
    FetchLimit, Headers, Isolation, Log, LogSettings, NO_OFFSET, ProducerConfig, ReaderConfig, Records, SimulatedLog, StartAt,
    TopicPartition, VirtualClock,
};
use headwater_streams::runtime::{Boundary, Config, SimulatedProcess};
use headwater_topologies::category_sales;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const START: i64 = 1_767_225_600_000;
const RECORDS: i64 = 240;

type Row = (String, String);

#[test]
fn a_kill_at_any_boundary_changes_nothing() {
    let input = Input::generate();
    let mut world = World::with(&input);
    let undisturbed = world.run_to_the_end(usize::MAX);
    world.check(&input, "undisturbed");
    assert!(undisturbed > 20, "only {undisturbed} boundaries: nothing would be tested");
    for boundary in 0..undisturbed {
        let mut world = World::with(&input);
        world.run_to_the_end(boundary);
        world.run_to_the_end(usize::MAX);
        world.check(&input, &format!("killed at boundary {boundary}"));
    }
}

#[test]
fn many_kills_in_a_row_change_nothing() {
    let input = Input::generate();
    for distance in [3, 7, 19] {
        let mut world = World::with(&input);
        for _ in 0..40 {
            world.run_to_the_end(distance);
        }
        world.run_to_the_end(usize::MAX);
        world.check(&input, &format!("killed every {distance} boundaries"));
    }
}

/// Lines as a producer sends them, some of them bad, some too late.
struct Input(Vec<Vec<u8>>);

impl Input {
    fn generate() -> Input {
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
        Input((0..RECORDS).map(line).collect())
    }
}

/// Log and disk: what outlives a killed process.
struct World {
    clock: VirtualClock,
    log: SimulatedLog,
    disk: MemoryDisk,
    lives: u32,
}

impl World {
    fn with(input: &Input) -> World {
        let clock = VirtualClock::at(START + 20_000_000);
        let log = SimulatedLog::open(&MemoryDisk::new(), clock.clone(), LogSettings::default(), 7).unwrap();
        log.admin().create_topic(&category_sales::transactions_topic()).unwrap();
        let mut producer = log.producer(ProducerConfig::default()).unwrap();
        let mut records = Records::new();
        for line in &input.0 {
            records.push(NO_OFFSET, clock_time(&clock), None, Some(line), &Headers::EMPTY);
        }
        producer.send(&TopicPartition::new("transactions", 0), &mut records).unwrap();
        producer.flush().unwrap();
        World { clock, log, disk: MemoryDisk::new(), lives: 0 }
    }

    /// Lets one process live for so many boundaries, or until nothing happens any more; returns how many there were.
    fn run_to_the_end(&mut self, boundaries: usize) -> usize {
        self.lives += 1;
        let mut config = Config::new("category-sales");
        config.buffered_records = 50;
        let topology = category_sales::topology().build().unwrap();
        let log: Arc<dyn Log> = Arc::new(self.log.clone());
        let mut process = SimulatedProcess::start(log, Disk::Memory(self.disk.clone()), "one", topology, config).unwrap();
        let patience = clock_time(&self.clock) + 60_000;
        for boundary in 0..boundaries {
            let now = clock_time(&self.clock);
            match process.advance(now).unwrap() {
                Boundary::Effect | Boundary::Step => {}
                Boundary::Idle(_) if now > patience => return boundary,
                Boundary::Idle(deadline) => {
                    self.clock.advance(Duration::from_millis((deadline - now).clamp(1, 500) as u64));
                    self.log.maintain().unwrap();
                }
                Boundary::Stopped => panic!("nobody stopped it"),
            }
        }
        boundaries
    }

    fn read(&self, topic: &str) -> Records {
        let mut reader = self.log.reader(ReaderConfig { isolation: Isolation::Committed, ..ReaderConfig::default() }).unwrap();
        let at = TopicPartition::new(topic, 0);
        reader.assign(&at, StartAt::Offset(0));
        let mut all = Records::new();
        let mut fetched = Vec::new();
        loop {
            reader.poll(FetchLimit::default(), Duration::ZERO, &mut fetched).unwrap();
            let mut at_end = fetched.is_empty();
            for batch in fetched.drain(..) {
                all.append(&batch.records);
                at_end |= batch.at_end;
            }
            if at_end {
                return all;
            }
        }
    }

    /// Table as the output topic's last values, letters once each, and both together the input.
    fn check(&self, input: &Input, case: &str) {
        let mut table: BTreeMap<Row, (i64, i64)> = BTreeMap::new();
        for record in self.read("category-sales").iter() {
            let row: Value = serde_json::from_slice(record.value.unwrap()).unwrap();
            let key = (text(&row, "window_start"), text(&row, "category"));
            let new = (cents(&text(&row, "total_sales")), row["transaction_count"].as_i64().unwrap());
            if let Some(old) = table.insert(key.clone(), new) {
                assert!(new.1 > old.1, "{case}: count of {key:?} goes from {} to {}", old.1, new.1);
            }
        }
        let letters: Vec<_> = self.read("category-sales-dlq").iter().map(|record| DeadLetter::from_record(record).unwrap().1).collect();
        let mut identities: Vec<_> = letters.iter().map(|letter| (&letter.topic, letter.partition, letter.offset, &letter.stage)).collect();
        identities.sort();
        identities.dedup();
        assert_eq!(identities.len(), letters.len(), "{case}: a letter came twice");
        let late: Vec<_> = letters.iter().filter(|letter| letter.reason == "late").collect();
        assert_eq!(table, model(input, &late), "{case}");
        let counted: i64 = table.values().map(|row| row.1).sum();
        assert_eq!(counted + letters.len() as i64, RECORDS, "{case}: input = result + dead letters");
    }
}

/// Adds up what is good and not among the late.
fn model(input: &Input, late: &[&DeadLetter]) -> BTreeMap<Row, (i64, i64)> {
    let late: Vec<String> =
        late.iter().map(|letter| text(&serde_json::from_slice(letter.value.as_ref().unwrap()).unwrap(), "transaction_id")).collect();
    let mut table = BTreeMap::new();
    for line in &input.0 {
        let Ok(sale) = serde_json::from_slice::<Value>(line) else { continue };
        let category = sale["product_category"].as_str().unwrap();
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
    whole.parse::<i64>().unwrap() * 100 + format!("{part:0<2}").parse::<i64>().unwrap()
}

/// Times of one day suffice here.
fn format_time(ms: i64) -> String {
    let seconds = (ms - START) / 1000;
    format!("2026-01-01T{:02}:{:02}:{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn clock_time(clock: &VirtualClock) -> i64 {
    headwater_streams::log::Clock::now_ms(clock)
}
