//! Commits at least once.

use super::*;

#[test]
fn at_least_once_outputs_do_not_wait_for_the_commit() {
    let mut fed = Fed::stream(Guarantee::AtLeastOnce);
    fed.step(1, vec![fetched(ReaderOf::Tasks, "in", 0..2)]);
    fed.step(2, vec![Event::Flushed(Ok(Vec::new()))]);
    fed.step(3, vec![Event::OffsetsCommitted(2, Ok(()))]);
    let effects = fed.step(4, vec![fetched(ReaderOf::Tasks, "in", 2..4)]);
    assert!(has(&effects, |effect| matches!(effect, Effect::Send(to, _) if &*to.topic == "out")));
    assert!(!has(&effects, |effect| matches!(effect, Effect::Flush)), "the next commit is a second away");
}

/// Seen where another application took over: what was processed since the commit before was processed once more, and counted twice.
#[test]
fn the_last_commit_of_a_stop_carries_the_positions_of_what_is_given_back() {
    let mut fed = Fed::stream(Guarantee::AtLeastOnce);
    fed.step(1, vec![fetched(ReaderOf::Tasks, "in", 0..2)]);
    fed.step(2, vec![Event::Flushed(Ok(Vec::new())), Event::OffsetsCommitted(1, Ok(()))]);
    fed.step(3, vec![fetched(ReaderOf::Tasks, "in", 2..4)]);
    assert!(has(&fed.step(4, vec![Event::Stop]), |effect| matches!(effect, Effect::Flush)));
    let leaves = |effects: &[Effect]| has(effects, |effect| matches!(effect, Effect::Leave));
    let effects = fed.step(5, vec![Event::Flushed(Ok(Vec::new()))]);
    let carries_all = |effect: &Effect| matches!(effect, Effect::CommitOffsets(offsets, _) if offsets.iter().any(|at| at.offset == 4));
    assert!(has(&effects, carries_all) && !leaves(&effects), "{effects:?}");
    assert!(leaves(&fed.step(6, vec![Event::OffsetsCommitted(5, Ok(()))])));
}

#[test]
fn nothing_is_sent_before_the_group_has_confirmed_that_we_live() {
    let mut fed = Fed::stream(Guarantee::AtLeastOnce);
    let goes_out = |effects: &[Effect]| has(effects, |effect| matches!(effect, Effect::Send(..) | Effect::Flush));
    let asks = |effects: &[Effect]| has(effects, |effect| matches!(effect, Effect::Confirm(..)));
    let effects = fed.step(60_000, vec![fetched(ReaderOf::Tasks, "in", 0..2)]);
    assert!(asks(&effects) && !goes_out(&effects));
    assert!(goes_out(&fed.step(60_001, vec![Event::Confirmed(60_000, Ok(()))])));

    fed.step(60_002, vec![Event::Flushed(Ok(Vec::new())), Event::OffsetsCommitted(60_001, Ok(()))]);
    let effects = fed.step(90_000, vec![fetched(ReaderOf::Tasks, "in", 2..4)]);
    assert!(asks(&effects) && !goes_out(&effects));
    let refused = Err(LogError::new(ErrorCode::UnknownMemberId, "app"));
    let effects = fed.step(90_001, vec![Event::Confirmed(90_000, refused), Event::Producer(Ok(()))]);
    assert!(has(&effects, |effect| matches!(effect, Effect::Read(_, _, StartAt::Offset(2)))) && !goes_out(&effects));
    fed.step(90_002, vec![Event::Group(GroupEvent::Generation { identity: identity(2, "m") }), Event::Contact(90_001)]);
    assert!(goes_out(&fed.step(90_003, vec![fetched(ReaderOf::Tasks, "in", 2..4)])));
}

/// Seen while a rebalance waited for a member that had died: everything since the last commit was done again, and counted twice.
#[test]
fn who_is_refused_for_a_generation_that_has_passed_keeps_its_work() {
    let mut fed = Fed::stream(Guarantee::AtLeastOnce);
    fed.step(60_000, vec![fetched(ReaderOf::Tasks, "in", 0..2)]);
    let refused = || Err(LogError::new(ErrorCode::IllegalGeneration, "app"));
    let moved_on = Event::Group(GroupEvent::Generation { identity: identity(2, "m") });
    let effects = fed.step(60_001, vec![moved_on, Event::Contact(60_000), Event::Confirmed(60_000, refused())]);
    assert!(!has(&effects, |effect| matches!(effect, Effect::Abort | Effect::Read(..))), "{effects:?}");
    assert!(has(&effects, |effect| matches!(effect, Effect::Send(..) | Effect::Flush)), "{effects:?}");
}
