//! The pages there are, each with its files and what it shows.

use crate::feed::View;
use crate::listing::Kind::{Boolean, Json, Millis, Seconds, Text};
use crate::listing::{Listing, Shown};
use crate::source::{Latest, Source};
use crate::{Sales, Tables};
use std::fmt;

/// A page and where its numbers come from.
pub enum Page {
    /// Sales per category and minute.
    CategorySales(Box<dyn Source<Sales>>),
    /// One of plain tables.
    Tables(TablesPage, Box<dyn Source<Tables>>),
}

/// A page of plain tables.
#[derive(Debug, Clone, Copy)]
pub struct TablesPage {
    name: &'static str,
    title: &'static str,
    main: &'static str,
    pub(crate) listings: &'static [Listing],
}

/// What the server knows of a page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Files {
    /// Its path, and that of its numbers.
    pub(crate) name: &'static str,
    /// Its name for people.
    pub(crate) title: &'static str,
    /// What it shows, within the frame of all pages.
    pub(crate) main: &'static str,
}

impl Page {
    pub(crate) fn open(self) -> (Files, Box<dyn View>) {
        match self {
            Page::CategorySales(source) => {
                let files = Files { name: "category-sales", title: "Category sales", main: include_str!("page/category-sales.html") };
                (files, Box::new(Latest::of(source)))
            }
            Page::Tables(TablesPage { name, title, main, .. }, source) => (Files { name, title, main }, Box::new(Latest::of(source))),
        }
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Page::CategorySales(_) => "category-sales",
            Page::Tables(page, _) => page.name,
        })
    }
}

/// Figures of a minute: table `analytics_results`.
pub const ANALYTICS_PAGE: TablesPage = TablesPage {
    name: "analytics",
    title: "Analytics",
    main: include_str!("page/analytics.html"),
    listings: &[
        Listing {
            name: "windows",
            table: "analytics_results",
            columns: &[
                Shown::of("window_start", Seconds),
                Shown::of("window_end", Seconds),
                Shown::of("revenue", Text),
                Shown::of("orders", Json),
                Shown::of("average_order_value", Text),
            ],
            // Half an hour of full minutes.
            rest: "ORDER BY window_start DESC LIMIT 185",
        },
        Listing {
            // The latest window that no later sale in order can change: five have begun since. Before there is one, the first of all.
            name: "minute",
            table: "analytics_results",
            columns: &[
                Shown::of("window_start", Seconds),
                Shown::of("window_end", Seconds),
                Shown::of("revenue", Text),
                Shown::of("orders", Json),
                Shown::of("average_order_value", Text),
                Shown::of("top_products", Json),
                Shown::of("countries", Json),
            ],
            rest: "WHERE window_start = coalesce((SELECT window_start FROM analytics_results ORDER BY window_start DESC LIMIT 1 OFFSET 5),
                (SELECT min(window_start) FROM analytics_results))",
        },
    ],
};

/// Alerts on sales: table `fraud_alerts`.
pub const FRAUD_PAGE: TablesPage = TablesPage {
    name: "fraud",
    title: "Fraud",
    main: include_str!("page/fraud.html"),
    listings: &[
        Listing {
            name: "alerts",
            table: "fraud_alerts",
            columns: &[
                Shown::of("transaction_id", Text),
                Shown::of("user_id", Text),
                Shown::of("event_time", Millis),
                Shown::of("total_amount", Text),
                Shown::of("country", Text),
                Shown::of("city", Text),
                Shown::of("score", Text),
                Shown::of("severity", Text),
                Shown::of("hits", Json),
            ],
            rest: "ORDER BY event_time DESC, transaction_id LIMIT 50",
        },
        Listing {
            name: "severities",
            table: "fraud_alerts",
            columns: &[Shown::of("severity", Text), Shown::expression("alerts", "count(*)", Json)],
            rest: "GROUP BY severity ORDER BY severity",
        },
    ],
};

const EFFECTIVE_DATE: Shown = Shown::of("effective_date", Millis);
const END_DATE: Shown = Shown::of("end_date", Millis);
const IS_CURRENT: Shown = Shown::of("is_current", Boolean);
const VERSIONS: Shown = Shown::expression("versions", "count(*)", Json);
const OPEN: Shown = Shown::expression("current", "sum(CASE WHEN is_current THEN 1 ELSE 0 END)", Json);

/// Versions of products, customers and stores: tables `dim_product`, `dim_customer` and `dim_store`.
pub const DIMENSIONS_PAGE: TablesPage = TablesPage {
    name: "dimensions",
    title: "Dimensions",
    main: include_str!("page/dimensions.html"),
    listings: &[
        Listing {
            name: "products",
            table: "dim_product",
            columns: &[
                Shown::of("product_id", Text),
                Shown::of("name", Text),
                Shown::of("category", Text),
                Shown::of("unit_price", Text),
                Shown::of("shelf_life_days", Json),
                EFFECTIVE_DATE,
                END_DATE,
                IS_CURRENT,
            ],
            rest: "ORDER BY effective_date DESC, product_id LIMIT 20",
        },
        Listing {
            name: "customers",
            table: "dim_customer",
            columns: &[
                Shown::of("customer_id", Text),
                Shown::of("name", Text),
                Shown::of("city", Text),
                Shown::of("loyalty_tier", Text),
                EFFECTIVE_DATE,
                END_DATE,
                IS_CURRENT,
            ],
            rest: "ORDER BY effective_date DESC, customer_id LIMIT 20",
        },
        Listing {
            name: "stores",
            table: "dim_store",
            columns: &[
                Shown::of("store_id", Text),
                Shown::of("name", Text),
                Shown::of("city", Text),
                Shown::of("region", Text),
                Shown::of("floor_area_sqm", Json),
                EFFECTIVE_DATE,
                END_DATE,
                IS_CURRENT,
            ],
            rest: "ORDER BY effective_date DESC, store_id LIMIT 20",
        },
        Listing { name: "product_counts", table: "dim_product", columns: &[VERSIONS, OPEN], rest: "" },
        Listing { name: "customer_counts", table: "dim_customer", columns: &[VERSIONS, OPEN], rest: "" },
        Listing { name: "store_counts", table: "dim_store", columns: &[VERSIONS, OPEN], rest: "" },
    ],
};
