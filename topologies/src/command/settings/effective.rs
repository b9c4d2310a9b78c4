//! What is set in the end, and where each of it comes from. Secrets are stars.

use super::{Parsed, innermost, name_of};
use crate::command::{kafka_options, postgres_options};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use std::fmt;

/// The settings of one subcommand.
#[derive(Debug)]
pub(in crate::command) struct Effective(Vec<Row>);

#[derive(Debug)]
struct Row {
    name: String,
    value: Option<String>,
    origin: String,
}

const STARS: &str = "***";

impl Effective {
    /// The settings of this subcommand as they were parsed.
    pub(in crate::command) fn of(command: &Command, parsed: &Parsed) -> Self {
        let matches = innermost(&parsed.matches);
        let mut rows: Vec<_> = command.get_arguments().filter_map(|arg| row(arg, matches, parsed)).collect();
        for (name, variable) in [("kafka_password", kafka_options::PASSWORD), ("postgres_password", postgres_options::PASSWORD)] {
            let is_set = std::env::var_os(variable).is_some_and(|password| !password.is_empty());
            rows.extend(is_set.then(|| Row { name: name.into(), value: Some(STARS.into()), origin: variable.into() }));
        }
        rows.sort_by(|one, other| one.name.cmp(&other.name));
        Effective(rows)
    }
}

fn row(arg: &Arg, matches: &ArgMatches, parsed: &Parsed) -> Option<Row> {
    let name = name_of(arg)?;
    let id = arg.get_id().as_str();
    let raw = matches.get_raw(id).map(|values| values.map(|value| value.to_string_lossy()).collect::<Vec<_>>().join(","));
    let value = raw.map(|value| if name == "postgres" { postgres_options::without_password(&value) } else { value });
    let origin = match (matches.value_source(id), &parsed.file) {
        (Some(ValueSource::CommandLine), _) => format!("--{}", arg.get_long().unwrap_or(id)),
        (Some(ValueSource::EnvVariable), _) => arg.get_env().map_or(String::new(), |variable| variable.display().to_string()),
        (Some(_), Some(file)) if file.value(&name).is_some() => file.path.display().to_string(),
        _ => "default".into(),
    };
    Some(Row { name, value, origin })
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |row: &Row| match &row.value {
            // What a file may not hold is no line of one.
            Some(stars) if stars == STARS => format!("# {} = {stars}", row.name),
            Some(value) => format!("{} = {value:?}", row.name),
            None => format!("# {} is not set", row.name),
        };
        let width = self.0.iter().map(|row| line(row).len()).max().unwrap_or(0);
        for row in &self.0 {
            match row.value {
                Some(_) => writeln!(f, "{:width$}  # {}", line(row), row.origin)?,
                None => writeln!(f, "{}", line(row))?,
            }
        }
        Ok(())
    }
}
