//! The logs that cases are played against, each on a clock that the player moves.

use std::sync::Arc;
use std::time::Duration;

use headwater_state::{MemoryBudget, MemoryDisk};
use headwater_streams::log::{
    Clock, EmbeddedLog, EmbeddedOptions, GroupProtocol, Inspect, Log, LogError, LogSettings, SIMULATION_START_MS, SIMULATION_STEP,
    SimulatedLog, VirtualClock,
};

/// Which log is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// The durable log of one machine.
    Embedded,
    /// The log in memory.
    Simulated,
}

/// A log with its clock.
pub(super) struct Subject {
    log: Box<dyn Played>,
    clock: VirtualClock,
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

impl Subject {
    /// An empty log of this binding, with the intervals of the broker that the cases were recorded on.
    pub(super) fn new(binding: Binding) -> Result<Self, String> {
        let settings = LogSettings {
            retention_check: Duration::from_secs(1),
            compaction_check: Duration::from_millis(500),
            transaction_check: Duration::from_millis(500),
            ..LogSettings::default()
        };
        let clock = VirtualClock::at(SIMULATION_START_MS);
        match binding {
            Binding::Simulated => {
                let log = SimulatedLog::open(&MemoryDisk::new(), clock.clone(), settings, 0).map_err(|error| error.to_string())?;
                Ok(Self { log: Box::new(log), clock, _directory: None })
            }
            Binding::Embedded => {
                let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
                let options = EmbeddedOptions { settings, memory: MemoryBudget::of_bytes(16 << 20), clock: Arc::new(clock.clone()) };
                let log = EmbeddedLog::open_with(directory.path(), options).map_err(|error| error.to_string())?;
                Ok(Self { log: Box::new(log), clock, _directory: Some(directory) })
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
        self.clock.now_ms()
    }

    /// Lets time pass, in steps in which nothing is due twice.
    pub(super) fn pass(&self, time: Duration) -> Result<(), String> {
        let mut left = time;
        while !left.is_zero() {
            let step = left.min(SIMULATION_STEP);
            self.clock.advance(step);
            self.log.maintain().map_err(|error| error.to_string())?;
            left -= step;
        }
        Ok(())
    }
}
