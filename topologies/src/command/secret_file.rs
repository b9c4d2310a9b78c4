//! Passwords: out of the environment or out of a file, never out of a flag.

use super::CommandError;
use headwater_streams::log::Secret;
use std::env;
use std::fs;
use std::path::Path;

/// The password that stands in the environment or, where none does, in the file that is named.
pub(super) fn password(variable: &str, setting: &'static str, file: Option<&Path>) -> Result<Option<Secret>, CommandError> {
    if let Some(password) = env::var(variable).ok().filter(|password| !password.is_empty()) {
        return Ok(Some(Secret::new(password)));
    }
    file.map(|file| read(setting, file)).transpose()
}

/// Editors end files with a line break, which is no part of a password.
fn read(setting: &'static str, file: &Path) -> Result<Secret, CommandError> {
    let mistake = |what: String| CommandError::Setting { at: setting.into(), what };
    let text = fs::read_to_string(file).map_err(|error| mistake(format!("cannot read {}: {error}", file.display())))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(mistake(format!("{} is empty: it is to hold the password", file.display()))),
        password => Ok(Secret::new(password)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_brings_the_password_without_its_line_break() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        let found = || password("HEADWATER_NOBODY_SETS_THIS", "kafka_password_file", Some(&file));
        assert_eq!(found().unwrap_err().to_string().split(": ").next(), Some("kafka_password_file"));
        fs::write(&file, "\n").unwrap();
        assert!(found().unwrap_err().to_string().ends_with("is empty: it is to hold the password"));
        fs::write(&file, "hunter 2\r\n").unwrap();
        assert_eq!(found().unwrap().unwrap().expose(), "hunter 2");
    }
}
