//! How far an application is behind, looked at again and again while it works.

use headwater_streams::log::{GroupOffset, Log, TopicPartition};
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What goes wrong ends the watch.
type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Several looks fall into one commit interval, and many into a second: between two commits a lag grows and falls by what comes in.
const LOOK: Duration = Duration::from_millis(20);

/// A thread that looks at the lag of a group.
#[derive(Debug)]
pub struct LagWatch {
    stop: Sender<()>,
    thread: JoinHandle<Fallible<BTreeMap<u64, i64>>>,
}

impl LagWatch {
    /// Looks from now on. Second 1 is the one that ends a second after `start`.
    pub fn start(log: Arc<dyn Log>, group: String, partitions: Vec<TopicPartition>, start: Instant) -> Fallible<Self> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new().name("lag".into()).spawn(move || {
            let mut seen: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
            while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                let lag = lag(&*log, &group, &partitions)?;
                seen.entry(start.elapsed().as_secs() + 1).or_default().push(lag);
            }
            Ok(seen.into_iter().map(|(second, lags)| (second, lags.iter().sum::<i64>() / lags.len() as i64)).collect())
        })?;
        Ok(Self { stop, thread })
    }

    /// The mean lag of each second, in records.
    pub fn stop(self) -> Fallible<BTreeMap<u64, i64>> {
        drop(self.stop);
        self.thread.join().map_err(|_| "the thread that watches the lag ended by itself")?
    }
}

/// Records of these partitions that the group has not committed.
fn lag(log: &dyn Log, group: &str, partitions: &[TopicPartition]) -> Fallible<i64> {
    let committed = log.admin().committed(group, partitions, false)?;
    let lag_of = |(at, committed): (&TopicPartition, Option<GroupOffset>)| -> Fallible<i64> {
        Ok(log.admin().ends(at)?.latest - committed.map_or(0, |offset| offset.offset))
    };
    partitions.iter().zip(committed).map(lag_of).sum()
}
