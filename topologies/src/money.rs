//! Money as whole cents, read from decimal text and written as decimal text; no float anywhere.

use crate::flat_json;
use std::fmt;

/// An amount of money in cents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cents(pub i128);

/// Why text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadAmount {
    NotANumber,
    FractionOfCent,
    TooLarge,
}

/// No amount has more digits: beyond this many before the point, a number is too large whatever the rest says.
const WHOLE_DIGITS_MAX: i64 = 30;

impl Cents {
    /// The exact value of a number in JSON's grammar. Zeros at the end do not count as decimals: `10.500` is `10.50`.
    pub(crate) fn parse(text: &str) -> Result<Cents, BadAmount> {
        if let Some(cents) = plain(text.as_bytes()) {
            return Ok(cents);
        }
        if !flat_json::is_number(text) {
            return Err(BadAmount::NotANumber);
        }
        any_number(text)
    }

    /// Writes the decimal text with two decimals.
    pub fn write(self, out: &mut Vec<u8>) {
        // Totals of a lifetime fit 64 bits, whose division is many times cheaper.
        match u64::try_from(self.0) {
            Ok(cents) => write_small(cents, out),
            Err(_) => out.extend_from_slice(self.to_string().as_bytes()),
        }
    }
}

/// The shape that nearly every amount has: up to 15 digits, a point, one or two decimals.
#[inline]
fn plain(text: &[u8]) -> Option<Cents> {
    let (whole, decimals) = match text {
        [whole @ .., b'.', a, b] if a.is_ascii_digit() && b.is_ascii_digit() => (whole, (a - b'0') * 10 + (b - b'0')),
        [whole @ .., b'.', a] if a.is_ascii_digit() => (whole, (a - b'0') * 10),
        whole => (whole, 0),
    };
    if whole.is_empty() || whole.len() > 15 || (whole[0] == b'0' && whole.len() > 1) || !whole.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let whole = whole.iter().fold(0_u64, |value, digit| value * 10 + u64::from(digit - b'0'));
    Some(Cents(i128::from(whole * 100 + u64::from(decimals))))
}

/// Every other number: its digits without the zeros around them, and where the point stands.
fn any_number(text: &str) -> Result<Cents, BadAmount> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all: String = [whole, fraction].concat();
    let digits = all.trim_start_matches('0');
    let leading_zeros = all.len() - digits.len();
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() {
        return Ok(Cents(0));
    }
    // An exponent beyond 64 bits is a number beyond every limit, in the direction of its sign.
    let exponent: i64 = exponent.parse().unwrap_or(if exponent.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 });
    let point = exponent.saturating_add(whole.len() as i64 - leading_zeros as i64);
    if digits.len() as i64 > point.saturating_add(2) {
        return Err(BadAmount::FractionOfCent);
    }
    if point > WHOLE_DIGITS_MAX {
        return Err(BadAmount::TooLarge);
    }
    let value: i128 = digits.parse().map_err(|_| BadAmount::TooLarge)?;
    let zeros = u32::try_from(point + 2 - digits.len() as i64).expect("no fraction of a cent is left");
    Ok(Cents(sign * value * 10_i128.pow(zeros)))
}

fn write_small(cents: u64, out: &mut Vec<u8>) {
    let mut buffer = [0_u8; 24];
    let mut at = buffer.len();
    let mut rest = cents;
    for place in 0.. {
        if place == 2 {
            at -= 1;
            buffer[at] = b'.';
        }
        if place > 2 && rest == 0 {
            break;
        }
        at -= 1;
        buffer[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&buffer[at..]);
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let cents = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", cents / 100, cents % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_exactly_what_is_written() {
        for (text, cents) in [
            ("450.50", 45_050),
            ("450.5", 45_050),
            ("450", 45_000),
            ("0.01", 1),
            ("10.500", 1_050),
            ("-3.20", -320),
            ("4.505e2", 45_050),
            ("45050e-2", 45_050),
            ("1E+3", 100_000),
            ("0e999999999999999999999", 0),
            ("9999999999999999999.99", 999_999_999_999_999_999_999),
        ] {
            assert_eq!(Cents::parse(text), Ok(Cents(cents)), "{text}");
        }
    }

    #[test]
    fn refuses_fractions_of_a_cent_and_what_is_no_number() {
        for text in ["10.005", "10.0000000000000000000000000000001", "1e-3", "1e-99999999999999999999"] {
            assert_eq!(Cents::parse(text), Err(BadAmount::FractionOfCent), "{text}");
        }
        for text in ["", "ten", "1,5", "+1", "01", "1.", ".5", "1 ", "0x10", "NaN", "1e", "--1"] {
            assert_eq!(Cents::parse(text), Err(BadAmount::NotANumber), "{text}");
        }
        for text in ["1e40", "1e99999999999999999999", "99999999999999999999999999999999999999999999"] {
            assert_eq!(Cents::parse(text), Err(BadAmount::TooLarge), "{text}");
        }
    }

    #[test]
    fn writes_two_decimals_always() {
        for (cents, text) in [
            (0, "0.00"),
            (5, "0.05"),
            (99, "0.99"),
            (100, "1.00"),
            (123_456, "1234.56"),
            (-5, "-0.05"),
            (i128::from(u64::MAX), "184467440737095516.15"),
        ] {
            let mut out = Vec::new();
            Cents(cents).write(&mut out);
            assert_eq!((std::str::from_utf8(&out).unwrap(), Cents(cents).to_string().as_str()), (text, text));
        }
    }
}
