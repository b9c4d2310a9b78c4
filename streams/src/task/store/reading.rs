//! A store as a processor reads it that another operation fills.

use super::asked::Asked;
use super::error::RowError;
use super::handle::{Handles, StoreHandle};
use crate::format::Row;
use crate::query::{Found, Place, QueryError, Question};
use crate::task::Stop;
use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;

/// Windows, sessions or versions of one task, lent to a processor that reads them as they are now: a
/// [`WindowView`](crate::query::WindowView), [`SessionView`](crate::query::SessionView) or [`VersionedView`](crate::query::VersionedView).
/// Kafka: the stores of `connectStateStores`.
///
/// The inputs of both must be partitioned alike, since a task sees only its own rows. `build()` returns
/// [`TopologyError::NobodyFills`](crate::graph::TopologyError::NobodyFills) where nothing fills the store.
///
/// ```
/// use headwater_streams::prelude::*;
/// use headwater_streams::testing::TestDriver;
/// use std::time::Duration;
/// const CLICKS: Topic<String, String> = Topic::new("clicks");
/// const ORDERS: Topic<String, String> = Topic::new("orders");
/// const PER_MINUTE: WindowStore<String, u64> = WindowStore::new("clicks-per-minute");
/// const BEFORE: Topic<String, u64> = Topic::new("clicks-before-order");
///
/// let app = StreamsBuilder::new();
/// let minutes = Tumbling::of(Duration::from_secs(60)).grace(Duration::from_secs(3_600));
/// let _ = app.stream(CLICKS).group_by_key().windowed_by(minutes).count(PER_MINUTE);
/// app.stream(ORDERS)
///     .process(PER_MINUTE, |order, clicks, out| {
///         let hour = clicks.fetch(&order.key, order.timestamp - 3_600_000..order.timestamp)?;
///         out.send(order.key, hour.iter().map(|minute| minute.value).sum());
///         Ok(())
///     })
///     .to(BEFORE);
///
/// let mut driver = TestDriver::new(app.build().unwrap());
/// driver.at(0).send(CLICKS, "ada", "").at(1_000).send(CLICKS, "ada", "").at(60_000).send(CLICKS, "ada", "");
/// driver.at(61_000).send(ORDERS, "ada", "tea");
/// assert_eq!(driver.latest(BEFORE, "ada"), Some(3));
/// ```
pub struct ReadHandle<View> {
    view: View,
    rows: Rc<OwnRows>,
}

/// Rows by key of one task, lent to a processor that only reads them: a [`StoreHandle`] without its writes, as they are now.
/// Kafka: the stores of `Topology#addReadOnlyStateStore` (KIP-813), for those who do not fill them.
pub struct ReadOnlyHandle<K: Row, V: Row>(StoreHandle<K, V>);

impl<K: Row, V: Row> ReadOnlyHandle<K, V> {
    pub(crate) fn new(handle: StoreHandle<K, V>) -> Self {
        ReadOnlyHandle(handle)
    }
}

/// What reads takes the handle as it is; what writes would need to change it.
impl<K: Row, V: Row> Deref for ReadOnlyHandle<K, V> {
    type Target = StoreHandle<K, V>;

    fn deref(&self) -> &StoreHandle<K, V> {
        &self.0
    }
}

impl<K: Row, V: Row> Handles for ReadOnlyHandle<K, V> {
    fn take_stop(&self) -> Option<Box<Stop>> {
        self.0.take_stop()
    }
}

/// The rows of the task that the processor runs in.
pub(crate) struct OwnRows {
    store: &'static str,
    asked: Rc<dyn Asked>,
    /// Why the task must stop, whatever the processor makes of the error.
    broken: RefCell<Option<Box<Stop>>>,
}

impl OwnRows {
    pub(crate) fn new(store: &'static str, asked: Rc<dyn Asked>) -> Rc<Self> {
        Rc::new(OwnRows { store, asked, broken: RefCell::default() })
    }
}

impl<View> ReadHandle<View> {
    pub(crate) fn new(view: View, rows: Rc<OwnRows>) -> Self {
        ReadHandle { view, rows }
    }
}

impl<View> Deref for ReadHandle<View> {
    type Target = View;

    fn deref(&self) -> &View {
        &self.view
    }
}

impl<View: 'static> Handles for ReadHandle<View> {
    fn take_stop(&self) -> Option<Box<Stop>> {
        self.rows.broken.borrow_mut().take()
    }
}

impl Place for Rc<OwnRows> {
    fn ask(&self, question: &Question) -> Result<Vec<Found>, QueryError> {
        self.asked.answer_to_task(question).map_err(|error| match error {
            error @ RowError::Key { .. } => QueryError::of_row(self.store, error),
            other => {
                self.broken.borrow_mut().get_or_insert(other.into_stop());
                QueryError::Ended { store: self.store }
            }
        })
    }
}
