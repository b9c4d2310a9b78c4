//! The application `analytics`: what a chain's shops sell, as figures of a minute that are made anew every ten seconds.
//!
//! The model ([`Sale`], [`Sums`], [`TopProducts`], [`WindowSales`]) knows its arithmetic and nothing of logs or stores; [`topology`] is the
//! only place where both meet. Nothing here does I/O.

mod formats;
mod layouts;
mod sale;
mod sinks;
mod sums;
mod top_products;
mod topology;
mod window_sales;

pub use formats::{SaleJson, SaleOfTransaction, WindowAnalyticsJson, WindowPartJson, WindowStartJson};
pub use layouts::{ProductSalesLayout, SumsLayout, WindowSalesLayout};
pub use sale::{ProductSales, Sale};
pub use sinks::ANALYTICS_RESULTS_TABLE;
pub use sums::Sums;
pub use top_products::{TOP_PRODUCTS, TopProduct, TopProducts};
pub use topology::{ANALYTICS_STREAM, NAME, topology};
pub use window_sales::{WindowAnalytics, WindowPart, WindowSales, WindowStart};
