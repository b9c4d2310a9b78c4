//! Keeps the rooms apart and the tree clean: what `docs/ARCHITECTURE.md` says that nobody does, nobody does.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder (or file) and words that its code must not hold.
struct Rule {
    room: &'static str,
    except: &'static [&'static str],
    never: &'static [&'static str],
    why: &'static str,
}

const TIMELESS: &[&str] = &["SystemTime", "Instant::now", "std::thread", "thread::spawn", "std::net", "tokio", "async fn"];

const RULES: &[Rule] = &[
    Rule {
        room: ".",
        except: &["state/src/rocks", "tests/tests/tidy.rs"],
        never: &["rocksdb::"],
        why: "only state/src/rocks* speaks to RocksDB",
    },
    Rule {
        room: ".",
        // The bench beside plain calls of the client is the exception that makes them.
        except: &["streams/src/log/kafka", "streams/examples/kafka_log.rs", "tests/tests/tidy.rs"],
        never: &["rdkafka::", "rdkafka_sys"],
        why: "only streams/src/log/kafka* speaks to Kafka's client",
    },
    Rule {
        room: "state/src",
        except: &[],
        never: &["serde", "tokio", "Kafka::", "async fn", "SystemTime", "thread::spawn"],
        why: "state knows bytes, no clock, no threads",
    },
    Rule { room: "streams/src/dsl", except: &[], never: TIMELESS, why: "below the shell there is no clock, thread or network" },
    Rule { room: "streams/src/graph", except: &[], never: TIMELESS, why: "below the shell there is no clock, thread or network" },
    Rule { room: "streams/src/operator", except: &[], never: TIMELESS, why: "below the shell there is no clock, thread or network" },
    Rule { room: "streams/src/query", except: &[], never: TIMELESS, why: "a view asks; who answers may have to wait" },
    Rule { room: "streams/src/task", except: &[], never: TIMELESS, why: "a task does no I/O and is handed its time" },
    Rule { room: "streams/src/runtime/worker", except: &[], never: TIMELESS, why: "the step function is handed its time" },
    Rule { room: "streams/src/log/core", except: &[], never: TIMELESS, why: "the core is sans I/O" },
    Rule { room: "streams/src/graph", except: &[], never: &["crate::dsl"], why: "the graph does not know the words it came from" },
    Rule {
        room: "streams/src/operator",
        except: &[],
        never: &["crate::dsl", "crate::log::{Log", "crate::log::Log;", "info!", "warn!"],
        why: "operators touch neither words, logs nor journals",
    },
    Rule {
        room: "streams/src/task",
        except: &[],
        never: &["crate::dsl", "crate::log::Log;", "EmbeddedLog", "SimulatedLog"],
        why: "a task does not know the log",
    },
    Rule {
        room: "streams/src/log",
        except: &[],
        never: &["crate::dsl", "crate::graph", "crate::operator", "crate::task", "crate::runtime"],
        why: "the log knows nobody above it",
    },
    Rule {
        room: "connectors/src",
        except: &[],
        never: &["headwater_state", "streams::task", "streams::runtime"],
        why: "connectors see topics, records and their own target",
    },
    Rule { room: "serving/src", except: &[], never: &["headwater_state", "headwater_topologies"], why: "serving only reads" },
    Rule {
        room: "topologies/src/category_sales",
        except: &[],
        never: &["std::env", "std::net", "std::fs", "SystemTime", "tokio"],
        why: "a topology is words and rules, no I/O",
    },
    Rule {
        room: "topologies/src/dimensions",
        except: &[],
        never: &["std::env", "std::net", "std::fs", "SystemTime", "tokio"],
        why: "a topology is words and rules, no I/O",
    },
];

/// What must not stand anywhere in code outside of tests.
const NOWHERE: &[&str] = &[".unwrap()", "todo!(", "unimplemented!(", "dbg!(", "#[ignore", "thread::sleep"];

/// Names that say nothing.
const BANNED_FILES: &[&str] = &["utils.rs", "util.rs", "common.rs", "misc.rs", "helpers.rs", "helper.rs"];

#[test]
fn rooms_keep_their_directions() {
    let mut broken = String::new();
    for rule in RULES {
        for file in files(rule.room).iter().filter(|file| !rule.except.iter().any(|except| file.contains(except))) {
            let code = code_of(file);
            for word in rule.never.iter().filter(|word| code.contains(**word)) {
                writeln!(broken, "{file}: `{word}`: {}", rule.why).unwrap();
            }
        }
    }
    assert!(broken.is_empty(), "\n{broken}");
}

#[test]
fn nobody_takes_short_cuts() {
    let mut broken = String::new();
    for file in files(".").iter().filter(|file| !is_test(file)) {
        let code = code_of(file);
        for word in NOWHERE.iter().filter(|word| code.contains(**word)) {
            writeln!(broken, "{file}: `{word}`").unwrap();
        }
        if BANNED_FILES.iter().any(|name| file.ends_with(&format!("/{name}"))) {
            writeln!(broken, "{file}: a file is named after its concept").unwrap();
        }
    }
    assert!(broken.is_empty(), "\n{broken}");
}

#[test]
fn modules_open_with_what_they_are() {
    let bare: Vec<_> = files(".").into_iter().filter(|file| !is_ui(file) && !read(file).starts_with("//!")).collect();
    assert!(bare.is_empty(), "without a first line of documentation: {bare:#?}");
}

#[test]
fn files_stay_small() {
    let mut sizes: Vec<_> = files(".").into_iter().filter(|file| !is_test(file)).map(|file| (lines_of(&code_of(&file)), file)).collect();
    sizes.sort();
    let at = |percent: usize| sizes[(sizes.len() - 1) * percent / 100].0;
    println!("{} files, code lines: median {}, p90 {}, largest {:?}", sizes.len(), at(50), at(90), sizes.last());
    let large: Vec<_> = sizes.iter().filter(|(lines, _)| *lines > 400).collect();
    assert!(large.is_empty(), "above 400 lines of code: {large:#?}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests live in the workspace").to_owned()
}

fn files(room: &str) -> Vec<String> {
    let mut found = Vec::new();
    walk(&root().join(room), &mut found);
    let root = root();
    let mut names: Vec<_> = found
        .iter()
        .map(|path| path.strip_prefix(&root).expect("files are found below the root").to_string_lossy().trim_start_matches("./").to_owned())
        .collect();
    names.sort();
    names
}

fn walk(at: &Path, found: &mut Vec<PathBuf>) {
    if at.is_file() {
        found.push(at.to_owned());
        return;
    }
    let Ok(entries) = fs::read_dir(at) else { return };
    for path in entries.map(|entry| entry.expect("the tree can be listed").path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            walk(&path, found);
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).expect("the tree can be read")
}

/// Code without comments and without the test module at its end.
fn code_of(file: &str) -> String {
    let text = read(file);
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

fn lines_of(code: &str) -> usize {
    code.lines().filter(|line| !line.trim().is_empty()).count()
}

fn is_test(file: &str) -> bool {
    ["tests/", "benches/"].iter().any(|folder| file.starts_with(folder) || file.contains(&format!("/{folder}")))
        || file.ends_with("/tests.rs")
}

fn is_ui(file: &str) -> bool {
    file.contains("/ui/")
}
