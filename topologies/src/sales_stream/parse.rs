//! From the bytes of a record to a transaction that keeps every rule, or to the first rule that it breaks.

use super::{Country, Currency, Degrees, Field, Invalid, PaymentMethod, Place, Transaction};
use crate::fields::{self, event_time, uuid};
use crate::money::{BadAmount, Cents};
use std::borrow::Cow;
use std::net::IpAddr;

const TEXT_MAX: usize = 200;
const QUANTITY_MAX: u32 = 1_000;
const PRICE_MIN: Cents = Cents(1);
const PRICE_MAX: Cents = Cents(100_000_000);

impl<'a> Transaction<'a> {
    /// Reads a transaction. Unknown fields are for somebody else and are passed over. Amounts may be text or numbers.
    ///
    /// ```
    /// use headwater_topologies::{money::Cents, sales_stream::Transaction};
    /// let transaction = Transaction::parse(br#"{"transaction_id": "550e8400-e29b-41d4-a716-446655440000", "user_id": "user_000042",
    ///     "session_id": "s-1", "event_time": "2025-11-29T20:04:32.000Z", "product_id": "P-017", "product_name": "Desk Lamp",
    ///     "product_category": "Home", "quantity": 2, "unit_price": "49.50", "total_amount": "99.00", "currency": "USD",
    ///     "payment_method": "paypal", "device_id": "d-1", "ip_address": "203.0.113.7", "country": "DE", "city": "Berlin",
    ///     "latitude": 52.520008, "longitude": 13.404954}"#)?;
    /// assert_eq!((transaction.total_amount, transaction.place.country.code()), (Cents(9_900), "DE"));
    /// # Ok::<_, headwater_topologies::sales_stream::Invalid>(())
    /// ```
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Invalid> {
        let mut fields = Fields::read(bytes)?;
        let transaction = Transaction {
            transaction_id: uuid(&fields.text(Field::TransactionId)?)?,
            user_id: name(&mut fields, Field::UserId)?,
            session_id: name(&mut fields, Field::SessionId)?,
            event_time: event_time(&fields.text(Field::EventTime)?)?,
            product_id: name(&mut fields, Field::ProductId)?,
            product_name: name(&mut fields, Field::ProductName)?,
            product_category: name(&mut fields, Field::ProductCategory)?,
            quantity: quantity(fields.number(Field::Quantity)?)?,
            unit_price: unit_price(&fields.text_or_number(Field::UnitPrice)?)?,
            total_amount: amount(Field::TotalAmount, &fields.text_or_number(Field::TotalAmount)?)?,
            currency: currency(&fields.text(Field::Currency)?)?,
            payment_method: payment_method(&fields.text(Field::PaymentMethod)?)?,
            device_id: name(&mut fields, Field::DeviceId)?,
            ip_address: ip_address(&fields.text(Field::IpAddress)?)?,
            place: Place {
                country: country(&fields.text(Field::Country)?)?,
                city: name(&mut fields, Field::City)?,
                latitude: degrees(Field::Latitude, fields.number(Field::Latitude)?, 90)?,
                longitude: degrees(Field::Longitude, fields.number(Field::Longitude)?, 180)?,
            },
        };
        transaction.total_is_right()?;
        Ok(transaction)
    }

    /// The only rule over several fields; so it comes last.
    fn total_is_right(&self) -> Result<(), Invalid> {
        let Transaction { quantity, unit_price, total_amount, .. } = *self;
        if unit_price.0 * i128::from(quantity) == total_amount.0 {
            return Ok(());
        }
        Err(Invalid::WrongTotal { quantity, unit_price: unit_price.to_string(), total_amount: total_amount.to_string() })
    }
}

/// What was found of each field.
type Fields<'a> = fields::Fields<'a, Field, { Field::ALL.len() }>;

/// Text that names something.
fn name<'a>(fields: &mut Fields<'a>, field: Field) -> Result<Cow<'a, str>, Invalid> {
    let text = fields.text(field)?;
    match text.len() {
        0 => Err(Invalid::Empty { field }),
        1..=TEXT_MAX => Ok(text),
        bytes => Err(Invalid::TooLong { field, bytes }),
    }
}

fn quantity(text: &str) -> Result<u32, Invalid> {
    let quantity = text.parse().ok().filter(|quantity| (1..=QUANTITY_MAX).contains(quantity));
    quantity.ok_or_else(|| Invalid::BadQuantity { text: text.into() })
}

fn unit_price(text: &str) -> Result<Cents, Invalid> {
    let price = amount(Field::UnitPrice, text)?;
    if (PRICE_MIN..=PRICE_MAX).contains(&price) { Ok(price) } else { Err(Invalid::PriceOutOfRange { text: text.into() }) }
}

fn amount(field: Field, text: &str) -> Result<Cents, Invalid> {
    Cents::parse(text).map_err(|bad| match bad {
        BadAmount::FractionOfCent => Invalid::FractionOfCent { field, text: text.into() },
        BadAmount::NotANumber | BadAmount::TooLarge => Invalid::BadAmount { field, text: text.into() },
    })
}

fn currency(text: &str) -> Result<Currency, Invalid> {
    Currency::from_name(text).ok_or_else(|| Invalid::UnknownCurrency { text: text.into() })
}

fn payment_method(text: &str) -> Result<PaymentMethod, Invalid> {
    PaymentMethod::from_name(text).ok_or_else(|| Invalid::UnknownPaymentMethod { text: text.into() })
}

fn ip_address(text: &str) -> Result<IpAddr, Invalid> {
    text.parse().map_err(|_| Invalid::BadIpAddress { text: text.into() })
}

fn country(text: &str) -> Result<Country, Invalid> {
    Country::from_code(text).ok_or_else(|| Invalid::BadCountry { text: text.into() })
}

fn degrees(field: Field, text: &str, limit: i32) -> Result<Degrees, Invalid> {
    Degrees::parse(text, limit).ok_or_else(|| Invalid::CoordinateOutOfRange { field, text: text.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"transaction_id":"550e8400-e29b-41d4-a716-446655440000","user_id":"user_000042","session_id":"s-1","event_time":"2025-11-29T20:04:32.123Z","product_id":"P-017","product_name":"Desk Lamp","product_category":"Home","quantity":2,"unit_price":"49.50","total_amount":"99.00","currency":"USD","payment_method":"paypal","device_id":"d-1","ip_address":"203.0.113.7","country":"DE","city":"Berlin","latitude":52.520008,"longitude":13.404954}"#;

    #[test]
    fn one_clear_reason_for_each_broken_rule() {
        let long = "x".repeat(201);
        for (from, to, reason) in [
            ("{", "", "broken JSON"),
            ("\"user_id\":\"user_000042\",", "", "missing field user_id"),
            ("\"longitude\"", "\"long\"", "missing field longitude"),
            ("\"city\"", "\"country\"", "repeated field country"),
            ("\"user_000042\"", "42", "wrong type: user_id is a number"),
            ("user_000042", "", "empty field user_id"),
            ("d-1", long.as_str(), "too long: device_id has 201 bytes, at most 200"),
            ("550e8400", "550e84xx", "bad UUID"),
            ("2025-11-29T20:04:32.123Z", "noon", "bad timestamp: noon"),
            ("2025-11-29T20:04:32.123Z", "1969-12-31T23:59:59.999Z", "negative event time: 1969"),
            ("\"quantity\":2", "\"quantity\":\"2\"", "wrong type: quantity is a string"),
            ("\"quantity\":2", "\"quantity\":0", "bad quantity, a whole number from 1 to 1000 is wanted: 0"),
            ("\"quantity\":2", "\"quantity\":1001", "bad quantity, a whole number from 1 to 1000 is wanted: 1001"),
            ("\"quantity\":2", "\"quantity\":2.5", "bad quantity, a whole number from 1 to 1000 is wanted: 2.5"),
            ("49.50", "cheap", "bad amount: unit_price is cheap"),
            ("49.50", "49.505", "amount has more than two decimals: unit_price is 49.505"),
            ("49.50", "0.00", "unit price out of range 0.01 to 1000000.00: 0.00"),
            ("49.50", "1000000.01", "unit price out of range 0.01 to 1000000.00: 1000000.01"),
            ("99.00", "99.01", "wrong total: 2 times 49.50 is not 99.01"),
            ("USD", "EUR", "unknown currency: EUR"),
            ("paypal", "cash", "unknown payment method: cash"),
            ("203.0.113.7", "203.0.113.256", "bad IP address: 203.0.113.256"),
            ("\"DE\"", "\"Germany\"", "bad country code: Germany"),
            ("52.520008", "90.5", "coordinate out of range: latitude is 90.5"),
            ("13.404954", "-180.1", "coordinate out of range: longitude is -180.1"),
            ("13.404954", "\"13\"", "wrong type: longitude is a string"),
        ] {
            let text = GOOD.replacen(from, to, 1);
            let found = Transaction::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(found.starts_with(reason), "{text}: {found}");
        }
    }

    #[test]
    fn amounts_may_be_numbers_and_addresses_long() {
        for (from, to) in [("\"49.50\"", "49.5"), ("\"99.00\"", "99"), ("203.0.113.7", "2001:db8::7"), ("{", "{\"shop\":[1],")] {
            let text = GOOD.replacen(from, to, 1);
            assert!(Transaction::parse(text.as_bytes()).is_ok(), "{text}");
        }
    }
}
