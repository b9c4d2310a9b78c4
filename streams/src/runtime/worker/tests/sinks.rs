//! Sinks: letters, claims and stops.

use super::*;
use crate::connector::{Claim, Connector, ConnectorError, DeadLetter, Level, SinkTask, Writer};
use crate::runtime::sink::{SinkCommand, SinkEvent};

#[derive(Debug)]
struct Nowhere;

impl Connector for Nowhere {
    fn name(&self) -> &str {
        "nowhere"
    }
    fn level(&self) -> Level {
        Level::ExactlyOnce
    }
    fn open(&self, _: &SinkTask) -> Result<Box<dyn Writer>, ConnectorError> {
        unreachable!("the step function opens nothing")
    }
}

fn sink() -> Fed {
    let mut fed = Fed::new(plan(Guarantee::ExactlyOnce, |app| app.connect(OUT, Nowhere)));
    fed.step(0, vec![assigned("out", 1)]);
    fed
}

#[test]
fn letters_of_a_failed_commit_go_again_even_where_only_sinks_run() {
    let mut fed = sink();
    let letter = DeadLetter {
        topic: "out".into(),
        partition: 0,
        offset: 3,
        stage: "nowhere".into(),
        reason: "no".into(),
        key: None,
        value: None,
        timestamp: 0,
        headers: Headers::EMPTY,
    };
    fed.step(1, vec![Event::Found(TASK, Ok(Found { inputs: vec![(at("out"), None, ENDS)], changelogs: Vec::new() }))]);
    let claim = Claim { next_offset: Some(4), unpublished: vec![letter] };
    let is_letter = |effect: &Effect| matches!(effect, Effect::Send(to, _) if &*to.topic == "app-dlq");
    assert!(has(&fed.step(2, vec![Event::Sink(TASK, SinkEvent::Claimed(claim))]), is_letter));
    fed.step(3, vec![Event::Committed(Err(LogError::new(ErrorCode::TimedOut, "commit"))), Event::Producer(Ok(()))]);
    assert!(has(&fed.step(500, Vec::new()), is_letter));
    let effects = fed.step(501, vec![Event::Committed(Ok(Vec::new()))]);
    assert!(has(&effects, |effect| matches!(effect, Effect::Sink(_, SinkCommand::Published(letters)) if letters.len() == 1)));
}

#[test]
fn a_claim_beyond_the_end_that_was_known_asks_for_the_end_once_more() {
    let mut fed = sink();
    let found = || Event::Found(TASK, Ok(Found { inputs: vec![(at("out"), None, ENDS)], changelogs: Vec::new() }));
    let refused = || Event::Sink(TASK, SinkEvent::Failed(ConnectorError::Refused { sink: "nowhere".into(), reason: "beyond".into() }));
    assert!(has(&fed.step(1, vec![found()]), |effect| matches!(effect, Effect::Sink(_, SinkCommand::Open(..)))));
    assert!(has(&fed.step(2, vec![refused()]), |effect| matches!(effect, Effect::LookUp(TASK))));
    fed.step(3, vec![found()]);
    assert!(fed.try_step(4, &mut vec![refused()]).is_err(), "a person must decide");
}

#[test]
fn a_stop_does_not_wait_for_ever_for_a_sink_that_hangs() {
    let mut fed = sink();
    fed.step(1, vec![Event::Found(TASK, Ok(Found { inputs: vec![(at("out"), None, ENDS)], changelogs: Vec::new() }))]);
    fed.step(2, vec![Event::Sink(TASK, SinkEvent::Claimed(Claim::default()))]);
    fed.step(3, vec![Event::Committed(Ok(Vec::new()))]);
    let effects = fed.step(4, vec![fetched(ReaderOf::Sink(0), "out", 0..2)]);
    assert!(has(&effects, |effect| matches!(effect, Effect::Sink(_, SinkCommand::Write(..)))));
    assert!(!matches!(fed.try_step(5, &mut vec![Event::Stop]).unwrap().0, Pace::Stopped));
    assert_eq!(fed.try_step(5 + STOP_PATIENCE_MS - LAST_COMMIT_MS, &mut Vec::new()).unwrap().0, Pace::Stopped);
}

#[test]
fn a_sink_leaves_the_offset_of_its_topic_to_the_task_that_reads_it() {
    let plan = plan(Guarantee::ExactlyOnce, |app| {
        app.connect(IN, Nowhere);
        app.connect(OUT, Elsewhere);
        app.stream(IN).to(OUT);
    });
    let tells = |sub_topology| plan.tells_its_lag(TaskId { sub_topology, partition: 0 });
    assert_eq!((tells(0), tells(1)), (false, true));
}

#[derive(Debug)]
struct Elsewhere;

impl Connector for Elsewhere {
    fn name(&self) -> &str {
        "elsewhere"
    }
    fn level(&self) -> Level {
        Level::ExactlyOnce
    }
    fn open(&self, task: &SinkTask) -> Result<Box<dyn Writer>, ConnectorError> {
        Nowhere.open(task)
    }
}
