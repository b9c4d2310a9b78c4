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
    /// Not a UUID of 36 characters.
    #[error("bad UUID: {text}")]
    BadUuid {
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

/// The fields of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `transaction_id`
    TransactionId,
    /// `user_id`
    UserId,
    /// `session_id`
    SessionId,
    /// `event_time`
    EventTime,
    /// `product_id`
    ProductId,
    /// `product_name`
    ProductName,
    /// `product_category`
    ProductCategory,
    /// `quantity`
    Quantity,
    /// `unit_price`
    UnitPrice,
    /// `total_amount`
    TotalAmount,
    /// `currency`
    Currency,
    /// `payment_method`
    PaymentMethod,
    /// `device_id`
    DeviceId,
    /// `ip_address`
    IpAddress,
    /// `country`
    Country,
    /// `city`
    City,
    /// `latitude`
    Latitude,
    /// `longitude`
    Longitude,
}

impl Field {
    /// All of them, in the order in which they are checked and written.
    pub const ALL: [Field; 18] = [
        Field::TransactionId,
        Field::UserId,
        Field::SessionId,
        Field::EventTime,
        Field::ProductId,
        Field::ProductName,
        Field::ProductCategory,
        Field::Quantity,
        Field::UnitPrice,
        Field::TotalAmount,
        Field::Currency,
        Field::PaymentMethod,
        Field::DeviceId,
        Field::IpAddress,
        Field::Country,
        Field::City,
        Field::Latitude,
        Field::Longitude,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Field::TransactionId => "transaction_id",
            Field::UserId => "user_id",
            Field::SessionId => "session_id",
            Field::EventTime => "event_time",
            Field::ProductId => "product_id",
            Field::ProductName => "product_name",
            Field::ProductCategory => "product_category",
            Field::Quantity => "quantity",
            Field::UnitPrice => "unit_price",
            Field::TotalAmount => "total_amount",
            Field::Currency => "currency",
            Field::PaymentMethod => "payment_method",
            Field::DeviceId => "device_id",
            Field::IpAddress => "ip_address",
            Field::Country => "country",
            Field::City => "city",
            Field::Latitude => "latitude",
            Field::Longitude => "longitude",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "transaction_id" => Field::TransactionId,
            "user_id" => Field::UserId,
            "session_id" => Field::SessionId,
            "event_time" => Field::EventTime,
            "product_id" => Field::ProductId,
            "product_name" => Field::ProductName,
            "product_category" => Field::ProductCategory,
            "quantity" => Field::Quantity,
            "unit_price" => Field::UnitPrice,
            "total_amount" => Field::TotalAmount,
            "currency" => Field::Currency,
            "payment_method" => Field::PaymentMethod,
            "device_id" => Field::DeviceId,
            "ip_address" => Field::IpAddress,
            "country" => Field::Country,
            "city" => Field::City,
            "latitude" => Field::Latitude,
            "longitude" => Field::Longitude,
            _ => return None,
        })
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
