//! What a page hears: the snapshot at once and whenever it changes, a beat each second that it does not, and what is wrong.

use crate::feed::Published;
use axum::response::sse::{Event, Sse};
use serde_json::json;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt};

/// How soon a page comes back after it has lost the server.
const RETRY: Duration = Duration::from_millis(500);

/// A page that is slow misses snapshots, never the last one. It holds its permit as long as it listens.
pub(crate) fn events(
    pages: watch::Receiver<Published>, permit: OwnedSemaphorePermit,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut shown = None;
    Sse::new(WatchStream::new(pages).map(move |published| {
        let _held = &permit;
        Ok(event(&published, &mut shown))
    }))
}

fn event(published: &Published, shown: &mut Option<u64>) -> Event {
    if *shown != Some(published.sequence) {
        // Before anything else, so that a page that opens while the store is away shows what was known last.
        *shown = Some(published.sequence);
        return Event::default().event("snapshot").retry(RETRY).data(&*published.snapshot);
    }
    let beat = json!({ "sequence": published.sequence, "as_of_ms": published.as_of_ms, "reason": published.problem.as_deref() });
    Event::default().event(if published.problem.is_some() { "problem" } else { "beat" }).data(beat.to_string())
}
