//! All that is known of one window, put together from what its products and its countries say of themselves.

use super::{Sums, TopProduct, TopProducts};
use crate::sales_stream::Country;
use headwater_streams::record::Timestamp;

/// Which window: the primary key of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowStart(pub Timestamp);

/// The sums of one product or of one country in a window, so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WindowPart {
    /// A product's.
    Product(TopProduct),
    /// A country's.
    Country(Country, Sums),
}

/// A window's sales. Parts replace what was known of them before, so that the same part twice does no harm, and what is kept is bounded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WindowSales {
    /// The products that brought in the most.
    pub top_products: TopProducts,
    /// What each country brought in, by its code.
    pub countries: Vec<(Country, Sums)>,
}

impl WindowSales {
    /// A part has news.
    pub fn update(&mut self, part: WindowPart) {
        match part {
            WindowPart::Product(product) => self.top_products.update(product),
            WindowPart::Country(country, sums) => match self.countries.binary_search_by_key(&country, |(country, _)| *country) {
                Ok(at) => self.countries[at].1.update(sums),
                Err(at) => self.countries.insert(at, (country, sums)),
            },
        }
    }

    /// All sales: each is in one country.
    pub fn total(&self) -> Sums {
        let mut total = Sums::default();
        self.countries.iter().for_each(|(_, sums)| total += *sums);
        total
    }
}

/// One row of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowAnalytics {
    /// First millisecond of the window.
    pub start: Timestamp,
    /// First millisecond after it.
    pub end: Timestamp,
    /// What was sold in between.
    pub sales: WindowSales,
}

impl WindowAnalytics {
    /// Which row this is.
    pub fn key(&self) -> WindowStart {
        WindowStart(self.start)
    }
}
