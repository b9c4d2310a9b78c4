//! The simulated log: in memory, on a clock that somebody moves, with a seam for faults. Otherwise the same log as the embedded one.

use std::sync::Arc;
use std::time::Duration;

use headwater_state::{ByteDatabase, MemoryDisk};

use super::local::{DatabaseStore, Host, LocalMember, LocalProducer, LocalReader, failed, families};
use super::{
    Admin, Clock, Faults, GroupProtocol, Inspect, Log, LogError, LogSettings, Member, MemberConfig, Producer, ProducerConfig, Reader,
    ReaderConfig, VirtualClock,
};

/// The name of the log's database on its disk.
const DATABASE: &str = "log";

/// A log in memory. Clones are the same log.
///
/// The disk outlives it: drop all clones and clients and open it again on the same disk, and the log comes back as after a kill;
/// a fork of the disk is another log with the same past. Nothing in it waits: a poll that finds nothing returns, and time passes
/// when the clock is moved and [`maintain`](SimulatedLog::maintain) is called.
#[derive(Clone)]
pub struct SimulatedLog {
    host: Arc<Host>,
}

impl SimulatedLog {
    /// Opens the log on `disk`, or makes it. `seed` decides the ids that it gives out.
    pub fn open(disk: &MemoryDisk, clock: VirtualClock, settings: LogSettings, seed: u64) -> Result<Self, LogError> {
        Self::open_with(disk, clock, settings, seed, None)
    }

    /// The same, with somebody who decides about faults.
    pub fn open_with_faults(
        disk: &MemoryDisk, clock: VirtualClock, settings: LogSettings, seed: u64, faults: Box<dyn Faults>,
    ) -> Result<Self, LogError> {
        Self::open_with(disk, clock, settings, seed, Some(faults))
    }

    fn open_with(
        disk: &MemoryDisk, clock: VirtualClock, settings: LogSettings, seed: u64, faults: Option<Box<dyn Faults>>,
    ) -> Result<Self, LogError> {
        let database = ByteDatabase::open_in_memory(disk, DATABASE, &families()).map_err(|error| failed(&error))?;
        let mut count = u128::from(seed) << 64 | u128::from(clock.now_ms().unsigned_abs()) << 20;
        let ids = Box::new(move || {
            count += 1;
            count
        });
        let host = Host::open(Box::new(DatabaseStore::new(database)), settings, Arc::new(clock), ids, faults)?;
        Ok(Self { host: Arc::new(host) })
    }

    /// Does what is due by the clock: time-outs, retention, compaction. Call it when the clock was moved.
    pub fn maintain(&self) -> Result<(), LogError> {
        self.host.maintain()
    }

    /// The group protocol, request by request.
    pub fn group_protocol(&self) -> &dyn GroupProtocol {
        &*self.host
    }

    /// A look at the stored batches.
    pub fn inspect(&self) -> &dyn Inspect {
        &*self.host
    }
}

impl Log for SimulatedLog {
    fn admin(&self) -> &dyn Admin {
        &*self.host
    }

    fn reader(&self, config: ReaderConfig) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(LocalReader::new(Arc::clone(&self.host), config)))
    }

    fn producer(&self, config: ProducerConfig) -> Result<Box<dyn Producer>, LogError> {
        Ok(Box::new(LocalProducer::new(Arc::clone(&self.host), config)))
    }

    fn member(&self, config: MemberConfig) -> Result<Box<dyn Member>, LogError> {
        Ok(Box::new(LocalMember::new(Arc::clone(&self.host), config)))
    }
}

/// The time that a simulation begins with when nobody cares which: 2026-01-01.
pub const SIMULATION_START_MS: i64 = 1_767_225_600_000;

/// A step of virtual time small enough that nothing is due twice in it.
pub const SIMULATION_STEP: Duration = Duration::from_millis(50);
