//! How good the alerts are, measured against the labels that only the measurement sees.

use super::Alert;
use crate::money::Cents;
use crate::sales_stream::{FraudKind, Transaction};
use headwater_streams::format::FormatError;
use serde::Deserialize;
use std::collections::HashMap;
use uuid::Uuid;

/// What was found of a kind of fraud.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measure {
    /// Fraud with an alert.
    pub found: u64,
    /// Fraud without one.
    pub missed: u64,
    /// Alerts without a fraud.
    pub mistaken: u64,
}

impl Measure {
    /// The share of alerts that are right; 0 where there are none.
    pub fn precision(&self) -> f64 {
        share(self.found, self.found + self.mistaken)
    }

    /// The share of fraud that is found; 0 where there is none.
    pub fn recall(&self) -> f64 {
        share(self.found, self.found + self.missed)
    }

    /// The harmonic mean of both.
    pub fn f1(&self) -> f64 {
        share(2 * self.found, 2 * self.found + self.missed + self.mistaken)
    }
}

fn share(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}

/// The label of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// Which transaction.
    pub transaction_id: Uuid,
    /// What it is.
    pub kind: FraudKind,
}

impl Label {
    /// Reads a record of the topic of labels.
    pub fn parse(bytes: &[u8]) -> Result<Label, FormatError> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            transaction_id: &'a str,
            kind: &'a str,
        }
        let wire: Wire<'_> = serde_json::from_slice(bytes).map_err(FormatError::malformed)?;
        let kind = FraudKind::from_name(wire.kind).ok_or_else(|| FormatError::malformed(format!("unknown kind: {}", wire.kind)))?;
        Ok(Label { transaction_id: Uuid::try_parse(wire.transaction_id).map_err(FormatError::malformed)?, kind })
    }
}

/// What there was before the labels were looked at.
#[derive(Debug, Default)]
pub struct Seen {
    totals: HashMap<Uuid, Cents>,
    alerts: HashMap<Uuid, FraudKind>,
}

impl Seen {
    /// A sale that could be read.
    pub fn sale(&mut self, transaction: &Transaction<'_>) {
        self.totals.insert(transaction.transaction_id, transaction.total_amount);
    }

    /// An alert.
    pub fn alert(&mut self, alert: &Alert) {
        self.alerts.insert(alert.purchase.transaction_id, claimed(alert));
    }

    /// Compares with the labels.
    pub fn against(self, labels: &[Label]) -> Evaluation {
        let mut kinds: Vec<_> = FraudKind::ALL.iter().map(|kind| (*kind, Measure::default())).collect();
        let fraud: HashMap<_, _> = labels.iter().map(|label| (label.transaction_id, label.kind)).collect();
        for (id, kind) in &fraud {
            let measure = &mut kinds[*kind as usize].1;
            *(if self.alerts.contains_key(id) { &mut measure.found } else { &mut measure.missed }) += 1;
        }
        self.alerts.iter().filter(|(id, _)| !fraud.contains_key(id)).for_each(|(_, kind)| kinds[*kind as usize].1.mistaken += 1);
        let all = kinds.iter().fold(Measure::default(), |all, (_, of)| Measure {
            found: all.found + of.found,
            missed: all.missed + of.missed,
            mistaken: all.mistaken + of.mistaken,
        });
        let amount_only = AmountOnly::best(self.totals.iter().map(|(id, total)| (*total, fraud.contains_key(id))).collect());
        Evaluation { sales: self.totals.len() as u64, all, kinds, amount_only }
    }
}

/// The kind that an alert claims by its detectors, for the account of mistakes: more than one detector is a combination.
fn claimed(alert: &Alert) -> FraudKind {
    match &alert.hits[..] {
        [hit] => FraudKind::from_name(&hit.detector).unwrap_or(FraudKind::Combined),
        _ => FraudKind::Combined,
    }
}

/// All figures of a measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Sales that could be read.
    pub sales: u64,
    /// Over all kinds.
    pub all: Measure,
    /// Each kind; a mistake is charged to the kind that the alert claims.
    pub kinds: Vec<(FraudKind, Measure)>,
    /// A rule that knows amounts alone.
    pub amount_only: AmountOnly,
}

impl Evaluation {
    /// The least precision and the least recall over all.
    pub const LEAST: f64 = 0.7;
    /// The least F1, in times that of the amount-only rule.
    pub const LEAST_TIMES_AMOUNT_ONLY: f64 = 1.5;

    /// What the alerts fall short of; empty where they are good.
    pub fn shortfalls(&self) -> Vec<String> {
        let (precision, recall, f1) = (self.all.precision(), self.all.recall(), self.all.f1());
        let wanted = Self::LEAST_TIMES_AMOUNT_ONLY * self.amount_only.measure.f1();
        let checks = [
            (precision < Self::LEAST, format!("precision {precision:.3} is below {}", Self::LEAST)),
            (recall < Self::LEAST, format!("recall {recall:.3} is below {}", Self::LEAST)),
            (f1 < wanted, format!("F1 {f1:.3} is below {wanted:.3}, {} times that of amounts alone", Self::LEAST_TIMES_AMOUNT_ONLY)),
        ];
        checks.into_iter().filter(|(falls_short, _)| *falls_short).map(|(_, what)| what).collect()
    }
}

/// The rule "an alert from this total on", with the one threshold that makes the most of these very sales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AmountOnly {
    /// The threshold.
    pub threshold: Cents,
    /// What it finds.
    pub measure: Measure,
}

impl AmountOnly {
    /// Tries every total as a threshold and keeps the one with the best F1. It has seen the labels, which no real rule has.
    fn best(mut sales: Vec<(Cents, bool)>) -> Self {
        sales.sort_unstable_by_key(|(total, _)| std::cmp::Reverse(*total));
        let fraud = sales.iter().filter(|(_, is_fraud)| *is_fraud).count() as u64;
        let mut best = AmountOnly { threshold: Cents(i128::MAX), measure: Measure { missed: fraud, ..Measure::default() } };
        let mut measure = best.measure;
        for same in sales.chunk_by(|left, right| left.0 == right.0) {
            let found = same.iter().filter(|(_, is_fraud)| *is_fraud).count() as u64;
            measure = Measure {
                found: measure.found + found,
                missed: measure.missed - found,
                mistaken: measure.mistaken + same.len() as u64 - found,
            };
            if measure.f1() > best.measure.f1() {
                best = AmountOnly { threshold: same[0].0, measure };
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fraud::{Hit, Purchase, Score};

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn alert(number: u128, detectors: &[&str]) -> Alert {
        let hit = |detector: &&str| Hit { detector: (*detector).to_owned(), score: Score(600), reason: String::new() };
        let purchase = Purchase { transaction_id: id(number), ..Purchase::of(0, 1) };
        Alert::worth("user", purchase, detectors.iter().map(hit).collect()).unwrap()
    }

    #[test]
    fn counts_what_is_found_missed_and_mistaken() {
        let mut seen = Seen::default();
        seen.alert(&alert(1, &["amount"]));
        seen.alert(&alert(2, &["velocity"]));
        seen.alert(&alert(3, &["amount", "travel"]));
        seen.alert(&alert(4, &["travel"]));
        let label = |number, kind| Label { transaction_id: id(number), kind };
        let found = seen.against(&[label(1, FraudKind::Combined), label(2, FraudKind::Velocity), label(9, FraudKind::Amount)]);
        let measure = |found, missed, mistaken| Measure { found, missed, mistaken };
        assert_eq!(found.all, measure(2, 1, 2));
        let kinds: Vec<_> = found.kinds.iter().map(|(kind, measure)| (kind.name(), *measure)).collect();
        let expected =
            [("amount", measure(0, 1, 0)), ("velocity", measure(1, 0, 0)), ("travel", measure(0, 0, 1)), ("combined", measure(1, 0, 1))];
        assert_eq!(kinds, expected);
        assert_eq!((found.all.precision(), found.all.recall(), found.all.f1()), (0.5, 2.0 / 3.0, 4.0 / 7.0));
        assert_eq!(found.shortfalls().len(), 2);
    }

    #[test]
    fn the_amount_only_rule_has_the_best_threshold_there_is() {
        let sales = [(100, true), (90, false), (80, true), (80, true), (70, false), (60, false), (50, true)];
        let best = AmountOnly::best(sales.map(|(cents, is_fraud)| (Cents(cents), is_fraud)).to_vec());
        assert_eq!((best.threshold, best.measure), (Cents(80), Measure { found: 3, missed: 1, mistaken: 1 }));
    }

    #[test]
    fn labels_are_read() {
        let text = r#"{"transaction_id":"00000000-0000-0000-0000-000000000007","user_id":"user_1","kind":"travel"}"#;
        assert_eq!(Label::parse(text.as_bytes()).unwrap(), Label { transaction_id: id(7), kind: FraudKind::Travel });
        assert!(Label::parse(text.replace("travel", "theft").as_bytes()).is_err());
    }
}
