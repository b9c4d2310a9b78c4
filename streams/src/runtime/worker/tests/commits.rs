//! Commits: what goes into them, what comes of those that fail, and what waits for them.

use super::*;

#[test]
fn what_was_fetched_before_a_rewind_is_not_processed_after_it() {
    let mut fed = Fed::stream(Guarantee::ExactlyOnce);
    let effects = fed.step(1, vec![fetched(ReaderOf::Tasks, "in", 0..2)]);
    assert!(has(&effects, |effect| matches!(effect, Effect::Commit(..))));
    let refused = Err(LogError::new(ErrorCode::IllegalGeneration, "app"));
    let effects = fed.step(2, vec![Event::Committed(refused), Event::Producer(Ok(())), fetched(ReaderOf::Tasks, "in", 2..4)]);
    assert!(has(&effects, |effect| matches!(effect, Effect::Read(_, _, StartAt::Offset(0)))));
    assert_eq!(fed.status.progress().records, 2, "offsets 2 and 3 came before 0 and 1");
    fed.step(3, vec![fetched(ReaderOf::Tasks, "in", 0..4)]);
    assert_eq!(fed.status.progress().records, 6);
}

#[test]
fn another_owner_with_the_same_commit_number_is_not_us() {
    let mut fed = Fed::stream(Guarantee::ExactlyOnce);
    let effects = fed.step(1, vec![fetched(ReaderOf::Tasks, "in", 0..2)]);
    let sent = effects.into_iter().find_map(|effect| if let Effect::Commit(offsets, _) = effect { Some(offsets) } else { None }).unwrap();
    fed.step(2, vec![Event::Committed(Err(LogError::new(ErrorCode::TimedOut, "commit")))]);
    assert!(has(&fed.step(3, vec![Event::Producer(Ok(()))]), |effect| matches!(effect, Effect::LookUp(TASK))), "not before it is final");
    let other = crate::log::GroupOffset { offset: 1, ..sent[0].clone() };
    let found = |committed| Found { inputs: vec![(at("in"), Some(committed), ENDS)], changelogs: Vec::new() };
    let effects = fed.step(3, vec![Event::Found(TASK, Ok(found(other)))]);
    assert!(has(&effects, |effect| matches!(effect, Effect::Read(_, _, StartAt::Offset(0)))), "what the other has is not ours");

    fed.step(200, vec![fetched(ReaderOf::Tasks, "in", 0..2)]);
    fed.step(201, vec![Event::Committed(Err(LogError::new(ErrorCode::TimedOut, "commit"))), Event::Producer(Ok(()))]);
    let effects = fed.step(202, vec![Event::Found(TASK, Ok(found(sent[0].clone())))]);
    assert!(!has(&effects, |effect| matches!(effect, Effect::Read(..))), "what was sent stands");
}

#[test]
fn nothing_is_purged_before_the_group_has_the_offsets() {
    let mut fed = Fed::new(plan(Guarantee::AtLeastOnce, |app| {
        app.stream(IN).repartition(crate::dsl::Repartitioned::named("r")).to(OUT);
    }));
    let (task, topic) = (TaskId { sub_topology: 1, partition: 0 }, "app-r-repartition");
    fed.step(0, vec![assigned(topic, 1)]);
    let found = Found { inputs: vec![(at(topic), None, ENDS)], changelogs: Vec::new() };
    fed.step(0, vec![Event::Found(task, Ok(found))]);
    fed.step(1, vec![fetched(ReaderOf::Tasks, topic, 0..2)]);
    let is_purge = |effect: &Effect| matches!(effect, Effect::Purge(..));
    let flushed = || vec![Event::Flushed(Ok(Vec::<Delivery>::new()))];
    assert!(!has(&fed.step(2, flushed()), is_purge));
    fed.step(200, vec![fetched(ReaderOf::Tasks, topic, 2..4)]);
    fed.step(201, flushed());
    let answered = vec![Event::OffsetsCommitted(2, Ok(()))];
    assert!(!has(&fed.step(202, answered), is_purge), "of the first commit; the second may be refused");
    let refused = Err(LogError::new(ErrorCode::RebalanceInProgress, "app"));
    assert!(!has(&fed.step(203, vec![Event::OffsetsCommitted(201, refused)]), is_purge));
    assert!(has(&fed.step(400, Vec::new()), |effect| matches!(effect, Effect::Flush)), "what was refused goes again");
    fed.step(401, flushed());
    let effects = fed.step(402, vec![Event::OffsetsCommitted(401, Ok(()))]);
    assert!(has(&effects, |effect| matches!(effect, Effect::Purge(_, 4))));
}

#[test]
fn long_steps_become_shorter_and_short_ones_long_again() {
    let mut fed = Fed::stream(Guarantee::ExactlyOnce);
    for now in 1..4 {
        fed.step(now * 10_000, vec![fetched(ReaderOf::Tasks, "in", (now - 1)..now), Event::Committed(Ok(Vec::new()))]);
    }
    assert!(fed.worker.budget < BUDGET, "{}", fed.worker.budget);
    for now in 40_000..40_020 {
        fed.step(now, vec![fetched(ReaderOf::Tasks, "in", (now - 39_990)..(now - 39_989)), Event::Committed(Ok(Vec::new()))]);
    }
    assert_eq!(fed.worker.budget, BUDGET);
}

#[test]
fn positions_are_committed_again_before_they_expire() {
    let mut fed = Fed::stream(Guarantee::ExactlyOnce);
    fed.step(1, vec![fetched(ReaderOf::Tasks, "in", 0..2)]);
    fed.step(2, vec![Event::Committed(Ok(Vec::new()))]);
    let confirms = |effects: Vec<Effect>| {
        effects.into_iter().find_map(|effect| if let Effect::Confirm(offsets, _) = effect { Some(offsets) } else { None })
    };
    assert_eq!(confirms(fed.step(3_600_000, Vec::new())), None);
    let again = confirms(fed.step(24 * 3_600_000, Vec::new())).unwrap();
    assert_eq!((again[0].offset, again[0].metadata.is_empty()), (2, false), "position and times");
}
