//! One thread for each page that reads its store for everybody, a few times a second, and publishes what it finds.

use crate::SourceError;
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

/// What a page shows of a store, and how it is read.
pub(crate) trait View: Send + 'static {
    /// Whether the store may hold something else than at the last [`View::read`]. Must be cheap.
    fn may_have_changed(&mut self) -> Result<bool, SourceError>;
    /// Reads the store; whether it was something else than at the last time.
    fn read(&mut self) -> Result<bool, SourceError>;
    /// What was read last as JSON; that of an empty store before.
    fn snapshot(&self, sequence: u64, as_of_ms: u64) -> String;
}

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
    pub(crate) fn start(view: Box<dyn View>) -> std::io::Result<(Feed, watch::Receiver<Published>)> {
        let empty: Arc<str> = view.snapshot(0, now_ms()).into();
        let first = Published { sequence: 0, snapshot: empty, as_of_ms: now_ms(), problem: None };
        let (publish, pages) = watch::channel(first);
        let (stop, stopped) = channel();
        let mut reading = Reading { view, publish, published_at: Instant::now() };
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
    view: Box<dyn View>,
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
        match self.view.may_have_changed() {
            Ok(true) => self.read(),
            Ok(false) => self.confirm(asked_at),
            Err(error) => self.fail(&error),
        }
    }

    fn read(&mut self) {
        let as_of_ms = now_ms();
        match self.view.read() {
            Ok(true) => self.show(as_of_ms),
            // A store changes in more than what is shown.
            Ok(false) => self.confirm(as_of_ms),
            Err(error) => self.fail(&error),
        }
    }

    fn show(&mut self, as_of_ms: u64) {
        let sequence = self.publish.borrow().sequence + 1;
        let snapshot = self.view.snapshot(sequence, as_of_ms).into();
        self.update(|published| *published = Published { sequence, snapshot, as_of_ms, problem: None });
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
