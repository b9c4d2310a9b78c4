//! Tasks come and go with the anchors that the group gives and takes.

use super::commit::CommitState;
use super::{Slot, Worker};
use crate::log::{MemberIdentity, TopicPartition};
use crate::runtime::event::{Effect, ReaderOf};
use crate::runtime::sink::{SinkCommand, SinkSlot};
use crate::task::TaskId;
use tracing::{info, warn};

impl Worker {
    /// Group metadata is what an event said, never what a client says at commit time: that could be unfenced.
    pub(super) fn meet(&mut self, identity: MemberIdentity) {
        let known = self.identity.as_ref().map_or(-1, |known| known.generation);
        // A group that was forgotten counts from the beginning again, with other members.
        let is_other = self.identity.as_ref().is_some_and(|known| known.member_id != identity.member_id);
        let is_new = is_other || identity.generation > known;
        if is_new {
            self.status.rebalanced();
        }
        if identity.generation >= 0 && !identity.member_id.is_empty() && (is_other || identity.generation >= known) {
            self.directory.meet(&identity.member_id);
            self.identity = Some(identity);
        }
        if is_new && self.commit == CommitState::AwaitingIdentity {
            self.commit = CommitState::Idle;
        }
    }

    pub(super) fn assign(&mut self, anchors: &[TopicPartition], effects: &mut Vec<Effect>) {
        self.releasing.retain(|anchor| !anchors.contains(anchor));
        let known = self.known_anchors(anchors);
        let tasks: Vec<_> = known.into_iter().flat_map(|anchor| self.plan.tasks_of(anchor)).collect();
        for task in tasks.into_iter().filter(|task| !self.slots.contains_key(task)).collect::<Vec<_>>() {
            info!(%task, "assigned");
            let slot = match self.plan.sink(task) {
                Some((_, at)) => Slot::Sink(Box::new(SinkSlot::new(at))),
                None => {
                    self.show_coming(task);
                    Slot::Seeking
                }
            };
            self.slots.insert(task, slot);
            effects.push(Effect::LookUp(task));
        }
    }

    /// The group has taken these away without asking: nothing of them may be committed any more.
    pub(super) fn lose(&mut self, anchors: &[TopicPartition], effects: &mut Vec<Effect>) {
        let lost: Vec<_> = anchors.iter().flat_map(|anchor| self.plan.tasks_of(anchor)).collect();
        warn!(tasks = lost.len(), "lost tasks to the group");
        self.identity = None;
        self.directory.meet("");
        self.contact.lost();
        // What is gone need not be given back, and must not be when it is owned anew.
        self.releasing.retain(|anchor| !anchors.contains(anchor));
        self.forget_early(anchors);
        // One transaction carries all tasks of the thread, so what it holds of the lost ones takes the others along.
        self.abort_all(effects);
        for task in lost {
            self.close(task, effects);
        }
        // What a commit without an answer has left undone is others' work now.
        self.failures.unanswered &= !self.slots.is_empty();
    }

    /// After a commit: what the group wants back goes.
    pub(super) fn release(&mut self, effects: &mut Vec<Effect>) {
        if self.stopping {
            let all: Vec<_> = self.slots.keys().copied().collect();
            all.into_iter().for_each(|task| self.close(task, effects));
            return;
        }
        if self.releasing.is_empty() {
            return;
        }
        let released = std::mem::take(&mut self.releasing);
        self.forget_early(&released);
        let tasks: Vec<_> = released.iter().flat_map(|anchor| self.plan.tasks_of(anchor)).collect();
        for task in tasks {
            info!(%task, "released");
            self.close(task, effects);
        }
        effects.push(Effect::Released(released));
    }

    /// Patience with the outside is over: what is not committed is done again by whoever comes next.
    pub(super) fn give_up_stopping(&mut self, effects: &mut Vec<Effect>) {
        warn!("the last commit did not come to an end, leaving without it");
        effects.push(Effect::Abort);
        self.commit = CommitState::Idle;
        self.release(effects);
        effects.push(Effect::Leave);
    }

    pub(super) fn close(&mut self, task: TaskId, effects: &mut Vec<Effect>) {
        // Before its state goes: readers shall hear where the task is, not that its state is closed.
        self.directory.remove(task);
        let Some(slot) = self.slots.remove(&task) else { return };
        self.unanswered.remove(&task);
        self.stop_mending(task, effects);
        let mut of = ReaderOf::Tasks;
        match slot {
            Slot::Sink(sink) => {
                of = ReaderOf::Sink(task.sub_topology);
                effects.push(Effect::StopReading(of, sink.at.clone()));
                effects.push(Effect::Sink(task, SinkCommand::Close));
            }
            Slot::Running(_) => effects.extend(self.plan.inputs(task).into_iter().map(|at| Effect::StopReading(of, at))),
            Slot::Restoring(restoring) => effects.extend(restoring.missing().map(|(at, _)| Effect::StopRestoring(at.clone()))),
            Slot::Seeking => {}
        }
        for at in self.plan.inputs(task) {
            let place = (of, at);
            self.paused.remove(&place);
            self.status.forgets(&place.1);
            self.unread.remove(&place);
        }
    }
}
