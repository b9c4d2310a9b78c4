//! A processor as a type: made once per task, with punctuations. Kafka: `Processor`, `Punctuator`.

use super::Operator;
use super::out::{Out, Way};
use super::process::Processing;
use crate::record::{Headers, Item, Record};
use crate::runtime::Recovery;
use crate::task::store::Handles;
use crate::task::{Context, Due, Failure, Flow, Punctuated, Schedules};
use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

/// What a [`Processor`](crate::dsl::Processor) sends through, and where it schedules. Kafka: `ProcessorContext`.
pub struct ProcessorContext<'a, K, V> {
    out: Out<'a, K, V>,
}

impl<K, V> ProcessorContext<'_, K, V> {
    /// The punctuations of this processor.
    pub fn schedules(&mut self) -> &mut Schedules {
        &mut self.out.task.schedules
    }
}

impl<'a, K, V> Deref for ProcessorContext<'a, K, V> {
    type Target = Out<'a, K, V>;

    fn deref(&self) -> &Out<'a, K, V> {
        &self.out
    }
}

impl<K, V> DerefMut for ProcessorContext<'_, K, V> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.out
    }
}

/// What a processor does, whatever its stores are to the graph.
pub(crate) trait Work<K, V, H, K2, V2>: 'static {
    fn init(&mut self, schedules: &mut Schedules);
    fn process(&self, record: Record<K, V>, handles: &mut H, context: &mut ProcessorContext<'_, K2, V2>) -> Result<(), Failure>;
    fn punctuate(&self, due: Due, handles: &mut H, context: &mut ProcessorContext<'_, K2, V2>) -> Result<(), Failure>;
}

/// A processor at work in one task. Its parent has it, and so have the punctuations of the task.
pub(crate) struct SharedProcessor<W, K, V, H, K2, V2>(Rc<RefCell<Node<W, H, K2, V2>>>, PhantomData<fn(K, V)>);

struct Node<W, H, K2, V2> {
    work: W,
    processing: Processing<H>,
    way: Way<K2, V2>,
    /// Its number among the processors of the task.
    number: usize,
}

impl<W, K, V, H, K2, V2> Clone for SharedProcessor<W, K, V, H, K2, V2> {
    fn clone(&self) -> Self {
        SharedProcessor(self.0.clone(), PhantomData)
    }
}

impl<W, K, V, H, K2, V2> SharedProcessor<W, K, V, H, K2, V2> {
    pub(crate) fn new(work: W, processing: Processing<H>, way: Way<K2, V2>) -> Self {
        SharedProcessor(Rc::new(RefCell::new(Node { work, processing, way, number: 0 })), PhantomData)
    }
}

impl<W, K: Item, V: Item, H: Handles, K2: Item, V2: Item> Operator<K, V> for SharedProcessor<W, K, V, H, K2, V2>
where
    W: Work<K, V, H, K2, V2>,
{
    fn process(&mut self, record: Record<K, V>, task: &mut Context) -> Flow {
        let Node { work, processing, way, number } = &mut *self.0.borrow_mut();
        processing.call.begin(record.timestamp);
        task.speak(*number);
        let out = Out::new(way, task, &processing.call, record.timestamp, record.headers.clone());
        let mut context = ProcessorContext { out };
        let outcome = work.process(record, &mut processing.handles, &mut context);
        let stopped = context.out.done();
        processing.settle(outcome, stopped, task)
    }
}

impl<W, K: Item, V: Item, H: Handles, K2: Item, V2: Item> Punctuated for SharedProcessor<W, K, V, H, K2, V2>
where
    W: Work<K, V, H, K2, V2>,
{
    fn init(&mut self, number: usize, schedules: &mut Schedules) {
        let node = &mut *self.0.borrow_mut();
        node.number = number;
        node.work.init(schedules);
    }

    /// Under [`Recovery::Undo`] a punctuation and each record that it sends stand for themselves, so what it sends waits until it is done.
    fn punctuate(&mut self, due: Due, task: &mut Context) -> Flow {
        let node = &mut *self.0.borrow_mut();
        let holds = task.rules.recovery == Recovery::Undo;
        task.detached(Default::default, |task| node.punctuate(due, holds, task))?;
        for (to, record) in std::mem::take(&mut node.way.held) {
            task.detached(Default::default, |task| node.way.forward(to, record, task))?;
        }
        Ok(())
    }
}

impl<W, H: Handles, K2: Item, V2: Item> Node<W, H, K2, V2> {
    fn punctuate<K: Item, V: Item>(&mut self, due: Due, holds: bool, task: &mut Context) -> Flow
    where
        W: Work<K, V, H, K2, V2>,
    {
        let Node { work, processing, way, number } = self;
        processing.call.begin(due.timestamp);
        task.speak(*number);
        let out = Out::new(way, task, &processing.call, due.timestamp, Headers::EMPTY);
        let mut context = ProcessorContext { out: if holds { out.holding() } else { out } };
        let outcome = work.punctuate(due, &mut processing.handles, &mut context);
        let stopped = context.out.done();
        let settled = processing.settle(outcome, stopped, task);
        if settled.is_err() {
            way.held.clear();
        }
        settled
    }
}
