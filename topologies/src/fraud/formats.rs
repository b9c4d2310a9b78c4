//! How the types of this application look on the wire and in the store. Everything here is durable: a change is a new version.
//!
//! | type | where | bytes |
//! |---|---|---|
//! | user id | keys of repartition topic, store and changelog | UTF-8 |
//! | [`Purchase`] | repartition topic | JSON: `transaction_id`, `event_time`, `total_amount`, `country`, `city`, `latitude`, `longitude` |
//! | [`History`] | store and changelog | version 1, one byte; amounts: count 4, sum 8, squares 16; number of recent purchases 2, each time 8, cents 8; number of places 2, each time 8, latitude 4, longitude 4 (millionths of a degree); big-endian |
//! | [`AlertKey`] | keys of topic `fraud_alerts` | JSON: the table's primary key, `transaction_id` |
//! | [`Alert`] | topic `fraud_alerts` | JSON: the table's columns; money and scores decimal text, `hits` an array of `detector`, `score`, `reason` |

use super::{Alert, AlertKey, Amounts, History, Hit, Purchase, Recent, Recently, Score, Sight, Whereabouts};
use crate::flat_json::write_text;
use crate::iso8601;
use crate::money::Cents;
use crate::sales_stream::{Coordinates, Country, Degrees};
use headwater_streams::format::{Data, Format, FormatError};
use headwater_streams::record::Timestamp;
use serde::Deserialize;
use std::borrow::Cow;
use std::fmt::Arguments;
use std::io::Write;
use uuid::Uuid;

/// Version of the bytes of [`History`].
const HISTORY_VERSION: u8 = 1;

impl Data for Purchase {
    type Format = PurchaseJson;
}

impl Data for History {
    type Format = HistoryLayout;
}

impl Data for AlertKey {
    type Format = AlertKeyJson;
}

impl Data for Alert {
    type Format = AlertJson;
}

/// A purchase on its way to its user.
#[derive(Debug, Clone, Copy, Default)]
pub struct PurchaseJson;

impl Format<Purchase> for PurchaseJson {
    fn encode(&self, purchase: &Purchase, out: &mut Vec<u8>) -> Result<(), FormatError> {
        write(out, format_args!("{{\"transaction_id\":\"{}\"", purchase.transaction_id));
        write_facts(purchase, out);
        out.push(b'}');
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Purchase, FormatError> {
        let facts: Facts<'_> = serde_json::from_slice(bytes).map_err(FormatError::malformed)?;
        facts.purchase()
    }

    fn name(&self) -> Cow<'static, str> {
        "fraud-purchase-json".into()
    }
}

/// An alert's identity as the primary key of the table: the same key, the same bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct AlertKeyJson;

impl Format<AlertKey> for AlertKeyJson {
    fn encode(&self, key: &AlertKey, out: &mut Vec<u8>) -> Result<(), FormatError> {
        write(out, format_args!("{{\"transaction_id\":\"{}\"}}", key.transaction_id));
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<AlertKey, FormatError> {
        #[derive(Deserialize)]
        struct Key<'a> {
            transaction_id: &'a str,
        }
        let key: Key<'_> = serde_json::from_slice(bytes).map_err(FormatError::malformed)?;
        Ok(AlertKey { transaction_id: uuid(key.transaction_id)? })
    }

    fn name(&self) -> Cow<'static, str> {
        "fraud-alert-key-json".into()
    }
}

/// An alert with the table's columns.
#[derive(Debug, Clone, Copy, Default)]
pub struct AlertJson;

impl Format<Alert> for AlertJson {
    fn encode(&self, alert: &Alert, out: &mut Vec<u8>) -> Result<(), FormatError> {
        write(out, format_args!("{{\"transaction_id\":\"{}\",\"user_id\":", alert.purchase.transaction_id));
        write_text(&alert.user_id, out);
        write_facts(&alert.purchase, out);
        write(out, format_args!(",\"score\":\"{}\",\"severity\":\"{}\",\"hits\":[", alert.score, alert.severity()));
        for (place, hit) in alert.hits.iter().enumerate() {
            out.extend_from_slice(if place > 0 { b",{\"detector\":" } else { b"{\"detector\":" });
            write_text(&hit.detector, out);
            write(out, format_args!(",\"score\":\"{}\",\"reason\":", hit.score));
            write_text(&hit.reason, out);
            out.push(b'}');
        }
        out.extend_from_slice(b"],\"model\":");
        write_text(&alert.model, out);
        out.push(b'}');
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Alert, FormatError> {
        #[derive(Deserialize)]
        struct Verdict {
            user_id: String,
            score: String,
            hits: Vec<Found>,
            model: String,
        }
        #[derive(Deserialize)]
        struct Found {
            detector: String,
            score: String,
            reason: String,
        }
        let facts: Facts<'_> = serde_json::from_slice(bytes).map_err(FormatError::malformed)?;
        let verdict: Verdict = serde_json::from_slice(bytes).map_err(FormatError::malformed)?;
        let hit = |found: Found| Ok(Hit { detector: found.detector, score: score(&found.score)?, reason: found.reason });
        Ok(Alert {
            user_id: verdict.user_id,
            purchase: facts.purchase()?,
            score: score(&verdict.score)?,
            hits: verdict.hits.into_iter().map(hit).collect::<Result<_, FormatError>>()?,
            model: verdict.model,
        })
    }

    fn name(&self) -> Cow<'static, str> {
        "fraud-alert-json".into()
    }
}

/// What purchases and alerts have in common on the wire.
#[derive(Deserialize)]
struct Facts<'a> {
    transaction_id: &'a str,
    event_time: &'a str,
    total_amount: &'a str,
    country: &'a str,
    #[serde(borrow)]
    city: Cow<'a, str>,
    latitude: f64,
    longitude: f64,
}

impl Facts<'_> {
    fn purchase(self) -> Result<Purchase, FormatError> {
        let bad = |what: &str, text: &str| FormatError::malformed(format!("not {what}: {text}"));
        Ok(Purchase {
            transaction_id: uuid(self.transaction_id)?,
            event_time: iso8601::parse(self.event_time).ok_or_else(|| bad("a time", self.event_time))?,
            total: Cents::parse(self.total_amount).map_err(|_| bad("an amount", self.total_amount))?,
            country: Country::from_code(self.country).ok_or_else(|| bad("a country", self.country))?,
            city: self.city.into_owned(),
            at: Coordinates { latitude: Degrees::nearest(self.latitude), longitude: Degrees::nearest(self.longitude) },
        })
    }
}

/// The members from `event_time` on, with the comma before.
fn write_facts(purchase: &Purchase, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"event_time\":\"");
    iso8601::write_millis(purchase.event_time, out);
    out.extend_from_slice(b"\",\"total_amount\":\"");
    purchase.total.write(out);
    write(out, format_args!("\",\"country\":\"{}\",\"city\":", purchase.country));
    write_text(&purchase.city, out);
    write(out, format_args!(",\"latitude\":{},\"longitude\":{}", purchase.at.latitude, purchase.at.longitude));
}

fn write(out: &mut Vec<u8>, what: Arguments<'_>) {
    out.write_fmt(what).expect("memory takes every byte");
}

fn uuid(text: &str) -> Result<Uuid, FormatError> {
    Uuid::try_parse(text).map_err(FormatError::malformed)
}

fn score(text: &str) -> Result<Score, FormatError> {
    let thousandths = text.split_once('.').filter(|(_, decimals)| decimals.len() == 3);
    let thousandths = thousandths.and_then(|(whole, decimals)| format!("{whole}{decimals}").parse().ok());
    thousandths.map(Score).ok_or_else(|| FormatError::malformed(format!("not a score: {text}")))
}

/// Histories as the store keeps them.
#[derive(Debug, Clone, Copy, Default)]
pub struct HistoryLayout;

impl Format<History> for HistoryLayout {
    fn encode(&self, history: &History, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let History { amounts, recently: Recently(recently), whereabouts: Whereabouts(sights) } = history;
        out.push(HISTORY_VERSION);
        out.extend_from_slice(&amounts.count.to_be_bytes());
        out.extend_from_slice(&amounts.sum.to_be_bytes());
        out.extend_from_slice(&amounts.squares.to_be_bytes());
        out.extend_from_slice(&length(recently.len())?);
        for recent in recently {
            out.extend_from_slice(&recent.time.to_be_bytes());
            out.extend_from_slice(&recent.cents.to_be_bytes());
        }
        out.extend_from_slice(&length(sights.len())?);
        for sight in sights {
            out.extend_from_slice(&sight.time.to_be_bytes());
            out.extend_from_slice(&sight.at.latitude.0.to_be_bytes());
            out.extend_from_slice(&sight.at.longitude.0.to_be_bytes());
        }
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<History, FormatError> {
        match bytes.first() {
            Some(&HISTORY_VERSION) => {}
            Some(&found) => return Err(FormatError::WrongVersion { expected: HISTORY_VERSION, found }),
            None => return Err(FormatError::malformed("no bytes")),
        }
        let mut rest = &bytes[1..];
        let history = history(&mut rest).filter(|_| rest.is_empty());
        history.ok_or_else(|| FormatError::malformed(format!("{} bytes are not a history", bytes.len())))
    }

    fn name(&self) -> Cow<'static, str> {
        "fraud-history-1".into()
    }
}

fn length(length: usize) -> Result<[u8; 2], FormatError> {
    u16::try_from(length).map(u16::to_be_bytes).map_err(FormatError::unwritable)
}

fn history(rest: &mut &[u8]) -> Option<History> {
    let amounts =
        Amounts { count: u32::from_be_bytes(take(rest)?), sum: u64::from_be_bytes(take(rest)?), squares: u128::from_be_bytes(take(rest)?) };
    let recently = (0..u16::from_be_bytes(take(rest)?)).map(|_| recent(rest)).collect::<Option<_>>()?;
    let sights = (0..u16::from_be_bytes(take(rest)?)).map(|_| sight(rest)).collect::<Option<_>>()?;
    Some(History { amounts, recently: Recently(recently), whereabouts: Whereabouts(sights) })
}

fn recent(rest: &mut &[u8]) -> Option<Recent> {
    Some(Recent { time: Timestamp::from_be_bytes(take(rest)?), cents: u64::from_be_bytes(take(rest)?) })
}

fn sight(rest: &mut &[u8]) -> Option<Sight> {
    let time = Timestamp::from_be_bytes(take(rest)?);
    let [latitude, longitude] = [Degrees(i32::from_be_bytes(take(rest)?)), Degrees(i32::from_be_bytes(take(rest)?))];
    Some(Sight { time, at: Coordinates { latitude, longitude } })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fraud::MODEL;

    /// The bytes are what documents and other programs rely on; they come back as the same value.
    fn check<T: PartialEq + std::fmt::Debug>(format: impl Format<T>, value: T, expected: &str) {
        let mut bytes = Vec::new();
        format.encode(&value, &mut bytes).unwrap();
        assert_eq!(String::from_utf8(bytes.clone()).unwrap(), expected);
        assert_eq!(format.decode(&bytes).unwrap(), value);
    }

    fn purchase() -> Purchase {
        let at = Coordinates { latitude: Degrees(-23_550_520), longitude: Degrees(46_633_309) };
        Purchase { city: "Sao \"P\"".into(), at, ..Purchase::of(1_764_446_672_123, 123_450) }
    }

    #[test]
    fn bytes_are_as_documented_and_come_back() {
        check(
            PurchaseJson,
            purchase(),
            r#"{"transaction_id":"00000000-0000-0000-0000-000000000007","event_time":"2025-11-29T20:04:32.123Z","total_amount":"1234.50","country":"GH","city":"Sao \"P\"","latitude":-23.550520,"longitude":46.633309}"#,
        );
        let hit = |detector: &str, score| Hit { detector: detector.into(), score: Score(score), reason: "so".into() };
        let alert = Alert::worth("user_1", purchase(), vec![hit("amount", 300), hit("travel", 950)]).unwrap();
        assert_eq!(alert.model, MODEL);
        check(AlertKeyJson, alert.key(), r#"{"transaction_id":"00000000-0000-0000-0000-000000000007"}"#);
        check(
            AlertJson,
            alert,
            r#"{"transaction_id":"00000000-0000-0000-0000-000000000007","user_id":"user_1","event_time":"2025-11-29T20:04:32.123Z","total_amount":"1234.50","country":"GH","city":"Sao \"P\"","latitude":-23.550520,"longitude":46.633309,"score":"0.965","severity":"critical","hits":[{"detector":"amount","score":"0.300","reason":"so"},{"detector":"travel","score":"0.950","reason":"so"}],"model":"rules-1"}"#,
        );
    }

    #[test]
    fn histories_come_back_and_other_bytes_are_refused() {
        let mut history = History::default();
        (0..30).for_each(|n| drop(history.examine("user_1", Purchase::of(n * 1_000, 5_000 + i128::from(n)))));
        let mut bytes = Vec::new();
        HistoryLayout.encode(&history, &mut bytes).unwrap();
        assert_eq!((bytes.len(), HistoryLayout.decode(&bytes).unwrap()), (1 + 28 + 2 + 30 * 16 + 2 + 8 * 16, history));
        for length in 0..bytes.len() {
            assert!(HistoryLayout.decode(&bytes[..length]).is_err(), "{length}");
        }
        bytes.push(0);
        assert!(HistoryLayout.decode(&bytes).is_err());
        bytes[0] = 2;
        assert_eq!(HistoryLayout.decode(&bytes), Err(FormatError::WrongVersion { expected: 1, found: 2 }));
    }
}
