//! Global tables on a real broker, with instances that are processes: runs where `HEADWATER_TEST_BROKERS` names one.
#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::log::*;
use headwater_streams::prelude::*;
use headwater_streams::runtime::{App, Config};
use headwater_streams::state::{Disk, MemoryBudget, StateDirectory};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const PATIENCE: Duration = Duration::from_secs(60);
/// One partition of the shops stays empty, and there are more of them than instances.
const SHOP_PARTITIONS: i32 = 5;
const ORDER_PARTITIONS: i32 = 4;
const INSTANCE: &str = "HEADWATER_TEST_INSTANCE";

fn topology(name: &str) -> Topology {
    let app = StreamsBuilder::new();
    let shops = app.global_table(Topic::<String, String>::of(format!("{name}-shops")), Store::<String, String>::of("shops"));
    app.stream(Topic::<String, String>::of(format!("{name}-orders")))
        .left_join(&shops.by(|_: &String, shop: &String| shop.clone()), |_, shop, city| {
            format!("{shop} {}", city.as_deref().unwrap_or("nowhere"))
        })
        .to(Topic::<String, String>::of(format!("{name}-out")));
    app.build().unwrap()
}

/// Not a test of its own: the program of an instance, which ends in good order with its standard input.
#[test]
fn an_instance() {
    let Ok(given) = std::env::var(INSTANCE) else { return };
    let (name, folder) = given.split_once(' ').unwrap();
    let log = Arc::new(KafkaLog::connect(KafkaConfig::new(std::env::var("HEADWATER_TEST_BROKERS").unwrap())).unwrap());
    let state = StateDirectory::open(Path::new(folder), name, MemoryBudget::of_bytes(64 << 20)).unwrap();
    let config = Config { session_timeout: Duration::from_secs(3), watch_interval: Duration::from_secs(1), ..Config::new(name) };
    let running = App::new(topology(name), config).start(log, Disk::Directory(state)).unwrap();
    let told = std::thread::spawn(|| std::io::stdin().read_line(&mut String::new()));
    while !told.is_finished() && !running.has_ended() {
        std::thread::park_timeout(Duration::from_millis(20));
    }
    if let Err(error) = running.stop() {
        eprintln!("{name}: {error}");
        std::process::exit(1);
    }
}

/// An instance in a process; dropping it kills it.
struct Instance(Child);

impl Instance {
    fn start(name: &str, folder: &Path) -> Self {
        let mut program = Command::new(std::env::current_exe().unwrap());
        program.args(["--exact", "an_instance", "--nocapture"]).env(INSTANCE, format!("{name} {}", folder.display()));
        Instance(program.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap())
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    fn stop(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success(), "an instance failed");
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // One that has ended cannot be killed, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The application from outside: what it was sent, what its table must be by now, and what it has answered.
struct World {
    log: KafkaLog,
    name: String,
    producer: Box<dyn Producer>,
    outputs: Box<dyn Reader>,
    shops: BTreeMap<String, String>,
    /// The answers, by order.
    answers: BTreeMap<String, Vec<String>>,
    orders: usize,
    folder: tempfile::TempDir,
}

impl World {
    fn new(kind: &str) -> Option<Self> {
        let log = KafkaLog::connect(KafkaConfig::new(std::env::var("HEADWATER_TEST_BROKERS").ok()?)).unwrap();
        let name = format!("global-{kind}-{}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros());
        for (topic, partitions, policy) in
            [("shops", SHOP_PARTITIONS, "compact"), ("orders", ORDER_PARTITIONS, "delete"), ("out", 1, "delete")]
        {
            let configs = [("cleanup.policy".to_owned(), policy.to_owned())].into();
            log.admin().create_topic(&TopicSpec { name: format!("{name}-{topic}"), partitions, configs }).unwrap();
        }
        let (producer, mut outputs) = (log.producer(ProducerConfig::default()).unwrap(), log.reader(ReaderConfig::default()).unwrap());
        outputs.assign(&TopicPartition::new(format!("{name}-out").as_str(), 0), StartAt::Earliest);
        let (shops, answers, folder) = (BTreeMap::new(), BTreeMap::new(), tempfile::tempdir().unwrap());
        Some(World { log, name, producer, outputs, shops, answers, orders: 0, folder })
    }

    fn start(&self, instance: &str) -> Instance {
        Instance::start(&self.name, &self.state_of(instance))
    }

    fn state_of(&self, instance: &str) -> PathBuf {
        self.folder.path().join(instance)
    }

    fn shop(number: usize) -> String {
        format!("shop-{number}")
    }

    /// Where the row of a shop is written: not where its hash says, which global tables must not mind.
    fn at(&self, number: usize) -> TopicPartition {
        self.in_partition(number as i32 % (SHOP_PARTITIONS - 1))
    }

    fn in_partition(&self, partition: i32) -> TopicPartition {
        TopicPartition::new(format!("{}-shops", self.name).as_str(), partition)
    }

    fn update(&mut self, number: usize, city: Option<&str>) {
        self.update_in(self.at(number).partition, number, city);
    }

    fn update_in(&mut self, partition: i32, number: usize, city: Option<&str>) {
        let at = self.in_partition(partition);
        send(&mut *self.producer, &at, &World::shop(number), city);
        self.producer.flush().unwrap();
        match city {
            Some(city) => self.shops.insert(World::shop(number), city.to_owned()),
            None => self.shops.remove(&World::shop(number)),
        };
    }

    /// Rows of a transaction, after whose markers nothing stands in the partitions; and of one that comes to nothing.
    fn fill(&mut self, shops: usize) {
        let transactional_id = Some(format!("{}-filling", self.name));
        let mut producer = self.log.producer(ProducerConfig { transactional_id, ..ProducerConfig::default() }).unwrap();
        producer.init_transactions().unwrap();
        for city in ["wrong", "Oslo"] {
            producer.begin().unwrap();
            (0..shops).for_each(|shop| send(&mut *producer, &self.at(shop), &World::shop(shop), Some(city)));
            if city == "wrong" { producer.abort().unwrap() } else { producer.commit().unwrap() }
        }
        self.shops = (0..shops).map(|shop| (World::shop(shop), "Oslo".to_owned())).collect();
    }

    fn order(&mut self, shop: usize) -> String {
        let id = format!("order-{}", self.orders);
        let at = TopicPartition::new(format!("{}-orders", self.name).as_str(), self.orders as i32 % ORDER_PARTITIONS);
        self.orders += 1;
        send(&mut *self.producer, &at, &id, Some(&World::shop(shop)));
        id
    }

    /// What the table says of a shop.
    fn expected(&self, shop: usize) -> String {
        let shop = World::shop(shop);
        let city = self.shops.get(&shop).map_or("nowhere", String::as_str);
        format!("{shop} {city}")
    }

    /// Waits for an answer to each order.
    fn all_answers(&mut self) {
        self.producer.flush().unwrap();
        let deadline = Instant::now() + PATIENCE;
        let mut fetched = Vec::new();
        while self.answers.len() < self.orders {
            assert!(Instant::now() < deadline, "{} answers to {} orders", self.answers.len(), self.orders);
            self.outputs.poll(FetchLimit::default(), Duration::from_millis(100), &mut fetched).unwrap();
            for record in fetched.drain(..).flat_map(|fetched| fetched.records.iter().map(text).collect::<Vec<_>>()) {
                self.answers.entry(record.0).or_default().push(record.1);
            }
        }
    }

    /// Orders in all partitions and of many shops are answered as the table is now.
    fn agrees(&mut self, orders: usize) {
        let sent: Vec<_> = (0..orders).map(|shop| (self.order(shop), self.expected(shop))).collect();
        self.all_answers();
        sent.iter().for_each(|(id, expected)| assert_eq!(self.answers[id], [expected.as_str()], "{id}"));
    }

    /// Waits until every task knows of a change.
    fn is_known(&mut self, shop: usize) {
        let (deadline, expected) = (Instant::now() + PATIENCE, self.expected(shop));
        loop {
            let sent: Vec<_> = (0..ORDER_PARTITIONS).map(|_| self.order(shop)).collect();
            self.all_answers();
            if sent.iter().all(|id| self.answers[id] == [expected.as_str()]) {
                return;
            }
            assert!(Instant::now() < deadline, "not everywhere {expected}");
        }
    }

    fn members(&self, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let group = self.log.admin().describe_group(&self.name).unwrap();
            if group.is_some_and(|group| group.state == "Stable" && group.members.len() == count) {
                return;
            }
            assert!(Instant::now() < deadline, "not {count} members");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
}

fn send(producer: &mut dyn Producer, at: &TopicPartition, key: &str, value: Option<&str>) {
    let mut records = Records::new();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    records.push(NO_OFFSET, now, Some(key.as_bytes()), value.map(str::as_bytes), &Headers::EMPTY);
    producer.send(at, &mut records).unwrap();
}

fn text(record: RecordRef<'_>) -> (String, String) {
    let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
    (text(record.key), text(record.value))
}

#[test]
fn every_instance_has_the_whole_table_before_its_first_join_and_through_kills() {
    let Some(mut world) = World::new("kills") else { return };
    world.fill(300);
    world.update(7, None);
    // These wait for the instances, so the first join comes as soon as one dares.
    let early: Vec<_> = (0..100).map(|shop| (world.order(shop), world.expected(shop))).collect();
    let (first, second) = (world.start("first"), world.start("second"));
    world.all_answers();
    early.iter().for_each(|(id, expected)| assert_eq!(world.answers[id], [expected.as_str()], "{id}"));
    world.members(2);
    world.agrees(100);

    // While both run: an update, a tombstone, and a row in the partition that was empty.
    world.update(0, Some("Bergen"));
    world.update(1, None);
    world.update_in(SHOP_PARTITIONS - 1, 1000, Some("Graz"));
    [0, 1, 1000].into_iter().for_each(|shop| world.is_known(shop));
    world.agrees(100);

    // One is killed at work; the other has all rows already.
    (0..100).for_each(|shop| drop(world.order(shop)));
    first.kill();
    world.agrees(100);
    world.update(2, Some("Turin"));
    world.is_known(2);

    // The one that comes back has missed the update. It takes over what the other one leaves.
    let first = world.start("first");
    world.members(2);
    world.agrees(100);
    second.kill();
    world.agrees(100);

    // Both are away meanwhile.
    first.stop();
    world.update(3, Some("Rome"));
    world.update(0, None);
    let early: Vec<_> = (0..100).map(|shop| (world.order(shop), world.expected(shop))).collect();
    let (first, second) = (world.start("first"), world.start("second"));
    world.all_answers();
    early.iter().for_each(|(id, expected)| assert_eq!(world.answers[id], [expected.as_str()], "{id}"));
    first.stop();
    second.stop();
    assert!(world.answers.values().all(|answers| answers.len() == 1), "an order was answered twice");
}

#[test]
fn a_topic_that_grows_gives_its_new_rows_too() {
    let Some(mut world) = World::new("growth") else { return };
    world.update(0, Some("Oslo"));
    let (first, second) = (world.start("first"), world.start("second"));
    world.members(2);
    world.agrees(20);
    world.log.admin().create_partitions(&format!("{}-shops", world.name), SHOP_PARTITIONS + 2).unwrap();
    world.update_in(SHOP_PARTITIONS, 1, Some("Bergen"));
    world.update_in(SHOP_PARTITIONS + 1, 2, Some("Turin"));
    [1, 2].into_iter().for_each(|shop| world.is_known(shop));
    world.agrees(20);
    first.stop();
    second.stop();
}

#[test]
fn a_topic_that_is_made_anew_ends_the_application() {
    let Some(mut world) = World::new("anew") else { return };
    world.update(0, Some("Oslo"));
    let mut first = world.start("first");
    world.agrees(20);
    let spec = TopicSpec { name: format!("{}-shops", world.name), partitions: SHOP_PARTITIONS, ..TopicSpec::default() };
    world.log.admin().delete_topic(&spec.name).unwrap();
    world.log.admin().create_topic(&spec).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let ended = loop {
        if let Some(ended) = first.0.try_wait().unwrap() {
            break ended;
        }
        assert!(Instant::now() < deadline, "it does not notice");
        std::thread::park_timeout(Duration::from_millis(20));
    };
    assert!(!ended.success());
    // The next start has the new one's rows only.
    world.shops.clear();
    world.update(1, Some("Bergen"));
    let first = world.start("first");
    world.agrees(20);
    first.stop();
}
