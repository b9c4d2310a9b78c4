//! A generator that works beside an application, on a thread of its own.

use super::CommandError;
use super::generator_options::GeneratorOptions;
use super::names::Input;
use super::shutdown::Shutdown;
use crate::feed::{Accompanied, Feed, FeedError, TopicFeed, Watch};
use crate::generator::Settings;
use headwater_streams::log::Log;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What is to be brought.
#[derive(Debug, Clone, Copy)]
pub(super) struct FeedPlan {
    pub(super) settings: Settings,
    pub(super) count: Option<u64>,
    pub(super) rate: u64,
    pub(super) partitions: Option<i32>,
}

impl FeedPlan {
    /// What the flags say.
    pub(super) fn of(options: &GeneratorOptions) -> Self {
        FeedPlan { settings: options.settings(), count: options.count(), rate: options.rate, partitions: options.partitions }
    }
}

/// A feed with its topic at hand, not yet started.
pub(super) struct Opened {
    input: Input,
    plan: FeedPlan,
    topic: Accompanied<TopicFeed>,
}

/// A feed at work.
#[derive(Debug)]
pub(super) struct Feeder {
    thread: JoinHandle<Result<u64, FeedError>>,
    failed: Arc<AtomicBool>,
    shutdown: Shutdown,
}

impl Feeder {
    /// Makes the topic if it is not there.
    pub(super) fn open(input: Input, plan: FeedPlan, log: Arc<dyn Log>) -> Result<Opened, CommandError> {
        let topic = input.open(&log, plan.settings, plan.partitions)?;
        Ok(Opened { input, plan, topic })
    }

    /// Begins to send.
    pub(super) fn start(Opened { input, plan, mut topic }: Opened) -> Result<Self, CommandError> {
        let shutdown = Shutdown::default();
        let failed = Arc::new(AtomicBool::new(false));
        let (watched, told) = (Watched(shutdown.clone()), failed.clone());
        let work = move || {
            let generator = input.generator(plan.settings);
            let feed = Feed { generator: &*generator, settings: plan.settings, count: plan.count, rate: plan.rate };
            feed.run(&mut topic, &watched).inspect_err(|_| told.store(true, Ordering::Release))
        };
        let thread =
            std::thread::Builder::new().name("generator".into()).spawn(work).map_err(CommandError::io("starting the generator"))?;
        Ok(Feeder { thread, failed, shutdown })
    }

    /// Whether it has given up. One that has reached its count has not.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Ends it; how many records it has sent.
    pub(super) fn stop(self) -> Result<u64, CommandError> {
        self.shutdown.ask();
        match self.thread.join() {
            Ok(fed) => Ok(fed?),
            Err(_) => Err(CommandError::Broken("the generator's thread ended by itself".into())),
        }
    }
}

struct Watched(Shutdown);

impl Watch for Watched {
    fn stops_within(&self, wait: Duration) -> bool {
        self.0.within(wait)
    }

    fn reached(&self, _: u64) {}
}
