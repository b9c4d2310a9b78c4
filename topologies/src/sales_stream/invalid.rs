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
    /// Text without a character where it names something.
    #[error("empty field {field}")]
    Empty {
        /// The field.
        field: Field,
    },
    /// Text of more than 200 bytes: state that is kept by it would have no bound.
    #[error("too long: {field} has {bytes} bytes, at most 200")]
    TooLong {
        /// The field.
        field: Field,
        /// How long it is.
        bytes: usize,
    },
    /// Text that is no decimal number.
    #[error("bad amount: {field} is {text}")]
    BadAmount {
        /// The field.
        field: Field,
        /// What stands there.
        text: String,
    },
    /// Fractions of a cent.
    #[error("amount has more than two decimals: {field} is {text}")]
    FractionOfCent {
        /// The field.
        field: Field,
        /// What stands there.
        text: String,
    },
    /// A total that is not quantity times price.
    #[error("wrong total: {quantity} times {unit_price} is not {total_amount}")]
    WrongTotal {
        /// How many.
        quantity: u32,
        /// The price of one.
        unit_price: String,
        /// What stands there.
        total_amount: String,
    },
    /// No whole number from 1 to 1,000.
    #[error("bad quantity, a whole number from 1 to 1000 is wanted: {text}")]
    BadQuantity {
        /// What stands there.
        text: String,
    },
    /// Below 0.01 or above 1,000,000.00.
    #[error("unit price out of range 0.01 to 1000000.00: {text}")]
    PriceOutOfRange {
        /// What stands there.
        text: String,
    },
    /// A currency that amounts are not added up in.
    #[error("unknown currency: {text}")]
    UnknownCurrency {
        /// What stands there.
        text: String,
    },
    /// A payment method that no shop takes.
    #[error("unknown payment method: {text}")]
    UnknownPaymentMethod {
        /// What stands there.
        text: String,
    },
    /// Neither IPv4 nor IPv6.
    #[error("bad IP address: {text}")]
    BadIpAddress {
        /// What stands there.
        text: String,
    },
    /// Not two capital letters.
    #[error("bad country code: {text}")]
    BadCountry {
        /// What stands there.
        text: String,
    },
    /// Beyond a pole, or more than half around the earth.
    #[error("coordinate out of range: {field} is {text}")]
    CoordinateOutOfRange {
        /// The field.
        field: Field,
        /// What stands there.
        text: String,
    },
}

names! {
    /// The fields of a transaction, in the order in which they are checked and written.
    Field {
        /// `transaction_id`
        TransactionId = "transaction_id",
        /// `user_id`
        UserId = "user_id",
        /// `session_id`
        SessionId = "session_id",
        /// `event_time`
        EventTime = "event_time",
        /// `product_id`
        ProductId = "product_id",
        /// `product_name`
        ProductName = "product_name",
        /// `product_category`
        ProductCategory = "product_category",
        /// `quantity`
        Quantity = "quantity",
        /// `unit_price`
        UnitPrice = "unit_price",
        /// `total_amount`
        TotalAmount = "total_amount",
        /// `currency`
        Currency = "currency",
        /// `payment_method`
        PaymentMethod = "payment_method",
        /// `device_id`
        DeviceId = "device_id",
        /// `ip_address`
        IpAddress = "ip_address",
        /// `country`
        Country = "country",
        /// `city`
        City = "city",
        /// `latitude`
        Latitude = "latitude",
        /// `longitude`
        Longitude = "longitude",
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
