//! `headwater describe`: what an application consists of, without running it.

use super::CommandError;
use super::answer::answer;
use super::names::Application;
use super::run_settings::RunSettings;
use super::warehouse::Warehouse;
use clap::Args;

/// Show an application's sub-topologies, topics, stores and sinks
#[derive(Debug, Args)]
pub(super) struct Describe {
    /// The application
    app: Application,

    #[command(flatten)]
    settings: RunSettings,
}

impl Describe {
    pub(super) fn run(self) -> Result<(), CommandError> {
        let application_id = self.settings.id(self.app.name());
        // Wherever the tables lie, the application is the same; so nothing needs to be reached.
        let warehouse = Warehouse::Sqlite(self.settings.data.directory().sqlite());
        let topology = self.app.topology(application_id, &warehouse)?;
        answer(format_args!("application {application_id}\n\n{}", topology.describe_as(application_id)));
        Ok(())
    }
}
