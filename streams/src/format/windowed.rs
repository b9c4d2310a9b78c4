//! Keys that belong to a window, in topics. In stores and changelogs the window stands beside the key, as Kafka lays it out.

use super::{Format, FormatError};
use crate::record::{Timestamp, Windowed};
use std::borrow::Cow;
use std::time::Duration;

/// Key, start, end (8 bytes each, big-endian): readable without knowing the window's size.
#[derive(Clone, Copy, Debug, Default)]
pub struct WindowedFormat<F>(F);

impl<K, F: Format<K>> Format<Windowed<K>> for WindowedFormat<F> {
    fn encode(&self, windowed: &Windowed<K>, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.0.encode(&windowed.key, out)?;
        out.extend_from_slice(&windowed.start.to_be_bytes());
        out.extend_from_slice(&windowed.end.to_be_bytes());
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Windowed<K>, FormatError> {
        let (rest, end) = split_time(bytes)?;
        let (key, start) = split_time(rest)?;
        Ok(Windowed { key: self.0.decode(key)?, start, end })
    }

    fn name(&self) -> Cow<'static, str> {
        format!("windowed({})", self.0.name()).into()
    }
}

/// Key and start only, so that the size must be known to read it. Kafka: `TimeWindowedSerializer`.
#[derive(Clone, Copy, Debug)]
pub struct TimeWindowed<F> {
    key: F,
    size_ms: Timestamp,
}

impl<F: Default> TimeWindowed<F> {
    /// Windows of this size, with keys in the format `F`.
    pub fn of(size: Duration) -> Self {
        TimeWindowed { key: F::default(), size_ms: Timestamp::try_from(size.as_millis()).unwrap_or(Timestamp::MAX) }
    }
}

impl<K, F: Format<K>> Format<Windowed<K>> for TimeWindowed<F> {
    fn encode(&self, windowed: &Windowed<K>, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.key.encode(&windowed.key, out)?;
        out.extend_from_slice(&windowed.start.to_be_bytes());
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Windowed<K>, FormatError> {
        let (key, start) = split_time(bytes)?;
        Ok(Windowed { key: self.key.decode(key)?, start, end: start.saturating_add(self.size_ms) })
    }

    fn name(&self) -> Cow<'static, str> {
        format!("time-windowed({},{})", self.key.name(), self.size_ms).into()
    }
}

fn split_time(bytes: &[u8]) -> Result<(&[u8], Timestamp), FormatError> {
    let (rest, time) = bytes.split_last_chunk::<8>().ok_or_else(|| FormatError::malformed("too short for a window"))?;
    Ok((rest, Timestamp::from_be_bytes(*time)))
}
