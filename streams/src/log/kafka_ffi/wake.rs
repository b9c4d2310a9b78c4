//! A bell that librdkafka's threads ring when something has come into an empty queue.

use std::ffi::c_void;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

/// Counts the rings, so that none is missed between a look and a wait.
#[derive(Default)]
pub(in crate::log) struct Wake {
    rings: Mutex<u64>,
    rung: Condvar,
}

impl Wake {
    /// How often it has rung.
    pub(in crate::log) fn rings(&self) -> u64 {
        *self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it has rung more than `seen` times, or until then. Says whether it has.
    pub(in crate::log) fn wait(&self, seen: u64, until: Instant) -> bool {
        let mut rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        while *rings == seen {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            rings = self.rung.wait_timeout(rings, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn ring(&self) {
        *self.rings.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.rung.notify_one();
    }
}

/// Called by any thread of librdkafka, with the queue locked.
pub(super) unsafe extern "C" fn on_event(_: *mut rdkafka_sys::rd_kafka_t, wake: *mut c_void) {
    // SAFETY: the pointer is the `Wake` that the queue's `Feed` keeps alive until it has taken this callback away.
    unsafe { &*wake.cast::<Wake>() }.ring();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn a_ring_between_look_and_wait_is_heard() {
        let wake = Wake::default();
        let seen = wake.rings();
        wake.ring();
        assert!(wake.wait(seen, Instant::now() + Duration::from_secs(10)));
        assert!(!wake.wait(wake.rings(), Instant::now()));
    }

    #[test]
    fn another_thread_ends_the_wait() {
        let wake = Arc::new(Wake::default());
        let (seen, other) = (wake.rings(), Arc::clone(&wake));
        let ringer = std::thread::spawn(move || other.ring());
        assert!(wake.wait(seen, Instant::now() + Duration::from_secs(10)));
        ringer.join().unwrap();
    }
}
