//! The right side: it keeps the subscriptions, and answers them and its own changes.
//! Kafka: `SubscriptionReceiveProcessorSupplier`, `SubscriptionJoinProcessorSupplier`, `ForeignTableJoinProcessorSupplier`.

use super::layout::{AnswerLayout, put_foreign_key};
use super::{Answer, Subscribed, Subscriber, Subscription, Wants};
use crate::format::{Format, Nullable, Row};
use crate::operator::{AsOf, Getter, Operator, Outlet};
use crate::record::{Change, Record};
use crate::task::store::{KeyValueRows, RowError};
use crate::task::{Context, Flow, OutputId};
use headwater_state::Direction;
use std::ops::{Bound, ControlFlow};
use std::rc::Rc;
use std::sync::Arc;

/// All subscriptions in one partition of the right side.
pub(crate) type Subscriptions<K> = Rc<KeyValueRows<Subscriber<K>, Subscribed>>;

/// Answers subscriptions from the right table as it is now. The answer's time is the larger one of both.
pub(crate) fn answer<K: Row, F: Row, R: Row>(
    stage: Arc<str>, row_of: Getter<F, R>, subscriptions: Subscriptions<K>, mut next: Outlet<K, Answer<R>>,
) -> impl Operator<F::OrNull, Subscription<K>> {
    let (keys, mut bytes) = (F::Format::default(), Vec::new());
    move |record: Record<F::OrNull, Subscription<K>>, task: &mut Context| -> Flow {
        let Record { key, value: Subscription { left, partition, version, wants }, timestamp, headers } = record;
        let Some(foreign) = key.into_present() else {
            // A left row without a foreign key has nobody to subscribe to, but wants its answer.
            if wants != Wants::Answer {
                task.drop_record();
                return Ok(());
            }
            return next.send(Record { key: left, value: Answer { partition, version, row: None }, timestamp, headers }, task);
        };
        bytes.clear();
        if let Err(error) = keys.encode(&foreign, &mut bytes) {
            return task.fail(&stage, error.in_part("key").into());
        }
        let subscriber = Subscriber { foreign: bytes.as_slice().into(), left: left.clone() };
        let kept = matches!(wants, Wants::Answer | Wants::AnswerIfAny).then_some(Subscribed { partition, version });
        let found = keep(&subscriptions, subscriber, kept, timestamp).and_then(|()| row_of(&foreign, AsOf::Now));
        let (row, timestamp) = match found {
            Ok(Some((row, time))) => (Some(row), timestamp.max(time)),
            Ok(None) => (None, timestamp),
            Err(error) => return error.settle(&stage, task),
        };
        let row = match wants {
            Wants::End => return Ok(()),
            Wants::AnswerIfAny if row.is_none() => return Ok(()),
            Wants::EndAndAnswer => None,
            Wants::Answer | Wants::AnswerIfAny => row,
        };
        next.send(Record { key: left, value: Answer { partition, version, row }, timestamp, headers }, task)
    }
}

fn keep<K: Row>(
    subscriptions: &Subscriptions<K>, subscriber: Subscriber<K>, kept: Option<Subscribed>, timestamp: i64,
) -> Result<(), RowError> {
    let mut bytes = Vec::new();
    <Subscriber<K> as Nullable>::Format::default().encode(&subscriber, &mut bytes).map_err(|error| subscriptions.key_error(error))?;
    subscriptions.update(&bytes, || subscriber, &crate::record::Headers::EMPTY, |_, _, _| (kept, timestamp)).map(drop)
}

/// Tells every subscriber of a right row what it is now, in the order of the bytes of the left keys.
pub(crate) fn answer_change<K: Row, F: Row, R: Row>(
    stage: Arc<str>, only_latest: bool, subscriptions: Subscriptions<K>, mut next: Outlet<K, Answer<R>>,
) -> impl Operator<F, Change<R>> {
    let (keys, mut foreign, mut subscribers) = (F::Format::default(), Vec::new(), Vec::new());
    move |record: Record<F, Change<R>>, task: &mut Context| -> Flow {
        let Record { key, value: Change { new, is_latest, .. }, timestamp, headers } = record;
        if only_latest && !is_latest {
            task.drop_record();
            return Ok(());
        }
        foreign.clear();
        if let Err(error) = keys.encode(&key, &mut foreign) {
            return task.fail(&stage, error.in_part("key").into());
        }
        if let Err(error) = find(&subscriptions, &foreign, &mut subscribers) {
            return error.settle(&stage, task);
        }
        subscribers.drain(..).try_for_each(|(left, Subscribed { partition, version })| {
            let value = Answer { partition, version, row: new.clone() };
            next.send(Record { key: left, value, timestamp, headers: headers.clone() }, task)
        })
    }
}

/// Answers go to the partitions where the left rows stand, as the topics of both are made with the same number of them.
pub(crate) fn answer_sink<K: Row, R: Row>(stage: Arc<str>, to: OutputId) -> impl Operator<K, Answer<R>> {
    let (keys, answers, mut bytes) = (K::Format::default(), AnswerLayout::<R::Format>::default(), Vec::new());
    move |record: Record<K, Answer<R>>, task: &mut Context| -> Flow {
        let Record { key, value, timestamp, headers } = record;
        bytes.clear();
        let sent = keys.encode(&key, &mut bytes).map_err(|error| error.in_part("key")).and_then(|()| {
            let write = |out: &mut Vec<u8>| answers.encode(&value, out).map(|()| true).map_err(|error| error.in_part("value"));
            task.outbox.send_to(to, value.partition, Some(&bytes), timestamp, &headers, write)
        });
        sent.or_else(|error| task.fail_send(&stage, error.into()))
    }
}

fn find<K: Row>(subscriptions: &Subscriptions<K>, foreign: &[u8], found: &mut Vec<(K, Subscribed)>) -> Result<(), RowError> {
    let mut from = Vec::with_capacity(foreign.len() + 4);
    put_foreign_key(foreign, &mut from).map_err(|error| subscriptions.key_error(error))?;
    let keys = <Subscriber<K> as Nullable>::Format::default();
    found.clear();
    subscriptions.scan(Bound::Included(&from), Bound::Unbounded, Direction::Forward, &keys, |subscriber, subscribed| {
        if *subscriber.foreign != *foreign {
            return ControlFlow::Break(());
        }
        found.push((subscriber.left, subscribed));
        ControlFlow::Continue(())
    })
}
