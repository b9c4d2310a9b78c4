//! Plays recorded cases of Kafka Streams, files or folders. Names of cases that do not conform are printed with what differed, and last
//! `N passed, M failed, K skipped`.
//!
//! `conformance PATH...`: from end to end. `--restart kept|wiped [--seed N] PATH...`: interrupted at places that the seed decides.
//! `--in-memory`: with all stores in memory. `--diff CASE`: one case told step by step.

use headwater_tests::conformance::{self, Case, Restart, StorePlace};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: conformance [--restart kept|wiped] [--seed N] [--in-memory] [--diff] PATH...";

#[derive(Default)]
struct Arguments {
    restart: Option<String>,
    seed: u64,
    is_diff: bool,
    stores: StorePlace,
    paths: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = arguments(std::env::args().skip(1)).filter(|arguments| !arguments.paths.is_empty());
    let Some((arguments, restart)) = arguments.and_then(|arguments| restart(&arguments).map(|restart| (arguments, restart))) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let done = if arguments.is_diff { diff(&arguments, &restart) } else { judge(&arguments, &restart) };
    done.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::from(2)
    })
}

fn judge(arguments: &Arguments, restart: &Restart) -> Result<ExitCode, String> {
    // What a panic says stands with its case.
    std::panic::set_hook(Box::new(|_| ()));
    let report = conformance::run(&arguments.paths, restart, arguments.stores)?;
    for (name, differences) in &report.failed {
        println!("{name}");
        differences.iter().for_each(|difference| println!("  {difference}"));
    }
    println!("{}", report.summary());
    Ok(ExitCode::from(u8::from(!report.failed.is_empty())))
}

fn diff(arguments: &Arguments, restart: &Restart) -> Result<ExitCode, String> {
    for file in conformance::files(&arguments.paths)? {
        let case = Case::read(Path::new(&file))?.with_stores(arguments.stores);
        print!("{}", conformance::diff(&case, restart));
    }
    Ok(ExitCode::SUCCESS)
}

fn restart(arguments: &Arguments) -> Option<Restart> {
    match arguments.restart.as_deref() {
        None => Some(Restart::Never),
        Some("kept") => Some(Restart::Kept { seed: arguments.seed }),
        Some("wiped") => Some(Restart::Wiped { seed: arguments.seed }),
        Some(_) => None,
    }
}

fn arguments(mut given: impl Iterator<Item = String>) -> Option<Arguments> {
    let mut arguments = Arguments { seed: 1, ..Arguments::default() };
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--restart" => arguments.restart = Some(given.next()?),
            "--seed" => arguments.seed = given.next()?.parse().ok()?,
            "--in-memory" => arguments.stores = StorePlace::InMemory,
            "--diff" => arguments.is_diff = true,
            path => arguments.paths.push(PathBuf::from(path)),
        }
    }
    Some(arguments)
}
