//! One thread that reads the store for everybody, a few times a second, and publishes what it finds.

use crate::sales::SalesSource;
use crate::snapshot::Snapshot;
use crate::{Sales, SourceError};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tracing::{info, warn};

/// How often the store is asked whether it has changed.
const POLL: Duration = Duration::from_millis(200);
/// How often pages hear that nothing has.
const BEAT: Duration = Duration::from_secs(1);
/// Reading may take this part of the time: one in so many.
const DUTY: u32 = 25;
/// Whatever reading costs, what is shown is no older than this and one reading.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What the pages know.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) sequence: u64,
    /// The snapshot's JSON.
    pub(crate) snapshot: Arc<str>,
    /// Until when the snapshot is known to be what the store holds, in milliseconds since the epoch.
    pub(crate) as_of_ms: u64,
    /// Why that is not now.
    pub(crate) problem: Option<Arc<str>>,
}

/// The thread; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Feed {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Feed {
    /// Reads once, so that the first page shows something, then starts the thread.
    pub(crate) fn start(source: Box<dyn SalesSource>) -> std::io::Result<(Feed, watch::Receiver<Published>)> {
        let empty: Arc<str> = Snapshot::of(&Sales::default(), 0, now_ms()).to_json().into();
        let first = Published { sequence: 0, snapshot: empty, as_of_ms: now_ms(), problem: None };
        let (publish, pages) = watch::channel(first);
        let (stop, stopped) = channel();
        let mut reading = Reading { source, last: None, publish, published_at: Instant::now() };
        reading.read();
        let thread = std::thread::Builder::new().name("serving-feed".into()).spawn(move || reading.run(&stopped))?;
        Ok((Feed { stop: Some(stop), thread: Some(thread) }, pages))
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by its own thread.
            let _ = thread.join();
        }
    }
}

struct Reading {
    source: Box<dyn SalesSource>,
    /// What the last snapshot shows: a store changes in more than what is shown.
    last: Option<Sales>,
    publish: watch::Sender<Published>,
    published_at: Instant,
}

impl Reading {
    fn run(mut self, stopped: &Receiver<()>) {
        let mut pause = POLL;
        while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            let start = Instant::now();
            self.poll();
            pause = (start.elapsed() * DUTY).clamp(POLL, LONGEST_PAUSE);
        }
    }

    fn poll(&mut self) {
        let asked_at = now_ms();
        match self.source.may_have_changed() {
            Ok(true) => self.read(),
            Ok(false) => self.confirm(asked_at),
            Err(error) => self.fail(&error),
        }
    }

    fn read(&mut self) {
        let as_of_ms = now_ms();
        match self.source.read() {
            Ok(sales) if self.last.as_ref() == Some(&sales) => self.confirm(as_of_ms),
            Ok(sales) => self.show(sales, as_of_ms),
            Err(error) => self.fail(&error),
        }
    }

    fn show(&mut self, sales: Sales, as_of_ms: u64) {
        self.update(|published| {
            let sequence = published.sequence + 1;
            let snapshot = Snapshot::of(&sales, sequence, as_of_ms).to_json().into();
            *published = Published { sequence, snapshot, as_of_ms, problem: None };
        });
        self.last = Some(sales);
    }

    /// What is shown still holds.
    fn confirm(&mut self, as_of_ms: u64) {
        let was_away = self.publish.borrow().problem.is_some();
        if was_away {
            info!("the store can be read again");
        }
        if was_away || self.published_at.elapsed() >= BEAT {
            self.update(|published| {
                published.as_of_ms = as_of_ms;
                published.problem = None;
            });
        }
    }

    fn fail(&mut self, error: &SourceError) {
        let reason: Arc<str> = error.to_string().into();
        let is_new = self.publish.borrow().problem.as_ref() != Some(&reason);
        if is_new {
            warn!(reason = &*reason, "cannot read the store");
        }
        if is_new || self.published_at.elapsed() >= BEAT {
            self.update(|published| published.problem = Some(reason));
        }
    }

    fn update(&mut self, change: impl FnOnce(&mut Published)) {
        self.publish.send_modify(change);
        self.published_at = Instant::now();
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
