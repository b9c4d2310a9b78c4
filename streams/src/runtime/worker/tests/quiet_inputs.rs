//! Inputs that have had nothing for a while: idle only where the log says so.

use super::*;
use crate::task::FoundMetadata;

/// Two inputs of one task, both read to their ends, with times 1,000 and 2,000; the second has had nothing for six seconds.
fn half_quiet() -> Fed {
    let mut fed = Fed::new(plan(Guarantee::ExactlyOnce, |app| app.stream(IN).merge(&app.stream(OTHER)).to(OUT)));
    fed.step(0, vec![assigned("other", 1)]);
    let inputs = vec![(at("in"), None, ENDS), (at("other"), None, ENDS)];
    fed.step(0, vec![Event::Found(TASK, Ok(Found { inputs, changelogs: Vec::new() }))]);
    fed.step(0, vec![timed("in", 10, 1_000), timed("other", 10, 2_000)]);
    fed.step(1, vec![Event::Committed(Ok(Vec::new()))]);
    fed.step(4_000, vec![timed("in", 11, 3_000)]);
    fed.step(4_001, vec![Event::Committed(Ok(Vec::new()))]);
    assert!(!has(&fed.step(4_999, Vec::new()), |effect| matches!(effect, Effect::AskEnds(_))));
    fed
}

fn timed(topic: &str, offset: i64, time: i64) -> Event {
    let mut records = Records::new();
    records.push(offset, time, Some(b"k"), Some(&[0; 8]), &Headers::EMPTY);
    Event::Read(ReaderOf::Tasks, Fetched { partition: at(topic), records, next: offset + 1, at_end: true, error: None })
}

/// The stream time that the next commit carries.
fn committed_time(effects: &[Effect]) -> i64 {
    let offsets = effects.iter().find_map(|effect| if let Effect::Commit(offsets, _) = effect { Some(offsets) } else { None });
    match FoundMetadata::read(&offsets.expect("there is something to commit")[0].metadata) {
        FoundMetadata::Ours(metadata) => metadata.stream_time,
        found => panic!("{found:?}"),
    }
}

/// The log is asked about the quiet input, says this, and a record of far ahead comes in the other one.
fn time_after(answer: Vec<(TopicPartition, i64)>) -> i64 {
    let mut fed = half_quiet();
    let asked = |effect: &Effect| matches!(effect, Effect::AskEnds(inputs) if *inputs == [at("other")]);
    assert!(has(&fed.step(6_000, Vec::new()), asked));
    assert!(!has(&fed.step(6_001, vec![Event::Ends(answer)]), asked), "once in a timeout");
    committed_time(&fed.step(6_100, vec![timed("in", 12, 900_000)]))
}

#[test]
fn an_input_that_ends_where_the_task_stands_is_idle() {
    assert_eq!(time_after(vec![(at("other"), 11)]), 900_000);
}

#[test]
fn a_fetch_that_hangs_while_data_waits_does_not_make_an_input_idle() {
    assert_eq!(time_after(vec![(at("other"), 12)]), 2_000);
}

#[test]
fn a_broker_that_is_away_does_not_make_an_input_idle() {
    assert_eq!(time_after(Vec::new()), 2_000);
}

/// Before the log was asked time went on over six seconds in which the thread had not looked.
#[test]
fn a_thread_that_was_away_takes_no_input_for_idle() {
    let mut fed = half_quiet();
    assert_eq!(committed_time(&fed.step(60_000, vec![timed("in", 12, 900_000)])), 2_000);
}
