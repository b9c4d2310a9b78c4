//! How a transaction looks on the wire: JSON, the fields in the order of [`Field::ALL`](super::Field::ALL).

use super::Transaction;
use crate::flat_json::write_text;
use crate::iso8601;
use crate::money::Cents;
use headwater_streams::format::{Data, Format, FormatError};
use std::borrow::Cow;
use std::io::Write;

impl Data for Transaction<'static> {
    type Format = TransactionJson;
}

/// Transactions as producers write them; what breaks a rule is not decoded.
#[derive(Debug, Clone, Copy, Default)]
pub struct TransactionJson;

impl Format<Transaction<'static>> for TransactionJson {
    fn encode(&self, transaction: &Transaction<'static>, out: &mut Vec<u8>) -> Result<(), FormatError> {
        write_transaction(transaction, out);
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Transaction<'static>, FormatError> {
        Transaction::parse(bytes).map(Transaction::into_owned).map_err(FormatError::malformed)
    }

    fn name(&self) -> Cow<'static, str> {
        "sales-transaction-json".into()
    }
}

/// Writes a transaction's JSON behind what `out` holds.
pub fn write_transaction(transaction: &Transaction<'_>, out: &mut Vec<u8>) {
    let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
    member(out, b"{\"transaction_id\":\"", transaction.transaction_id.hyphenated().encode_lower(&mut id));
    text(out, b"\",\"user_id\":", &transaction.user_id);
    text(out, b",\"session_id\":", &transaction.session_id);
    out.extend_from_slice(b",\"event_time\":\"");
    iso8601::write_millis(transaction.event_time, out);
    text(out, b"\",\"product_id\":", &transaction.product_id);
    text(out, b",\"product_name\":", &transaction.product_name);
    text(out, b",\"product_category\":", &transaction.product_category);
    shown(out, format_args!(",\"quantity\":{}", transaction.quantity));
    money(out, b",\"unit_price\":\"", transaction.unit_price);
    money(out, b"\",\"total_amount\":\"", transaction.total_amount);
    member(out, b"\",\"currency\":\"", transaction.currency.name());
    member(out, b"\",\"payment_method\":\"", transaction.payment_method.name());
    text(out, b"\",\"device_id\":", &transaction.device_id);
    shown(out, format_args!(",\"ip_address\":\"{}", transaction.ip_address));
    let place = &transaction.place;
    member(out, b"\",\"country\":\"", place.country.code());
    text(out, b"\",\"city\":", &place.city);
    shown(out, format_args!(",\"latitude\":{},\"longitude\":{}}}", place.latitude, place.longitude));
}

/// What needs no escaping.
fn member(out: &mut Vec<u8>, before: &[u8], value: &str) {
    out.extend_from_slice(before);
    out.extend_from_slice(value.as_bytes());
}

fn money(out: &mut Vec<u8>, before: &[u8], value: Cents) {
    out.extend_from_slice(before);
    value.write(out);
}

fn text(out: &mut Vec<u8>, before: &[u8], value: &str) {
    out.extend_from_slice(before);
    write_text(value, out);
}

fn shown(out: &mut Vec<u8>, what: std::fmt::Arguments<'_>) {
    out.write_fmt(what).expect("memory takes every byte");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sales_stream::{Country, Currency, Degrees, Field, PaymentMethod, Place};
    use uuid::Uuid;

    fn transaction() -> Transaction<'static> {
        Transaction {
            transaction_id: Uuid::from_u128(0x550e8400_e29b_41d4_a716_446655440000),
            user_id: "user \"42\"".into(),
            session_id: "s-1".into(),
            event_time: 1_764_446_672_123,
            product_id: "P-017".into(),
            product_name: "Desk Lamp\n".into(),
            product_category: "Home".into(),
            quantity: 2,
            unit_price: Cents(4_950),
            total_amount: Cents(9_900),
            currency: Currency::Usd,
            payment_method: PaymentMethod::Paypal,
            device_id: "d-1".into(),
            ip_address: [203, 0, 113, 7].into(),
            place: Place {
                country: Country::from_code("BR").unwrap(),
                city: "São Paulo".into(),
                latitude: Degrees(-23_550_520),
                longitude: Degrees(-46_633_308),
            },
        }
    }

    #[test]
    fn bytes_are_as_documented_and_come_back() {
        let mut bytes = Vec::new();
        TransactionJson.encode(&transaction(), &mut bytes).unwrap();
        let expected = r#"{"transaction_id":"550e8400-e29b-41d4-a716-446655440000","user_id":"user \"42\"","session_id":"s-1","event_time":"2025-11-29T20:04:32.123Z","product_id":"P-017","product_name":"Desk Lamp\n","product_category":"Home","quantity":2,"unit_price":"49.50","total_amount":"99.00","currency":"USD","payment_method":"paypal","device_id":"d-1","ip_address":"203.0.113.7","country":"BR","city":"São Paulo","latitude":-23.550520,"longitude":-46.633308}"#;
        assert_eq!(String::from_utf8(bytes.clone()).unwrap(), expected);
        assert_eq!(TransactionJson.decode(&bytes).unwrap(), transaction());
    }

    #[test]
    fn fields_are_written_in_their_order() {
        let mut bytes = Vec::new();
        write_transaction(&transaction(), &mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        let places: Vec<_> = Field::ALL.iter().map(|field| text.find(&format!("\"{field}\":")).unwrap()).collect();
        assert!(places.is_sorted() && serde_json::from_str::<serde_json::Value>(&text).is_ok());
    }
}
