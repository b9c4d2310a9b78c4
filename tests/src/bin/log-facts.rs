//! Plays recorded cases against a binding of the log: `log-facts --binding embedded|simulated PATH...`,
//! or `log-facts --binding kafka --brokers HOST:PORT PATH...` on a broker with the properties of `tests/log-facts/broker.properties`.

use std::path::PathBuf;
use std::process::ExitCode;

use headwater_tests::log_facts::{self, Binding};

const USAGE: &str = "usage: log-facts --binding embedded|simulated|kafka [--brokers HOST:PORT] PATH...";

fn main() -> ExitCode {
    let Some((binding, paths)) = arguments(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match log_facts::run(&binding, &paths) {
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
        Ok(report) => {
            for (name, difference) in &report.failed {
                println!("{name}{difference}");
            }
            println!("{} steps that only look were passed over", report.passed_over);
            println!("{} plays were too slow for what runs out in their cases, and those were played again", report.too_slow);
            println!("{}", report.summary());
            ExitCode::from(u8::from(!report.failed.is_empty()))
        }
    }
}

fn arguments(mut arguments: impl Iterator<Item = String>) -> Option<(Binding, Vec<PathBuf>)> {
    let (mut binding, mut brokers, mut paths) = (String::new(), None, Vec::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--binding" => binding = arguments.next()?,
            "--brokers" => brokers = Some(arguments.next()?),
            _ => paths.push(PathBuf::from(argument)),
        }
    }
    let binding = match (binding.as_str(), brokers) {
        ("embedded", None) => Binding::Embedded,
        ("simulated", None) => Binding::Simulated,
        ("kafka", Some(brokers)) => Binding::Kafka(brokers),
        _ => return None,
    };
    Some((binding, paths)).filter(|(_, paths)| !paths.is_empty())
}
