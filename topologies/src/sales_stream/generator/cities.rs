//! Where people live and travel to.

use crate::sales_stream::{Coordinates, Country, Degrees, Place};
use std::net::IpAddr;

/// A city of the made-up world. Its names are ASCII, so that text may be cut anywhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct City {
    name: &'static str,
    country: &'static str,
    latitude: i32,
    longitude: i32,
    network: u8,
}

impl City {
    fn coordinates(&self) -> Coordinates {
        Coordinates { latitude: Degrees(self.latitude), longitude: Degrees(self.longitude) }
    }

    pub(super) fn metres_to(&self, other: &City) -> u64 {
        self.coordinates().metres_to(other.coordinates())
    }

    /// A place in the city, up to some kilometres from its middle: `spot` says where.
    pub(super) fn place(&self, spot: u64) -> Place<'static> {
        let aside = |bits: u64| (bits % 60_000) as i32 - 30_000;
        Place {
            country: Country::from_code(self.country).expect("the codes of the table are codes"),
            city: self.name.into(),
            latitude: Degrees(self.latitude + aside(spot)),
            longitude: Degrees(self.longitude + aside(spot >> 32)),
        }
    }

    /// An address of the city's network: `host` says which.
    pub(super) fn address(&self, host: u64) -> IpAddr {
        let [a, b, c, ..] = host.to_le_bytes();
        IpAddr::from([self.network, a, b, c])
    }
}

const fn city(name: &'static str, country: &'static str, latitude: i32, longitude: i32, network: u8) -> City {
    City { name, country, latitude, longitude, network }
}

/// All of them.
pub(super) static CITIES: [City; 48] = [
    city("New York", "US", 40_712_776, -74_005_974, 23),
    city("Los Angeles", "US", 34_052_235, -118_243_683, 24),
    city("Chicago", "US", 41_878_113, -87_629_799, 50),
    city("Houston", "US", 29_760_427, -95_369_804, 66),
    city("Miami", "US", 25_761_681, -80_191_788, 73),
    city("Seattle", "US", 47_606_209, -122_332_069, 67),
    city("Toronto", "CA", 43_653_225, -79_383_186, 99),
    city("Vancouver", "CA", 49_282_729, -123_120_738, 64),
    city("Mexico City", "MX", 19_432_608, -99_133_209, 187),
    city("Bogota", "CO", 4_710_989, -74_072_090, 181),
    city("Lima", "PE", -12_046_374, -77_042_793, 190),
    city("Sao Paulo", "BR", -23_550_520, -46_633_308, 177),
    city("Rio de Janeiro", "BR", -22_906_847, -43_172_897, 179),
    city("Buenos Aires", "AR", -34_603_684, -58_381_559, 186),
    city("Santiago", "CL", -33_448_891, -70_669_266, 200),
    city("London", "GB", 51_507_351, -127_758, 81),
    city("Manchester", "GB", 53_480_759, -2_242_631, 86),
    city("Dublin", "IE", 53_349_805, -6_260_310, 89),
    city("Paris", "FR", 48_856_613, 2_352_222, 90),
    city("Lyon", "FR", 45_764_043, 4_835_659, 92),
    city("Madrid", "ES", 40_416_775, -3_703_790, 83),
    city("Lisbon", "PT", 38_722_252, -9_139_337, 85),
    city("Amsterdam", "NL", 52_367_573, 4_904_139, 77),
    city("Berlin", "DE", 52_520_008, 13_404_954, 91),
    city("Hamburg", "DE", 53_551_086, 9_993_682, 87),
    city("Munich", "DE", 48_135_125, 11_581_981, 93),
    city("Zurich", "CH", 47_376_887, 8_541_694, 80),
    city("Vienna", "AT", 48_208_174, 16_373_819, 62),
    city("Rome", "IT", 41_902_784, 12_496_366, 79),
    city("Warsaw", "PL", 52_229_676, 21_012_229, 31),
    city("Stockholm", "SE", 59_329_324, 18_068_581, 78),
    city("Athens", "GR", 37_983_810, 23_727_539, 94),
    city("Istanbul", "TR", 41_008_238, 28_978_359, 88),
    city("Cairo", "EG", 30_044_420, 31_235_712, 41),
    city("Lagos", "NG", 6_524_379, 3_379_206, 105),
    city("Nairobi", "KE", -1_292_066, 36_821_946, 102),
    city("Cape Town", "ZA", -33_924_869, 18_424_055, 196),
    city("Dubai", "AE", 25_204_849, 55_270_783, 94),
    city("Mumbai", "IN", 19_075_984, 72_877_656, 103),
    city("Delhi", "IN", 28_613_939, 77_209_021, 106),
    city("Singapore", "SG", 1_352_083, 103_819_836, 118),
    city("Bangkok", "TH", 13_756_331, 100_501_765, 110),
    city("Hong Kong", "HK", 22_319_304, 114_169_361, 112),
    city("Seoul", "KR", 37_566_535, 126_977_969, 121),
    city("Tokyo", "JP", 35_676_192, 139_650_311, 126),
    city("Osaka", "JP", 34_693_738, 135_502_165, 133),
    city("Sydney", "AU", -33_868_820, 151_209_290, 101),
    city("Auckland", "NZ", -36_848_460, 174_763_332, 122),
];
