//! The step function fed by hand, each test a bug that it once had.

use super::*;
use crate::connector::{Claim, Connector, ConnectorError, DeadLetter, Level, SinkTask, Writer};
use crate::dsl::StreamsBuilder;
use crate::graph::Topology;
use crate::log::{Delivery, Ends, ErrorCode, Headers, Log, LogError, LogSettings, SimulatedLog, TopicSpec, VirtualClock};
use crate::runtime::event::Found;
use crate::runtime::sink::{SinkCommand, SinkEvent};
use crate::runtime::topics::prepare_topics;
use crate::runtime::{Config, Guarantee};
use crate::task::FoundMetadata;
use crate::topic::Topic;
use headwater_state::MemoryDisk;

const IN: Topic<String, u64> = Topic::new("in");
const OTHER: Topic<String, u64> = Topic::new("other");
const OUT: Topic<String, u64> = Topic::new("out");
const TASK: TaskId = TaskId { sub_topology: 0, partition: 0 };
const ENDS: Ends = Ends { earliest: 0, latest: 10, stable: 10 };

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

fn plan(guarantee: Guarantee, build: impl FnOnce(&StreamsBuilder)) -> Plan {
    let log = SimulatedLog::open(&MemoryDisk::new(), VirtualClock::at(0), LogSettings::default(), 1).unwrap();
    for (name, partitions) in [("in", 1), ("other", 3), ("out", 1)] {
        log.admin().create_topic(&TopicSpec { name: name.into(), partitions, ..TopicSpec::default() }).unwrap();
    }
    let app = StreamsBuilder::new();
    build(&app);
    let topology: Topology = app.build().unwrap();
    prepare_topics(log.admin(), topology, Config { guarantee, ..Config::new("app") }).unwrap()
}

struct Fed {
    worker: Worker,
    status: Arc<Status>,
}

impl Fed {
    fn new(plan: Plan) -> Fed {
        let status = Arc::new(Status::of("app"));
        let plan = Arc::new(plan);
        let directory = Arc::new(Directory::new(plan.clone()));
        let mut fed = Fed { worker: Worker::new(plan, Disk::Memory(MemoryDisk::new()), status.clone(), directory), status };
        assert!(has(&fed.step(0, Vec::new()), |effect| matches!(effect, Effect::MakeProducer)), "before anything else");
        fed.step(0, vec![Event::Producer(Ok(())), Event::Contact(0)]);
        fed
    }

    fn stream(guarantee: Guarantee) -> Fed {
        let mut fed = Fed::new(plan(guarantee, |app| app.stream(IN).map_values(|_, n| n + 1).to(OUT)));
        fed.step(0, vec![assigned("in", 1)]);
        let found = Found { inputs: vec![(at("in"), None, ENDS)], changelogs: Vec::new() };
        fed.step(0, vec![Event::Found(TASK, Ok(found))]);
        fed
    }

    fn sink() -> Fed {
        let mut fed = Fed::new(plan(Guarantee::ExactlyOnce, |app| app.connect(OUT, Nowhere)));
        fed.step(0, vec![assigned("out", 1)]);
        fed
    }

    fn step(&mut self, now: i64, mut events: Vec<Event>) -> Vec<Effect> {
        self.try_step(now, &mut events).unwrap().1
    }

    fn try_step(&mut self, now: i64, events: &mut Vec<Event>) -> Result<(Pace, Vec<Effect>), AppError> {
        let mut effects = Vec::new();
        self.worker.step(now, events, &mut effects).map(|pace| (pace, effects))
    }
}

fn at(topic: &str) -> TopicPartition {
    TopicPartition::new(topic, 0)
}

fn identity(generation: i32, member: &str) -> MemberIdentity {
    MemberIdentity { member_id: member.into(), generation, instance_id: None }
}

fn assigned(topic: &str, generation: i32) -> Event {
    Event::Group(GroupEvent::Assigned { partitions: vec![at(topic)], identity: identity(generation, "m") })
}

fn fetched(of: ReaderOf, topic: &str, offsets: std::ops::Range<i64>) -> Event {
    let mut records = Records::new();
    offsets.clone().for_each(|offset| records.push(offset, 0, Some(b"k"), Some(&[0; 8]), &Headers::EMPTY));
    Event::Read(of, Fetched { partition: at(topic), records, next: offsets.end, at_end: true, error: None })
}

fn has(effects: &[Effect], which: impl Fn(&Effect) -> bool) -> bool {
    effects.iter().any(which)
}

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
fn letters_of_a_failed_commit_go_again_even_where_only_sinks_run() {
    let mut fed = Fed::sink();
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
    let mut fed = Fed::sink();
    let found = || Event::Found(TASK, Ok(Found { inputs: vec![(at("out"), None, ENDS)], changelogs: Vec::new() }));
    let refused = || Event::Sink(TASK, SinkEvent::Failed(ConnectorError::Refused { sink: "nowhere".into(), reason: "beyond".into() }));
    assert!(has(&fed.step(1, vec![found()]), |effect| matches!(effect, Effect::Sink(_, SinkCommand::Open(..)))));
    assert!(has(&fed.step(2, vec![refused()]), |effect| matches!(effect, Effect::LookUp(TASK))));
    fed.step(3, vec![found()]);
    assert!(fed.try_step(4, &mut vec![refused()]).is_err(), "a person must decide");
}

#[test]
fn a_stop_does_not_wait_for_ever_for_a_sink_that_hangs() {
    let mut fed = Fed::sink();
    fed.step(1, vec![Event::Found(TASK, Ok(Found { inputs: vec![(at("out"), None, ENDS)], changelogs: Vec::new() }))]);
    fed.step(2, vec![Event::Sink(TASK, SinkEvent::Claimed(Claim::default()))]);
    fed.step(3, vec![Event::Committed(Ok(Vec::new()))]);
    let effects = fed.step(4, vec![fetched(ReaderOf::Sink(0), "out", 0..2)]);
    assert!(has(&effects, |effect| matches!(effect, Effect::Sink(_, SinkCommand::Write(..)))));
    assert!(!matches!(fed.try_step(5, &mut vec![Event::Stop]).unwrap().0, Pace::Stopped));
    assert_eq!(fed.try_step(5 + STOP_PATIENCE_MS - LAST_COMMIT_MS, &mut Vec::new()).unwrap().0, Pace::Stopped);
}

#[test]
fn the_input_with_the_most_partitions_carries_ownership() {
    let plan = plan(Guarantee::ExactlyOnce, |app| app.stream(IN).merge(&app.stream(OTHER)).to(OUT));
    assert_eq!(plan.anchors(), ["other"]);
    let owned: Vec<_> = (0..3).flat_map(|partition| plan.tasks_of(&TopicPartition::new("other", partition)).collect::<Vec<_>>()).collect();
    assert_eq!(owned.iter().map(|task| plan.inputs(*task).len()).collect::<Vec<_>>(), [2, 1, 1]);
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

fn seen(fed: &Fed, topic: &str, partitions: i32) -> Event {
    let topic_id = fed.worker.plan.topics[topic].topic_id;
    Event::Sight(
        topic.into(),
        Ok(crate::runtime::event::Sight { topic: Some((partitions, topic_id)), ends: Vec::new(), unread: Vec::new() }),
    )
}

#[test]
fn an_input_that_nothing_hangs_on_grows_while_running() {
    let mut fed = Fed::stream(Guarantee::ExactlyOnce);
    let partitions = vec![TopicPartition::new("in", 1)];
    let given = Event::Group(GroupEvent::Assigned { partitions, identity: identity(2, "m") });
    let effects = fed.step(1, vec![given]);
    assert!(!has(&effects, |effect| matches!(effect, Effect::LookUp(_))), "nobody knows of such a partition");
    assert!(has(&effects, |effect| matches!(effect, Effect::Look(topic, _) if &**topic == "in")));
    let event = seen(&fed, "in", 2);
    let effects = fed.step(2, vec![event]);
    let replan = effects.iter().position(|effect| matches!(effect, Effect::Replan(_))).unwrap();
    let grown = TaskId { partition: 1, ..TASK };
    let look_up = effects.iter().position(|effect| matches!(effect, Effect::LookUp(task) if *task == grown)).unwrap();
    assert!(replan < look_up);
}

#[test]
fn an_input_that_state_hangs_on_stops_the_application_when_it_grows() {
    let mut fed = Fed::new(plan(Guarantee::ExactlyOnce, |app| {
        app.table(IN, crate::dsl::Store::new("table")).to(OUT);
    }));
    fed.step(0, vec![assigned("in", 1)]);
    let event = seen(&fed, "in", 2);
    let error = fed.try_step(1, &mut vec![event]).unwrap_err().to_string();
    assert!(error.contains("grown from 1 to 2") && error.contains("store table"), "{error}");
}

#[test]
fn an_input_that_is_another_topic_or_none_stops_the_application() {
    let mut fed = Fed::stream(Guarantee::ExactlyOnce);
    let anew =
        Event::Sight("in".into(), Ok(crate::runtime::event::Sight { topic: Some((1, [9; 16])), ends: Vec::new(), unread: Vec::new() }));
    assert!(fed.try_step(1, &mut vec![anew]).unwrap_err().to_string().contains("made anew"));

    let mut fed = Fed::stream(Guarantee::ExactlyOnce);
    let gone = || Event::Sight("in".into(), Ok(crate::runtime::event::Sight::default()));
    fed.step(1, vec![gone()]);
    fed.step(2, vec![gone()]);
    assert!(fed.try_step(3, &mut vec![gone()]).unwrap_err().to_string().contains("was deleted"));
}

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
