//! SIGINT and SIGTERM: the first asks for an orderly end, the second ends the process.

use super::CommandError;
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Whether it is time to end; can be waited for. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Shutdown(Arc<(Mutex<bool>, Condvar)>);

impl Shutdown {
    /// Listens to the signals from now on.
    pub(super) fn on_signals() -> Result<Self, CommandError> {
        let shutdown = Shutdown::default();
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CommandError::io("listening to signals"))?;
        let told = shutdown.clone();
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                runtime.block_on(any_signal());
                told.ask();
                runtime.block_on(any_signal());
                // Whoever asks twice means now; 130 is what shells know as ended by SIGINT.
                leave(130);
            })
            .map_err(CommandError::io("listening to signals"))?;
        Ok(shutdown)
    }

    /// It is time.
    pub(super) fn ask(&self) {
        let (asked, changed) = &*self.0;
        *asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }

    /// Waits at most so long; true: it is time.
    pub(super) fn within(&self, wait: Duration) -> bool {
        let (asked, changed) = &*self.0;
        let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        *changed.wait_timeout_while(asked, wait, |asked| !*asked).unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Ends the process with this code, whatever its threads are at. What runs at an ordinary exit is left out: RocksDB, librdkafka and
/// OpenSSL take their globals down there, and a thread that still calls one of them (one that waits for a broker that is away, say)
/// would make the process abort.
pub(super) fn leave(code: u8) -> ! {
    // Nobody reads what cannot be written.
    let _ = std::io::stdout().flush();
    signal_hook::low_level::exit(code.into())
}

async fn any_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    // Without a handler there is nothing to wait for; the system's default ends the process.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
