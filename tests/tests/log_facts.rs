//! Both logs that are their own broker do what a real broker did, in every recorded case that can be asked of them.

use std::path::Path;

use headwater_tests::log_facts::{self, Binding};

/// Cases with single protocol requests of producers, or of the newer group protocol (`log_facts::NEVER_ASKED`).
const SKIPPED: usize = 30;
const CASES: usize = 493;

fn conforms(binding: &Binding) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("log-facts");
    let report = log_facts::run(binding, &[folder.join("cases"), folder.join("random")]).expect("the cases can be read");
    let failed: Vec<String> = report.failed.iter().map(|(name, difference)| format!("{name}{difference}")).collect();
    assert!(failed.is_empty(), "{binding:?}\n{}", failed.join("\n"));
    assert_eq!((report.passed, report.skipped, report.passed_over), (CASES - SKIPPED, SKIPPED, 0), "{binding:?}");
}

#[test]
fn the_simulated_log_does_what_kafka_did() {
    conforms(&Binding::Simulated);
}

#[test]
fn the_embedded_log_does_what_kafka_did() {
    conforms(&Binding::Embedded);
}
