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
