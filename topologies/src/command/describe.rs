//! `headwater describe`: what an application consists of, without running it.

use super::CommandError;
use super::answer::answer;
use super::names::Application;
use super::run_settings::RunSettings;
use super::warehouse::Warehouse;
use clap::{Args, ValueEnum};

/// Show an application's sub-topologies, topics, stores and sinks
#[derive(Debug, Args)]
pub(super) struct Describe {
    /// The application
    app: Application,

    /// What to write: a text for people, DOT for Graphviz, or a Mermaid flowchart for a Markdown page
    #[arg(long, value_enum, default_value_t)]
    format: Form,

    #[command(flatten)]
    settings: RunSettings,
}

/// How the topology is written.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Form {
    #[default]
    Text,
    Dot,
    Mermaid,
}

impl Describe {
    pub(super) fn run(self) -> Result<(), CommandError> {
        let application_id = self.settings.id(self.app.name());
        // Wherever the tables lie, the application is the same; so nothing needs to be reached.
        let warehouse = Warehouse::Sqlite(self.settings.data.directory().sqlite());
        let topology = self.app.topology(application_id, &warehouse)?;
        match self.format {
            Form::Text => answer(format_args!("application {application_id}\n\n{}", topology.describe_as(application_id))),
            Form::Dot => answer(topology.to_dot(application_id)),
            Form::Mermaid => answer(topology.to_mermaid(application_id)),
        }
        Ok(())
    }
}
