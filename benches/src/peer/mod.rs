//! The seven topologies of the comparison with other stream processors. What each must do stands in `benches/peer/SPEC.md`;
//! an oracle and the other implementations check it. Here they are written as any user would write them.

mod category_sales;
mod enrich;
mod fraud;
pub mod generator;
mod hopping;
mod passthrough;
mod settings;
mod stateless;
mod transaction;
mod user_totals;
mod window_sums;

pub use enrich::{Enriched, User};
pub use fraud::Alert;
pub use settings::{Cache, Settings, SettingsError};
pub use stateless::Projected;
pub use transaction::{Category, CategoryName, PaymentMethod, Transaction};
pub use user_totals::UserTotal;
pub use window_sums::{CategorySales, ProductSales};

use headwater_streams::prelude::{StreamsBuilder, Topology, TopologyErrors};
use std::str::FromStr;

/// Which of the seven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The same bytes again.
    Passthrough,
    /// A filter and a projection.
    Stateless,
    /// Tumbling windows behind a repartition, six keys.
    CategorySales,
    /// Hopping windows behind a repartition, 600 keys, six windows a record.
    Hopping,
    /// A table by key, 100,000 keys.
    UserTotals,
    /// A processor with a store.
    Fraud,
    /// A stream joined with a table.
    Enrich,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 7] =
        [Kind::Passthrough, Kind::Stateless, Kind::CategorySales, Kind::Hopping, Kind::UserTotals, Kind::Fraud, Kind::Enrich];

    /// Its name in the comparison.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Passthrough => "passthrough",
            Kind::Stateless => "stateless",
            Kind::CategorySales => "category-sales",
            Kind::Hopping => "hopping",
            Kind::UserTotals => "user-totals",
            Kind::Fraud => "fraud",
            Kind::Enrich => "enrich",
        }
    }
}

impl FromStr for Kind {
    type Err = SettingsError;

    fn from_str(name: &str) -> Result<Self, SettingsError> {
        let found = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| SettingsError::Value { variable: "TOPOLOGY", value: name.into(), wanted: "one of the seven names of SPEC.md" })
    }
}

/// The topics that a run reads and writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicNames {
    /// Transactions.
    pub input: String,
    /// The results.
    pub output: String,
    /// The table of users, which only `enrich` reads.
    pub users: String,
    /// Whether that topic is the changelog of its table as well, as Kafka Streams has it under `topology.optimization=all`.
    pub users_as_changelog: bool,
}

/// One of the topologies between these topics.
///
/// # Errors
/// Names that Kafka does not allow.
pub fn topology(kind: Kind, topics: &TopicNames, cache: Cache) -> Result<Topology, TopologyErrors> {
    let app = StreamsBuilder::new();
    match kind {
        Kind::Passthrough => passthrough::add(&app, topics),
        Kind::Stateless => stateless::add(&app, topics),
        Kind::CategorySales => category_sales::add(&app, topics, cache),
        Kind::Hopping => hopping::add(&app, topics, cache),
        Kind::UserTotals => user_totals::add(&app, topics, cache),
        Kind::Fraud => fraud::add(&app, topics, cache),
        Kind::Enrich => enrich::add(&app, topics, cache),
    }
    app.build()
}
