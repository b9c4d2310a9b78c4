//! Made-up transactions, some of them late, some of them malformed in every way that the rules know.
//!
//! A record's key is its user: under several partitions the purchases of one user stay in order.
//!
//! A late record has, in most cases, missed the end of its window and a minute of grace.

use super::parse::{AMOUNT_MAX, AMOUNT_MIN};
use super::{Category, Cents, Field, PaymentMethod};
use crate::generator::{Generator, Settings};
use crate::iso8601;
use crate::random::Random;
use headwater_streams::record::Timestamp;

const USERS: u64 = 100_000;
const YEAR_MS: i64 = 31_556_952_000;

/// Transactions that are a pure function of the settings.
#[derive(Debug, Clone, Copy)]
pub struct Transactions {
    settings: Settings,
}

impl Transactions {
    /// The transactions of these settings.
    pub fn new(settings: Settings) -> Self {
        Transactions { settings }
    }
}

impl Generator for Transactions {
    fn key(&self, index: u64, out: &mut Vec<u8>) {
        write_user(Random::of(self.settings.seed, index).below(USERS), out);
    }

    fn value(&self, index: u64, out: &mut Vec<u8>) {
        let mut random = Random::of(self.settings.seed, index);
        let user = random.below(USERS);
        let share = random.share();
        let is_late = share >= self.settings.bad && share < self.settings.bad + self.settings.late;
        let timestamp = self.settings.event_time(index, is_late, &mut random);
        let purchase = Purchase::draw(user, timestamp, &mut random);
        if share < self.settings.bad {
            purchase.write_malformed(random.pick(&Flaw::ALL), &mut random, out);
        } else {
            purchase.write(&Flawed::default(), out);
        }
    }
}

/// What can be wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    BrokenJson,
    NotUtf8,
    MissingField,
    NegativeTime,
    FarFuture,
    AmountOutOfRange,
    ThreeDecimals,
    UnknownCategory,
}

impl Flaw {
    const ALL: [Flaw; 8] = [
        Flaw::BrokenJson,
        Flaw::NotUtf8,
        Flaw::MissingField,
        Flaw::NegativeTime,
        Flaw::FarFuture,
        Flaw::AmountOutOfRange,
        Flaw::ThreeDecimals,
        Flaw::UnknownCategory,
    ];
}

/// A good record.
struct Purchase {
    user: u64,
    id: [u64; 2],
    category: Category,
    product: &'static str,
    cents: u64,
    timestamp: Timestamp,
    payment: PaymentMethod,
}

/// What stands in its place in a record with one flaw.
#[derive(Default)]
struct Flawed {
    missing: Option<Field>,
    category: Option<&'static str>,
    third_decimal: Option<u8>,
}

impl Purchase {
    fn draw(user: u64, timestamp: Timestamp, random: &mut Random) -> Self {
        let category = random.pick(Category::ALL);
        Purchase {
            user,
            id: [random.bits(), random.bits()],
            category,
            product: random.pick(products(category)),
            cents: AMOUNT_MIN.0 as u64 + random.below((AMOUNT_MAX.0 - AMOUNT_MIN.0) as u64 + 1),
            timestamp,
            payment: random.pick(PaymentMethod::ALL),
        }
    }

    fn write(&self, flawed: &Flawed, out: &mut Vec<u8>) {
        let mut before = b'{';
        for &field in Field::ALL {
            if flawed.missing == Some(field) {
                continue;
            }
            out.extend_from_slice(&[before, b'"']);
            out.extend_from_slice(field.name().as_bytes());
            out.extend_from_slice(b"\":");
            self.write_field(field, flawed, out);
            before = b',';
        }
        out.push(b'}');
    }

    fn write_field(&self, field: Field, flawed: &Flawed, out: &mut Vec<u8>) {
        if field == Field::Amount {
            Cents(i128::from(self.cents)).write(out);
            out.extend(flawed.third_decimal.map(|digit| b'0' + digit));
            return;
        }
        out.push(b'"');
        match field {
            Field::TransactionId => write_uuid(self.id, out),
            Field::UserId => write_user(self.user, out),
            Field::ProductCategory => out.extend_from_slice(flawed.category.unwrap_or(self.category.name()).as_bytes()),
            Field::ProductName => out.extend_from_slice(self.product.as_bytes()),
            Field::Amount => unreachable!("written above, without quotes"),
            Field::Timestamp => iso8601::write_millis(self.timestamp, out),
            Field::PaymentMethod => out.extend_from_slice(self.payment.name().as_bytes()),
        }
        out.push(b'"');
    }

    fn write_malformed(self, flaw: Flaw, random: &mut Random, out: &mut Vec<u8>) {
        let good = Flawed::default();
        match flaw {
            Flaw::BrokenJson => {
                let place = self.write_and_point_into(random, out);
                out.truncate(place);
            }
            Flaw::NotUtf8 => {
                let place = self.write_and_point_into(random, out);
                out[place] = 0xff;
            }
            Flaw::MissingField => self.write(&Flawed { missing: Some(random.pick(Field::ALL)), ..good }, out),
            Flaw::NegativeTime => Purchase { timestamp: -1 - random.below(10 * YEAR_MS as u64) as i64, ..self }.write(&good, out),
            // A century: whatever the log's clock says, this is far ahead of it.
            Flaw::FarFuture => Purchase { timestamp: self.timestamp + 100 * YEAR_MS, ..self }.write(&good, out),
            Flaw::AmountOutOfRange => {
                let cents = if random.below(2) == 0 { random.below(1_000) } else { 100_000 + random.below(900_000) };
                Purchase { cents, ..self }.write(&good, out);
            }
            Flaw::ThreeDecimals => self.write(&Flawed { third_decimal: Some(1 + random.below(9) as u8), ..good }, out),
            Flaw::UnknownCategory => self.write(&Flawed { category: Some(random.pick(&["Toys", "Garden", "Books"])), ..good }, out),
        }
    }

    /// Any byte but the first one.
    fn write_and_point_into(&self, random: &mut Random, out: &mut Vec<u8>) -> usize {
        let second = out.len() + 1;
        self.write(&Flawed::default(), out);
        second + random.below((out.len() - second) as u64) as usize
    }
}

/// Version 4: random but for the six bits that say so.
fn write_uuid([high, low]: [u64; 2], out: &mut Vec<u8>) {
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    let id = uuid::Builder::from_random_bytes((u128::from(high) << 64 | u128::from(low)).to_be_bytes()).into_uuid();
    out.extend_from_slice(id.hyphenated().encode_lower(&mut text).as_bytes());
}

fn write_user(user: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"user_");
    out.extend([10_000, 1_000, 100, 10, 1].map(|place| b'0' + (user / place % 10) as u8));
}

fn products(category: Category) -> &'static [&'static str] {
    match category {
        Category::Electronics => &["Smartphone X", "Laptop Pro 14", "Wireless Earbuds", "Smart Watch", "4K Monitor", "Mechanical Keyboard"],
        Category::Fashion => &["Denim Jacket", "Running Sneakers", "Leather Belt", "Wool Scarf", "Summer Dress", "Rain Coat"],
        Category::Beauty => &["Face Serum", "Lipstick Set", "Shampoo Bar", "Night Cream", "Perfume 50 ml", "Sunscreen SPF 50"],
        Category::Home => &["Table Lamp", "Coffee Maker", "Bed Linen Set", "Robot Vacuum", "Cast-Iron Pan", "Bookshelf"],
        Category::Sports => &["Yoga Mat", "Tennis Racket", "Dumbbell Pair", "Cycling Helmet", "Trail Backpack", "Football"],
        Category::Grocery => &["Olive Oil 5 l", "Coffee Beans 1 kg", "Cheese Platter", "Spice Box", "Party Catering Tray", "Wine Case"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::category_sales::{Invalid, Transaction};
    use crate::fields::{BadDocument, BadText};
    use std::time::Duration;

    const START: Timestamp = 1_764_446_400_000;

    fn transactions(late: f64, bad: f64) -> Transactions {
        Transactions::new(Settings { seed: 7, start: START, step: Duration::from_millis(10), late, bad })
    }

    fn value(of: &Transactions, index: u64) -> Vec<u8> {
        let mut out = Vec::new();
        of.value(index, &mut out);
        out
    }

    #[test]
    fn a_record_depends_on_seed_settings_and_index_only() {
        let generator = transactions(0.1, 0.1);
        let backwards: Vec<_> = (0..100).rev().map(|index| value(&generator, index)).collect();
        assert!((0..100).map(|index| value(&generator, index)).eq(backwards.into_iter().rev()));
        let other = Transactions::new(Settings { seed: 8, ..generator.settings });
        assert_ne!(value(&generator, 0), value(&other, 0));
    }

    /// What a seed means must not change: topics are gone on with, and results are compared over versions.
    #[test]
    fn seed_7_begins_as_ever() {
        let first = r#"{"transaction_id":"ba657f8e-9030-46f9-a928-4f19efd46b47","user_id":"user_95016","product_category":"Electronics","product_name":"Laptop Pro 14","amount":685.64,"timestamp":"2025-11-29T20:00:00.032Z","payment_method":"paypal"}"#;
        assert_eq!(String::from_utf8(value(&transactions(0.0, 0.0), 0)).unwrap(), first);
        let generator = transactions(0.2, 0.2);
        let bytes = (0..1_000).flat_map(|index| value(&generator, index));
        assert_eq!(bytes.fold(0_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)), 1_866_471_912_803_651_699);
    }

    #[test]
    fn good_records_keep_every_rule_and_belong_to_their_key() {
        let generator = transactions(0.0, 0.0);
        for index in 0..2_000 {
            let (value, mut key) = (value(&generator, index), Vec::new());
            generator.key(index, &mut key);
            let transaction = Transaction::parse(&value).unwrap();
            assert_eq!((transaction.user_id.as_bytes(), transaction.transaction_id.get_version_num()), (&key[..], 4));
            assert!((transaction.timestamp - generator.settings.due(index)).abs() <= 40, "shuffled by four steps at most");
        }
    }

    #[test]
    fn every_malformed_record_breaks_a_rule_and_every_rule_is_broken() {
        let generator = transactions(0.0, 1.0);
        let far_future = START + 99 * YEAR_MS;
        let mut reasons = std::collections::BTreeMap::new();
        for index in 0..4_000 {
            let reason = match Transaction::parse(&value(&generator, index)) {
                Ok(transaction) => {
                    assert!(transaction.timestamp > far_future);
                    "far future"
                }
                Err(Invalid::Document(BadDocument::NotUtf8 { .. })) => "not UTF-8",
                Err(Invalid::Document(BadDocument::BrokenJson { .. })) => "broken JSON",
                Err(Invalid::Document(BadDocument::Missing { .. })) => "missing field",
                Err(Invalid::Text(BadText::NegativeTime { .. })) => "negative event time",
                Err(Invalid::AmountOutOfRange { .. }) => "amount out of range",
                Err(Invalid::FractionOfCent { .. }) => "three decimals",
                Err(Invalid::UnknownCategory { .. }) => "unknown category",
                Err(other) => panic!("nobody asked for {other}"),
            };
            *reasons.entry(reason).or_insert(0) += 1;
        }
        assert_eq!(reasons.len(), Flaw::ALL.len());
        assert!(reasons.values().all(|count| (400..600).contains(count)), "not uniform: {reasons:?}");
    }

    #[test]
    fn shares_are_kept_and_late_records_are_behind() {
        let generator = transactions(0.2, 0.1);
        let (mut late, mut bad) = (0, 0);
        for index in 100_000..110_000 {
            match Transaction::parse(&value(&generator, index)) {
                Ok(transaction) => late += u32::from(transaction.timestamp < generator.settings.due(index) - 29_000),
                Err(_) => bad += 1,
            }
        }
        // A far-future record parses, so one in eight of the bad ones is not counted.
        assert!((1_900..2_100).contains(&late) && (780..970).contains(&bad), "{late} late, {bad} bad");
    }
}
