//! Administration and group membership on a real broker: runs where `HEADWATER_TEST_BROKERS` names one.

use headwater_streams::log::{
    AssignmentPolicy, ErrorCode, GroupEvent, GroupOffset, Isolation, KafkaConfig, KafkaLog, Log, Member, MemberConfig, MemberIdentity,
    OffsetQuery, TopicPartition, TopicSpec,
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
    let changed = admin.describe_topic(&name).unwrap().unwrap();
    assert_eq!((&*changed.configs["retention.ms"], &*changed.configs["cleanup.policy"]), ("12345", "delete"), "one at a time");
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
