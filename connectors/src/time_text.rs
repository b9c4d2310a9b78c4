//! Timestamps as ISO 8601 UTC text with milliseconds, `2025-11-29T20:04:32.125Z`; years beyond 0-9999 with a sign and six digits or more.
//!
//! Days are counted as in Howard Hinnant's `chrono`-compatible algorithms: exact for every 64-bit number of milliseconds.

use headwater_streams::record::Timestamp;

const DAY_MS: i64 = 86_400_000;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;
/// Days in 400 years.
const ERA_DAYS: i64 = 146_097;

pub(crate) fn write(timestamp: Timestamp) -> String {
    let (days, ms) = (timestamp.div_euclid(DAY_MS), timestamp.rem_euclid(DAY_MS));
    let (year, month, day) = date(days);
    let year = if (0..=9999).contains(&year) { format!("{year:04}") } else { format!("{year:+07}") };
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1000)
}

/// `None` where the text is not what [`write`] writes.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    let signed = text.starts_with(['+', '-']);
    let year_end = usize::from(signed) + text[usize::from(signed)..].find('-')?;
    let (year, rest) = text.split_at_checked(year_end)?;
    let number = |from: usize, to: usize| rest.get(from..to)?.parse::<i64>().ok();
    let days = days(year.parse().ok()?, number(1, 3)?, number(4, 6)?);
    let ms = ((number(7, 9)? * 60 + number(10, 12)?) * 60 + number(13, 15)?) * 1000 + number(16, 19)?;
    let timestamp = i64::try_from(i128::from(days) * i128::from(DAY_MS) + i128::from(ms)).ok()?;
    (write(timestamp) == text).then_some(timestamp)
}

/// Microseconds since 1970 UTC of `2025-11-29T20:04:32`, years 0 to 9999: with a space for the `T`, with up to six digits of a
/// fraction, with `Z` or an offset like `+01:00`; without one it is UTC.
pub(crate) fn read_micros(text: &str) -> Option<i64> {
    let (time, rest) = text.as_bytes().split_at_checked(19)?;
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T' | b' ', h0, h1, b':', i0, i1, b':', s0, s1] = *time else { return None };
    let (year, month, day) = (number(&[y0, y1, y2, y3])?, number(&[m0, m1])?, number(&[d0, d1])?);
    let (hour, minute, second) = (number(&[h0, h1])?, number(&[i0, i1])?, number(&[s0, s1])?);
    let (fraction, offset) = match rest.strip_prefix(b".") {
        Some(rest) => rest.split_at(rest.iter().take_while(|byte| byte.is_ascii_digit()).count()),
        None => (&b"0"[..], rest),
    };
    let day = Some(days(year, month, day)).filter(|found| date(*found) == (year, month, day))?;
    let fraction_micros = number(fraction).filter(|_| fraction.len() <= 6)? * 10_i64.pow(6 - fraction.len() as u32);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = day * DAY_MS / 1000 + (hour * 60 + minute) * 60 + second - offset_seconds(offset)?;
    Some(seconds * 1_000_000 + fraction_micros)
}

fn offset_seconds(offset: &[u8]) -> Option<i64> {
    let (sign, rest) = match offset {
        b"" | b"Z" => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let [h0, h1, b':', m0, m1] = *rest else { return None };
    let (hours, minutes) = (number(&[h0, h1])?, number(&[m0, m1])?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes) * 60)
}

/// At most as many digits as a number has room for; none are no number.
fn number(digits: &[u8]) -> Option<i64> {
    let is_number = (1..=18).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
}

/// The shortest of the texts that [`read_micros`] reads as this time in UTC, for years 0 to 9999.
pub(crate) fn write_micros(micros: i64) -> String {
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let text = write(seconds * 1000);
    let second = text.strip_suffix(".000Z").expect("a whole second was written");
    match fraction {
        0 => format!("{second}Z"),
        millis if millis % 1000 == 0 => format!("{second}.{:03}Z", millis / 1000),
        micros => format!("{second}.{micros:06}Z"),
    }
}

/// Year, month and day of a day counted from 1970-01-01.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH_DAYS;
    let (era, day_of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Years begin in March here, so that the leap day comes last.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// The inverse of [`date`]; a year outside of what 64-bit milliseconds reach gives any number.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year.clamp(-400_000_000, 400_000_000) - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * ERA_DAYS + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - EPOCH_DAYS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times_are_written_and_read() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (1_764_446_672_125, "2025-11-29T20:04:32.125Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
            (253_402_300_800_000, "+010000-01-01T00:00:00.000Z"),
            (-62_167_219_200_001, "-000001-12-31T23:59:59.999Z"),
        ];
        for (timestamp, text) in cases {
            assert_eq!(write(timestamp), text);
            assert_eq!(read(text), Some(timestamp), "{text}");
        }
    }

    #[test]
    fn every_timestamp_comes_back() {
        let steps = (-400..400).map(|step: i64| step * 12_345_678_901_234_567);
        for timestamp in steps.chain([i64::MIN, i64::MAX, i64::MIN + 1, i64::MAX - 1]) {
            assert_eq!(read(&write(timestamp)), Some(timestamp), "{}", write(timestamp));
        }
    }

    #[test]
    fn times_of_any_offset_become_the_same_microseconds() {
        let cases = [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
            ("1969-12-31 23:59:59.999999", -1, "1969-12-31T23:59:59.999999Z"),
            ("2025-11-29T21:34:32.5+01:30", 1_764_446_672_500_000, "2025-11-29T20:04:32.500Z"),
            ("2025-11-29T15:04:32.000-05:00", 1_764_446_672_000_000, "2025-11-29T20:04:32Z"),
            ("2000-02-29T00:00:00Z", 951_782_400_000_000, "2000-02-29T00:00:00Z"),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000_000, "0000-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
        ];
        for (text, micros, canonical) in cases {
            assert_eq!((read_micros(text), write_micros(micros).as_str()), (Some(micros), canonical), "{text}");
        }
        let not_times = [
            "2025-02-29T00:00:00Z",
            "2025-13-01T00:00:00Z",
            "2025-01-00T00:00:00Z",
            "2025-01-01T24:00:00Z",
            "2025-01-01T00:60:00Z",
            "2025-01-01T00:00:60Z",
            "2025-01-01T00:00:00.Z",
            "2025-01-01T00:00:00.1234567Z",
            "2025-01-01T00:00:00+1",
            "2025-01-01T00:00:00+24:00",
            "2025-01-01T00:00:00z",
            "2025-01-01T00:00Z",
            "2025-01-01",
            "+2025-01-01T00:00:00Z",
            "now",
            "infinity",
            "2025-01-01T00:00:0\u{661}Z",
        ];
        for text in not_times {
            assert_eq!(read_micros(text), None, "{text}");
        }
    }

    #[test]
    fn other_texts_are_told() {
        for text in [
            "",
            "x",
            "2025",
            "2025-13-01T00:00:00.000Z",
            "2025-02-30T00:00:00.000Z",
            "2025-11-29 20:04:32.125Z",
            "+999999999999-01-01T00:00:00.000Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
