//! One of the topologies of the comparison, as the harness starts it: settings from the environment, SIGTERM to stop.

use headwater_benches::peer::{Settings, topology};
use headwater_state::{Disk, MemoryBudget, StateDirectory};
use headwater_streams::log::{KafkaConfig, KafkaLog};
use headwater_streams::runtime::{App, Running};
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("HEADWATER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(std::io::stderr).init();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(reason = chain(&*error), "the application ended");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let settings = Settings::read(|name| std::env::var(name).ok())?;
    if settings.threads > 1 {
        warn!(asked = settings.threads, "one stream thread a process: start more processes instead");
    }
    let topology = topology(settings.kind, &settings.topics, settings.cache)?;
    let mut cluster = KafkaConfig::new(&settings.bootstrap);
    cluster.properties.extend(settings.linger_ms.clone().map(|linger| ("linger.ms".to_owned(), linger)));
    let log = Arc::new(KafkaLog::connect(cluster)?);
    let state = StateDirectory::open(&settings.state_dir, &settings.config.application_id, MemoryBudget::from_cgroup())?;
    info!(topology = settings.kind.name(), guarantee = ?settings.config.guarantee, cache = ?settings.cache, "starting");
    let running = App::new(topology, settings.config).start(log, Disk::Directory(state))?;
    wait_for_the_end(&running)?;
    let progress = running.stop()?;
    info!(records = progress.records, "stopped");
    Ok(())
}

/// Returns when SIGTERM comes, or when the application has ended by itself.
fn wait_for_the_end(running: &Running) -> std::io::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                _ = terminate.recv() => return Ok(()),
                _ = look.tick() => if running.has_ended() { return Ok(()) },
            }
        }
    })
}

/// How often an end by error is noticed.
const LOOK: Duration = Duration::from_millis(100);

/// An error with all its causes.
fn chain(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", chain(cause)),
        None => error.to_string(),
    }
}
