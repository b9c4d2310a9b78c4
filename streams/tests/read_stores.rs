//! Processors that read what other operations fill.

use headwater_streams::prelude::*;
use headwater_streams::testing::TestDriver;
use std::time::Duration;

const PRICES: Topic<String, Option<u64>> = Topic::new("prices");
const ASKED: Topic<String, i64> = Topic::new("asked");
const TOLD: Topic<String, u64> = Topic::new("told");
const KNOWN: VersionedStore<String, u64> = VersionedStore::new("known-prices", Duration::from_secs(3_600));
const WINDOWS: WindowStore<String, u64> = WindowStore::new("windows");

#[test]
fn a_processor_reads_versions() {
    let app = StreamsBuilder::new();
    let _ = app.table(PRICES, KNOWN);
    app.stream(ASKED)
        .process(KNOWN, |asked, prices, out| {
            if let Some(version) = prices.get_as_of(&asked.key, asked.value)? {
                out.send(asked.key, version.value);
            }
            Ok(())
        })
        .to(TOLD);
    let mut driver = TestDriver::new(app.build().unwrap());
    driver.at(10).send(PRICES, "tea", 4).at(20).send(PRICES, "tea", 5).at(30).send(ASKED, "tea", 19);
    assert_eq!(driver.latest(TOLD, "tea"), Some(4));
    driver.send(ASKED, "tea", 20);
    assert_eq!(driver.latest(TOLD, "tea"), Some(5));
    let latest = driver.store(KNOWN).get(&"tea".to_owned()).unwrap();
    assert_eq!(latest, Some(Version { value: 5, valid_from: 20, valid_to: None }));
}

#[test]
fn what_is_read_must_be_filled() {
    let app = StreamsBuilder::new();
    app.stream(ASKED).absorb(WINDOWS, |asked, windows| {
        windows.get(&asked.key, 0)?;
        Ok(())
    });
    assert_eq!(app.build().unwrap_err(), [TopologyError::NobodyFills { store: "windows" }]);
}

#[test]
fn what_is_read_must_be_of_the_same_types() {
    let app = StreamsBuilder::new();
    let windows = Tumbling::of(Duration::from_secs(1));
    let _ = app.stream(TOLD).group_by_key().windowed_by(windows).count(WINDOWS);
    app.stream(ASKED).absorb(WindowStore::<String, i64>::new("windows"), |_, _| Ok(()));
    let mistakes = app.build().unwrap_err();
    let is_told = mistakes.iter().any(|mistake| matches!(mistake, TopologyError::StoreOfTwoTypes { store: "windows", .. }));
    assert!(is_told, "{mistakes}");
}
