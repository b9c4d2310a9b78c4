//! What is logged to standard error.

use super::CommandError;
use std::env;
use std::io::{self, IsTerminal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

const VARIABLE: &str = "HEADWATER_LOG";

/// Logs from now on: what `HEADWATER_LOG` says, without it this level.
pub(super) fn start(level: &str) -> Result<(), CommandError> {
    let asked = env::var(VARIABLE).ok().filter(|asked| !asked.is_empty());
    let filter = filter(asked.as_deref().unwrap_or(level))?;
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(io::stderr().is_terminal()).with_writer(io::stderr).init();
    Ok(())
}

fn filter(text: &str) -> Result<EnvFilter, CommandError> {
    let refuse = |reason: String| CommandError::LogFilter { text: text.into(), reason };
    // A lone word that is no level would name a module, and silence all others: a slip of the pen, not a wish.
    let slip = text.split(',').map(str::trim).find(|word| !word.contains(['=', '[', ':']) && word.parse::<LevelFilter>().is_err());
    if let Some(word) = slip {
        return Err(refuse(format!("{word} is no level")));
    }
    EnvFilter::try_new(text).map_err(|error| refuse(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_told_instead_of_silencing_everything() {
        for text in ["warn", "INFO", "headwater_streams=debug,warn", "off", "headwater_streams::log=trace"] {
            assert!(filter(text).is_ok(), "{text}");
        }
        for text in ["debgu", "warn,headwater_streams", "headwater=loud"] {
            assert!(matches!(filter(text), Err(CommandError::LogFilter { .. })), "{text}");
        }
    }
}
