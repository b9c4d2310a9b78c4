//! Pauses between attempts of a transaction that stood in another's way: few, growing, and never the same for two that met.

use super::fault::Fault;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(10);

pub(crate) struct Backoff {
    failed: u32,
}

impl Backoff {
    pub(crate) fn new() -> Backoff {
        Backoff { failed: 0 }
    }

    /// Lets time pass, or says that there were enough attempts.
    pub(crate) async fn wait_or_give_up(&mut self, reason: String) -> Result<(), Fault> {
        self.failed += 1;
        if self.failed == ATTEMPTS {
            return Err(Fault::Unavailable(format!("{reason}, {ATTEMPTS} times")));
        }
        tokio::time::sleep(jittered(FIRST_PAUSE * 2_u32.pow(self.failed - 1))).await;
        Ok(())
    }
}

/// Between half of the pause and one and a half.
fn jittered(pause: Duration) -> Duration {
    // Its keys differ with every call.
    let random = RandomState::new().hash_one(()) % 1024;
    pause / 2 + pause * (random as u32) / 1024
}
