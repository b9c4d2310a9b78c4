//! The group: what it gives and takes, and its generations.

use super::*;

#[test]
fn an_anchor_that_was_lost_and_came_back_is_kept() {
    let mut fed = Fed::stream(Guarantee::ExactlyOnce);
    let partitions = vec![at("in")];
    let revoked = Event::Group(GroupEvent::Revoked { partitions: partitions.clone(), identity: identity(2, "m") });
    let lost = Event::Group(GroupEvent::Lost { partitions });
    let effects = fed.step(1, vec![revoked, lost, assigned("in", 3)]);
    assert!(!has(&effects, |effect| matches!(effect, Effect::Released(_))));
    assert!(fed.worker.slots.contains_key(&TASK));
}

#[test]
fn a_group_that_was_forgotten_counts_from_the_beginning() {
    let mut fed = Fed::stream(Guarantee::ExactlyOnce);
    fed.step(1, vec![Event::Group(GroupEvent::Generation { identity: identity(7, "m") })]);
    fed.step(2, vec![Event::Group(GroupEvent::Generation { identity: identity(1, "n") })]);
    assert_eq!(fed.worker.identity, Some(identity(1, "n")));
    fed.step(3, vec![Event::Group(GroupEvent::Generation { identity: identity(0, "n") })]);
    assert_eq!(fed.worker.identity, Some(identity(1, "n")), "the same member does not go back");
}

#[test]
fn the_input_with_the_most_partitions_carries_ownership() {
    let plan = plan(Guarantee::ExactlyOnce, |app| app.stream(IN).merge(&app.stream(OTHER)).to(OUT));
    assert_eq!(plan.anchors(), ["other"]);
    let owned: Vec<_> = (0..3).flat_map(|partition| plan.tasks_of(&TopicPartition::new("other", partition)).collect::<Vec<_>>()).collect();
    assert_eq!(owned.iter().map(|task| plan.inputs(*task).len()).collect::<Vec<_>>(), [2, 1, 1]);
}

/// Each process fences the other with every new producer: whoever was there first gives up first.
#[test]
fn two_processes_with_one_transactional_id_end_with_an_error_of_the_older() {
    let mut fed = Fed::stream(Guarantee::ExactlyOnce);
    let fenced = || Event::Committed(Err(LogError::new(ErrorCode::ClientFenced, "app-1")));
    let found = || Event::Found(TASK, Ok(Found { inputs: vec![(at("in"), None, ENDS)], changelogs: Vec::new() }));
    fed.step(100, vec![fetched(ReaderOf::Tasks, "in", 0..2)]);
    fed.step(20_000, vec![fenced(), Event::Producer(Ok(()))]);
    fed.step(20_001, vec![found()]);
    fed.step(20_002, vec![fetched(ReaderOf::Tasks, "in", 0..2)]);
    fed.step(20_003, vec![fenced(), Event::Producer(Ok(()))]);
    fed.step(20_004, vec![found()]);
    fed.step(20_200, vec![fetched(ReaderOf::Tasks, "in", 0..2)]);
    let error = fed.try_step(20_201, &mut vec![fenced()]).unwrap_err();
    assert!(matches!(error, AppError::Fenced { .. }), "the first fence was the transaction timeout: {error}");
}

#[test]
fn what_waits_for_the_group_is_bounded() {
    let mut plan = plan(Guarantee::ExactlyOnce, |app| app.stream(IN).map_values(|_, n| n + 1).to(OUT));
    plan.config.uncommitted_bytes = 100;
    let mut fed = Fed::new(plan);
    fed.step(0, vec![assigned("in", 1)]);
    fed.step(0, vec![Event::Found(TASK, Ok(Found { inputs: vec![(at("in"), None, ENDS)], changelogs: Vec::new() }))]);
    fed.step(1, vec![fetched(ReaderOf::Tasks, "in", 0..2)]);
    let refused = Err(LogError::new(ErrorCode::IllegalGeneration, "app"));
    fed.step(2, vec![Event::Committed(refused), Event::Producer(Ok(()))]);
    for n in 0..100 {
        fed.step(3 + n, vec![fetched(ReaderOf::Tasks, "in", n * 10..n * 10 + 10)]);
    }
    assert!(fed.status.progress().records < 50, "{} records were processed on", fed.status.progress().records);
    fed.step(200, vec![Event::Group(GroupEvent::Generation { identity: identity(2, "m") })]);
    assert!(fed.worker.commit.is_under_way(), "a new generation lets it commit again");
}

#[test]
fn a_generation_that_is_told_late_is_asked_for() {
    let mut fed = Fed::stream(Guarantee::ExactlyOnce);
    fed.step(1, vec![fetched(ReaderOf::Tasks, "in", 0..2)]);
    let refused = Err(LogError::new(ErrorCode::RebalanceInProgress, "app"));
    let effects = fed.step(2, vec![Event::Committed(refused), Event::Producer(Ok(()))]);
    assert!(has(&effects, |effect| matches!(effect, Effect::Confirm(..))));
    fed.step(3, vec![Event::Confirmed(2, Ok(())), fetched(ReaderOf::Tasks, "in", 0..2)]);
    assert!(has(&fed.step(200, Vec::new()), |effect| matches!(effect, Effect::Commit(..))));
}
