//! Why bytes are not a transaction: one reason each. The document comes first, then field by field in the order of [`Field::ALL`].

use std::fmt;

/// The reason that a dead letter carries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Not text at all.
    #[error("not UTF-8: byte {at} begins no character")]
    NotUtf8 {
        /// Where the text ends being text.
        at: usize,
    },
    /// Not a JSON document.
    #[error("broken JSON: {reason}")]
    BrokenJson {
        /// What the parser expected, and where.
        reason: String,
    },
    /// JSON, but no object.
    #[error("not a JSON object but {found}")]
    NotAnObject {
        /// What stands there instead.
        found: &'static str,
    },
    /// A field that is there twice: which one is meant, nobody knows.
    #[error("repeated field {field}")]
    Repeated {
        /// The field.
        field: Field,
    },
    /// A field that is not there.
    #[error("missing field {field}")]
    Missing {
        /// The field.
        field: Field,
    },
    /// A field of another JSON type.
    #[error("wrong type: {field} is {found}")]
    WrongType {
        /// The field.
        field: Field,
        /// What stands there.
        found: &'static str,
    },
    /// Not a UUID of 36 characters.
    #[error("bad UUID: {text}")]
    BadUuid {
        /// What stands there.
        text: String,
    },
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
    /// Not a time in ISO 8601.
    #[error("bad timestamp: {text}")]
    BadTimestamp {
        /// What stands there.
        text: String,
    },
    /// Before 1970.
    #[error("negative event time: {text}")]
    NegativeTime {
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

/// The fields of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `transaction_id`
    TransactionId,
    /// `user_id`
    UserId,
    /// `product_category`
    ProductCategory,
    /// `product_name`
    ProductName,
    /// `amount`
    Amount,
    /// `timestamp`
    Timestamp,
    /// `payment_method`
    PaymentMethod,
}

impl Field {
    /// All of them, in the order in which they are checked.
    pub const ALL: [Field; 7] = [
        Field::TransactionId,
        Field::UserId,
        Field::ProductCategory,
        Field::ProductName,
        Field::Amount,
        Field::Timestamp,
        Field::PaymentMethod,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Field::TransactionId => "transaction_id",
            Field::UserId => "user_id",
            Field::ProductCategory => "product_category",
            Field::ProductName => "product_name",
            Field::Amount => "amount",
            Field::Timestamp => "timestamp",
            Field::PaymentMethod => "payment_method",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "transaction_id" => Field::TransactionId,
            "user_id" => Field::UserId,
            "product_category" => Field::ProductCategory,
            "product_name" => Field::ProductName,
            "amount" => Field::Amount,
            "timestamp" => Field::Timestamp,
            "payment_method" => Field::PaymentMethod,
            _ => return None,
        })
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
