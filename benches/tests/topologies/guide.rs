//! What the guide for users of Kafka Streams shows is what compiles and runs: its Rust stands in `guide.rs`, its Java in the Java
//! application, word for word but for white space; the Rust is the shorter; and both Rust versions of a topology give the same output.

use super::input::{Line, START, transactions, users};
use headwater_benches::guide;
use headwater_benches::peer::{Cache, Kind, TopicNames, topology};
use headwater_streams::prelude::{Bytes, Topic, Topology};
use headwater_streams::testing::TestDriver;

const GUIDE: &str = include_str!("../../../docs/from-kafka-streams.md");
const RUST: &str = include_str!("../../src/guide.rs");
const JAVA: &str = include_str!("../../peer/java/src/main/java/peer/App.java");

/// A section's code blocks in one language.
fn blocks<'a>(section: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    section.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

fn section(kind: Kind) -> &'static str {
    let title = format!("(`{}`)\n", kind.name());
    let (_, rest) = GUIDE.split_once(&title).unwrap_or_else(|| panic!("the guide shows {}", kind.name()));
    rest.split("\n#").next().unwrap()
}

fn without_space(text: &str) -> String {
    text.split_whitespace().collect()
}

/// Each part of a block, as blank lines divide it, stands in the source.
fn check_stands_in(source: &str, block: &str, kind: Kind) {
    let source = without_space(source);
    for part in block.split("\n\n") {
        assert!(source.contains(&without_space(part)), "{}: this stands nowhere else:\n{part}", kind.name());
    }
}

#[test]
fn the_guide_shows_what_is_compiled_and_ours_is_shorter() {
    for kind in Kind::ALL {
        let (java, rust) = (blocks(section(kind), "java"), blocks(section(kind), "rust,ignore"));
        let ([java], [rust]) = (&java[..], &rust[..]) else { panic!("{}: one block of each language", kind.name()) };
        check_stands_in(JAVA, java, kind);
        check_stands_in(RUST, rust, kind);
        let (java_len, rust_len) = (without_space(java).len(), without_space(rust).len());
        assert!(rust_len < java_len, "{}: {rust_len} characters of Rust, {java_len} of Java", kind.name());
        assert!(rust.lines().count() <= java.lines().count(), "{}: lines", kind.name());
    }
}

fn output(topology: Topology, lines: &[(&str, Line)]) -> Vec<(Vec<u8>, serde_json::Value, i64)> {
    let mut driver = TestDriver::new(topology);
    for (topic, line) in lines {
        driver.at(line.timestamp).send_bytes(topic, Some(line.key.as_bytes()), Some(line.value.as_bytes()));
    }
    let record = |(key, value, at): (Option<Bytes>, Option<Bytes>, i64)| {
        (key.unwrap().to_vec(), serde_json::from_slice(&value.unwrap()).unwrap(), at)
    };
    driver.all(Topic::<Bytes, Bytes>::new("out")).into_iter().map(record).collect()
}

#[test]
fn the_guides_topologies_do_what_the_compared_ones_do() {
    let names = TopicNames { input: "tx".into(), output: "out".into(), users: "users".into(), users_as_changelog: true };
    let users = users(50).into_iter().map(|line| ("users", line));
    let lines: Vec<_> = users.chain(transactions(600, 50, 500).into_iter().map(|line| ("tx", line))).collect();
    assert!(lines.last().unwrap().1.timestamp > START + 4 * 60_000, "windows open and close");
    for kind in Kind::ALL {
        let (shown, compared) = (guide::topology(kind.name()).unwrap(), topology(kind, &names, Cache::Default).unwrap());
        let (shown, compared) = (output(shown, &lines), output(compared, &lines));
        assert!(!shown.is_empty(), "{}", kind.name());
        assert_eq!(shown, compared, "{}", kind.name());
    }
}
