//! What can be wrong with a record.

use super::{Field, YEAR_MS};
use crate::iso8601;
use crate::random::Random;
use crate::sales_stream::{Transaction, write_transaction};

/// One thing that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    BrokenJson,
    NotUtf8,
    MissingField,
    NegativeTime,
    FarFuture,
    BadQuantity,
    ThreeDecimals,
    WrongTotal,
    UnknownCurrency,
    BadCountry,
    BeyondThePole,
}

impl Flaw {
    pub(super) const ALL: [Flaw; 11] = [
        Flaw::BrokenJson,
        Flaw::NotUtf8,
        Flaw::MissingField,
        Flaw::NegativeTime,
        Flaw::FarFuture,
        Flaw::BadQuantity,
        Flaw::ThreeDecimals,
        Flaw::WrongTotal,
        Flaw::UnknownCurrency,
        Flaw::BadCountry,
        Flaw::BeyondThePole,
    ];

    /// Writes the transaction with this flaw.
    pub(super) fn write(self, transaction: Transaction<'_>, random: &mut Random, out: &mut Vec<u8>) {
        let start = out.len();
        write_transaction(&transaction, out);
        // Any byte but the first one.
        let place = start + 1 + random.below((out.len() - start - 1) as u64) as usize;
        let mut replace = |field, text: &str| replace(out, start, field, text);
        match self {
            Flaw::BrokenJson => out.truncate(place),
            Flaw::NotUtf8 => out[place] = 0xff,
            Flaw::MissingField => remove(out, start, random.pick(Field::ALL)),
            Flaw::NegativeTime => replace(Field::EventTime, &time(-1 - random.below(10 * YEAR_MS as u64) as i64)),
            // A century: whatever the log's clock says, this is far ahead of it.
            Flaw::FarFuture => replace(Field::EventTime, &time(transaction.event_time + 100 * YEAR_MS)),
            Flaw::BadQuantity => replace(Field::Quantity, random.pick(&["0", "-1", "1001", "1.5"])),
            Flaw::ThreeDecimals => replace(Field::UnitPrice, &format!("\"{}{}\"", transaction.unit_price, 1 + random.below(9))),
            Flaw::WrongTotal => replace(Field::TotalAmount, &format!("\"{}1\"", transaction.total_amount.0 / 100)),
            Flaw::UnknownCurrency => replace(Field::Currency, random.pick(&["\"EUR\"", "\"usd\"", "\"XXX\""])),
            Flaw::BadCountry => replace(Field::Country, random.pick(&["\"Germany\"", "\"us\"", "\"\""])),
            Flaw::BeyondThePole => replace(Field::Latitude, random.pick(&["90.5", "-123.456", "1e3"])),
        }
    }
}

fn time(at: i64) -> String {
    let mut text = b"\"".to_vec();
    iso8601::write_millis(at, &mut text);
    text.push(b'"');
    String::from_utf8(text).expect("digits are ASCII")
}

/// Where a member stands, from its name to before the comma or brace behind it.
fn member(record: &[u8], field: Field) -> (usize, usize) {
    let find = |name: Field| {
        let name = format!("\"{name}\":");
        record.windows(name.len()).position(|bytes| bytes == name.as_bytes()).expect("every field was written")
    };
    let next = Field::ALL.get(field as usize + 1);
    (find(field), next.map_or(record.len(), |next| find(*next)) - 1)
}

fn replace(out: &mut Vec<u8>, start: usize, field: Field, text: &str) {
    let (from, to) = member(&out[start..], field);
    out.splice(start + from + field.name().len() + 3..start + to, text.bytes());
}

fn remove(out: &mut Vec<u8>, start: usize, field: Field) {
    let (from, to) = member(&out[start..], field);
    // With the comma behind it, or the one before the last member.
    let last = usize::from(start + to + 1 == out.len());
    out.drain(start + from - last..start + to + 1 - last);
}
