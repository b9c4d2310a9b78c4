//! Made-up changes to one dimension: some say nothing new, some correct an earlier one, some end a row; some come late, some malformed.
//!
//! `valid_from` runs from the start by one step a record. A late record lies up to two days behind its turn, so that it falls between
//! changes that are known. One record in twenty repeats an earlier one word by word, and one in twenty corrects an earlier one: another
//! content for the same key and the same moment.

use super::json::{Json, Members};
use super::{Change, Columns, Dimension, Values};
use crate::generator::{Generator, Settings};
use crate::random::Random;
use headwater_streams::record::Timestamp;

const KEYS: u64 = 500;
const LATE_MAX_MS: u64 = 2 * 86_400_000;
/// Earlier records that are repeated or corrected lie at most so far back.
const REACH: u64 = 2_000;
/// In percent.
const REPEATS: u64 = 5;
const CORRECTIONS: u64 = 5;
const DELETES: u64 = 5;

/// Changes that are a pure function of the settings.
#[derive(Debug, Clone, Copy)]
pub struct Changes {
    dimension: &'static Dimension,
    settings: Settings,
}

impl Changes {
    /// The changes to this dimension by these settings.
    pub fn new(dimension: &'static Dimension, settings: Settings) -> Self {
        Changes { dimension, settings }
    }

    /// Record `index`, before anything is made wrong with it.
    fn change(&self, index: u64) -> Change {
        let mut random = self.random(index);
        let earlier = index - index.min(1 + random.below(REACH));
        match random.below(100) {
            kind if kind < REPEATS => self.first_told(earlier),
            kind if kind < REPEATS + CORRECTIONS => {
                let Change { key, valid_from, .. } = self.first_told(earlier);
                let columns = self.columns(&key, &mut random);
                Change { key, valid_from, columns }
            }
            _ => self.first_told(index),
        }
    }

    /// What record `index` would say by itself.
    fn first_told(&self, index: u64) -> Change {
        let mut random = self.random(index.wrapping_add(1 << 63));
        let key = format!("{}-{:04}", self.dimension.name, random.below(KEYS));
        let is_late = random.share() < self.settings.late;
        let behind = if is_late { random.below(LATE_MAX_MS) } else { 0 };
        let valid_from: Timestamp = (self.settings.due(index) - behind as i64).max(0);
        let columns = self.columns(&key, &mut random);
        Change { key, valid_from, columns }
    }

    fn random(&self, index: u64) -> Random {
        Random::of(self.settings.seed ^ (u64::from(self.dimension.name.as_bytes()[0]) << 56), index)
    }

    /// Few values to a column, so that a change often says what is known already.
    fn columns(&self, key: &str, random: &mut Random) -> Option<Columns> {
        if random.below(100) < DELETES {
            return None;
        }
        let mut columns = Members::new();
        for rule in self.dimension.columns {
            let value = match rule.values {
                Values::Text => Json::Text(format!("{} {}", rule.name, random.pick(&["A", "A", "A", "B"]))),
                Values::OneOf(names) => random.pick(names).into(),
                Values::Price => Json::Text(format!("{}.{}0", 2 + random.below(2), random.below(2) * 5)),
                Values::Whole(min, _) => (min + random.below(2) as i64).into(),
            };
            if !(rule.optional && random.below(2) == 0) {
                columns.insert(rule.name.to_owned(), value);
            }
        }
        columns.insert("name".into(), Json::Text(format!("Name of {key}")));
        Some(Columns(columns))
    }
}

impl Generator for Changes {
    fn key(&self, index: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(self.change(index).key.as_bytes());
    }

    fn value(&self, index: u64, out: &mut Vec<u8>) {
        let mut random = self.random(index.wrapping_add(1 << 62));
        let change = self.change(index);
        if random.share() >= self.settings.bad {
            change.to_json().write(out);
            return;
        }
        random.pick(&Flaw::ALL).write(change, &mut random, out);
    }
}

/// What can be wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    BrokenJson,
    NotUtf8,
    MissingField,
    WrongType,
    UnknownOperation,
    MomentOutOfRange,
    EmptyKey,
    MissingColumn,
}

impl Flaw {
    const ALL: [Flaw; 8] = [
        Flaw::BrokenJson,
        Flaw::NotUtf8,
        Flaw::MissingField,
        Flaw::WrongType,
        Flaw::UnknownOperation,
        Flaw::MomentOutOfRange,
        Flaw::EmptyKey,
        Flaw::MissingColumn,
    ];

    fn write(self, change: Change, random: &mut Random, out: &mut Vec<u8>) {
        let start = out.len();
        let Json::Object(mut fields) = change.to_json() else { unreachable!("a change is an object") };
        match self {
            Flaw::BrokenJson | Flaw::NotUtf8 => {}
            Flaw::MissingField => drop(fields.remove(random.pick(&["key", "op", "valid_from"]))),
            Flaw::WrongType => drop(fields.insert("valid_from".into(), "soon".into())),
            Flaw::UnknownOperation => drop(fields.insert("op".into(), "merge".into())),
            Flaw::MomentOutOfRange => drop(fields.insert("valid_from".into(), i64::MAX.into())),
            Flaw::EmptyKey => drop(fields.insert("key".into(), "".into())),
            Flaw::MissingColumn => {
                fields.insert("op".into(), "upsert".into());
                fields.insert("columns".into(), Json::Object(Members::new()));
            }
        }
        Json::Object(fields).write(out);
        // Any byte but the first one.
        let place = start + 1 + random.below((out.len() - start - 1) as u64) as usize;
        if self == Flaw::BrokenJson {
            out.truncate(place);
        } else if self == Flaw::NotUtf8 {
            out[place] = 0xff;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dimensions::{CUSTOMER, DIMENSIONS, PRODUCT};
    use std::collections::{BTreeMap, HashSet};
    use std::time::Duration;

    const START: Timestamp = 1_764_446_400_000;

    fn changes(dimension: &'static Dimension, late: f64, bad: f64) -> Changes {
        Changes::new(dimension, Settings { seed: 7, start: START, step: Duration::from_secs(60), late, bad })
    }

    fn value(of: &Changes, index: u64) -> Vec<u8> {
        let mut out = Vec::new();
        of.value(index, &mut out);
        out
    }

    /// What a seed means must not change: topics are gone on with, and results are compared over versions.
    #[test]
    fn seed_7_begins_as_ever() {
        let generator = changes(&PRODUCT, 0.2, 0.2);
        let bytes = (0..1_000).flat_map(|index| value(&generator, index));
        assert_eq!(bytes.fold(0_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)), 14_009_248_891_842_353_827);
        assert_eq!(value(&generator, 500), value(&generator, 500));
        assert_ne!(value(&generator, 500), value(&changes(&CUSTOMER, 0.2, 0.2), 500));
    }

    #[test]
    fn good_changes_keep_every_rule_and_belong_to_their_key() {
        for dimension in DIMENSIONS {
            let generator = changes(dimension, 0.1, 0.0);
            for index in 0..2_000 {
                let (change, mut key) = (Change::parse(&value(&generator, index)).unwrap(), Vec::new());
                generator.key(index, &mut key);
                assert_eq!(change.key.as_bytes(), key);
                dimension.check(change).unwrap();
            }
        }
    }

    #[test]
    fn some_repeat_some_correct_some_end_and_some_come_late() {
        let generator = changes(&PRODUCT, 0.1, 0.0);
        let (mut told, mut moments, mut latest) = (HashSet::new(), HashSet::new(), BTreeMap::new());
        let (mut repeats, mut corrections, mut deletes, mut late) = (0, 0, 0, 0);
        for index in 0..10_000 {
            let text = value(&generator, index);
            let change = Change::parse(&text).unwrap();
            let is_new_moment = moments.insert((change.key.clone(), change.valid_from));
            match told.insert(text) {
                false => repeats += 1,
                true if !is_new_moment => corrections += 1,
                true => {}
            }
            deletes += u32::from(change.columns.is_none());
            let latest = latest.entry(change.key).or_insert(change.valid_from);
            late += u32::from(is_new_moment && change.valid_from < *latest);
            *latest = change.valid_from.max(*latest);
        }
        let found = [repeats, corrections, deletes, late];
        assert!(found.iter().all(|count| (250..1_100).contains(count)), "{found:?}");
    }

    #[test]
    fn every_malformed_record_breaks_a_rule_and_every_rule_is_broken() {
        let generator = changes(&PRODUCT, 0.0, 1.0);
        let mut reasons = BTreeMap::new();
        for index in 0..4_000 {
            let reason = Change::parse(&value(&generator, index)).and_then(|change| PRODUCT.check(change)).unwrap_err().to_string();
            let kind = match reason.split(['.', ':']).next().unwrap_or_default() {
                "missing field key" | "missing field op" | "missing field valid_from" => "missing field",
                "valid_from out of range 0001-01-01 to 9999-12-31" => "out of range",
                kind => kind,
            };
            *reasons.entry(kind.to_owned()).or_insert(0) += 1;
        }
        assert_eq!(reasons.len(), Flaw::ALL.len(), "{reasons:?}");
        assert!(reasons.values().all(|count| (400..600).contains(count)), "not uniform: {reasons:?}");
    }
}
