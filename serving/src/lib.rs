//! What is read: the live page, the same numbers as JSON, and the metrics endpoint.
//!
//! A store is read by one thread however many pages are open; what it finds is pushed to all of them. Nothing here writes.
//!
//! | path | what |
//! |---|---|
//! | `/` | the page, complete in itself: no other server is asked for anything |
//! | `/events` | server-sent events: `snapshot`, `beat` each second that nothing changes, `problem` |
//! | `/api/category-sales` | the last snapshot as JSON |
//! | `/health` | 200 while the store can be read, 503 with the reason otherwise |
//! | `/prometheus` | metrics in Prometheus' text format, where the binary hands a handle in |

mod error;
mod feed;
mod live;
mod money;
mod page;
mod sales;
mod server;
mod snapshot;
mod sqlite;

pub use error::{ServingError, SourceError};
pub use money::{Money, NotMoney};
pub use sales::{CategorySales, History, Sales, SalesSource, TREND_WINDOWS, WindowSales};
pub use server::{DEFAULT_ADDRESS, Server, Site};
pub use sqlite::SqliteSales;
