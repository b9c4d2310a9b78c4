//! The logs that cases are played against, each on a clock that the player moves.

use std::sync::Arc;
use std::time::{Duration, Instant};

use headwater_state::{MemoryBudget, MemoryDisk};
use headwater_streams::log::{
    Admin, Clock, EmbeddedLog, EmbeddedOptions, GroupProtocol, Inspect, KafkaConfig, KafkaLog, Log, LogError, LogSettings, Member,
    MemberConfig, Producer, ProducerConfig, Reader, ReaderConfig, SIMULATION_START_MS, SIMULATION_STEP, SimulatedLog, SystemClock,
    VirtualClock,
};

/// Which log is tested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// The durable log of one machine.
    Embedded,
    /// The log in memory.
    Simulated,
    /// A cluster with the properties of `tests/log-facts/broker.properties`, at these addresses.
    Kafka(String),
}

/// Where cases are played.
pub(super) enum Ground {
    Embedded,
    Simulated,
    Kafka(Arc<KafkaLog>),
}

impl Ground {
    pub(super) fn of(binding: &Binding) -> Result<Self, String> {
        match binding {
            Binding::Embedded => Ok(Ground::Embedded),
            Binding::Simulated => Ok(Ground::Simulated),
            Binding::Kafka(brokers) => {
                let log = KafkaLog::connect(KafkaConfig::new(brokers)).map_err(|error| error.to_string())?;
                Ok(Ground::Kafka(Arc::new(log)))
            }
        }
    }

    /// Whether time passes by itself, and others use the same log.
    pub(super) fn is_real(&self) -> bool {
        matches!(self, Ground::Kafka(_))
    }
}

/// A log with its clock.
pub(super) struct Subject {
    log: Box<dyn Played>,
    /// The player moves it; none where time passes by itself.
    clock: Option<VirtualClock>,
    began: Instant,
    _directory: Option<tempfile::TempDir>,
}

/// What a binding has beside the traits, as far as it has it.
trait Played: Log {
    fn group_protocol(&self) -> Option<&dyn GroupProtocol>;
    fn inspect(&self) -> Option<&dyn Inspect>;
    fn maintain(&self) -> Result<(), LogError>;
}

impl Played for EmbeddedLog {
    fn group_protocol(&self) -> Option<&dyn GroupProtocol> {
        Some(self.group_protocol())
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self.inspect())
    }

    fn maintain(&self) -> Result<(), LogError> {
        self.maintain()
    }
}

impl Played for SimulatedLog {
    fn group_protocol(&self) -> Option<&dyn GroupProtocol> {
        Some(self.group_protocol())
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self.inspect())
    }

    fn maintain(&self) -> Result<(), LogError> {
        self.maintain()
    }
}

/// One cluster, shared by all cases of a run.
struct Cluster(Arc<KafkaLog>);

impl Log for Cluster {
    fn admin(&self) -> &dyn Admin {
        self.0.admin()
    }

    fn reader(&self, config: ReaderConfig) -> Result<Box<dyn Reader>, LogError> {
        self.0.reader(config)
    }

    fn producer(&self, config: ProducerConfig) -> Result<Box<dyn Producer>, LogError> {
        self.0.producer(config)
    }

    fn member(&self, config: MemberConfig) -> Result<Box<dyn Member>, LogError> {
        self.0.member(config)
    }
}

impl Played for Cluster {
    fn group_protocol(&self) -> Option<&dyn GroupProtocol> {
        None
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        None
    }

    fn maintain(&self) -> Result<(), LogError> {
        Ok(())
    }
}

impl Subject {
    /// An empty log of this binding, with the intervals of the broker that the cases were recorded on.
    pub(super) fn new(ground: &Ground) -> Result<Self, String> {
        let settings = LogSettings {
            retention_check: Duration::from_secs(1),
            compaction_check: Duration::from_millis(500),
            transaction_check: Duration::from_millis(500),
            ..LogSettings::default()
        };
        let (clock, began) = (VirtualClock::at(SIMULATION_START_MS), Instant::now());
        match ground {
            Ground::Kafka(log) => Ok(Self { log: Box::new(Cluster(log.clone())), clock: None, began, _directory: None }),
            Ground::Simulated => {
                let log = SimulatedLog::open(&MemoryDisk::new(), clock.clone(), settings, 0).map_err(|error| error.to_string())?;
                Ok(Self { log: Box::new(log), clock: Some(clock), began, _directory: None })
            }
            Ground::Embedded => {
                let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
                let options = EmbeddedOptions { settings, memory: MemoryBudget::of_bytes(16 << 20), clock: Arc::new(clock.clone()) };
                let log = EmbeddedLog::open_with(directory.path(), options).map_err(|error| error.to_string())?;
                Ok(Self { log: Box::new(log), clock: Some(clock), began, _directory: Some(directory) })
            }
        }
    }

    pub(super) fn log(&self) -> &dyn Log {
        &*self.log
    }

    pub(super) fn group_protocol(&self) -> Option<&dyn GroupProtocol> {
        self.log.group_protocol()
    }

    pub(super) fn inspect(&self) -> Option<&dyn Inspect> {
        self.log.inspect()
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.as_ref().map_or_else(|| SystemClock.now_ms(), VirtualClock::now_ms)
    }

    /// How much time has passed.
    pub(super) fn elapsed(&self) -> Duration {
        let moved = |clock: &VirtualClock| Duration::from_millis(clock.now_ms().abs_diff(SIMULATION_START_MS));
        self.clock.as_ref().map_or_else(|| self.began.elapsed(), moved)
    }

    /// Whether time passes by itself.
    pub(super) fn is_real(&self) -> bool {
        self.clock.is_none()
    }

    /// Lets time pass, in steps in which nothing is due twice.
    pub(super) fn pass(&self, time: Duration) -> Result<(), String> {
        let Some(clock) = &self.clock else {
            // A broker has its own clock: a recorded wait is one only if time really passes.
            std::thread::sleep(time);
            return Ok(());
        };
        let mut left = time;
        while !left.is_zero() {
            let step = left.min(SIMULATION_STEP);
            clock.advance(step);
            self.log.maintain().map_err(|error| error.to_string())?;
            left -= step;
        }
        Ok(())
    }
}
