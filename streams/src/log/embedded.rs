//! The embedded log: durable on this machine, for programs that have no broker. One process writes it; any number read it beside.
//!
//! A write is in the operating system's hands when the call returns: it survives a kill of the process, not a power loss.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use headwater_state::{ByteDatabase, ByteReader, MemoryBudget};

use super::local::{DatabaseStore, FollowerStore, Host, LocalMember, LocalProducer, LocalReader, failed, families};
use super::{
    Admin, Clock, GroupProtocol, Inspect, Log, LogError, LogSettings, Member, MemberConfig, Producer, ProducerConfig, Reader, ReaderConfig,
    SystemClock,
};

/// How often the log looks whether something is due.
const MAINTENANCE: Duration = Duration::from_millis(500);
/// Memory for write buffers and cached blocks where nobody says otherwise.
const MEMORY_BYTES: usize = 256 << 20;

/// A log in a directory of this machine. Clones are the same log.
#[derive(Clone)]
pub struct EmbeddedLog {
    host: Arc<Host>,
    _maintenance: Option<Arc<Maintenance>>,
}

/// How an embedded log is opened.
#[derive(Clone)]
pub struct EmbeddedOptions {
    /// How it behaves.
    pub settings: LogSettings,
    /// The memory that it may use, shared with whom the budget is shared.
    pub memory: MemoryBudget,
    /// The clock. With one that does not run, nothing happens by itself: see [`EmbeddedLog::maintain`].
    pub clock: Arc<dyn Clock>,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self { settings: LogSettings::default(), memory: MemoryBudget::of_bytes(MEMORY_BYTES), clock: Arc::new(SystemClock) }
    }
}

impl EmbeddedLog {
    /// Opens the log in this directory for writing, or makes it. `_OWNED` tells which process has it open already.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, LogError> {
        Self::open_with(path, EmbeddedOptions::default())
    }

    /// The same, with options.
    pub fn open_with(path: impl AsRef<Path>, options: EmbeddedOptions) -> Result<Self, LogError> {
        let database = ByteDatabase::open(path.as_ref(), &families(), &options.memory).map_err(|error| failed(&error))?;
        let runs = options.clock.runs();
        let store = Box::new(DatabaseStore::new(database));
        let host = Arc::new(Host::open(store, options.settings, options.clock, Box::new(random), None)?);
        let maintenance = runs.then(|| Maintenance::start(Arc::downgrade(&host), path.as_ref().to_owned())).transpose()?;
        Ok(Self { host, _maintenance: maintenance.map(Arc::new) })
    }

    /// Opens the log in this directory for reading, beside the process that writes it. Orders and sends are refused with `_READ_ONLY`.
    pub fn open_reader(path: impl AsRef<Path>) -> Result<Self, LogError> {
        let options = EmbeddedOptions::default();
        let reader = ByteReader::open(path.as_ref(), &families(), &options.memory).map_err(|error| failed(&error))?;
        let host = Host::follow(Box::new(FollowerStore::new(reader)), options.settings, options.clock)?;
        Ok(Self { host: Arc::new(host), _maintenance: None })
    }

    /// Does what is due by the clock: time-outs, retention, compaction. With the system's clock a thread of the log does this.
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

impl Log for EmbeddedLog {
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

/// The thread that looks after a log until the log's last handle is dropped.
struct Maintenance {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Maintenance {
    fn start(host: Weak<Host>, path: PathBuf) -> Result<Self, LogError> {
        let (stop, stopped) = channel();
        let work = move || {
            while stopped.recv_timeout(MAINTENANCE) == Err(RecvTimeoutError::Timeout) {
                let Some(host) = host.upgrade() else { return };
                if let Err(error) = host.maintain() {
                    tracing::error!(path = %path.display(), %error, "the log cannot be maintained");
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("log-maintenance".into()).spawn(work);
        let thread = thread.map_err(|error| LogError::new(super::ErrorCode::Storage, error))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Maintenance {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            // A panic there was reported there.
            let _ = thread.join();
        }
    }
}

/// A number that nobody else has, from the randomness that the standard library keeps for its hash maps.
fn random() -> u128 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let half = || {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_i64(SystemClock.now_ms());
        u128::from(hasher.finish())
    };
    half() << 64 | half()
}

#[cfg(test)]
mod tests;
