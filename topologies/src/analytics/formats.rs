//! How the types of this application look on the wire. Everything here is durable: a change is a new version.
//!
//! | type | where | bytes |
//! |---|---|---|
//! | [`Sale`] | topic `sales_stream` | JSON, a transaction as producers write it; only what is needed is kept |
//! | [`Sale`] | repartition topics `by-product`, `by-country` | JSON: `transaction_id`, `product_id`, `product_name`, `country`, `amount`, `event_time` |
//! | [`Country`] | keys of repartition topic, store and changelog | its code, ASCII |
//! | [`WindowStart`] | keys of repartition topic `by-window`, store and changelog, and of topic `analytics_stream` | JSON: the table's primary key, `window_start` |
//! | [`WindowPart`] | repartition topic `by-window` | JSON: `product_id` and `name`, or `country`; `revenue`, `orders` |
//! | [`WindowAnalytics`] | topic `analytics_stream` | JSON: the table's columns |
//!
//! Amounts are decimal text with two places, times ISO 8601 in UTC. What stores hold is in `layouts.rs`.

use super::{Sale, Sums, TopProduct, TopProducts, WindowAnalytics, WindowPart, WindowSales, WindowStart};
use crate::iso8601;
use crate::money::Cents;
use crate::sales_stream::{Country, Transaction};
use headwater_streams::format::{Data, Format, FormatError};
use headwater_streams::record::Timestamp;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use uuid::Uuid;

impl Data for Sale {
    type Format = SaleJson;
}

impl Data for Country {
    type Format = CountryCode;
}

impl Data for WindowStart {
    type Format = WindowStartJson;
}

impl Data for WindowPart {
    type Format = WindowPartJson;
}

impl Data for WindowAnalytics {
    type Format = WindowAnalyticsJson;
}

/// Reads a whole transaction and keeps what makes a sale: fields that nobody needs are never copied.
#[derive(Debug, Clone, Copy, Default)]
pub struct SaleOfTransaction;

impl Format<Sale> for SaleOfTransaction {
    fn encode(&self, _: &Sale, _: &mut Vec<u8>) -> Result<(), FormatError> {
        Err(FormatError::unwritable("a sale is not all of a transaction"))
    }

    fn decode(&self, bytes: &[u8]) -> Result<Sale, FormatError> {
        Transaction::parse(bytes).map(|transaction| Sale::from(&transaction)).map_err(FormatError::malformed)
    }

    fn name(&self) -> Cow<'static, str> {
        "sale-of-transaction".into()
    }
}

/// A sale on its way to its product and its country.
#[derive(Debug, Clone, Copy, Default)]
pub struct SaleJson;

impl Format<Sale> for SaleJson {
    fn encode(&self, sale: &Sale, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
        plain(out, b"{\"transaction_id\":\"", sale.transaction_id.hyphenated().encode_lower(&mut id).as_bytes());
        text(out, b"\",\"product_id\":", &sale.product_id)?;
        text(out, b",\"product_name\":", &sale.product_name)?;
        plain(out, b",\"country\":\"", sale.country.code().as_bytes());
        out.extend_from_slice(b"\",\"amount\":\"");
        sale.amount.write(out);
        out.extend_from_slice(b"\",\"event_time\":\"");
        iso8601::write_millis(sale.event_time, out);
        out.extend_from_slice(b"\"}");
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Sale, FormatError> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            transaction_id: &'a str,
            #[serde(borrow)]
            product_id: Cow<'a, str>,
            #[serde(borrow)]
            product_name: Cow<'a, str>,
            country: &'a str,
            amount: &'a str,
            event_time: &'a str,
        }
        let wire: Wire<'_> = read(bytes)?;
        Ok(Sale {
            transaction_id: Uuid::try_parse(wire.transaction_id).map_err(FormatError::malformed)?,
            product_id: (*wire.product_id).into(),
            product_name: (*wire.product_name).into(),
            country: country(wire.country)?,
            amount: cents(wire.amount)?,
            event_time: time(wire.event_time)?,
        })
    }

    fn name(&self) -> Cow<'static, str> {
        "analytics-sale-json".into()
    }
}

/// A country by its code.
#[derive(Debug, Clone, Copy, Default)]
pub struct CountryCode;

impl Format<Country> for CountryCode {
    fn encode(&self, country: &Country, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.extend_from_slice(country.code().as_bytes());
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Country, FormatError> {
        country(std::str::from_utf8(bytes).map_err(FormatError::malformed)?)
    }

    fn name(&self) -> Cow<'static, str> {
        "country-code".into()
    }
}

/// A window as the primary key of the table: the same key, the same bytes, so that the topic can be compacted.
#[derive(Debug, Clone, Copy, Default)]
pub struct WindowStartJson;

impl Format<WindowStart> for WindowStartJson {
    fn encode(&self, key: &WindowStart, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.extend_from_slice(b"{\"window_start\":\"");
        iso8601::write_seconds(key.0, out);
        out.extend_from_slice(b"\"}");
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<WindowStart, FormatError> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            window_start: &'a str,
        }
        let wire: Wire<'_> = read(bytes)?;
        Ok(WindowStart(time(wire.window_start)?))
    }

    fn name(&self) -> Cow<'static, str> {
        "analytics-window-start-json".into()
    }
}

/// News of a product or of a country on their way to their window.
#[derive(Debug, Clone, Copy, Default)]
pub struct WindowPartJson;

impl Format<WindowPart> for WindowPartJson {
    fn encode(&self, part: &WindowPart, out: &mut Vec<u8>) -> Result<(), FormatError> {
        match part {
            WindowPart::Product(product) => write_product(product, out)?,
            WindowPart::Country(country, sums) => {
                plain(out, b"{\"country\":\"", country.code().as_bytes());
                out.push(b'"');
                write_sums(*sums, out);
            }
        }
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<WindowPart, FormatError> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Wire<'a> {
            Product(#[serde(borrow)] WireProduct<'a>),
            Country { country: &'a str, revenue: &'a str, orders: u64 },
        }
        Ok(match read(bytes)? {
            Wire::Product(product) => WindowPart::Product(product.read()?),
            Wire::Country { country: code, revenue, orders } => {
                WindowPart::Country(country(code)?, Sums { revenue: cents(revenue)?, orders })
            }
        })
    }

    fn name(&self) -> Cow<'static, str> {
        "analytics-part-json".into()
    }
}

/// A row of the result with the table's columns.
#[derive(Debug, Clone, Copy, Default)]
pub struct WindowAnalyticsJson;

impl Format<WindowAnalytics> for WindowAnalyticsJson {
    fn encode(&self, row: &WindowAnalytics, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let total = row.sales.total();
        out.extend_from_slice(b"{\"window_start\":\"");
        iso8601::write_seconds(row.start, out);
        out.extend_from_slice(b"\",\"window_end\":\"");
        iso8601::write_seconds(row.end, out);
        out.push(b'"');
        write_members(total, out);
        out.extend_from_slice(b",\"average_order_value\":\"");
        total.average().write(out);
        out.extend_from_slice(b"\",\"top_products\":[");
        for (place, product) in row.sales.top_products.as_slice().iter().enumerate() {
            separate(place, out);
            write_product(product, out)?;
        }
        out.extend_from_slice(b"],\"countries\":{");
        for (place, (country, sums)) in row.sales.countries.iter().enumerate() {
            separate(place, out);
            plain(out, b"\"", country.code().as_bytes());
            plain(out, b"\":{\"revenue\":\"", sums.revenue.to_string().as_bytes());
            plain(out, b"\",\"orders\":", sums.orders.to_string().as_bytes());
            out.push(b'}');
        }
        out.extend_from_slice(b"}}");
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<WindowAnalytics, FormatError> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            window_start: &'a str,
            window_end: &'a str,
            #[serde(borrow)]
            top_products: Vec<WireProduct<'a>>,
            #[serde(borrow)]
            countries: BTreeMap<&'a str, WireSums<'a>>,
        }
        #[derive(Deserialize)]
        struct WireSums<'a> {
            revenue: &'a str,
            orders: u64,
        }
        let wire: Wire<'_> = read(bytes)?;
        let products = wire.top_products.into_iter().map(WireProduct::read).collect::<Result<_, _>>()?;
        let sums = |sums: WireSums<'_>| Ok(Sums { revenue: cents(sums.revenue)?, orders: sums.orders });
        let countries = wire.countries.into_iter().map(|(code, found)| Ok((country(code)?, sums(found)?)));
        let sales = WindowSales { top_products: TopProducts::ranked(products), countries: countries.collect::<Result<_, FormatError>>()? };
        Ok(WindowAnalytics { start: time(wire.window_start)?, end: time(wire.window_end)?, sales })
    }

    fn name(&self) -> Cow<'static, str> {
        "analytics-window-json".into()
    }
}

#[derive(Deserialize)]
struct WireProduct<'a> {
    #[serde(borrow)]
    product_id: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    revenue: &'a str,
    orders: u64,
}

impl WireProduct<'_> {
    fn read(self) -> Result<TopProduct, FormatError> {
        let sums = Sums { revenue: cents(self.revenue)?, orders: self.orders };
        Ok(TopProduct { product_id: (*self.product_id).into(), name: (*self.name).into(), sums })
    }
}

fn write_product(product: &TopProduct, out: &mut Vec<u8>) -> Result<(), FormatError> {
    text(out, b"{\"product_id\":", &product.product_id)?;
    text(out, b",\"name\":", &product.name)?;
    write_sums(product.sums, out);
    Ok(())
}

/// The last members of an object.
fn write_sums(sums: Sums, out: &mut Vec<u8>) {
    write_members(sums, out);
    out.push(b'}');
}

fn write_members(sums: Sums, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"revenue\":\"");
    sums.revenue.write(out);
    plain(out, b"\",\"orders\":", sums.orders.to_string().as_bytes());
}

fn separate(place: usize, out: &mut Vec<u8>) {
    if place > 0 {
        out.push(b',');
    }
}

/// What needs no escaping.
fn plain(out: &mut Vec<u8>, before: &[u8], value: &[u8]) {
    out.extend_from_slice(before);
    out.extend_from_slice(value);
}

fn text(out: &mut Vec<u8>, before: &[u8], value: &str) -> Result<(), FormatError> {
    out.extend_from_slice(before);
    serde_json::to_writer(out, value).map_err(FormatError::unwritable)
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, FormatError> {
    serde_json::from_slice(bytes).map_err(FormatError::malformed)
}

fn time(text: &str) -> Result<Timestamp, FormatError> {
    iso8601::parse(text).ok_or_else(|| FormatError::malformed(format_args!("not a time: {text}")))
}

fn cents(text: &str) -> Result<Cents, FormatError> {
    Cents::parse(text).map_err(|_| FormatError::malformed(format_args!("not an amount: {text}")))
}

fn country(code: &str) -> Result<Country, FormatError> {
    Country::from_code(code).ok_or_else(|| FormatError::malformed(format_args!("not a country's code: {code}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = 1_764_446_640_000;

    /// The bytes are what documents and other programs rely on; they come back as the same value.
    fn check<T: PartialEq + std::fmt::Debug>(format: impl Format<T>, value: T, expected: &str) {
        let mut bytes = Vec::new();
        format.encode(&value, &mut bytes).unwrap();
        assert_eq!(String::from_utf8(bytes.clone()).unwrap(), expected);
        assert_eq!(format.decode(&bytes).unwrap(), value);
    }

    fn germany() -> Country {
        Country::from_code("DE").unwrap()
    }

    fn lamp(cents: i128, orders: u64) -> TopProduct {
        TopProduct { product_id: "P-1".into(), name: "Lamp \"x\"".into(), sums: Sums { revenue: Cents(cents), orders } }
    }

    #[test]
    fn bytes_are_as_documented_and_come_back() {
        let sale = Sale {
            transaction_id: Uuid::from_u128(0x550e8400_e29b_41d4_a716_446655440000),
            product_id: "P-1".into(),
            product_name: "Lamp \"x\"".into(),
            country: germany(),
            amount: Cents(1_050),
            event_time: START + 1,
        };
        check(
            SaleJson,
            sale,
            r#"{"transaction_id":"550e8400-e29b-41d4-a716-446655440000","product_id":"P-1","product_name":"Lamp \"x\"","country":"DE","amount":"10.50","event_time":"2025-11-29T20:04:00.001Z"}"#,
        );
        check(CountryCode, germany(), "DE");
        check(WindowStartJson, WindowStart(START), r#"{"window_start":"2025-11-29T20:04:00Z"}"#);
        check(
            WindowPartJson,
            WindowPart::Product(lamp(1_050, 2)),
            r#"{"product_id":"P-1","name":"Lamp \"x\"","revenue":"10.50","orders":2}"#,
        );
        check(
            WindowPartJson,
            WindowPart::Country(germany(), Sums { revenue: Cents(5), orders: 1 }),
            r#"{"country":"DE","revenue":"0.05","orders":1}"#,
        );
    }

    #[test]
    fn a_row_has_the_columns_of_the_table() {
        let mut sales = WindowSales::default();
        sales.update(WindowPart::Product(lamp(1_100, 2)));
        sales.update(WindowPart::Product(TopProduct { product_id: "P-0".into(), ..lamp(1_100, 3) }));
        sales.update(WindowPart::Country(germany(), Sums { revenue: Cents(1_100), orders: 3 }));
        sales.update(WindowPart::Country(Country::from_code("BR").unwrap(), Sums { revenue: Cents(1_100), orders: 2 }));
        check(
            WindowAnalyticsJson,
            WindowAnalytics { start: START, end: START + 60_000, sales },
            r#"{"window_start":"2025-11-29T20:04:00Z","window_end":"2025-11-29T20:05:00Z","revenue":"22.00","orders":5,"average_order_value":"4.40","top_products":[{"product_id":"P-0","name":"Lamp \"x\"","revenue":"11.00","orders":3},{"product_id":"P-1","name":"Lamp \"x\"","revenue":"11.00","orders":2}],"countries":{"BR":{"revenue":"11.00","orders":2},"DE":{"revenue":"11.00","orders":3}}}"#,
        );
        check(
            WindowAnalyticsJson,
            WindowAnalytics { start: 0, end: 60_000, sales: WindowSales::default() },
            r#"{"window_start":"1970-01-01T00:00:00Z","window_end":"1970-01-01T00:01:00Z","revenue":"0.00","orders":0,"average_order_value":"0.00","top_products":[],"countries":{}}"#,
        );
    }
}
