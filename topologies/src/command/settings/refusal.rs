//! Why a value is refused, in the words of the flag that it belongs to, and with the layer that it came from.

use crate::command::CommandError;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use clap::{Arg, Command};
use std::collections::BTreeMap;
use std::error::Error as _;
use std::ffi::OsString;

/// Whether the flag would take this value; if not, why.
pub(super) fn check(arg: &Arg, value: &str) -> Result<(), String> {
    let long = arg.get_long().expect("a setting has a flag");
    let word = format!("--{long}={value}");
    Command::new("check").no_binary_name(true).arg(arg.clone()).try_get_matches_from([word]).map(drop).map_err(|error| reason(&error))
}

/// clap does not say that a value came from the environment; a person who looks at the command line looks in vain.
pub(super) fn explain(error: Error, known: &BTreeMap<String, Arg>, words: &[OsString]) -> CommandError {
    let is_value = matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue);
    match known.values().find(|arg| is_value && is_about(&error, arg) && !is_among(words, arg)).and_then(Arg::get_env) {
        Some(variable) => {
            let value = std::env::var_os(variable).unwrap_or_default();
            let at = format!("{}={:?}", variable.display(), value.to_string_lossy());
            CommandError::Setting { at, what: reason(&error) }
        }
        None => CommandError::Usage(error),
    }
}

fn is_about(error: &Error, arg: &Arg) -> bool {
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg) else { return false };
    // Such as `--listen <HOST:PORT>`.
    shown.split([' ', '=']).next().and_then(|flag| flag.strip_prefix("--")) == arg.get_long()
}

fn is_among(words: &[OsString], arg: &Arg) -> bool {
    let flag = format!("--{}", arg.get_long().unwrap_or_default());
    words.iter().filter_map(|word| word.to_str()).any(|word| word.split('=').next() == Some(&flag))
}

fn reason(error: &Error) -> String {
    if let Some(source) = error.source() {
        return source.to_string();
    }
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(allowed)) if !allowed.is_empty() => format!("not one of {}", allowed.join(", ")),
        _ => error.kind().to_string(),
    }
}
