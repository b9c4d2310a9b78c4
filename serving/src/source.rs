//! What a page reads of its store, whichever store that is.

use crate::SourceError;
use crate::feed::View;

/// A store of which a page shows `T`. Read by one thread; both calls may block.
pub trait Source<T>: Send + 'static {
    /// Whether the store may hold something else than at the last [`Source::read`]. Asked several times a second: must be cheap.
    fn may_have_changed(&mut self) -> Result<bool, SourceError>;
    /// Reads what the page shows, each table as of one moment.
    fn read(&mut self) -> Result<T, SourceError>;
}

/// What a page shows, as it goes to the browser.
pub(crate) trait ToSnapshot: Default + PartialEq + Send + 'static {
    fn snapshot(&self, sequence: u64, as_of_ms: u64) -> String;
}

/// What was read last, as a feed reads it.
pub(crate) struct Latest<T> {
    source: Box<dyn Source<T>>,
    /// None before the first reading, which is always news.
    found: Option<T>,
}

impl<T> Latest<T> {
    pub(crate) fn of(source: Box<dyn Source<T>>) -> Self {
        Latest { source, found: None }
    }
}

impl<T: ToSnapshot> View for Latest<T> {
    fn may_have_changed(&mut self) -> Result<bool, SourceError> {
        self.source.may_have_changed()
    }

    fn read(&mut self) -> Result<bool, SourceError> {
        let found = Some(self.source.read()?);
        let is_new = found != self.found;
        self.found = found;
        Ok(is_new)
    }

    fn snapshot(&self, sequence: u64, as_of_ms: u64) -> String {
        let empty = T::default();
        self.found.as_ref().unwrap_or(&empty).snapshot(sequence, as_of_ms)
    }
}
