//! How a driver lets its tasks work: round by round until nothing changes, with each record handed on and committed.

use super::TestDriver;
use super::driver::Commits;
use crate::log::{Fetched, TopicPartition};
use crate::runtime::{OnFailure, TimeRule};
use crate::task::{NoRow, TaskError, TaskId, Unreadable};
use std::collections::BTreeMap;

impl TestDriver {
    /// Upstream tasks tell downstream ones their times once a millisecond, where they do.
    pub(super) fn tick(&mut self) {
        self.wall_time += i64::from(self.opening.rules.time == TimeRule::Watermark);
    }

    pub(super) fn settle(&mut self) {
        self.try_settle().unwrap_or_else(|error| panic!("the application stopped: {error}"));
    }

    /// Rounds of work until one changes nothing. Time passes by a millisecond a round, so that upstream tasks tell downstream ones their times.
    pub(super) fn try_settle(&mut self) -> Result<(), TaskError> {
        if let Some(stop) = self.stopped.take() {
            return Err(stop);
        }
        loop {
            self.tick();
            let mut done = 0;
            for task in 0..self.tasks.len() {
                done += self.run(task)?;
            }
            if done == 0 {
                return Ok(());
            }
        }
    }

    /// Lets one task process what waits, record by record, and hands on what it produced.
    fn run(&mut self, task: usize) -> Result<usize, TaskError> {
        self.tell_ends(task);
        let mut done = usize::from(self.tasks[task].punctuate(self.wall_time)?);
        while self.tasks[task].process(self.wall_time, 1)? > 0 {
            done += 1;
            match self.commits {
                Commits::EachRecord => self.commit_task(task)?,
                Commits::OnDemand => self.hand_over(task),
            }
        }
        // What ends before the operators (markers, letters of undecodable bytes) is no record that was processed, nor is a punctuation.
        match self.commits {
            Commits::EachRecord if self.tasks[task].needs_commit(self.wall_time) => self.commit_task(task)?,
            Commits::EachRecord => {}
            Commits::OnDemand => self.hand_over(task),
        }
        Ok(done)
    }

    /// The log that has no more answers at once.
    fn tell_ends(&mut self, task: usize) {
        let quiet = self.tasks[task].quiet_inputs(self.wall_time);
        if !quiet.is_empty() {
            let end = |at: TopicPartition| {
                let last = self.topics.last_offset(&at.topic);
                (at, last.map_or(0, |last| last + 1))
            };
            let ends: Vec<_> = quiet.into_iter().map(end).collect();
            self.tasks[task].hear_ends(&ends);
        }
    }

    pub(super) fn commit_task(&mut self, task: usize) -> Result<(), TaskError> {
        self.tasks[task].prepare_commit(self.wall_time)?;
        self.hand_over(task);
        let topics = self.topics.names().filter_map(|name| Some((name.to_owned(), self.topics.last_offset(name)?)));
        let stored: BTreeMap<_, _> = topics.map(|(name, offset)| (TopicPartition::new(name, 0), offset)).collect();
        self.tasks[task].committed(&stored, self.wall_time)
    }

    fn hand_over(&mut self, task: usize) {
        let mut fetched = Vec::new();
        let (topics, written) = (&mut self.topics, &mut self.written);
        self.tasks[task].hand_over_in_order(|at, record| {
            let appended = topics.append(&at.topic, record);
            written.push((at.topic.clone(), appended.next - 1));
            fetched.push(appended);
        });
        fetched.iter().for_each(|fetched| self.deliver(fetched));
    }

    pub(super) fn deliver(&mut self, fetched: &Fetched) {
        let (unread, policies) = (&mut self.unread, self.opening.rules.failures);
        let taken = self.opening.globals.take(fetched, |NoRow { offset, cause: Unreadable { fault, cause } }| {
            *unread += 1;
            let (task, stage) = (TaskId { sub_topology: 0, partition: 0 }, fetched.partition.topic.clone());
            let stop = TaskError::Record { fault, task, stage, at: fetched.partition.clone(), offset, cause };
            if policies.of(fault) == OnFailure::Fail { Err(stop) } else { Ok(()) }
        });
        self.stopped = taken.err().or(self.stopped.take());
        let readers = self.tasks.iter_mut().filter(|task| task.queued().any(|(at, _)| *at == fetched.partition));
        readers.for_each(|task| task.enqueue(fetched.clone()));
    }
}
