//! Tells readers on other threads which tasks they may read, and answers what only this thread can: what is not committed yet.

use super::{Slot, Worker};
use crate::query::{QueryError, merge};
use crate::runtime::queries::{Inquiry, TaskAt};
use crate::task::{Task, TaskId};

impl Worker {
    /// A task was given to us.
    pub(super) fn show_coming(&self, task: TaskId) {
        self.directory.set(task, TaskAt::Coming);
    }

    /// A task works from now on.
    pub(super) fn show(&self, task: &Task) {
        self.directory.set(task.id, TaskAt::Here(task.committed_state()));
    }

    /// Answers with what all its tasks have written so far. Whoever asked may have lost patience.
    pub(super) fn answer(&self, inquiry: Inquiry) {
        let Inquiry { question, scope, reply } = inquiry;
        let tasks = self.directory.look(question.store).and_then(|standing| scope.tasks(&standing, &question));
        let answered = match tasks {
            Ok(Ok(tasks)) => Ok(tasks
                .iter()
                .map(|task| self.running(*task).and_then(|task| task.answer(&question)).unwrap_or(Ok(Vec::new())))
                .collect::<Result<_, QueryError>>()
                .map(|answers| merge(answers, question.direction, question.limit))),
            Ok(Err(missing)) => Err(missing),
            Err(error) => Ok(Err(error)),
        };
        drop(reply.send(answered));
    }

    fn running(&self, task: TaskId) -> Option<&Task> {
        match self.slots.get(&task) {
            Some(Slot::Running(task)) => Some(task),
            _ => None,
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // However the thread has ended: nobody works on the stores any more.
        self.directory.end();
    }
}
