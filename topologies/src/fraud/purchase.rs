//! What detectors see of a sale.

use crate::money::Cents;
use crate::sales_stream::{Coordinates, Country, Transaction};
use headwater_streams::record::Timestamp;
use uuid::Uuid;

/// One purchase on its way to its user's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// Which transaction.
    pub transaction_id: Uuid,
    /// When.
    pub event_time: Timestamp,
    /// For how much.
    pub total: Cents,
    /// In which country.
    pub country: Country,
    /// In which city.
    pub city: String,
    /// Where exactly.
    pub at: Coordinates,
}

impl From<&Transaction<'_>> for Purchase {
    fn from(transaction: &Transaction<'_>) -> Self {
        Purchase {
            transaction_id: transaction.transaction_id,
            event_time: transaction.event_time,
            total: transaction.total_amount,
            country: transaction.place.country,
            city: transaction.place.city.clone().into_owned(),
            at: transaction.place.coordinates(),
        }
    }
}

impl Purchase {
    /// The total in cents: the rules of a transaction keep it between 0 and 10^11.
    pub(super) fn cents(&self) -> u64 {
        u64::try_from(self.total.0).expect("prices and quantities are above zero and bounded")
    }
}

#[cfg(test)]
impl Purchase {
    /// A purchase of so many cents at this time, on the island where zero meridian and equator meet.
    pub(super) fn of(event_time: Timestamp, cents: i128) -> Self {
        let country = Country::from_code("GH").expect("two capital letters");
        Purchase {
            transaction_id: Uuid::from_u128(7),
            event_time,
            total: Cents(cents),
            country,
            city: "Null".into(),
            at: Coordinates::default(),
        }
    }
}
