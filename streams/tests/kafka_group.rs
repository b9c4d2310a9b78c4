//! Administration and group membership on a real broker: runs where `HEADWATER_TEST_BROKERS` names one.
#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::log::{
    AssignmentPolicy, ErrorCode, GroupEvent, GroupOffset, Isolation, KafkaConfig, KafkaLog, Log, LogError, Member, MemberConfig,
    MemberIdentity, OffsetQuery, TopicPartition, TopicSpec,
};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

const SESSION: Duration = Duration::from_secs(3);

fn connect() -> Option<KafkaLog> {
    let brokers = std::env::var("HEADWATER_TEST_BROKERS").ok()?;
    Some(KafkaLog::connect(KafkaConfig::new(brokers)).unwrap())
}

/// A name that no earlier run has used.
fn fresh(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    format!("{name}-{}-{}", since.as_micros(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn topic(log: &KafkaLog, name: &str, partitions: i32) -> String {
    let name = fresh(name);
    log.admin().create_topic(&TopicSpec { name: name.clone(), partitions, ..TopicSpec::default() }).unwrap();
    name
}

#[test]
fn topics_make_the_round_trip() {
    let Some(log) = connect() else { return };
    let (admin, name) = (log.admin(), fresh("round-trip"));
    assert_eq!(admin.describe_topic(&name).unwrap(), None);
    let configs = [("cleanup.policy".to_owned(), "compact".to_owned())].into();
    let spec = TopicSpec { name: name.clone(), partitions: 2, configs };
    admin.create_topic(&spec).unwrap();
    assert_eq!(admin.create_topic(&spec).unwrap_err().code(), ErrorCode::TopicAlreadyExists);
    let first = admin.describe_topic(&name).unwrap().unwrap();
    assert_eq!((first.partitions, &*first.configs["cleanup.policy"]), (2, "compact"));
    assert!(first.configs.contains_key("retention.ms"), "defaults are told too");
    assert_ne!(first.topic_id, [0; 16]);
    assert!(admin.topics().unwrap().iter().any(|topic| **topic == *name));

    admin.alter_topic(&name, &[("retention.ms", Some("12345"))]).unwrap();
    admin.alter_topic(&name, &[("cleanup.policy", None)]).unwrap();
    // A broker answers before its metadata has the settings.
    let began = Instant::now();
    let settings = || {
        let found = admin.describe_topic(&name).unwrap().unwrap().configs;
        (found["retention.ms"].clone(), found["cleanup.policy"].clone())
    };
    while settings() != ("12345".into(), "delete".into()) {
        assert!(began.elapsed() < Duration::from_secs(10), "one at a time: {:?}", settings());
        thread::sleep(Duration::from_millis(5));
    }
    let refused = admin.alter_topic(&name, &[("no.such.config", Some("1"))]).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidConfig, "{refused}");

    admin.create_partitions(&name, 5).unwrap();
    assert_eq!(admin.describe_topic(&name).unwrap().unwrap().partitions, 5);
    assert_eq!(admin.create_partitions(&name, 3).unwrap_err().code(), ErrorCode::InvalidPartitions);
    admin.delete_topic(&name).unwrap();
    assert_eq!(admin.describe_topic(&name).unwrap(), None);
    assert_eq!(admin.delete_topic(&name).unwrap_err().code(), ErrorCode::UnknownTopicOrPartition);
    admin.create_topic(&spec).unwrap();
    assert_ne!(admin.describe_topic(&name).unwrap().unwrap().topic_id, first.topic_id, "another topic of the same name");
    admin.delete_topic(&name).unwrap();
}

#[test]
fn offsets_make_the_round_trip() {
    let Some(log) = connect() else { return };
    let (admin, name, group) = (log.admin(), topic(&log, "offsets", 2), fresh("group"));
    let at = |partition| TopicPartition::new(name.as_str(), partition);
    let ends = admin.ends(&at(0)).unwrap();
    assert_eq!((ends.earliest, ends.latest, ends.stable), (0, 0, 0));
    assert_eq!(admin.ends(&at(7)).unwrap_err().code(), ErrorCode::UnknownTopicOrPartition);
    assert_eq!(admin.list_offset(&at(0), OffsetQuery::Time(1), Isolation::Uncommitted).unwrap(), None);
    assert_eq!(admin.delete_records(&at(0), None).unwrap(), 0);
    assert_eq!(admin.delete_records(&at(0), Some(9)).unwrap_err().code(), ErrorCode::OffsetOutOfRange);

    assert_eq!(admin.describe_group(&group).unwrap(), None);
    assert_eq!(admin.committed(&group, &[at(1), at(0)], true).unwrap(), [None, None]);
    let offset = GroupOffset { at: at(1), offset: 3, metadata: "ours".into() };
    admin.commit_offsets(&group, std::slice::from_ref(&offset), &MemberIdentity::outside()).unwrap();
    assert_eq!(admin.committed(&group, &[at(0), at(1)], true).unwrap(), [None, Some(offset)]);
    assert_eq!(admin.describe_group(&group).unwrap().unwrap().state, "Empty");
    admin.delete_offsets(&group, &[at(1)]).unwrap();
    assert_eq!(admin.committed(&group, &[at(1)], false).unwrap(), [None]);
    let metadata = "x".repeat(5_000);
    let long = GroupOffset { at: at(0), offset: 1, metadata };
    let refused = admin.commit_offsets(&group, &[long], &MemberIdentity::outside()).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::OffsetMetadataTooLarge);
    assert_eq!(admin.describe_transaction("nobody").unwrap_err().code(), ErrorCode::UnsupportedFeature);
    admin.delete_topic(&name).unwrap();
}

/// A member with what it was told.
struct Told {
    member: Box<dyn Member>,
    owned: BTreeSet<TopicPartition>,
    identity: Option<MemberIdentity>,
    events: Vec<GroupEvent>,
    /// Gives revoked partitions back at once.
    is_prompt: bool,
}

impl Told {
    fn join(log: &KafkaLog, config: &MemberConfig) -> Self {
        let member = log.member(config.clone()).unwrap();
        Self { member, owned: BTreeSet::new(), identity: None, events: Vec::new(), is_prompt: true }
    }

    fn poll(&mut self) {
        for event in self.member.poll().unwrap() {
            match &event {
                GroupEvent::Assigned { partitions, identity } => {
                    assert!(identity.generation >= 0 && !identity.member_id.is_empty());
                    self.owned.extend(partitions.iter().cloned());
                    self.identity = Some(identity.clone());
                }
                GroupEvent::Generation { identity } => self.identity = Some(identity.clone()),
                GroupEvent::Revoked { partitions, identity } => {
                    self.identity = Some(identity.clone());
                    if self.is_prompt {
                        self.release(partitions);
                    }
                }
                GroupEvent::Lost { partitions } => {
                    self.owned.retain(|at| !partitions.contains(at));
                    self.identity = None;
                }
            }
            self.events.push(event);
        }
    }

    fn release(&mut self, partitions: &[TopicPartition]) {
        self.member.released(partitions).unwrap();
        self.owned.retain(|at| !partitions.contains(at));
    }

    /// Asks for a commit and polls until it is answered.
    fn commit(&mut self, offset: GroupOffset, identity: &MemberIdentity) -> Result<(), LogError> {
        self.member.commit(&[offset], identity);
        let began = Instant::now();
        loop {
            if let Some(answer) = self.member.committed() {
                return answer;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "no answer to a commit");
            thread::sleep(Duration::from_millis(1));
            self.poll();
        }
    }
}

fn until(members: &mut [&mut Told], what: &str, done: impl Fn(&[&mut Told]) -> bool) -> Duration {
    let began = Instant::now();
    loop {
        members.iter_mut().for_each(|member| member.poll());
        if done(members) {
            return began.elapsed();
        }
        let owned: Vec<_> = members.iter().map(|member| member.owned.len()).collect();
        assert!(began.elapsed() < Duration::from_secs(30), "{what}: {owned:?}");
        // The pace of polling: a member learns nothing but by its polls.
        thread::sleep(Duration::from_millis(5));
    }
}

fn config(topics: &[&str], policy: AssignmentPolicy) -> MemberConfig {
    MemberConfig {
        group: fresh("group"),
        topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
        session_timeout: SESSION,
        policy,
        ..MemberConfig::default()
    }
}

#[test]
fn two_members_share_and_the_one_that_stays_takes_over_at_once() {
    let Some(log) = connect() else { return };
    for policy in [AssignmentPolicy::CooperativeSticky, AssignmentPolicy::Range] {
        let name = topic(&log, "shared", 6);
        let config = config(&[&name], policy);
        let mut first = Told::join(&log, &config);
        until(&mut [&mut first], "first alone", |members| members[0].owned.len() == 6);
        let mut second = Told::join(&log, &config);
        until(&mut [&mut first, &mut second], "shared", |members| members.iter().all(|member| member.owned.len() == 3));
        assert!(first.owned.is_disjoint(&second.owned), "{policy:?}");
        first.member.leave().unwrap();
        let took = until(&mut [&mut second], "taken over", |members| members[0].owned.len() == 6);
        assert!(took < Duration::from_secs(2), "{policy:?}: {took:?}");
        second.member.leave().unwrap();
        assert_eq!(log.admin().describe_group(&config.group).unwrap().unwrap().state, "Empty");
        log.admin().delete_topic(&name).unwrap();
    }
}

#[test]
fn a_member_that_dies_is_missed_after_its_session() {
    let Some(log) = connect() else { return };
    let name = topic(&log, "death", 2);
    let config = config(&[&name], AssignmentPolicy::CooperativeSticky);
    let (mut first, mut second) = (Told::join(&log, &config), Told::join(&log, &config));
    until(&mut [&mut first, &mut second], "shared", |members| members.iter().all(|member| member.owned.len() == 1));
    drop(first);
    let took = until(&mut [&mut second], "taken over", |members| members[0].owned.len() == 2);
    assert!(took > SESSION / 2 && took < SESSION * 2, "{took:?}");
    log.admin().delete_topic(&name).unwrap();
}

#[test]
fn every_event_carries_the_identity_of_its_moment() {
    let Some(log) = connect() else { return };
    let name = topic(&log, "identity", 2);
    let config = config(&[&name], AssignmentPolicy::CooperativeSticky);
    let mut first = Told::join(&log, &config);
    until(&mut [&mut first], "first alone", |members| members[0].owned.len() == 2);
    let alone = first.identity.clone().unwrap();
    let offset = |offset| GroupOffset { at: TopicPartition::new(name.as_str(), 0), offset, metadata: String::new() };
    first.commit(offset(1), &alone).unwrap();
    // A third member finds nothing to own, and still moves the generation on.
    let mut others = [Told::join(&log, &config), Told::join(&log, &config)];
    let [second, third] = &mut others;
    until(&mut [&mut first, second, third], "shared", |members| {
        let owned: Vec<_> = members.iter().map(|member| member.owned.len()).collect();
        let generations: BTreeSet<_> = members.iter().map(|member| member.identity.as_ref().map(|identity| identity.generation)).collect();
        owned.iter().sum::<usize>() == 2 && owned[0] == 1 && generations.len() == 1 && !generations.contains(&None)
    });
    let now = first.identity.clone().unwrap();
    assert!(now.generation > alone.generation && now.member_id == alone.member_id);
    let generations: Vec<i32> = first
        .events
        .iter()
        .filter_map(|event| match event {
            GroupEvent::Assigned { identity, .. } | GroupEvent::Revoked { identity, .. } | GroupEvent::Generation { identity } => {
                Some(identity.generation)
            }
            GroupEvent::Lost { .. } => None,
        })
        .collect();
    assert!(generations.is_sorted(), "{generations:?}");
    assert_eq!(first.commit(offset(2), &alone).unwrap_err().code(), ErrorCode::IllegalGeneration);
    assert_eq!(first.commit(offset(2), &MemberIdentity::outside()).unwrap_err().code(), ErrorCode::UnknownMemberId);
    let committed = || log.admin().committed(&config.group, &[offset(0).at], true).unwrap().remove(0).unwrap().offset;
    assert_eq!(committed(), 1);
    first.commit(offset(3), &now).unwrap();
    assert_eq!(committed(), 3);
    log.admin().delete_topic(&name).unwrap();
}

#[test]
fn nobody_gets_what_is_not_let_go_of() {
    let Some(log) = connect() else { return };
    for policy in [AssignmentPolicy::CooperativeSticky, AssignmentPolicy::Range] {
        let name = topic(&log, "slow", 4);
        let config = config(&[&name], policy);
        let mut first = Told::join(&log, &config);
        until(&mut [&mut first], "first alone", |members| members[0].owned.len() == 4);
        first.is_prompt = false;
        let mut second = Told::join(&log, &config);
        let revoked = |member: &Told| {
            member.events.iter().find_map(|event| match event {
                GroupEvent::Revoked { partitions, identity } => Some((partitions.clone(), identity.clone())),
                _ => None,
            })
        };
        until(&mut [&mut first, &mut second], "revoked", |members| revoked(members[0]).is_some());
        let (partitions, identity) = revoked(&first).unwrap();
        let held = Instant::now();
        until(&mut [&mut first, &mut second], "held", |_| held.elapsed() > SESSION / 2);
        assert!(second.owned.is_disjoint(&partitions.iter().cloned().collect()), "{policy:?}");
        // The last commit goes with the credentials of the event.
        let last = GroupOffset { at: partitions[0].clone(), offset: 7, metadata: String::new() };
        first.commit(last, &identity).unwrap();
        first.is_prompt = true;
        first.release(&partitions);
        until(&mut [&mut first, &mut second], "shared", |members| members.iter().all(|member| member.owned.len() == 2));
        log.admin().delete_topic(&name).unwrap();
    }
}

/// The coordinator waits for a member that has died, and meanwhile answers nobody who has joined again. A worker that waited with it would
/// do no work, and its contact with the group would be too old when it wakes.
#[test]
fn a_commit_does_not_wait_for_a_rebalance() {
    let Some(log) = connect() else { return };
    let name = topic(&log, "commits", 2);
    let config = config(&[&name], AssignmentPolicy::CooperativeSticky);
    let (mut first, mut second) = (Told::join(&log, &config), Told::join(&log, &config));
    until(&mut [&mut first, &mut second], "shared", |members| members.iter().all(|member| member.owned.len() == 1));
    drop(second);
    let mut third = Told::join(&log, &config);
    let at = first.owned.first().unwrap().clone();
    let (began, mut longest, mut unanswered, mut held) = (Instant::now(), Duration::ZERO, 0, 0);
    while third.owned.is_empty() || unanswered > 0 {
        assert!(began.elapsed() < Duration::from_secs(30), "{unanswered} commits are not answered, the third owns {:?}", third.owned);
        [&mut first, &mut third].into_iter().for_each(Told::poll);
        if let Some(identity) = first.identity.clone().filter(|_| third.owned.is_empty()) {
            let asked = Instant::now();
            first.member.commit(&[GroupOffset { at: at.clone(), offset: 1, metadata: String::new() }], &identity);
            longest = longest.max(asked.elapsed());
            unanswered += 1;
        }
        thread::sleep(Duration::from_millis(20));
        held = held.max(unanswered);
        unanswered -= std::iter::from_fn(|| first.member.committed()).count();
    }
    assert!(held > 5, "the rebalance has held no commit back: {held}");
    assert!(longest < SESSION / 6, "a commit took {longest:?}");
    log.admin().delete_topic(&name).unwrap();
}

#[test]
fn a_member_that_holds_on_for_too_long_loses_everything() {
    let Some(log) = connect() else { return };
    let name = topic(&log, "hangs", 2);
    let config = MemberConfig { rebalance_timeout: SESSION, ..config(&[&name], AssignmentPolicy::CooperativeSticky) };
    let mut first = Told::join(&log, &config);
    until(&mut [&mut first], "first alone", |members| members[0].owned.len() == 2);
    let mut second = Told::join(&log, &config);
    // Nobody polls the first one: its heartbeats go on, but its tasks move.
    until(&mut [&mut second], "taken over", |members| members[0].owned.len() == 2);
    let identity = first.identity.clone().unwrap();
    let offset = GroupOffset { at: TopicPartition::new(name.as_str(), 0), offset: 9, metadata: String::new() };
    first.commit(offset, &identity).unwrap_err();
    until(&mut [&mut first, &mut second], "back again", |members| members.iter().all(|member| member.owned.len() == 1));
    let lost = first.events.iter().map(|event| if let GroupEvent::Lost { partitions } = event { partitions.len() } else { 0 });
    assert_eq!(lost.sum::<usize>(), 2, "{:?}", first.events);
    log.admin().delete_topic(&name).unwrap();
}

#[test]
fn a_static_member_comes_back_without_a_rebalance() {
    let Some(log) = connect() else { return };
    let name = topic(&log, "static", 4);
    let config = config(&[&name], AssignmentPolicy::CooperativeSticky);
    let instance = |id: &str| MemberConfig { instance_id: Some(id.into()), ..config.clone() };
    let (mut first, mut second) = (Told::join(&log, &instance("a")), Told::join(&log, &instance("b")));
    until(&mut [&mut first, &mut second], "shared", |members| members.iter().all(|member| member.owned.len() == 2));
    let (owned, generation) = (second.owned.clone(), first.identity.clone().unwrap().generation);
    second.member.leave().unwrap();
    let mut again = Told::join(&log, &instance("b"));
    until(&mut [&mut first, &mut again], "back", |members| members[1].owned.len() == 2);
    assert_eq!(again.owned, owned);
    assert_eq!(first.identity.clone().unwrap().generation, generation, "no rebalance");
    // Whoever takes the name of a running instance fences it, and it says why.
    let mut twin = Told::join(&log, &instance("b"));
    until(&mut [&mut twin], "taken", |members| members[0].owned.len() == 2);
    let began = Instant::now();
    let error = loop {
        match again.member.poll() {
            Err(error) => break error,
            Ok(_) => assert!(began.elapsed() < SESSION * 3, "never fenced"),
        }
        // The pace of polling, as above.
        thread::sleep(Duration::from_millis(5));
    };
    assert!(error.code() == ErrorCode::FencedInstanceId && error.is_fatal(), "{error}");
    assert!(error.to_string().contains("an id of its own"), "{error}");
    log.admin().delete_topic(&name).unwrap();
}
