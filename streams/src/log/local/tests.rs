//! Members sharing partitions, requests that get lost, logs that come back.

use std::collections::BTreeSet;
use std::time::Duration;

use headwater_state::MemoryDisk;

use crate::log::{
    AssignmentPolicy, Delivery, ErrorCode, Fault, Faults, FetchLimit, GroupEvent, GroupOffset, Headers, Log, LogError, LogSettings, Member,
    MemberConfig, MemberIdentity, NO_OFFSET, Producer, ProducerConfig, ReaderConfig, Records, Request, SIMULATION_START_MS,
    SIMULATION_STEP, SimulatedLog, StartAt, TopicPartition, TopicSpec, VirtualClock,
};

struct Scene {
    log: SimulatedLog,
    clock: VirtualClock,
}

/// A member with what it believes to own.
struct Player {
    member: Box<dyn Member>,
    owned: BTreeSet<TopicPartition>,
    generation: i32,
}

impl Scene {
    fn new(faults: Option<Box<dyn Faults>>) -> Self {
        let (disk, clock) = (MemoryDisk::new(), VirtualClock::at(SIMULATION_START_MS));
        let log = match faults {
            None => SimulatedLog::open(&disk, clock.clone(), LogSettings::default(), 1),
            Some(faults) => SimulatedLog::open_with_faults(&disk, clock.clone(), LogSettings::default(), 1, faults),
        };
        let log = log.unwrap();
        log.admin().create_topic(&TopicSpec { name: "t".into(), partitions: 4, ..TopicSpec::default() }).unwrap();
        Self { log, clock }
    }

    fn player(&self, policy: AssignmentPolicy) -> Player {
        let config = MemberConfig { group: "g".into(), topics: vec!["t".into()], policy, ..MemberConfig::default() };
        Player { member: self.log.member(config).unwrap(), owned: BTreeSet::new(), generation: -1 }
    }

    /// Lets time pass while the players play, and checks at each moment that nothing has two owners.
    fn play(&self, time: Duration, players: &mut [&mut Player]) {
        for _ in 0..time.as_millis() / SIMULATION_STEP.as_millis() {
            self.clock.advance(SIMULATION_STEP);
            self.log.maintain().unwrap();
            players.iter_mut().for_each(|player| player.poll());
            let all: usize = players.iter().map(|player| player.owned.len()).sum();
            let distinct: BTreeSet<_> = players.iter().flat_map(|player| &player.owned).collect();
            assert_eq!(all, distinct.len(), "a partition has two owners");
        }
    }
}

impl Player {
    fn poll(&mut self) {
        for event in self.member.poll().unwrap() {
            match event {
                GroupEvent::Assigned { partitions, identity } => {
                    self.owned.extend(partitions);
                    self.generation = identity.generation;
                }
                GroupEvent::Revoked { partitions, .. } => {
                    self.owned.retain(|at| !partitions.contains(at));
                    self.member.released(&partitions).unwrap();
                }
                GroupEvent::Lost { partitions } => self.owned.retain(|at| !partitions.contains(at)),
                GroupEvent::Generation { identity } => self.generation = identity.generation,
            }
        }
    }
}

#[test]
fn members_share_evenly_and_take_over_from_the_dead_and_from_those_who_leave() {
    for policy in [AssignmentPolicy::CooperativeSticky, AssignmentPolicy::Range] {
        let scene = Scene::new(None);
        let (mut m, mut n) = (scene.player(policy), scene.player(policy));
        scene.play(Duration::from_secs(1), &mut [&mut m]);
        assert_eq!(m.owned.len(), 4, "{policy:?}");
        let before = m.owned.clone();
        scene.play(Duration::from_secs(20), &mut [&mut m, &mut n]);
        assert_eq!((m.owned.len(), n.owned.len()), (2, 2), "{policy:?}");
        assert!(m.owned.is_subset(&before) && m.generation == n.generation, "{policy:?}");
        drop(n);
        scene.play(Duration::from_secs(30), &mut [&mut m]);
        assert_eq!(m.owned.len(), 4, "{policy:?}: after a death");
        let mut late = scene.player(policy);
        scene.play(Duration::from_secs(20), &mut [&mut m, &mut late]);
        m.member.leave().unwrap();
        m.owned.clear();
        scene.play(Duration::from_secs(5), &mut [&mut late]);
        assert_eq!(late.owned.len(), 4, "{policy:?}: after a leave");
    }
}

#[test]
fn a_member_that_slept_too_long_loses_all_and_comes_back() {
    let scene = Scene::new(None);
    let (mut m, mut n) = (scene.player(AssignmentPolicy::CooperativeSticky), scene.player(AssignmentPolicy::CooperativeSticky));
    scene.play(Duration::from_secs(20), &mut [&mut m, &mut n]);
    let asleep = std::mem::take(&mut m.owned);
    scene.play(Duration::from_secs(30), &mut [&mut n]);
    assert_eq!((asleep.len(), n.owned.len()), (2, 4));
    scene.play(Duration::from_secs(20), &mut [&mut m, &mut n]);
    assert_eq!((m.owned.len(), n.owned.len()), (2, 2));
}

#[test]
fn new_partitions_of_an_anchor_are_shared_out() {
    let scene = Scene::new(None);
    let mut m = scene.player(AssignmentPolicy::CooperativeSticky);
    scene.play(Duration::from_secs(1), &mut [&mut m]);
    scene.log.admin().create_partitions("t", 6).unwrap();
    scene.play(Duration::from_secs(20), &mut [&mut m]);
    assert_eq!(m.owned.len(), 6);
}

/// Loses every second answer, and every fourth request.
struct Lossy(u32);

impl Faults for Lossy {
    fn decide(&mut self, request: &Request<'_>) -> Fault {
        if matches!(request, Request::Admin | Request::Fetch { .. }) {
            return Fault::None;
        }
        self.0 += 1;
        match self.0 % 4 {
            0 => Fault::Lost,
            2 => Fault::AnswerLost,
            _ => Fault::None,
        }
    }
}

fn insist(mut call: impl FnMut() -> Result<(), LogError>) {
    for _ in 0..10 {
        match call() {
            Err(error) if error.is_retriable() => {}
            other => return other.unwrap(),
        }
    }
    panic!("ten times without an answer");
}

#[test]
fn what_is_sent_again_after_a_lost_answer_is_stored_once() {
    let scene = Scene::new(Some(Box::new(Lossy(0))));
    let config =
        ProducerConfig { transactional_id: Some("x".into()), batch_bytes: 40, linger: Duration::from_secs(1), ..ProducerConfig::default() };
    let mut producer = scene.log.producer(config).unwrap();
    insist(|| producer.init_transactions());
    let at = TopicPartition::new("t", 0);
    for round in 0..5 {
        producer.begin().unwrap();
        for i in 0..7 {
            send(&mut *producer, &at, &format!("{round}.{i}"));
        }
        insist(|| producer.commit());
    }
    let mut deliveries = Vec::new();
    producer.deliveries(&mut deliveries);
    assert!(deliveries.len() == 35 && deliveries.iter().all(|delivery: &Delivery| delivery.outcome.is_ok()), "{deliveries:?}");
    let expected: Vec<String> = (0..5).flat_map(|round| (0..7).map(move |i| format!("{round}.{i}"))).collect();
    assert_eq!(read(&scene.log, &at), expected);
}

#[test]
fn a_fork_of_the_disk_is_another_log_with_the_same_past() {
    let (disk, clock) = (MemoryDisk::new(), VirtualClock::at(SIMULATION_START_MS));
    let at = TopicPartition::new("t", 0);
    let log = SimulatedLog::open(&disk, clock.clone(), LogSettings::default(), 1).unwrap();
    log.admin().create_topic(&TopicSpec { name: "t".into(), partitions: 1, ..TopicSpec::default() }).unwrap();
    let mut producer = log.producer(ProducerConfig { linger: Duration::ZERO, ..ProducerConfig::default() }).unwrap();
    send(&mut *producer, &at, "before");
    let fork = SimulatedLog::open(&disk.fork(), clock, LogSettings::default(), 2).unwrap();
    send(&mut *producer, &at, "after");
    assert_eq!((read(&log, &at), read(&fork, &at)), (vec!["before".to_owned(), "after".to_owned()], vec!["before".to_owned()]));
}

#[test]
fn offsets_of_nobody_are_refused_unless_the_producer_was_made_for_them() {
    let scene = Scene::new(None);
    let at = TopicPartition::new("t", 0);
    let offset = GroupOffset { at: at.clone(), offset: 3, metadata: String::new() };
    let send_offsets = |wanted, member: &MemberIdentity| {
        let config = ProducerConfig { transactional_id: Some("x".into()), offsets_from_outside: wanted, ..ProducerConfig::default() };
        let mut producer = scene.log.producer(config).unwrap();
        producer.init_transactions().unwrap();
        producer.begin().unwrap();
        producer.send_offsets("g", std::slice::from_ref(&offset), member).and_then(|()| producer.commit())
    };
    let half = MemberIdentity { member_id: "m".into(), ..MemberIdentity::outside() };
    for nobody in [MemberIdentity::outside(), half] {
        let error = send_offsets(false, &nobody).unwrap_err();
        assert_eq!((error.code(), error.requires_abort()), (ErrorCode::UnknownMemberId, true), "{error}");
    }
    assert_eq!(scene.log.admin().committed("g", std::slice::from_ref(&at), true).unwrap(), [None]);
    send_offsets(true, &MemberIdentity::outside()).unwrap();
    assert_eq!(scene.log.admin().committed("g", &[at], true).unwrap(), [Some(offset)]);
}

fn send(producer: &mut dyn Producer, to: &TopicPartition, value: &str) {
    let mut records = Records::new();
    records.push(NO_OFFSET, SIMULATION_START_MS, None, Some(value.as_bytes()), &Headers::new());
    producer.send(to, &mut records).unwrap();
}

fn read(log: &SimulatedLog, at: &TopicPartition) -> Vec<String> {
    let mut reader = log.reader(ReaderConfig::default()).unwrap();
    reader.assign(at, StartAt::Earliest);
    let mut fetched = Vec::new();
    reader.poll(FetchLimit::default(), Duration::ZERO, &mut fetched).unwrap();
    let records = fetched.iter().flat_map(|one| one.records.iter());
    records.map(|record| String::from_utf8_lossy(record.value.unwrap_or_default()).into_owned()).collect()
}
