//! Why bytes are not a transaction: one reason each. The document comes first, then field by field in the order of [`Field::ALL`].

use crate::closed_set::names;
use crate::fields::{self, BadDocument, BadText};

/// The reason that a dead letter carries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Not the document that is wanted.
    #[error(transparent)]
    Document(#[from] BadDocument<Field>),
    /// An id or a time that is none.
    #[error(transparent)]
    Text(#[from] BadText),
    /// A category that the shop does not have.
    #[error("unknown category: {name}")]
    UnknownCategory {
        /// What stands there.
        name: String,
    },
    /// Text that is no decimal number.
    #[error("bad amount: {text}")]
    BadAmount {
        /// What stands there.
        text: String,
    },
    /// Fractions of a cent.
    #[error("amount has more than two decimals: {text}")]
    FractionOfCent {
        /// What stands there.
        text: String,
    },
    /// Below 10.00 or above 999.99.
    #[error("amount out of range 10.00 to 999.99: {text}")]
    AmountOutOfRange {
        /// What stands there.
        text: String,
    },
    /// A payment method that the shop does not take.
    #[error("unknown payment method: {name}")]
    UnknownPaymentMethod {
        /// What stands there.
        name: String,
    },
}

names! {
    /// The fields of a transaction, in the order in which they are checked.
    Field {
        /// `transaction_id`
        TransactionId = "transaction_id",
        /// `user_id`
        UserId = "user_id",
        /// `product_category`
        ProductCategory = "product_category",
        /// `product_name`
        ProductName = "product_name",
        /// `amount`
        Amount = "amount",
        /// `timestamp`
        Timestamp = "timestamp",
        /// `payment_method`
        PaymentMethod = "payment_method",
    }
}

impl fields::Field for Field {
    fn from_name(name: &str) -> Option<Self> {
        Field::from_name(name)
    }

    fn place(self) -> usize {
        self as usize
    }
}
