//! Settings over their three layers: which one wins, and what a person is told when one is wrong.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A folder with a settings file, and commands that know no settings but those of the test.
struct Place(TempDir);

impl Place {
    fn with(file: &str) -> Self {
        let place = Place(tempfile::tempdir().unwrap());
        fs::write(place.0.path().join("headwater.toml"), file).unwrap();
        place
    }

    fn headwater(&self, variables: &[(&str, &str)], flags: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
        let inherited = std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_string_lossy().starts_with("HEADWATER_"));
        for name in inherited {
            command.env_remove(name);
        }
        command.current_dir(self.0.path()).args(flags).envs(variables.iter().copied()).output().unwrap()
    }

    /// What `headwater config` says of one setting.
    fn line(&self, variables: &[(&str, &str)], flags: &[&str], name: &str) -> String {
        let flags: Vec<_> = ["config", "--config", "headwater.toml"].iter().chain(flags).copied().collect();
        let said = self.headwater(variables, &flags);
        let text = String::from_utf8(said.stdout).unwrap();
        let line = text.lines().find(|line| line.trim_start_matches("# ").starts_with(&format!("{name} ")));
        line.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The error of `headwater config`, which must not succeed.
    fn error(&self, variables: &[(&str, &str)], flags: &[&str]) -> String {
        let flags: Vec<_> = ["config", "--config", "headwater.toml"].iter().chain(flags).copied().collect();
        let said = self.headwater(variables, &flags);
        assert_eq!(said.status.code(), Some(1), "{said:?}");
        let (out, err) = (String::from_utf8(said.stdout).unwrap(), String::from_utf8(said.stderr).unwrap());
        assert!(!out.contains("hunter2") && !err.contains("hunter2"), "a secret is shown: {out}{err}");
        err.lines().next().unwrap_or_default().to_owned()
    }
}

#[test]
fn the_later_layer_wins_and_is_named() {
    let place = Place::with("commit_interval = \"20ms\"\nsession_timeout = \"7s\"\nkafka_properties = \"a.b=1,c.d=2\"\n");
    let commit = |variables: &[_], flags: &[_]| place.line(variables, flags, "commit_interval");
    let variable = [("HEADWATER_COMMIT_INTERVAL", "30ms")];
    assert_eq!(commit(&[], &[]), r#"commit_interval = "20ms" # headwater.toml"#);
    assert_eq!(commit(&variable, &[]), r#"commit_interval = "30ms" # HEADWATER_COMMIT_INTERVAL"#);
    assert_eq!(commit(&variable, &["--commit-interval", "40ms"]), r#"commit_interval = "40ms" # --commit-interval"#);
    assert_eq!(commit(&[], &["--commit-interval=40ms"]), r#"commit_interval = "40ms" # --commit-interval"#);
    assert_eq!(place.line(&[], &[], "guarantee"), r#"guarantee = "exactly-once" # default"#);
    assert_eq!(place.line(&[], &[], "kafka_properties"), r#"kafka_properties = "a.b=1,c.d=2" # headwater.toml"#);
    assert_eq!(place.line(&[], &[], "instance_id"), "# instance_id is not set");
}

#[test]
fn an_advertised_address_is_one_that_others_can_reach() {
    let place = Place::with("advertised_address = \"sales-1.example:8080\"\n");
    assert_eq!(place.line(&[], &[], "advertised_address"), r#"advertised_address = "sales-1.example:8080" # headwater.toml"#);
    let variable = [("HEADWATER_ADVERTISED_ADDRESS", "[fd00::7]:8080")];
    assert_eq!(place.line(&variable, &[], "advertised_address"), r#"advertised_address = "[fd00::7]:8080" # HEADWATER_ADVERTISED_ADDRESS"#);
    let flag = ["--advertised-address", "10.0.0.7:8080"];
    assert_eq!(place.line(&variable, &flag, "advertised_address"), r#"advertised_address = "10.0.0.7:8080" # --advertised-address"#);
    for wrong in ["10.0.0.7", ":8080", "10.0.0.7:0", "10.0.0.7:http", "fd00::7:8080", "http://sales-1:8080"] {
        let error = place.error(&[("HEADWATER_ADVERTISED_ADDRESS", wrong)], &[]);
        assert!(error.contains("not host:port as others reach it"), "{wrong}: {error}");
    }
    let error = place.error(&[("HEADWATER_ADVERTISED_ADDRESS", "0.0.0.0:8080")], &[]);
    assert!(error.contains("0.0.0.0 is for listening, nobody reaches it"), "{error}");
}

#[test]
fn the_file_may_be_named_by_the_environment() {
    let place = Place::with("session_timeout = \"7s\"\n");
    let said = place.headwater(&[("HEADWATER_CONFIG", "headwater.toml")], &["config"]);
    let text = String::from_utf8(said.stdout).unwrap();
    assert!(text.lines().any(|line| line.starts_with("session_timeout = \"7s\"") && line.ends_with("# headwater.toml")), "{text}");
}

#[test]
fn errors_name_file_setting_value_and_what_is_allowed() {
    let long = "between 1ms and 1m";
    for (file, expected) in [
        ("brokesr = \"a:1\"", "error: headwater.toml: brokesr is no setting; the nearest one is brokers"),
        ("commit-interval = \"1s\"", "error: headwater.toml: commit-interval is no setting; the nearest one is commit_interval"),
        ("commit_interval = \"2h\"", &format!("error: headwater.toml: commit_interval = \"2h\": not {long}")),
        ("guarantee = \"twice\"", "error: headwater.toml: guarantee = \"twice\": not one of exactly-once, at-least-once"),
        ("guarantee = 2", "error: headwater.toml: guarantee = \"2\": not one of exactly-once, at-least-once"),
        ("[kafka]\nbrokers = \"a:1\"", "error: headwater.toml: kafka is a section or a list"),
        ("brokers = \"a:1", "error: headwater.toml: TOML parse error at line 1, column 15"),
        ("brokers = \"a\"", "error: headwater.toml: brokers = \"a\": not a list of host:port, such as kafka-1:9092,kafka-2:9092"),
    ] {
        let error = Place::with(file).error(&[], &[]);
        assert!(error.starts_with(expected), "{file}: {error}");
    }
    let empty = Place::with("");
    let variable = empty.error(&[("HEADWATER_COMMIT_INTERVAL", "soon")], &[]);
    assert!(variable.starts_with("error: HEADWATER_COMMIT_INTERVAL=\"soon\": expected number"), "{variable}");
    let flag = empty.headwater(&[("HEADWATER_COMMIT_INTERVAL", "1s")], &["config", "--commit-interval", "2h"]);
    assert_eq!(flag.status.code(), Some(2), "a mistake on the command line is one of its own kind");
    assert!(String::from_utf8(flag.stderr).unwrap().contains(&format!("--commit-interval <DURATION>': not {long}")));
    let absent = empty.headwater(&[], &["config", "--config", "nowhere.toml"]);
    assert!(String::from_utf8(absent.stderr).unwrap().starts_with("error: nowhere.toml: cannot be read: "));
}

#[test]
fn settings_that_do_not_fit_together_are_told_before_anything_connects() {
    let place = Place::with("brokers = \"127.0.0.1:1\"\n");
    for (flags, expected) in [
        (&["--kafka-ca-file", "ca.pem"][..], "error: kafka_ca_file: is set, but kafka_security is without TLS"),
        (&["--kafka-security", "ssl", "--kafka-ca-file", "ca.pem"], "error: kafka_ca_file: cannot read ca.pem: "),
        (&["--kafka-security", "sasl-ssl"], "error: kafka_username: is missing"),
        (&["--kafka-security", "sasl-ssl", "--kafka-username", "app"], "error: kafka_password_file: is missing: name a file"),
        (&["--kafka-username", "app"], "error: kafka_username: is set, but kafka_security is without SASL"),
    ] {
        let error = place.error(&[], flags);
        assert!(error.starts_with(expected), "{flags:?}: {error}");
    }
}

#[test]
fn secrets_come_from_the_environment_or_from_files_only() {
    let place = Place::with("brokers = \"127.0.0.1:1\"\nkafka_security = \"sasl-ssl\"\nkafka_username = \"app\"\n");
    let password = [("HEADWATER_KAFKA_PASSWORD", "hunter2")];
    assert_eq!(place.line(&password, &[], "kafka_password"), "# kafka_password = *** # HEADWATER_KAFKA_PASSWORD");
    let both = place.headwater(&password, &["config", "--config", "headwater.toml"]);
    assert!(both.status.success() && !String::from_utf8(both.stdout).unwrap().contains("hunter2"));
    fs::write(place.0.path().join("password"), "hunter2\n").unwrap();
    let file = place.headwater(&[], &["config", "--config", "headwater.toml", "--kafka-password-file", "password"]);
    assert!(file.status.success(), "{file:?}");
    for (file, expected) in [
        (
            "kafka_password = \"hunter2\"",
            "error: headwater.toml: kafka_password: a password does not stand in a settings file: name a file",
        ),
        ("postgres_password = \"hunter2\"", "error: headwater.toml: postgres_password: a password does not stand in a settings file"),
        (
            "postgres = \"postgres://shop:hunter2@db-1/shop\"",
            "error: headwater.toml: postgres: a password does not belong into the URL here",
        ),
        ("kafka_username = \"app\nkafka_password = \"hunter2\"", "error: headwater.toml: TOML parse error at line 1"),
    ] {
        let error = Place::with(file).error(&[], &[]);
        assert!(error.starts_with(expected), "{file}: {error}");
    }
    let flag = place.headwater(&password, &["config", "--postgres", "postgres://shop:hunter2@db-1/shop"]);
    let said = String::from_utf8(flag.stderr).unwrap();
    assert!(flag.status.success() && said.starts_with("warning: --postgres: whoever may list processes here sees the password"), "{said}");
    assert!(!String::from_utf8(flag.stdout).unwrap().contains("hunter2") && !said.contains("hunter2"));
    let variable = place.line(&[("HEADWATER_POSTGRES", "postgres://shop:hunter2@db-1/shop")], &[], "postgres");
    assert_eq!(variable, r#"postgres = "postgres://shop:***@db-1/shop" # HEADWATER_POSTGRES"#);
}

/// The example of docs/configuration.md is one that works: every line of it is taken as it stands.
#[test]
fn the_documented_example_is_in_order() {
    let docs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let text = fs::read_to_string(docs).unwrap();
    let example = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let place = Place::with(example);
    let lines = example.lines().filter(|line| !line.starts_with('#') && line.contains(" = ")).count();
    assert!(lines >= 15, "the example is to be a full one");
    let said = place.headwater(&[], &["config", "--config", "headwater.toml"]);
    let shown = String::from_utf8(said.stdout).unwrap();
    assert_eq!(shown.lines().filter(|line| line.ends_with("# headwater.toml")).count(), lines, "{shown}");
    // Its certificates lie on no machine of ours; nothing else is wrong with it.
    let error = String::from_utf8(said.stderr).unwrap();
    assert!(error.starts_with("error: kafka_ca_file: cannot read /etc/headwater/"), "{error}");
    for name in shown.lines().map(|line| line.trim_start_matches("# ").split(' ').next().unwrap()) {
        assert!(text.contains(&format!("`{name}`")), "docs/configuration.md does not name {name}");
    }
}
