//! What is read: the live page, the same numbers as JSON, and the metrics endpoint.
//!
//! A store is read by one thread per page however many browsers look; what it finds is pushed to all of them. Nothing here writes.
//!
//! | path | what |
//! |---|---|
//! | `/` | the first page, complete in itself: no other server is asked for anything |
//! | `/category-sales`, `/analytics`, `/fraud`, `/dimensions` | the pages that there are |
//! | `/events/PAGE` | server-sent events: `snapshot`, `beat` each second that nothing changes, `problem`; `/events`: those of the first page |
//! | `/api/PAGE` | the last snapshot of a page as JSON |
//! | `/api/pages` | which pages there are: `name` and `title` |
//! | `/health` | 200 while all stores can be read, 503 with the reason otherwise |
//! | `/prometheus` | metrics in Prometheus' text format, where the binary hands a handle in |
//!
//! A snapshot is one JSON object. Amounts are strings with two decimals, times in the store's own text, except for those in `_ms`.
//! Each has `sequence`, which counts what was found to differ, from 1 with each start, `as_of_ms`, when the store was read, in milliseconds
//! since 1970, and `absent`: why there is nothing. Pages of plain tables have `tables`: by name the `row_count` of the whole table and the
//! `rows` that are shown. Category sales have
//!
//! | field | what |
//! |---|---|
//! | `history_as_of_ms` | when what lies before the trend was read |
//! | `total_sales`, `transaction_count`, `row_count` | of the whole table |
//! | `latest_window` | `window_start`, `window_end` and the rows of its `categories`; null while there is nothing |
//! | `categories`, `largest` | names and largest amount of a row in the trend |
//! | `trend` | sum and count of the last 100 windows, oldest first |
//! | `rows` | the table's rows of the last 10 windows, latest window first |

mod error;
mod feed;
mod files;
mod history;
mod listing;
mod live;
mod money;
mod pages;
mod postgres;
mod postgres_tables;
mod sales;
mod server;
mod snapshot;
mod source;
mod sqlite;
mod sqlite_file;
mod sqlite_tables;
mod tables;

pub use error::{ServingError, SourceError};
pub use money::{Money, NotMoney};
pub use pages::{ANALYTICS_PAGE, DIMENSIONS_PAGE, FRAUD_PAGE, Page, TablesPage};
pub use postgres::PostgresSales;
pub use postgres_tables::PostgresTables;
pub use sales::{CategorySales, History, Sales, TREND_WINDOWS, WindowSales};
pub use server::{DEFAULT_ADDRESS, Server, Site};
pub use source::Source;
pub use sqlite::SqliteSales;
pub use sqlite_tables::SqliteTables;
pub use tables::{Rows, Tables};
