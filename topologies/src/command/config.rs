//! `headwater config`: the settings that hold, and where each comes from.

use super::CommandError;
use super::answer::answer;
use super::run_settings::RunSettings;
use super::settings::Effective;
use clap::Args;

const EXAMPLES: &str = "\
Settings come from a file (--config FILE or HEADWATER_CONFIG), from the environment (HEADWATER_..) and from flags; the later wins.
What is shown is such a file, secrets excepted: they come from the environment or from files of their own.

Examples:
  headwater config                                             what holds now
  headwater config --config headwater.toml                     what would hold with this file, and whether it is in order";

/// Show the settings that hold and where each comes from
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Config {
    #[command(flatten)]
    settings: RunSettings,
}

impl Config {
    pub(super) fn run(self, effective: &Effective) -> Result<(), CommandError> {
        answer(effective.to_string().trim_end());
        // Each value is in order by now; whether they fit together shows here.
        self.settings.log()?;
        self.settings.warehouse()?;
        Ok(())
    }
}
