//! How the rows of this application's stores look, in the stores and in their changelogs. Durable: a change is a new version.
//!
//! All begin with the version, one byte; numbers are big-endian. *sums*: orders, 8 bytes, then cents, 16 bytes. *text*: its length, 2 bytes, then UTF-8.
//!
//! | type | bytes |
//! |---|---|
//! | [`Sums`] | version 1; sums |
//! | [`ProductSales`] | version 1; sums; time of the name, 8 bytes; the name, text |
//! | [`WindowSales`] | version 1; number of products, 2 bytes; of each id, text, name, text, sums; number of countries, 2 bytes; of each its code, 2 bytes, sums |

use super::{ProductSales, Sums, TopProduct, TopProducts, WindowSales};
use crate::money::Cents;
use crate::sales_stream::Country;
use headwater_streams::format::{Data, Format, FormatError};
use std::borrow::Cow;
use std::sync::Arc;

const VERSION: u8 = 1;

impl Data for Sums {
    type Format = SumsLayout;
}

impl Data for ProductSales {
    type Format = ProductSalesLayout;
}

impl Data for WindowSales {
    type Format = WindowSalesLayout;
}

/// Sums as a store keeps them.
#[derive(Debug, Clone, Copy, Default)]
pub struct SumsLayout;

impl Format<Sums> for SumsLayout {
    fn encode(&self, sums: &Sums, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.push(VERSION);
        write_sums(*sums, out);
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Sums, FormatError> {
        let mut reader = Reader::open(bytes)?;
        let sums = reader.sums()?;
        reader.end(sums)
    }

    fn name(&self) -> Cow<'static, str> {
        "analytics-sums-1".into()
    }
}

/// A product's sales as a store keeps them.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProductSalesLayout;

impl Format<ProductSales> for ProductSalesLayout {
    fn encode(&self, product: &ProductSales, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.push(VERSION);
        write_sums(product.sums, out);
        out.extend_from_slice(&product.named_at.to_be_bytes());
        write_text(&product.name, out)
    }

    fn decode(&self, bytes: &[u8]) -> Result<ProductSales, FormatError> {
        let mut reader = Reader::open(bytes)?;
        let (sums, named_at, name) = (reader.sums()?, i64::from_be_bytes(reader.take()?), reader.text()?);
        reader.end(ProductSales { sums, name, named_at })
    }

    fn name(&self) -> Cow<'static, str> {
        "analytics-product-1".into()
    }
}

/// A window's sales as a store keeps them.
#[derive(Debug, Clone, Copy, Default)]
pub struct WindowSalesLayout;

impl Format<WindowSales> for WindowSalesLayout {
    fn encode(&self, window: &WindowSales, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.push(VERSION);
        write_length(window.top_products.as_slice().len(), out)?;
        for product in window.top_products.as_slice() {
            write_text(&product.product_id, out)?;
            write_text(&product.name, out)?;
            write_sums(product.sums, out);
        }
        write_length(window.countries.len(), out)?;
        for (country, sums) in &window.countries {
            out.extend_from_slice(country.code().as_bytes());
            write_sums(*sums, out);
        }
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<WindowSales, FormatError> {
        let mut reader = Reader::open(bytes)?;
        let products = (0..reader.length()?).map(|_| reader.product()).collect::<Result<_, _>>()?;
        let countries = (0..reader.length()?).map(|_| Ok((reader.country()?, reader.sums()?))).collect::<Result<_, FormatError>>()?;
        reader.end(WindowSales { top_products: TopProducts::ranked(products), countries })
    }

    fn name(&self) -> Cow<'static, str> {
        "analytics-window-1".into()
    }
}

fn write_sums(sums: Sums, out: &mut Vec<u8>) {
    out.extend_from_slice(&sums.orders.to_be_bytes());
    out.extend_from_slice(&sums.revenue.0.to_be_bytes());
}

fn write_text(text: &str, out: &mut Vec<u8>) -> Result<(), FormatError> {
    write_length(text.len(), out)?;
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn write_length(length: usize, out: &mut Vec<u8>) -> Result<(), FormatError> {
    let length = u16::try_from(length).map_err(FormatError::unwritable)?;
    out.extend_from_slice(&length.to_be_bytes());
    Ok(())
}

/// What is left of a row.
struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Reader<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let mut reader = Reader { rest: bytes, length: bytes.len() };
        match reader.take()? {
            [VERSION] => Ok(reader),
            [found] => Err(FormatError::WrongVersion { expected: VERSION, found }),
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let too_short = FormatError::WrongLength { expected: self.length - self.rest.len() + N, found: self.length };
        let (taken, rest) = self.rest.split_first_chunk().ok_or(too_short)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn length(&mut self) -> Result<u16, FormatError> {
        Ok(u16::from_be_bytes(self.take()?))
    }

    fn sums(&mut self) -> Result<Sums, FormatError> {
        let orders = u64::from_be_bytes(self.take()?);
        Ok(Sums { orders, revenue: Cents(i128::from_be_bytes(self.take()?)) })
    }

    fn text(&mut self) -> Result<Arc<str>, FormatError> {
        let length = usize::from(self.length()?);
        let too_short = FormatError::WrongLength { expected: self.length - self.rest.len() + length, found: self.length };
        let (text, rest) = self.rest.split_at_checked(length).ok_or(too_short)?;
        self.rest = rest;
        std::str::from_utf8(text).map(Arc::from).map_err(FormatError::malformed)
    }

    fn product(&mut self) -> Result<TopProduct, FormatError> {
        Ok(TopProduct { product_id: self.text()?, name: self.text()?, sums: self.sums()? })
    }

    fn country(&mut self) -> Result<Country, FormatError> {
        let code: [u8; 2] = self.take()?;
        let country = std::str::from_utf8(&code).ok().and_then(Country::from_code);
        country.ok_or_else(|| FormatError::malformed("not a country's code"))
    }

    fn end<T>(self, value: T) -> Result<T, FormatError> {
        let expected = self.length - self.rest.len();
        if self.rest.is_empty() { Ok(value) } else { Err(FormatError::WrongLength { expected, found: self.length }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMS: Sums = Sums { revenue: Cents(258), orders: 1 };
    const SUMS_BYTES: &[u8] = b"\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x02";

    fn window() -> WindowSales {
        WindowSales {
            top_products: TopProducts::ranked(vec![TopProduct { product_id: "P-1".into(), name: "Lämp".into(), sums: SUMS }]),
            countries: vec![(Country::from_code("DE").unwrap(), SUMS)],
        }
    }

    /// The bytes are durable; they come back as the same value, and cut or longer they do not come back at all.
    fn check<T: PartialEq + std::fmt::Debug>(format: impl Format<T>, value: T, parts: &[&[u8]]) {
        let (expected, mut bytes) = (parts.concat(), Vec::new());
        format.encode(&value, &mut bytes).unwrap();
        assert_eq!(bytes.escape_ascii().to_string(), expected.escape_ascii().to_string());
        assert_eq!(format.decode(&bytes).unwrap(), value);
        for length in 0..bytes.len() {
            assert!(matches!(format.decode(&bytes[..length]), Err(FormatError::WrongLength { found, .. }) if found == length));
        }
        bytes.push(0);
        assert_eq!(format.decode(&bytes), Err(FormatError::WrongLength { expected: bytes.len() - 1, found: bytes.len() }));
        bytes[0] = 2;
        assert_eq!(format.decode(&bytes), Err(FormatError::WrongVersion { expected: 1, found: 2 }));
    }

    #[test]
    fn bytes_are_as_documented_and_come_back() {
        check(SumsLayout, SUMS, &[b"\x01", SUMS_BYTES]);
        let product = ProductSales { sums: SUMS, name: "Lamp".into(), named_at: 3 };
        check(ProductSalesLayout, product, &[b"\x01", SUMS_BYTES, b"\0\0\0\0\0\0\0\x03", b"\0\x04Lamp"]);
        let product = b"\0\x03P-1\0\x05L\xc3\xa4mp";
        check(WindowSalesLayout, window(), &[b"\x01", b"\0\x01", product, SUMS_BYTES, b"\0\x01", b"DE", SUMS_BYTES]);
        check(WindowSalesLayout, WindowSales::default(), &[b"\x01", b"\0\0", b"\0\0"]);
    }
}
