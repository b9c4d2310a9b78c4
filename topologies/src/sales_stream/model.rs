//! A transaction as its producer means it; every value of these types keeps the rules.

use super::Place;
use crate::closed_set::names;
use crate::money::Cents;
use headwater_streams::record::Timestamp;
use std::borrow::Cow;
use std::net::IpAddr;
use uuid::Uuid;

/// One sale, with everything around it. Text that needs no unescaping is borrowed from the record that it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction<'a> {
    /// Identity, given by the producer.
    pub transaction_id: Uuid,
    /// Who bought.
    pub user_id: Cow<'a, str>,
    /// The visit during which it was bought.
    pub session_id: Cow<'a, str>,
    /// When, by the shop's clock, in milliseconds since the epoch.
    pub event_time: Timestamp,
    /// What exactly.
    pub product_id: Cow<'a, str>,
    /// Its name for people.
    pub product_name: Cow<'a, str>,
    /// What kind of thing; shops have kinds of their own.
    pub product_category: Cow<'a, str>,
    /// How many: 1 to 1,000.
    pub quantity: u32,
    /// The price of one: 0.01 to 1,000,000.00.
    pub unit_price: Cents,
    /// Quantity times price, exactly.
    pub total_amount: Cents,
    /// What the amounts are in.
    pub currency: Currency,
    /// How it was paid.
    pub payment_method: PaymentMethod,
    /// What it was bought with.
    pub device_id: Cow<'a, str>,
    /// Where that device was in the network.
    pub ip_address: IpAddr,
    /// Where it was on earth.
    pub place: Place<'a>,
}

impl Transaction<'_> {
    /// The same, independent of the bytes that it was read from.
    pub fn into_owned(self) -> Transaction<'static> {
        fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
            Cow::Owned(text.into_owned())
        }
        Transaction {
            transaction_id: self.transaction_id,
            user_id: owned(self.user_id),
            session_id: owned(self.session_id),
            event_time: self.event_time,
            product_id: owned(self.product_id),
            product_name: owned(self.product_name),
            product_category: owned(self.product_category),
            quantity: self.quantity,
            unit_price: self.unit_price,
            total_amount: self.total_amount,
            currency: self.currency,
            payment_method: self.payment_method,
            device_id: owned(self.device_id),
            ip_address: self.ip_address,
            place: Place { city: owned(self.place.city), ..self.place },
        }
    }
}

names! {
    /// What amounts are in, ISO 4217. Sums need one unit, so there is one until rates of exchange have a source.
    Currency {
        /// Dollars of the United States.
        Usd = "USD",
    }
}

names! {
    /// How a sale was paid.
    PaymentMethod {
        /// Paid later.
        CreditCard = "credit_card",
        /// Paid at once.
        DebitCard = "debit_card",
        /// Paid by PayPal.
        Paypal = "paypal",
        /// Paid from a telephone.
        MobileWallet = "mobile_wallet",
        /// Paid with what somebody else has paid.
        GiftCard = "gift_card",
        /// Paid by the bank.
        BankTransfer = "bank_transfer",
    }
}
