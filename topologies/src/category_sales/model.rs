//! A transaction as its producer means it; every value of these types keeps the rules.

use super::Cents;
use crate::closed_set::names;
use headwater_streams::record::Timestamp;
use std::borrow::Cow;
use uuid::Uuid;

/// One purchase. Text that needs no unescaping is borrowed from the record that it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction<'a> {
    /// Identity, given by the producer. Version 4 from ours; other versions hurt nobody and are taken.
    pub transaction_id: Uuid,
    /// Who bought.
    pub user_id: Cow<'a, str>,
    /// What kind of thing.
    pub product_category: Category,
    /// What exactly.
    pub product_name: Cow<'a, str>,
    /// The price: 10.00 to 999.99.
    pub amount: Cents,
    /// When, by the shop's clock, in milliseconds since the epoch.
    pub timestamp: Timestamp,
    /// How it was paid.
    pub payment_method: PaymentMethod,
}

impl Transaction<'_> {
    /// The same, independent of the bytes that it was read from.
    pub fn into_owned(self) -> Transaction<'static> {
        Transaction {
            transaction_id: self.transaction_id,
            user_id: Cow::Owned(self.user_id.into_owned()),
            product_category: self.product_category,
            product_name: Cow::Owned(self.product_name.into_owned()),
            amount: self.amount,
            timestamp: self.timestamp,
            payment_method: self.payment_method,
        }
    }
}

names! {
    /// What the shop sells.
    Category {
        /// Phones, laptops and what plugs into them.
        Electronics = "Electronics",
        /// What one wears.
        Fashion = "Fashion",
        /// What one puts on.
        Beauty = "Beauty",
        /// What one lives with.
        Home = "Home",
        /// What one sweats in.
        Sports = "Sports",
        /// What one eats.
        Grocery = "Grocery",
    }
}

names! {
    /// How a purchase was paid.
    PaymentMethod {
        /// Paid later.
        CreditCard = "credit_card",
        /// Paid at once.
        DebitCard = "debit_card",
        /// Paid by PayPal.
        Paypal = "paypal",
    }
}
