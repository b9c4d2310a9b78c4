//! Places on earth, in whole units so that equal means equal and arithmetic on them can be repeated anywhere.

use std::borrow::Cow;
use std::fmt;

/// Where a device was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place<'a> {
    /// The country.
    pub country: Country,
    /// The city.
    pub city: Cow<'a, str>,
    /// North of the equator: -90 to 90.
    pub latitude: Degrees,
    /// East of Greenwich: -180 to 180.
    pub longitude: Degrees,
}

/// Two capital letters, ISO 3166-1 alpha-2. Which pairs are countries changes over the years and is not judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// The country with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        let letters: [u8; 2] = code.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Country(letters))
    }

    /// Its code.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("capital letters are ASCII")
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An angle in millionths of a degree, 11 cm on the equator. Finer digits are rounded, halves away from zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Degrees(pub i32);

impl Degrees {
    const UNIT: f64 = 1e6;

    /// The angle of a number in JSON's grammar; none where it goes beyond `limit` degrees.
    pub(super) fn parse(text: &str, limit: i32) -> Option<Self> {
        let micro = (text.parse::<f64>().ok()? * Self::UNIT).round();
        (micro.abs() <= f64::from(limit) * Self::UNIT).then_some(Degrees(micro as i32))
    }

    /// The angle as a fraction of a full turn's 2 pi.
    pub fn radians(self) -> f64 {
        (f64::from(self.0) / Self::UNIT).to_radians()
    }
}

impl fmt::Display for Degrees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micro = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:06}", micro / 1_000_000, micro % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_come_back_and_keep_their_limits() {
        for (text, micro) in
            [("0", 0), ("-0.0000004", 0), ("-0.5", -500_000), ("52.520008", 52_520_008), ("9e1", 90_000_000), ("1.0000005", 1_000_001)]
        {
            assert_eq!(Degrees::parse(text, 90), Some(Degrees(micro)), "{text}");
            assert_eq!(Degrees::parse(&Degrees(micro).to_string(), 90), Some(Degrees(micro)));
        }
        for text in ["90.000001", "-91", "1e999"] {
            assert_eq!(Degrees::parse(text, 90), None, "{text}");
        }
    }

    #[test]
    fn countries_are_two_capital_letters() {
        assert_eq!(Country::from_code("DE").unwrap().code(), "DE");
        for code in ["", "D", "de", "DEU", "Ä", "D1"] {
            assert_eq!(Country::from_code(code), None, "{code}");
        }
    }
}
