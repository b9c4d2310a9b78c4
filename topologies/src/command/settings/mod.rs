//! Settings come in three layers, of which the later wins: a file, the environment, the command line.
//!
//! A setting is a flag that has an environment variable. In the file it goes by the variable's name without `HEADWATER_`, in lower
//! case. So each is declared once, with its meaning and what is allowed, and every layer is judged by the same words.

mod effective;
mod file;
mod refusal;

pub(super) use effective::Effective;

use super::CommandError;
use super::postgres_options::has_password;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use file::SettingsFile;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// The flag that names the file.
pub(super) const FILE: &str = "config";

const PREFIX: &str = "HEADWATER_";

/// What was asked for, over all layers.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) matches: ArgMatches,
    file: Option<SettingsFile>,
}

/// Reads the command line with what lies below it.
pub(super) fn parse(command: Command, words: &[OsString]) -> Result<Parsed, CommandError> {
    let matches = matches_of(command.clone(), words)?;
    let Some(path) = innermost(&matches).try_get_one::<PathBuf>(FILE).ok().flatten() else {
        return checked(Parsed { matches, file: None });
    };
    let file = SettingsFile::read(path, &settings(&command))?;
    let matches = matches_of(beneath(command, &file), words)?;
    checked(Parsed { matches, file: Some(file) })
}

fn matches_of(command: Command, words: &[OsString]) -> Result<ArgMatches, CommandError> {
    let known = settings(&command);
    command.try_get_matches_from(words).map_err(|error| refusal::explain(error, &known, words))
}

/// Settings files get into repositories: no password stands there. One on the command line is seen by everybody on the machine, which
/// is the caller's to decide, and is said.
fn checked(parsed: Parsed) -> Result<Parsed, CommandError> {
    let matches = innermost(&parsed.matches);
    let Some(url) = matches.try_get_one::<String>("postgres").ok().flatten() else { return Ok(parsed) };
    if !has_password(url) {
        return Ok(parsed);
    }
    match (matches.value_source("postgres"), &parsed.file) {
        (Some(ValueSource::DefaultValue), Some(file)) => {
            let what = format!("a password does not belong into the URL here: {ELSEWHERE}");
            return Err(CommandError::Setting { at: format!("{}: postgres", file.path.display()), what });
        }
        (Some(ValueSource::CommandLine), _) => {
            eprintln!("warning: --postgres: whoever may list processes here sees the password in the URL; {ELSEWHERE}");
        }
        _ => {}
    }
    Ok(parsed)
}

const ELSEWHERE: &str =
    "name a file that holds it with postgres_password_file, or put it into the environment as HEADWATER_POSTGRES_PASSWORD";

/// The matches of the subcommand that is meant.
fn innermost(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, below)| innermost(below))
}

/// The name of a setting; `None` for flags that are none.
fn name_of(arg: &Arg) -> Option<String> {
    let variable = arg.get_env()?.to_str()?;
    let name = variable.strip_prefix(PREFIX)?.to_lowercase();
    (name != FILE).then_some(name)
}

/// All settings of all subcommands, by name.
fn settings(command: &Command) -> BTreeMap<String, Arg> {
    let below = command.get_subcommands().flat_map(settings);
    let here = command.get_arguments().filter_map(|arg| Some((name_of(arg)?, arg.clone())));
    here.chain(below).collect()
}

/// The same command, with the file's values as its defaults.
fn beneath(command: Command, file: &SettingsFile) -> Command {
    let layer = |arg: Arg| match name_of(&arg).and_then(|name| file.value(&name)) {
        Some(value) => arg.default_value(value),
        None => arg,
    };
    command.mut_args(layer).mut_subcommands(|below| beneath(below, file))
}
