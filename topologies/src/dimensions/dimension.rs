//! The dimensions: names, and rules for the columns. A dimension is data, so that one more is a constant more.

use super::json::{Json, Members};
use super::{Change, Columns, Invalid};
use headwater_connectors::table::Table;
use headwater_streams::dsl::Scd2Store;
use headwater_streams::record::Timestamp;
use headwater_streams::topic::Topic;

/// One dimension. Its names are durable: those of topics, stores and the table.
#[derive(Debug, Clone, Copy)]
pub struct Dimension {
    /// What a row is.
    pub name: &'static str,
    /// Where changes come from. Keys are the producers' own business: the `key` of the change counts.
    pub changes: Topic<(), Change>,
    /// What the topic is called by which changes go to the partition of their key.
    pub by_key: &'static str,
    /// All changes and all versions.
    pub history: Scd2Store<String, Columns>,
    /// Where versions go to, by key: the rows that one change makes different.
    pub versions: Topic<String, Json>,
    /// The column of the key.
    pub key: &'static str,
    /// The columns of a version, in order.
    pub columns: &'static [ColumnRule],
    /// The table that the versions are kept in.
    pub table: Table,
}

/// One column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnRule {
    /// Its name, in changes and in the table.
    pub name: &'static str,
    /// What it takes.
    pub values: Values,
    /// Whether it may be missing, which is the same as null.
    pub optional: bool,
}

/// What a column takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Text that is not empty.
    Text,
    /// One of these names.
    OneOf(&'static [&'static str]),
    /// An amount of money that is not negative, with at most two decimals: a number, or text for those who fear floats.
    Price,
    /// A whole number from the one to the other.
    Whole(i64, i64),
}

/// Products of the bakery.
pub const PRODUCT: Dimension = Dimension {
    name: "product",
    changes: Topic::new("product-changes"),
    by_key: "by-product",
    history: Scd2Store::new("dim-product"),
    versions: Topic::new("dim-product"),
    key: "product_id",
    columns: &[
        ColumnRule::of("name", Values::Text),
        ColumnRule::of("category", Values::Text),
        ColumnRule::of("unit_price", Values::Price),
        ColumnRule::of("shelf_life_days", Values::Whole(0, 3_650)).optional(),
    ],
    table: super::sinks::DIM_PRODUCT,
};

/// Its customers.
pub const CUSTOMER: Dimension = Dimension {
    name: "customer",
    changes: Topic::new("customer-changes"),
    by_key: "by-customer",
    history: Scd2Store::new("dim-customer"),
    versions: Topic::new("dim-customer"),
    key: "customer_id",
    columns: &[
        ColumnRule::of("name", Values::Text),
        ColumnRule::of("city", Values::Text),
        ColumnRule::of("loyalty_tier", Values::OneOf(&["none", "bronze", "silver", "gold"])),
    ],
    table: super::sinks::DIM_CUSTOMER,
};

/// Its stores.
pub const STORE: Dimension = Dimension {
    name: "store",
    changes: Topic::new("store-changes"),
    by_key: "by-store",
    history: Scd2Store::new("dim-store"),
    versions: Topic::new("dim-store"),
    key: "store_id",
    columns: &[
        ColumnRule::of("name", Values::Text),
        ColumnRule::of("city", Values::Text),
        ColumnRule::of("region", Values::Text),
        ColumnRule::of("floor_area_sqm", Values::Whole(1, 100_000)).optional(),
    ],
    table: super::sinks::DIM_STORE,
};

/// All of them.
pub const DIMENSIONS: [&Dimension; 3] = [&PRODUCT, &CUSTOMER, &STORE];

/// 0001-01-01 and 9999-12-31: what every table can hold.
const MOMENTS: std::ops::RangeInclusive<Timestamp> = -62_135_596_800_000..=253_402_300_799_999;
/// Ten digits, two of them behind the point.
const CENTS_MAX: i64 = 9_999_999_999;

impl Dimension {
    /// The change with the columns that the table has, each in its one form, or the first rule that is broken. Unknown columns are for
    /// somebody else and are passed over: they open no version.
    pub fn check(&self, change: Change) -> Result<Change, Invalid> {
        let Change { key, valid_from, columns } = change;
        if key.is_empty() {
            return Err(Invalid::Empty { field: "key" });
        }
        if !MOMENTS.contains(&valid_from) {
            return Err(Invalid::MomentOutOfRange { millis: valid_from });
        }
        let columns = columns.map(|columns| self.check_columns(columns.0)).transpose()?;
        Ok(Change { key, valid_from, columns })
    }

    fn check_columns(&self, mut found: Members) -> Result<Columns, Invalid> {
        let mut columns = Members::new();
        for rule in self.columns {
            match found.remove(rule.name) {
                Some(Json::Null) | None if rule.optional => {}
                Some(value) => drop(columns.insert(rule.name.to_owned(), rule.check(value)?)),
                None => return Err(Invalid::Missing { field: rule.name }),
            }
        }
        Ok(Columns(columns))
    }
}

impl ColumnRule {
    const fn of(name: &'static str, values: Values) -> Self {
        ColumnRule { name, values, optional: false }
    }

    const fn optional(self) -> Self {
        ColumnRule { optional: true, ..self }
    }

    fn check(&self, value: Json) -> Result<Json, Invalid> {
        let field = self.name;
        match (self.values, value) {
            (Values::Text, Json::Text(text)) if text.is_empty() => Err(Invalid::Empty { field }),
            (Values::Text, Json::Text(text)) => Ok(Json::Text(text)),
            (Values::OneOf(names), Json::Text(name)) if names.contains(&&*name) => Ok(Json::Text(name)),
            (Values::OneOf(_), Json::Text(name)) => Err(Invalid::UnknownName { field, name }),
            (Values::Price, Json::Number(number)) => price(field, number.text()),
            (Values::Price, Json::Text(text)) => price(field, &text),
            (Values::Whole(min, max), Json::Number(number)) => {
                let out_of_range = || Invalid::OutOfRange { field, text: number.text().into(), min, max };
                number.integer().filter(|whole| (min..=max).contains(whole)).map(Json::from).ok_or_else(out_of_range)
            }
            (Values::Text | Values::OneOf(_) | Values::Price | Values::Whole(..), other) => {
                Err(Invalid::WrongType { field, found: other.kind() })
            }
        }
    }
}

/// Text with two decimals, so that one price has one form.
fn price(field: &'static str, text: &str) -> Result<Json, Invalid> {
    let bad = || Invalid::BadPrice { field, text: text.into() };
    let Ok(Json::Number(number)) = Json::parse(text.as_bytes()) else { return Err(bad()) };
    let cents = number.shifted(2).filter(|cents| (0..=CENTS_MAX).contains(cents)).ok_or_else(bad)?;
    Ok(Json::Text(format!("{}.{:02}", cents / 100, cents % 100)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(columns: &str) -> Result<String, String> {
        let text = format!(r#"{{"key":"p-1","op":"upsert","valid_from":0,"columns":{columns}}}"#);
        let change = Change::parse(text.as_bytes()).unwrap();
        let checked = PRODUCT.check(change).map_err(|invalid| invalid.to_string())?;
        let mut out = Vec::new();
        checked.columns.unwrap().write(&mut out);
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn columns_have_one_form_and_unknown_ones_are_passed_over() {
        let expected = r#"{"category":"bread","name":"Rye","shelf_life_days":4,"unit_price":"4.50"}"#;
        for price in ["4.5", "4.50", "\"4.5\"", "\"4.50\"", "45e-1"] {
            let columns = format!(r#"{{"unit_price":{price},"name":"Rye","category":"bread","shelf_life_days":4.0,"baker":"Ann"}}"#);
            assert_eq!(product(&columns).as_deref(), Ok(expected));
        }
        let without = product(r#"{"unit_price":0,"name":"Rye","category":"bread","shelf_life_days":null}"#);
        assert_eq!(without.as_deref(), Ok(r#"{"category":"bread","name":"Rye","unit_price":"0.00"}"#));
    }

    #[test]
    fn one_clear_reason_for_each_broken_rule() {
        let good = r#"{"name":"Rye","category":"bread","unit_price":"4.50","shelf_life_days":4}"#;
        for (from, to, reason) in [
            ("\"name\":\"Rye\",", "", "missing field name"),
            ("\"Rye\"", "null", "wrong type: name is null"),
            ("Rye", "", "empty name"),
            ("\"Rye\"", "1", "wrong type: name is a number"),
            ("4.50", "4.505", "bad price: unit_price is 4.505"),
            ("4.50", "-1", "bad price: unit_price is -1"),
            ("4.50", "cheap", "bad price: unit_price is cheap"),
            ("4.50", "100000000", "bad price: unit_price is 100000000"),
            ("\"4.50\"", "true", "wrong type: unit_price is a boolean"),
            ("days\":4", "days\":4.5", "out of range 0 to 3650: shelf_life_days is 4.5"),
            ("days\":4", "days\":-1", "out of range 0 to 3650: shelf_life_days is -1"),
        ] {
            assert_eq!(product(&good.replacen(from, to, 1)), Err(reason.to_owned()), "{to}");
        }
        let check =
            |key: &str, valid_from| CUSTOMER.check(Change { key: key.into(), valid_from, columns: None }).map_err(|why| why.to_string());
        assert_eq!(check("", 0), Err("empty key".into()));
        assert_eq!(check("c", *MOMENTS.end() + 1), Err("valid_from out of range 0001-01-01 to 9999-12-31: 253402300800000".into()));
        assert!(check("c", *MOMENTS.start()).is_ok());
        let tier = Json::parse(br#"{"name":"Ann","city":"Oslo","loyalty_tier":"lead"}"#).unwrap();
        let Json::Object(members) = tier else { panic!("an object") };
        let change = Change { key: "c".into(), valid_from: 0, columns: Some(Columns(members)) };
        assert_eq!(CUSTOMER.check(change).unwrap_err().to_string(), "unknown loyalty_tier: lead");
    }
}
