//! A log that is away, or away for us.

use super::*;

fn away() -> LogError {
    LogError::new(ErrorCode::Transport, "app-1")
}

#[test]
fn a_log_that_is_away_is_asked_for_a_producer_again_and_nothing_builds_on_it() {
    let mut fed = Fed::stream(Guarantee::ExactlyOnce);
    fed.step(1, vec![fetched(ReaderOf::Tasks, "in", 0..2)]);
    let effects = fed.step(2, vec![Event::Committed(Err(away()))]);
    assert!(has(&effects, |effect| matches!(effect, Effect::MakeProducer)));
    let (mut now, mut asked) = (2, 0);
    while now < 60_000 {
        let events = if asked == 0 { vec![Event::Producer(Err(away()))] } else { Vec::new() };
        let effects = fed.step(now, events);
        asked = if has(&effects, |effect| matches!(effect, Effect::MakeProducer)) { 0 } else { asked + 1 };
        assert!(!has(&effects, |effect| matches!(effect, Effect::Commit(..) | Effect::Send(..) | Effect::LookUp(_))));
        now += 50;
    }
    assert_eq!(fed.status.progress().records, 2);
    let effects = fed.step(now, vec![Event::Producer(Ok(()))]);
    assert!(has(&effects, |effect| matches!(effect, Effect::LookUp(TASK))), "what became of the commit is asked when it is final");
    fed.step(now, vec![Event::Found(TASK, Ok(Found { inputs: vec![(at("in"), None, ENDS)], changelogs: Vec::new() }))]);
    fed.step(now + 1, vec![fetched(ReaderOf::Tasks, "in", 0..2)]);
    assert_eq!(fed.status.progress().records, 4);
}

#[test]
fn a_stop_while_the_log_is_away_gives_up_in_time_and_says_so() {
    let mut fed = Fed::stream(Guarantee::ExactlyOnce);
    fed.step(1, vec![fetched(ReaderOf::Tasks, "in", 0..2)]);
    fed.step(2, vec![Event::Committed(Err(away())), Event::Producer(Err(away()))]);
    assert!(!matches!(fed.try_step(5, &mut vec![Event::Stop]).unwrap().0, Pace::Stopped | Pace::GaveUp));
    let (pace, effects) = fed.try_step(5 + STOP_PATIENCE_MS, &mut Vec::new()).unwrap();
    assert_eq!(pace, Pace::GaveUp);
    assert!(matches!(effects.last(), Some(Effect::Leave)));
}

/// As after SIGSTOP and SIGCONT with SIGTERM behind it: nothing is left that could be given up.
#[test]
fn a_stop_after_the_group_took_everything_away_is_in_good_order() {
    let mut fed = Fed::stream(Guarantee::ExactlyOnce);
    fed.step(1, vec![fetched(ReaderOf::Tasks, "in", 0..2)]);
    let lost = Event::Group(GroupEvent::Lost { partitions: vec![at("in")] });
    let events = &mut vec![Event::Committed(Err(away())), lost, Event::Stop];
    assert_eq!(fed.try_step(2, events).unwrap().0, Pace::Stopped);
}
