//! Plays recorded cases of Kafka Streams: `conformance PATH...`, files or folders. Names of cases that do not conform are printed, with
//! what differed, and last `N passed, M failed, K skipped`.

use headwater_tests::conformance::{self, Restart};
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "usage: conformance PATH...";

fn main() -> ExitCode {
    let paths: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    if paths.is_empty() {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    // What a panic says stands with its case.
    std::panic::set_hook(Box::new(|_| ()));
    match conformance::run(&paths, &Restart::Never) {
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
        Ok(report) => {
            for (name, differences) in &report.failed {
                println!("{name}");
                differences.iter().for_each(|difference| println!("  {difference}"));
            }
            println!("{}", report.summary());
            ExitCode::from(u8::from(!report.failed.is_empty()))
        }
    }
}
