//! Times as text, ISO 8601: read in the shapes that producers use, written in UTC.
//!
//! The common shapes are read by hand, since every record has one; all others are jiff's.

use headwater_streams::record::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const DAY_MS: i64 = 86_400_000;

/// Milliseconds since the epoch. Text without an offset is UTC; finer fractions than a millisecond are cut off, towards the past.
///
/// ```
/// use headwater_topologies::iso8601::parse;
/// assert_eq!(parse("2025-11-29T20:04:32.5Z"), Some(1_764_446_672_500));
/// assert_eq!(parse("2025-11-29 20:04:32"), parse("2025-11-29T21:04:32+01:00"));
/// ```
pub fn parse(text: &str) -> Option<Timestamp> {
    parse_common(text.as_bytes()).or_else(|| parse_any(text))
}

/// `yyyy-mm-dd[T ]hh:mm:ss[.fff][Z]`, nothing else.
#[inline]
fn parse_common(text: &[u8]) -> Option<Timestamp> {
    let (seconds, rest) = text.split_at_checked(19)?;
    let &[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T' | b' ', h0, h1, b':', i0, i1, b':', s0, s1] = seconds else { return None };
    let year = two(y0, y1)? * 100 + two(y2, y3)?;
    let (month, day) = (two(m0, m1)?, two(d0, d1)?);
    let (hour, minute, second) = (two(h0, h1)?, two(i0, i1)?, two(s0, s1)?);
    let milliseconds = match rest {
        b"" | b"Z" => 0,
        &[b'.', a, b, c] | &[b'.', a, b, c, b'Z'] => two(a, b)? * 10 + two(b'0', c)?,
        _ => return None,
    };
    if !(1..=12).contains(&month) || !(1..=days_of(year, month)).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let time = ((hour * 60 + minute) * 60 + second) * 1000 + milliseconds;
    Some(days_since_epoch(year, month, day) * DAY_MS + time)
}

#[cold]
fn parse_any(text: &str) -> Option<Timestamp> {
    let timestamp = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })?;
    i64::try_from(timestamp.as_nanosecond().div_euclid(1_000_000)).ok()
}

#[inline]
fn two(tens: u8, ones: u8) -> Option<i64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the Gregorian calendar, counted in eras of 400 years that begin on 1 March, so that the leap day comes last.
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Writes `2025-11-29T20:04:32Z`; milliseconds are cut off. For a time in the years 0 to 9999.
pub fn write_seconds(time: Timestamp, out: &mut Vec<u8>) {
    out.extend_from_slice(&seconds_of(time));
    out.push(b'Z');
}

/// Writes `2025-11-29T20:04:32.123Z`. For a time in the years 0 to 9999.
pub fn write_millis(time: Timestamp, out: &mut Vec<u8>) {
    out.extend_from_slice(&seconds_of(time));
    let millis = time.rem_euclid(1000);
    let [_, tens, ones] = [0, millis / 10 % 10, millis % 10];
    out.extend_from_slice(&[b'.', digit(millis / 100), digit(tens), digit(ones), b'Z']);
}

/// The text of [`write_seconds`].
pub fn to_text(time: Timestamp) -> String {
    let mut out = Vec::with_capacity(20);
    write_seconds(time, &mut out);
    String::from_utf8(out).expect("digits are ASCII")
}

/// Inverse of [`days_since_epoch`]; same source, `civil_from_days`.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn seconds_of(time: Timestamp) -> [u8; 19] {
    let (year, month, day) = civil(time.div_euclid(DAY_MS));
    let seconds = time.rem_euclid(DAY_MS) / 1000;
    let mut text = *b"0000-00-00T00:00:00";
    let mut put = |at: usize, value: i64| {
        text[at] = digit(value / 10);
        text[at + 1] = digit(value % 10);
    };
    put(0, year / 100);
    put(2, year % 100);
    put(5, month);
    put(8, day);
    put(11, seconds / 3600);
    put(14, seconds / 60 % 60);
    put(17, seconds % 60);
    text
}

fn digit(value: i64) -> u8 {
    debug_assert!((0..10).contains(&value), "one decimal digit");
    b'0' + value as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_shapes_of_producers() {
        const AT: i64 = 1_764_446_672_000;
        for (text, time) in [
            ("2025-11-29 20:04:32", AT),
            ("2025-11-29T20:04:32", AT),
            ("2025-11-29T20:04:32Z", AT),
            ("2025-11-29T20:04:32.123Z", AT + 123),
            ("2025-11-29 20:04:32.123", AT + 123),
            ("2025-11-29T20:04:32.123999Z", AT + 123),
            ("2025-11-29T20:04:32.5+00:00", AT + 500),
            ("2025-11-29T21:34:32+01:30", AT),
            ("2025-11-29 12:04:32.123456-0800", AT + 123),
            ("2025-11-29T20:04Z", AT - 32_000),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000),
            ("1969-12-31T23:59:59.999Z", -1),
            ("1969-12-31T23:59:59.9991Z", -1),
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-02", DAY_MS),
        ] {
            assert_eq!(parse(text), Some(time), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "yesterday",
            "2025-02-29 00:00:00",
            "2025-13-01T00:00:00Z",
            "2025-11-31T00:00:00Z",
            "2025-11-29T24:00:01Z",
            "1764446672000",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn by_hand_and_by_jiff_are_the_same(time in -62_167_219_200_000_i64..253_402_300_800_000) {
            let mut text = Vec::new();
            write_millis(time, &mut text);
            let text = String::from_utf8(text).unwrap();
            prop_assert_eq!(parse_common(text.as_bytes()), Some(time));
            prop_assert_eq!(parse_any(&text), Some(time));
        }

        #[test]
        fn nothing_is_read_by_hand_that_jiff_refuses(text in "(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{3})?Z?") {
            if let Some(time) = parse_common(text.as_bytes()) {
                prop_assert_eq!(parse_any(&text), Some(time));
            }
        }
    }
}
