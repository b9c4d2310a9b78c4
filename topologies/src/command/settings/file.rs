//! The settings file: TOML without sections, one line a setting.

use super::refusal;
use crate::command::CommandError;
use clap::Arg;
use config::{Config, File, FileFormat, Value, ValueKind};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Settings that lie in a file. Their values are checked.
#[derive(Debug)]
pub(super) struct SettingsFile {
    pub(super) path: PathBuf,
    values: BTreeMap<String, &'static str>,
}

/// What must not stand in a file, and what may instead.
const SECRETS: [(&str, &str); 2] = [("kafka_password", "kafka_password_file"), ("postgres_password", "postgres_password_file")];

impl SettingsFile {
    /// Reads it; each name must be a known one, each value one that its flag would take.
    pub(super) fn read(path: &Path, known: &BTreeMap<String, Arg>) -> Result<Self, CommandError> {
        let mistake = |what: String| CommandError::Setting { at: path.display().to_string(), what };
        let text = fs::read_to_string(path).map_err(|error| mistake(format!("cannot be read: {error}")))?;
        let table = parse(&text).map_err(mistake)?;
        let value = |(name, value): (String, Value)| {
            let text = checked(&name, value, known).map_err(mistake)?;
            // As long as the program: there is one file, read once.
            Ok((name, &*text.leak()))
        };
        let values = table.into_iter().map(value).collect::<Result<_, CommandError>>()?;
        Ok(SettingsFile { path: path.to_owned(), values })
    }

    pub(super) fn value(&self, name: &str) -> Option<&'static str> {
        self.values.get(name).copied()
    }
}

fn parse(text: &str) -> Result<BTreeMap<String, Value>, String> {
    let read = Config::builder().add_source(File::from_str(text, FileFormat::Toml)).build();
    read.and_then(Config::try_deserialize).map_err(|error| {
        // The lines between show the file's text, which may hold what nobody is to see.
        let text = error.to_string();
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let first = lines.next().unwrap_or("not TOML").trim().to_owned();
        lines.next_back().map_or(first.clone(), |last| format!("{first}: {}", last.trim()))
    })
}

fn checked(name: &str, value: Value, known: &BTreeMap<String, Arg>) -> Result<String, String> {
    if let Some((_, instead)) = SECRETS.iter().find(|(secret, _)| *secret == name) {
        return Err(format!(
            "{name}: a password does not stand in a settings file: name a file that holds it with {instead}, or put it into the environment as HEADWATER_{}",
            name.to_uppercase()
        ));
    }
    if matches!(value.kind, ValueKind::Table(_) | ValueKind::Array(_) | ValueKind::Nil) {
        return Err(format!("{name} is a section or a list: settings stand in neither, each is a line such as kafka_ca_file = \"ca.pem\""));
    }
    let Some(arg) = known.get(name) else {
        let nearest = known.keys().min_by_key(|known| distance(known, name)).map_or("", String::as_str);
        return Err(format!("{name} is no setting; the nearest one is {nearest}"));
    };
    let text = value.into_string().map_err(|error| format!("{name}: {error}"))?;
    refusal::check(arg, &text).map_err(|reason| format!("{name} = {text:?}: {reason}"))?;
    Ok(text)
}

/// How many letters must be added, taken away or changed to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, from) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in other.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_as_far_apart_as_they_have_letters_that_differ() {
        for (one, other, far) in
            [("brokers", "brokers", 0), ("broker", "brokers", 1), ("borkers", "brokers", 2), ("", "abc", 3), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(one, other), far, "{one} {other}");
            assert_eq!(distance(other, one), far, "{other} {one}");
        }
    }

    #[test]
    fn a_broken_file_is_told_by_line_and_shows_none_of_its_text() {
        let error = parse("brokers = \"a:1\"\nkafka_password = \"hunter2\nlisten = 3\n").unwrap_err();
        assert!(error.contains("line 2") && !error.contains("hunter2"), "{error}");
    }
}
