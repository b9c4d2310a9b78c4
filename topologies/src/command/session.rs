//! Applications at work in this process, with what fills them and what shows them: the part that `run` and `demo` share.

use super::CommandError;
use super::feeder::{FeedPlan, Feeder};
use super::hosted::{Hosted, Promise};
use super::names::{Application, Input};
use super::page::Page;
use super::summary::Summary;
use super::surroundings::Surroundings;
use headwater_streams::runtime::{Config, Progress};
use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use tracing::warn;

/// What is to run, and with what around it.
pub(super) struct Plan {
    pub(super) applications: Vec<(Application, Config)>,
    pub(super) feeds: Vec<(Input, FeedPlan)>,
    pub(super) listen: Option<SocketAddr>,
    /// How long an orderly end may take.
    pub(super) patience: Duration,
}

/// Everything that runs.
pub(super) struct Session {
    // Dropped in this order: whoever reads goes before what is read.
    page: Option<Page>,
    feeders: Vec<Feeder>,
    hosted: Vec<Hosted>,
    around: Surroundings,
    patience: Duration,
    began: Instant,
}

impl Session {
    /// Starts all of it.
    pub(super) fn start(plan: Plan, around: Surroundings) -> Result<Self, CommandError> {
        let Plan { applications, feeds, listen, patience } = plan;
        // The topics come first: a person may have asked for a number of partitions.
        let feeds = feeds.into_iter().map(|(input, feed)| Feeder::open(input, feed, around.log.clone())).collect::<Result<Vec<_>, _>>()?;
        // The page before the applications: an address that cannot be had should show before anything runs.
        let pages = || applications.iter().map(|(application, _)| application.page(&around.warehouse)).collect();
        let page = listen.map(|address| Page::open(address, pages())).transpose()?;
        let host = |(application, config)| Hosted::start(application, config, &around, page.is_some());
        let hosted = applications.into_iter().map(host).collect::<Result<_, _>>()?;
        let feeders = feeds.into_iter().map(Feeder::start).collect::<Result<_, _>>()?;
        Ok(Session { page, feeders, hosted, around, patience, began: Instant::now() })
    }

    /// Where the page is, if there is one.
    pub(super) fn page(&self) -> Option<&Page> {
        self.page.as_ref()
    }

    /// What each sink promises.
    pub(super) fn promises(&self) -> impl Iterator<Item = &Promise> {
        self.hosted.iter().flat_map(Hosted::promises)
    }

    /// How each application is doing.
    pub(super) fn progress(&self) -> impl Iterator<Item = Progress> {
        self.hosted.iter().map(Hosted::progress)
    }

    /// Something has ended by itself, which only errors do.
    pub(super) fn has_ended(&self) -> bool {
        self.hosted.iter().any(Hosted::has_ended) || self.feeders.iter().any(Feeder::has_failed)
    }

    /// Ends all of it in good order: no more input, a last commit, the group is left. A broker or a database that is away may make
    /// that impossible; then it ends without, and the next start goes on where the last commit stands.
    pub(super) fn stop(self) -> Result<Summary, CommandError> {
        let (patience, what) = (self.patience, format!("{} or {}", self.around.place, self.around.warehouse));
        let (tell, told) = channel();
        let work = move || {
            // Nobody listens any more once the time is up, and the process ends.
            let _ = tell.send(self.end());
        };
        std::thread::Builder::new().name("stop".into()).spawn(work).map_err(CommandError::io("stopping"))?;
        told.recv_timeout(patience).unwrap_or(Err(CommandError::StopTimedOut { patience, what }))
    }

    fn end(self) -> Result<Summary, CommandError> {
        let Session { page, feeders, hosted, around, patience, began } = self;
        let is_fed = !feeders.is_empty();
        let fed: Result<Vec<_>, _> = feeders.into_iter().map(Feeder::stop).collect();
        let drains_until = Instant::now() + patience * 2 / 3;
        let drain = |one: &Hosted| one.drain(drains_until.saturating_duration_since(Instant::now()));
        if is_fed && fed.is_ok() && !hosted.iter().all(drain) {
            warn!("not all of the input was processed in time, the next run goes on with it");
        }
        // One that fails keeps none of the others from ending in good order.
        let worked: Vec<_> = hosted.into_iter().map(|one| one.stop(&*around.log)).collect();
        let worked = worked.into_iter().collect::<Result<_, _>>()?;
        let (lasted, fed) = (began.elapsed(), fed?);
        drop(page);
        let generated = is_fed.then(|| fed.iter().sum());
        Ok(Summary::of(lasted, generated, worked, &around))
    }
}
