//! From the bytes of a record to a transaction that keeps every rule, or to the first rule that it breaks.

use super::{Category, Cents, Field, Invalid, PaymentMethod, Transaction};
use crate::fields::{self, event_time, uuid};
use crate::money::BadAmount;

pub(super) const AMOUNT_MIN: Cents = Cents(1_000);
pub(super) const AMOUNT_MAX: Cents = Cents(99_999);

impl<'a> Transaction<'a> {
    /// Reads a transaction. Unknown fields are for somebody else and are passed over.
    ///
    /// Whether the time lies far in the future or has passed its window is not judged here: that needs the log's clock.
    ///
    /// ```
    /// use headwater_topologies::category_sales::{Category, Cents, Transaction};
    /// let transaction = Transaction::parse(br#"{"transaction_id": "550e8400-e29b-41d4-a716-446655440000", "user_id": "user_12345",
    ///     "product_category": "Electronics", "product_name": "Smartphone X", "amount": 450.50,
    ///     "timestamp": "2025-11-29 20:04:32", "payment_method": "credit_card"}"#)?;
    /// assert_eq!((transaction.product_category, transaction.amount), (Category::Electronics, Cents(45_050)));
    /// # Ok::<_, headwater_topologies::category_sales::Invalid>(())
    /// ```
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Invalid> {
        let mut fields = Fields::read(bytes)?;
        Ok(Transaction {
            transaction_id: uuid(&fields.text(Field::TransactionId)?)?,
            user_id: fields.text(Field::UserId)?,
            product_category: category(&fields.text(Field::ProductCategory)?)?,
            product_name: fields.text(Field::ProductName)?,
            amount: amount(&fields.text_or_number(Field::Amount)?)?,
            timestamp: event_time(&fields.text(Field::Timestamp)?)?,
            payment_method: payment_method(&fields.text(Field::PaymentMethod)?)?,
        })
    }
}

/// What was found of each field.
pub(super) type Fields<'a> = fields::Fields<'a, Field, { Field::ALL.len() }>;

pub(super) fn category(name: &str) -> Result<Category, Invalid> {
    Category::from_name(name).ok_or_else(|| Invalid::UnknownCategory { name: name.into() })
}

pub(super) fn amount(text: &str) -> Result<Cents, Invalid> {
    let out_of_range = || Invalid::AmountOutOfRange { text: text.into() };
    let cents = Cents::parse(text).map_err(|bad| match bad {
        BadAmount::NotANumber => Invalid::BadAmount { text: text.into() },
        BadAmount::FractionOfCent => Invalid::FractionOfCent { text: text.into() },
        BadAmount::TooLarge => out_of_range(),
    })?;
    if (AMOUNT_MIN..=AMOUNT_MAX).contains(&cents) { Ok(cents) } else { Err(out_of_range()) }
}

fn payment_method(name: &str) -> Result<PaymentMethod, Invalid> {
    PaymentMethod::from_name(name).ok_or_else(|| Invalid::UnknownPaymentMethod { name: name.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::BadDocument;

    const GOOD: &str = r#"{"transaction_id":"550e8400-e29b-41d4-a716-446655440000","user_id":"user_12345","product_category":"Electronics","product_name":"Smartphone X","amount":450.50,"timestamp":"2025-11-29 20:04:32","payment_method":"credit_card"}"#;

    #[test]
    fn reads_the_example_of_the_documents() {
        let transaction = Transaction::parse(GOOD.as_bytes()).unwrap();
        assert_eq!(transaction.transaction_id.to_string(), "550e8400-e29b-41d4-a716-446655440000");
        assert_eq!((&*transaction.user_id, &*transaction.product_name), ("user_12345", "Smartphone X"));
        assert_eq!((transaction.amount, transaction.timestamp), (Cents(45_050), 1_764_446_672_000));
        assert_eq!((transaction.product_category, transaction.payment_method), (Category::Electronics, PaymentMethod::CreditCard));
    }

    #[test]
    fn one_clear_reason_for_each_broken_rule() {
        for (from, to, reason) in [
            ("{", "", "broken JSON"),
            ("\"credit_card\"}", "\"credit", "broken JSON: EOF while parsing a string at line 1"),
            ("\"user_id\":\"user_12345\",", "", "missing field user_id"),
            ("\"payment_method\":", "\"payment\":", "missing field payment_method"),
            ("\"user_12345\"", "12345", "wrong type: user_id is a number"),
            ("450.50", "null", "wrong type: amount is null"),
            ("450.50", "[450.50]", "wrong type: amount is an array"),
            ("\"amount\"", "\"user_id\"", "repeated field user_id"),
            ("550e8400-", "550e8400", "bad UUID: 550e8400e29b-41d4-a716-446655440000"),
            ("550e8400", "550e84xx", "bad UUID"),
            ("Electronics", "electronics", "unknown category: electronics"),
            ("450.50", "\"cheap\"", "bad amount: cheap"),
            ("450.50", "450.505", "amount has more than two decimals: 450.505"),
            ("450.50", "9.99", "amount out of range 10.00 to 999.99: 9.99"),
            ("450.50", "1000.00", "amount out of range 10.00 to 999.99: 1000.00"),
            ("450.50", "-450.50", "amount out of range 10.00 to 999.99: -450.50"),
            ("2025-11-29 20:04:32", "noon", "bad timestamp: noon"),
            ("2025-11-29 20:04:32", "1969-12-31 23:59:59", "negative event time: 1969-12-31 23:59:59"),
            ("credit_card", "cash", "unknown payment method: cash"),
        ] {
            let text = GOOD.replacen(from, to, 1);
            let found = Transaction::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(found.starts_with(reason), "{text}: {found}");
        }
    }

    #[test]
    fn the_limits_are_inside() {
        for amount in ["10.00", "10", "999.99", "\"10.00\"", "\"999.99\"", "10.000"] {
            let text = GOOD.replace("450.50", amount);
            assert!(Transaction::parse(text.as_bytes()).is_ok(), "{amount}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_and_text_that_is_no_object() {
        let mut bytes = GOOD.as_bytes().to_vec();
        bytes[60] = 0xff;
        assert_eq!(Transaction::parse(&bytes), Err(BadDocument::NotUtf8 { at: 60 }.into()));
        assert_eq!(Transaction::parse(b"[]"), Err(BadDocument::NotAnObject { found: "an array" }.into()));
        assert!(matches!(Transaction::parse(b""), Err(Invalid::Document(BadDocument::BrokenJson { .. }))));
    }

    #[test]
    fn unknown_fields_and_escapes_are_read() {
        let text = GOOD.replace("Smartphone X", "Caf\\u00e9").replacen('{', "{\"shop\":{\"id\":[1,2]},", 1);
        assert_eq!(Transaction::parse(text.as_bytes()).unwrap().product_name, "Café");
    }
}
