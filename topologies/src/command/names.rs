//! The applications and generators that a person can name.

use super::CommandError;
use super::warehouse::Warehouse;
use crate::analytics::{self, ANALYTICS_RESULTS_TABLE, ANALYTICS_STREAM};
use crate::category_sales::{self, CATEGORY_SALES_TABLE, Transactions};
use crate::dimensions::{self, CUSTOMER, Changes, DIMENSIONS, PRODUCT, STORE};
use crate::feed::{Accompanied, Beside, FeedError, TopicFeed};
use crate::fraud::{self, FRAUD_ALERTS_TABLE};
use crate::generator::{Generator, Settings};
use crate::sales_stream::{self, FraudLabels, SalesStream};
use clap::ValueEnum;
use headwater_serving::{ANALYTICS_PAGE, DIMENSIONS_PAGE, FRAUD_PAGE, Page};
use headwater_streams::connector::DeadLetter;
use headwater_streams::format::Bytes;
use headwater_streams::graph::Topology;
use headwater_streams::log::{Log, TopicSpec};
use headwater_streams::topic::Topic;
use std::sync::Arc;

/// An application of this binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Application {
    /// Sales per category and minute, from transactions
    CategorySales,
    /// Figures of a minute, every ten seconds, from sales_stream
    Analytics,
    /// Alerts on sales that do not fit their user, from sales_stream
    Fraud,
    /// Versions of products, customers and stores, from their changes
    Dimensions,
}

impl Application {
    /// Its name, which is its id unless a person chooses another.
    pub(super) fn name(self) -> &'static str {
        match self {
            Application::CategorySales => category_sales::NAME,
            Application::Analytics => analytics::NAME,
            Application::Fraud => fraud::NAME,
            Application::Dimensions => dimensions::NAME,
        }
    }

    /// What it does with records, and where its results go.
    pub(super) fn topology(self, application_id: &str, warehouse: &Warehouse) -> Result<Topology, CommandError> {
        let app = match self {
            Application::CategorySales => {
                let app = category_sales::topology();
                warehouse.connect(&app, category_sales::CATEGORY_SALES, self.name(), CATEGORY_SALES_TABLE)?;
                app
            }
            Application::Analytics => {
                let app = analytics::topology();
                warehouse.connect(&app, ANALYTICS_STREAM, self.name(), ANALYTICS_RESULTS_TABLE)?;
                app
            }
            Application::Fraud => {
                let app = fraud::topology();
                warehouse.connect(&app, fraud::FRAUD_ALERTS, FRAUD_ALERTS_TABLE.name, FRAUD_ALERTS_TABLE)?;
                app
            }
            Application::Dimensions => {
                let app = dimensions::topology();
                for dimension in DIMENSIONS {
                    warehouse.connect_several(&app, dimension.versions, dimension.versions.name(), dimension.table)?;
                }
                app
            }
        };
        let dead_letters: Topic<(), Bytes> = Topic::of(DeadLetter::topic_of(application_id));
        warehouse.connect_dead_letters(&app, dead_letters);
        Ok(app.build()?)
    }

    /// The page that shows its results.
    pub(super) fn page(self, warehouse: &Warehouse) -> Page {
        match self {
            Application::CategorySales => warehouse.sales_page(),
            Application::Analytics => warehouse.tables_page(ANALYTICS_PAGE),
            Application::Fraud => warehouse.tables_page(FRAUD_PAGE),
            Application::Dimensions => warehouse.tables_page(DIMENSIONS_PAGE),
        }
    }

    /// What it reads.
    pub(super) fn inputs(self) -> &'static [Input] {
        match self {
            Application::CategorySales => &[Input::Transactions],
            Application::Analytics | Application::Fraud => &[Input::SalesStream],
            Application::Dimensions => &[Input::ProductChanges, Input::CustomerChanges, Input::StoreChanges],
        }
    }
}

/// A generator of this binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Input {
    /// Purchases in a shop: topic transactions, JSON
    Transactions,
    /// Sales of a chain of shops, some of them fraud: topic sales_stream, JSON, with fraud_labels beside it
    SalesStream,
    /// Which of the sales are fraud: topic fraud_labels, JSON
    FraudLabels,
    /// Changes to the products of a bakery: topic product-changes, JSON
    ProductChanges,
    /// Changes to its customers: topic customer-changes, JSON
    CustomerChanges,
    /// Changes to its stores: topic store-changes, JSON
    StoreChanges,
}

impl Input {
    /// The generator with these settings.
    pub(super) fn generator(self, settings: Settings) -> Box<dyn Generator> {
        match self {
            Input::Transactions => Box::new(Transactions::new(settings)),
            Input::SalesStream => Box::new(SalesStream::new(settings)),
            Input::FraudLabels => Box::new(FraudLabels::new(settings)),
            Input::ProductChanges => Box::new(Changes::new(&PRODUCT, settings)),
            Input::CustomerChanges => Box::new(Changes::new(&CUSTOMER, settings)),
            Input::StoreChanges => Box::new(Changes::new(&STORE, settings)),
        }
    }

    /// Its topic, as the application that reads it declares it.
    pub(super) fn topic(self) -> TopicSpec {
        match self {
            Input::Transactions => category_sales::transactions_topic(),
            Input::SalesStream => sales_stream::sales_stream_topic(),
            Input::FraudLabels => sales_stream::fraud_labels_topic(),
            Input::ProductChanges => PRODUCT.changes_topic(),
            Input::CustomerChanges => CUSTOMER.changes_topic(),
            Input::StoreChanges => STORE.changes_topic(),
        }
    }

    /// What is brought along with its records, to a topic of its own.
    fn beside(self) -> Option<Input> {
        match self {
            Input::SalesStream => Some(Input::FraudLabels),
            _ => None,
        }
    }

    /// Its topic and what is brought beside it, made where they are not there.
    pub(super) fn open(self, log: &Arc<dyn Log>, settings: Settings, asked: Option<i32>) -> Result<Accompanied<TopicFeed>, FeedError> {
        let open = |input: Input| TopicFeed::open(log.clone(), &input.topic(), asked);
        let beside = |input: Input| Ok::<_, FeedError>(Beside { to: open(input)?, generator: input.generator(settings) });
        Ok(Accompanied::new(open(self)?, self.beside().map(beside).transpose()?))
    }
}

/// An application's id becomes part of topic names, and those are short and plain.
pub(super) fn application_id(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !text.is_empty() && text.len() <= 100 && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("letters, digits, `.`, `_` and `-`, at most 100 of them".into())
    }
}
