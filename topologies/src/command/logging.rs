//! What is logged to standard error.

use super::CommandError;
use std::env;
use std::io::{self, IsTerminal};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

const VARIABLE: &str = "HEADWATER_LOG";

/// Logs from now on: what `HEADWATER_LOG` says, without it this level.
pub(super) fn start(level: &str) -> Result<(), CommandError> {
    let asked = env::var(VARIABLE).ok().filter(|asked| !asked.is_empty());
    let filter = filter(asked.as_deref().unwrap_or(level))?;
    let told = fmt::layer().with_ansi(io::stderr().is_terminal()).with_writer(io::stderr).with_filter(filter);
    tracing_subscriber::registry().with(told).with(Counted.with_filter(LevelFilter::WARN)).init();
    Ok(())
}

/// Counts what somebody should look at, also where it is not logged.
struct Counted;

impl<S: Subscriber> Layer<S> for Counted {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let of = event.metadata();
        metrics::counter!("headwater_warnings_total", "level" => of.level().as_str(), "module" => of.target()).increment(1);
    }
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
