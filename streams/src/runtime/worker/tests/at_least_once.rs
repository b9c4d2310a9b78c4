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
    let effects = fed.step(5, vec![Event::Flushed(Ok(Vec::new()))]);
    let committed =
        effects.iter().position(|effect| matches!(effect, Effect::CommitOffsets(offsets, _) if offsets.iter().any(|at| at.offset == 4)));
    let left = effects.iter().position(|effect| matches!(effect, Effect::Leave));
    assert!(committed.is_some() && committed < left, "{effects:?}");
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
