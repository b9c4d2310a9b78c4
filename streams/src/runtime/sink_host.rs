//! Where the writers of sinks work: each on a thread of its own, or in the caller's for the simulator.

use super::sink::{SinkCommand, SinkEvent};
use crate::connector::{ConnectorError, Writer};
use crate::log::Records;
use crate::task::TaskId;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// Runs writers.
pub(crate) trait SinkHost {
    /// Takes a command for a task's writer; the answer comes by [`SinkHost::poll`].
    fn submit(&mut self, task: TaskId, command: SinkCommand);
    /// What writers have said since the last call.
    fn poll(&mut self, out: &mut Vec<(TaskId, SinkEvent)>);
}

/// Writers in the caller's thread.
#[derive(Default)]
pub(crate) struct InlineSinks {
    writers: BTreeMap<TaskId, Box<dyn Writer>>,
    events: Vec<(TaskId, SinkEvent)>,
}

impl SinkHost for InlineSinks {
    fn submit(&mut self, task: TaskId, command: SinkCommand) {
        let mut writer = self.writers.remove(&task);
        let event = carry_out(&mut writer, command);
        if let Some(writer) = writer {
            self.writers.insert(task, writer);
        }
        self.events.extend(event.map(|event| (task, event)));
    }

    fn poll(&mut self, out: &mut Vec<(TaskId, SinkEvent)>) {
        out.append(&mut self.events);
    }
}

/// A thread per writer.
pub(crate) struct SinkThreads {
    threads: BTreeMap<TaskId, (Sender<SinkCommand>, JoinHandle<()>)>,
    answers: Receiver<(TaskId, SinkEvent)>,
    answer: Sender<(TaskId, SinkEvent)>,
}

impl SinkThreads {
    pub(crate) fn new() -> Self {
        let (answer, answers) = channel();
        SinkThreads { threads: BTreeMap::new(), answers, answer }
    }
}

impl SinkHost for SinkThreads {
    fn submit(&mut self, task: TaskId, command: SinkCommand) {
        if matches!(command, SinkCommand::Close) {
            if let Some((commands, thread)) = self.threads.remove(&task) {
                drop(commands);
                // A writer that hangs in its target must not hold the application; its epoch is raised by the next one.
                drop(thread);
            }
            return;
        }
        let (commands, _) = self.threads.entry(task).or_insert_with(|| start(task, self.answer.clone()));
        if commands.send(command).is_err() {
            let error = ConnectorError::Unavailable { sink: task.to_string(), reason: "its thread has ended".into() };
            self.threads.remove(&task);
            // The receiver lives as long as this host.
            let _ = self.answer.send((task, SinkEvent::Failed(error)));
        }
    }

    fn poll(&mut self, out: &mut Vec<(TaskId, SinkEvent)>) {
        out.extend(self.answers.try_iter());
    }
}

impl Drop for SinkThreads {
    fn drop(&mut self) {
        for (_, (commands, thread)) in std::mem::take(&mut self.threads) {
            drop(commands);
            let _ = thread.join();
        }
    }
}

fn start(task: TaskId, answer: Sender<(TaskId, SinkEvent)>) -> (Sender<SinkCommand>, JoinHandle<()>) {
    let (commands, inbox) = channel::<SinkCommand>();
    let work = move || {
        let mut writer = None;
        for command in inbox {
            if let Some(event) = carry_out(&mut writer, command)
                && answer.send((task, event)).is_err()
            {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name(format!("sink-{task}")).spawn(work);
    (commands, thread.expect("the system has a thread for a sink"))
}

fn carry_out(writer: &mut Option<Box<dyn Writer>>, command: SinkCommand) -> Option<SinkEvent> {
    match command {
        SinkCommand::Open(connector, of) => Some(match connector.open(&of).and_then(|mut opened| Ok((opened.claim()?, opened))) {
            Ok((claim, opened)) => {
                *writer = Some(opened);
                SinkEvent::Claimed(claim)
            }
            Err(error) => SinkEvent::Failed(error),
        }),
        SinkCommand::Write(batch, next) => Some(write(writer.as_mut()?, batch, next)),
        SinkCommand::Published(letters) => match writer.as_mut()?.published(&letters) {
            Ok(()) => None,
            Err(error) => Some(SinkEvent::Failed(error)),
        },
        SinkCommand::Close => {
            *writer = None;
            None
        }
    }
}

fn write(writer: &mut Box<dyn Writer>, batch: Records, next: i64) -> SinkEvent {
    match writer.write(&batch, next) {
        Ok(written) => SinkEvent::Written(written, next, batch),
        Err(error) => SinkEvent::Failed(error),
    }
}
