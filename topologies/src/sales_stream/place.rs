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

impl Place<'_> {
    /// Where it is, without names.
    pub fn coordinates(&self) -> Coordinates {
        Coordinates { latitude: self.latitude, longitude: self.longitude }
    }
}

/// A point on earth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Coordinates {
    /// North of the equator.
    pub latitude: Degrees,
    /// East of Greenwich.
    pub longitude: Degrees,
}

/// The mean radius of the earth, IUGG.
const EARTH_RADIUS_METRES: f64 = 6_371_008.8;

impl Coordinates {
    /// The great-circle distance in whole metres (haversine, on a sphere): what is computed from it stays free of floats.
    pub fn metres_to(self, other: Coordinates) -> u64 {
        let (latitude, other_latitude) = (self.latitude.radians(), other.latitude.radians());
        let by_latitude = ((other_latitude - latitude) / 2.0).sin();
        let by_longitude = ((other.longitude.radians() - self.longitude.radians()) / 2.0).sin();
        let haversine = by_latitude * by_latitude + latitude.cos() * other_latitude.cos() * by_longitude * by_longitude;
        // Rounding may carry antipodes past one.
        (2.0 * EARTH_RADIUS_METRES * haversine.min(1.0).sqrt().asin()).round() as u64
    }
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

    /// The angle that is nearest to so many degrees.
    pub(crate) fn nearest(degrees: f64) -> Self {
        Degrees((degrees * Self::UNIT).round() as i32)
    }

    /// The same angle in radians.
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
    fn distances_are_those_of_the_atlas() {
        let at = |latitude, longitude| Coordinates { latitude: Degrees(latitude), longitude: Degrees(longitude) };
        let (berlin, new_york) = (at(52_520_008, 13_404_954), at(40_712_776, -74_005_974));
        for (from, to, metres) in [
            (berlin, berlin, 0),
            (berlin, new_york, 6_385_009),
            (new_york, berlin, 6_385_009),
            (at(0, 0), at(0, 180_000_000), 20_015_114),
            (at(90_000_000, 0), at(-90_000_000, 77), 20_015_114),
            (at(10_000_000, 179_999_999), at(10_000_000, -180_000_000), 0),
        ] {
            assert_eq!(from.metres_to(to), metres);
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
