//! Money as integer cents; sums of any table that fits a disk stay exact.

use serde::{Serialize, Serializer};
use std::fmt;
use std::iter::Sum;
use std::ops::AddAssign;
use std::str::FromStr;

/// An amount in cents. As text and as JSON (a string) it has two decimals: `1234.50`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(i128);

/// A text that is not an amount with at most two decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an amount of money with two decimals")]
pub struct NotMoney;

impl Money {
    /// So many cents.
    pub const fn from_cents(cents: i128) -> Money {
        Money(cents)
    }
}

impl FromStr for Money {
    type Err = NotMoney;

    fn from_str(text: &str) -> Result<Money, NotMoney> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, cents) = digits.split_once('.').unwrap_or((digits, "00"));
        let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        // 30 digits leave room for the sum of 10^6 rows and more.
        if !are_digits(whole) || !are_digits(cents) || cents.len() > 2 || whole.len() > 30 {
            return Err(NotMoney);
        }
        let number = |part: &str| part.bytes().fold(0i128, |number, digit| number * 10 + i128::from(digit - b'0'));
        let cents = number(whole) * 100 + number(cents) * if cents.len() == 1 { 10 } else { 1 };
        Ok(Money(if digits.len() < text.len() { -cents } else { cents }))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, cents) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        write!(f, "{sign}{}.{:02}", cents / 100, cents % 100)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Money) {
        self.0 += other.0;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Money>>(amounts: I) -> Money {
        Money(amounts.map(|amount| amount.0).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_both_ways() {
        let cases = [
            ("0.00", 0),
            ("0.07", 7),
            ("-0.07", -7),
            ("12", 1200),
            ("12.5", 1250),
            ("007.01", 701),
            ("92233720368547758.08", i64::MAX as i128 + 1),
            ("999999999999999999999999999999.99", 99_999_999_999_999_999_999_999_999_999_999),
        ];
        for (text, cents) in cases {
            let money: Money = text.parse().unwrap();
            assert_eq!(money, Money::from_cents(cents), "{text}");
            assert_eq!(money.to_string().parse(), Ok(money));
        }
        let sum: Money = (0..1000).map(|_| "0.10".parse::<Money>().unwrap()).sum();
        assert_eq!(sum.to_string(), "100.00");
    }

    #[test]
    fn other_texts_are_no_money() {
        for text in ["", "-", ".5", "5.", "1.234", "1e3", "+1", " 1", "1,00", "NaN", "--1", "1.-5", "1234567890123456789012345678901"] {
            assert_eq!(text.parse::<Money>(), Err(NotMoney), "{text}");
        }
    }
}
