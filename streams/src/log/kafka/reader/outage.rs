//! Brokers that are away: told once, and once when they are back.

use super::super::error::code_of;
use crate::log::kafka_ffi::Trouble;
use crate::log::{ErrorCode, LogError};
use tracing::{debug, info, warn};

/// Whether brokers are away, as far as was told.
#[derive(Default)]
pub(super) struct Outage(bool);

impl Outage {
    /// Takes note of what librdkafka has told. Only what ends the client is an error.
    pub(super) fn listen(&mut self, troubles: &[Trouble]) -> Result<(), LogError> {
        for trouble in troubles {
            match code_of(trouble.code) {
                code @ (ErrorCode::Fatal | ErrorCode::ClientFenced) => return Err(LogError::new(code, &trouble.text).fatal()),
                code if is_away(code) && !self.0 => {
                    warn!(reason = trouble.text, "broker cannot be reached, trying on");
                    self.0 = true;
                }
                _ => debug!(reason = trouble.text, "trouble with the cluster"),
            }
        }
        Ok(())
    }

    /// Something has come.
    pub(super) fn is_over(&mut self) {
        if std::mem::take(&mut self.0) {
            info!("broker can be reached again");
        }
    }
}

fn is_away(code: ErrorCode) -> bool {
    use ErrorCode::*;
    matches!(code, Transport | AllBrokersDown | Resolve | Authentication | SaslAuthentication | Ssl | TimedOut)
}
