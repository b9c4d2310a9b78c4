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
//!
//! A snapshot is one JSON object. Amounts are strings with two decimals, times in the store's own text, except for two:
//!
//! | field | what |
//! |---|---|
//! | `sequence` | counts what was found to differ, from 1 with each start |
//! | `as_of_ms`, `history_as_of_ms` | when the store was read, and when what lies before the trend was, in milliseconds since 1970 |
//! | `total_sales`, `transaction_count`, `row_count` | of the whole table |
//! | `latest_window` | `window_start`, `window_end` and the rows of its `categories`; null while there is nothing |
//! | `categories`, `largest` | names and largest amount of a row in the trend |
//! | `trend` | sum and count of the last 100 windows, oldest first |
//! | `rows` | the table's rows of the last 10 windows, latest window first |
//! | `absent` | why there is nothing |

mod error;
mod feed;
mod history;
mod live;
mod money;
mod page;
mod postgres;
mod sales;
mod server;
mod snapshot;
mod sqlite;

pub use error::{ServingError, SourceError};
pub use money::{Money, NotMoney};
pub use postgres::PostgresSales;
pub use sales::{CategorySales, History, Sales, SalesSource, TREND_WINDOWS, WindowSales};
pub use server::{DEFAULT_ADDRESS, Server, Site};
pub use sqlite::SqliteSales;
