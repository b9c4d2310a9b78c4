//! The step function fed by hand, each test a bug that it once had.

mod at_least_once;
mod commits;
mod group;
mod inputs;
mod outages;
mod quiet_inputs;
mod restoring;
mod sinks;

use super::*;
use crate::dsl::StreamsBuilder;
use crate::graph::Topology;
use crate::log::{Delivery, Ends, ErrorCode, Headers, Log, LogError, LogSettings, SimulatedLog, TopicSpec, VirtualClock};
use crate::runtime::event::Found;
use crate::runtime::topics::prepare_topics;
use crate::runtime::{Config, Guarantee};
use crate::topic::Topic;
use headwater_state::MemoryDisk;

const IN: Topic<String, u64> = Topic::new("in");
const OTHER: Topic<String, u64> = Topic::new("other");
const OUT: Topic<String, u64> = Topic::new("out");
const TASK: TaskId = TaskId { sub_topology: 0, partition: 0 };
const ENDS: Ends = Ends { earliest: 0, latest: 10, stable: 10 };

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
