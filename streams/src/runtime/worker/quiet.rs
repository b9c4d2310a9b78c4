//! Inputs that have had nothing for a while: whether they are idle is for the log to say (`task/idleness.rs`). All that are due are asked for
//! in one request, and nothing but time waits for the answer.

use super::{Slot, Worker};
use crate::log::TopicPartition;
use crate::runtime::event::Effect;
use crate::task::Task;

impl Worker {
    pub(super) fn ask_ends(&mut self, now: i64, effects: &mut Vec<Effect>) {
        let quiet: Vec<_> = self.at_work().flat_map(|task| task.quiet_inputs(now)).collect();
        if !quiet.is_empty() {
            effects.push(Effect::AskEnds(quiet));
        }
    }

    pub(super) fn take_ends(&mut self, ends: &[(TopicPartition, i64)]) {
        self.at_work().for_each(|task| task.hear_ends(ends));
    }

    fn at_work(&mut self) -> impl Iterator<Item = &mut Task> {
        self.slots.values_mut().filter_map(|slot| if let Slot::Running(task) = slot { Some(&mut **task) } else { None })
    }
}
