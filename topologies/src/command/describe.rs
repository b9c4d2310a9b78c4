//! `headwater describe`: what an application consists of, without running it.

use super::CommandError;
use super::answer::answer;
use super::names::{Application, application_id};
use super::warehouse::WarehouseOptions;
use clap::Args;

/// Show an application's sub-topologies, topics, stores and sinks
#[derive(Debug, Args)]
pub(super) struct Describe {
    /// The application
    app: Application,

    /// Group id and prefix of internal topics [default: the application's name]
    #[arg(long, value_name = "ID", env = "HEADWATER_APPLICATION_ID", value_parser = application_id)]
    application_id: Option<String>,

    #[command(flatten)]
    warehouse: WarehouseOptions,
}

impl Describe {
    pub(super) fn run(self) -> Result<(), CommandError> {
        let application_id = self.application_id.as_deref().unwrap_or(self.app.name());
        let topology = self.app.topology(application_id, &self.warehouse.warehouse()?)?;
        answer(format_args!("application {application_id}\n\n{}", topology.describe_as(application_id)));
        Ok(())
    }
}
