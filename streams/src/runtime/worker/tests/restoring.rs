//! Tasks on their way to run.

use super::*;

#[test]
fn an_open_transaction_of_the_former_owner_is_waited_for() {
    let mut fed = Fed::new(plan(Guarantee::ExactlyOnce, |app| app.stream(IN).to(OUT)));
    fed.step(0, vec![assigned("in", 1)]);
    let unstable = Err(LogError::new(ErrorCode::UnstableOffsetCommit, "in"));
    let effects = fed.step(1, vec![Event::Found(TASK, unstable)]);
    assert!(!has(&effects, |effect| matches!(effect, Effect::LookUp(_))));
    let effects = fed.step(1 + ASK_AGAIN_MS, Vec::new());
    assert!(has(&effects, |effect| matches!(effect, Effect::LookUp(TASK))));
}

#[test]
fn a_changelog_that_was_trimmed_meanwhile_is_looked_up_again() {
    let mut fed = Fed::new(plan(Guarantee::ExactlyOnce, |app| {
        app.table(IN, crate::dsl::Store::new("table")).to(OUT);
    }));
    fed.step(0, vec![assigned("in", 1)]);
    let found = || Event::Found(TASK, Ok(Found { inputs: vec![(at("in"), None, ENDS)], changelogs: vec![ENDS] }));
    assert!(has(&fed.step(1, vec![found()]), |effect| matches!(effect, Effect::Restore(_, 0))));
    let error = Some(LogError::new(ErrorCode::AutoOffsetReset, "changelog"));
    let partition = at("app-table-changelog");
    let failed = Fetched { partition, records: Records::new(), next: 0, at_end: false, error };
    let effects = fed.step(2, vec![Event::Restored(failed)]);
    assert!(has(&effects, |effect| matches!(effect, Effect::StopRestoring(_))));
    assert!(has(&effects, |effect| matches!(effect, Effect::LookUp(TASK))));
    assert!(has(&fed.step(3, vec![found()]), |effect| matches!(effect, Effect::Restore(_, 0))), "the store was closed before");
}
