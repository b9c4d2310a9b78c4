//! The `headwater` command: one file per subcommand, what they share beside them.

mod answer;
mod config;
mod data;
mod demo;
mod demo_record;
mod describe;
mod error;
mod feeder;
mod fraud;
mod fresh;
mod generate;
mod generator_options;
mod hosted;
mod kafka_options;
mod log;
mod logging;
mod monitor;
mod names;
mod page;
mod postgres_options;
mod progress;
mod run;
mod run_settings;
mod scd2;
mod secret_file;
mod session;
mod settings;
mod shutdown;
mod sink;
mod summary;
mod surroundings;
mod tail;
mod warehouse;

use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand};
use error::CommandError;
use settings::{Effective, Parsed};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Without a broker everything lies in one directory, ./headwater-data: the log, the state and a SQLite file with the results.

Start here:
  headwater demo                                               a shop's transactions, added up live, with a page to look at
  headwater demo --for 60s                                     the same for a minute, with a summary at the end

Step by step:
  headwater generate transactions --late 0.01 --bad 0.001      fill the input topic
  headwater run category-sales --listen 127.0.0.1:8080         run the application until stopped
  headwater tail category-sales --from start --to end          look at what it wrote

Answers go to standard output, logs to standard error. HEADWATER_LOG chooses what is logged: off, error, warn, info, debug or trace, also
by module, such as warn,headwater_streams=debug; the default is info, for demo and fraud warn.";

/// Stream processing with Kafka's semantics, on Kafka or on nothing but this binary
#[derive(Debug, Parser)]
#[command(name = "headwater", version, after_long_help = EXAMPLES, arg_required_else_help = true)]
struct Headwater {
    /// File of settings (TOML); the environment and flags go before it
    #[arg(long, value_name = "FILE", env = "HEADWATER_CONFIG", global = true)]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Run(run::Run),
    Generate(generate::Generate),
    Tail(tail::Tail),
    Describe(describe::Describe),
    #[command(subcommand)]
    Sink(sink::Sink),
    #[command(subcommand)]
    Fraud(fraud::Fraud),
    #[command(subcommand)]
    Scd2(scd2::Scd2),
    Config(config::Config),
}

impl Command {
    fn run(self, parsed: &Parsed) -> Result<(), CommandError> {
        match self {
            Command::Demo(demo) => demo.run(),
            Command::Run(run) => run.run(),
            Command::Generate(generate) => generate.run(),
            Command::Tail(tail) => tail.run(),
            Command::Describe(describe) => describe.run(),
            Command::Sink(sink) => sink.run(),
            Command::Fraud(fraud) => fraud.run(),
            Command::Scd2(scd2) => scd2.run(),
            Command::Config(config) => {
                let command = command_line();
                let shown = command.find_subcommand("config").expect("it was just parsed");
                config.run(&Effective::of(shown, parsed))
            }
        }
    }
}

/// Runs the command line. 0: done; 1: it could not be done; 2: it was not understood.
pub fn main() -> ! {
    shutdown::leave(match start() {
        Ok(()) => 0,
        Err(error) => error.report(),
    })
}

fn start() -> Result<(), CommandError> {
    let words: Vec<_> = std::env::args_os().collect();
    let parsed = settings::parse(command_line(), &words)?;
    let Headwater { command, .. } = Headwater::from_arg_matches(&parsed.matches)?;
    // Demo and measurement talk to a person; what else happens is there for the asking.
    logging::start(if matches!(command, Command::Demo(_) | Command::Fraud(_)) { "warn" } else { "info" })?;
    command.run(&parsed)
}

/// A flag for the generator is a mistake where none runs, not something to pass over.
fn command_line() -> clap::Command {
    let needs_generate = |arg: Arg| match arg.get_help_heading() {
        Some(run::WITH_GENERATE) => arg.requires("generate"),
        _ => arg,
    };
    Headwater::command().mut_subcommand("run", |run| run.mut_args(needs_generate))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::error::ErrorKind;

    #[test]
    fn the_command_line_is_consistent() {
        command_line().debug_assert();
    }

    #[test]
    fn flags_of_the_generator_need_a_generator() {
        let parse = |line: &str| command_line().try_get_matches_from(line.split(' ')).map_err(|error| error.kind());
        assert_eq!(parse("headwater run category-sales --rate 5").err(), Some(ErrorKind::MissingRequiredArgument));
        assert!(parse("headwater run category-sales --generate --rate 5").is_ok());
        assert!(parse("headwater run category-sales").is_ok());
    }

    #[test]
    fn values_that_make_no_sense_are_refused() {
        for line in [
            "headwater generate transactions --late 2",
            "headwater generate transactions --start yesterday",
            "headwater generate transactions --step 2d",
            "headwater generate transactions --partitions 0",
            "headwater run category-sales --commit-interval 0s",
            "headwater run category-sales --application-id a/b",
            "headwater demo --rate 0",
            "headwater demo --for 10",
            "headwater demo --listen 8080",
        ] {
            let refused = command_line().try_get_matches_from(line.split(' ')).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ValueValidation, "{line}");
        }
    }
}
