//! Where the writers of sinks work: each on a thread of its own, or in the caller's for the simulator.

use super::sink::{SinkCommand, SinkEvent};
use crate::connector::{ConnectorError, Writer};
use crate::log::Records;
use crate::task::TaskId;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};

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
    /// With the number of the thread: one that was closed while it hung may still say something, which is no news of its successor.
    threads: BTreeMap<TaskId, (u64, Sender<SinkCommand>)>,
    started: u64,
    answers: Receiver<(TaskId, u64, SinkEvent)>,
    answer: Sender<(TaskId, u64, SinkEvent)>,
}

impl SinkThreads {
    pub(crate) fn new() -> Self {
        let (answer, answers) = channel();
        SinkThreads { threads: BTreeMap::new(), started: 0, answers, answer }
    }
}

impl SinkHost for SinkThreads {
    fn submit(&mut self, task: TaskId, command: SinkCommand) {
        if matches!(command, SinkCommand::Close) {
            // Nobody waits for the thread: a writer that hangs in its target must not hold the application. Its epoch is raised by the next one.
            self.threads.remove(&task);
            return;
        }
        let (number, commands) = self.threads.entry(task).or_insert_with(|| {
            self.started += 1;
            (self.started, start(task, self.started, self.answer.clone()))
        });
        if commands.send(command).is_err() {
            let error = ConnectorError::Unavailable { sink: task.to_string(), reason: "its thread has ended".into() };
            // The receiver lives as long as this host.
            let _ = self.answer.send((task, *number, SinkEvent::Failed(error)));
        }
    }

    fn poll(&mut self, out: &mut Vec<(TaskId, SinkEvent)>) {
        let threads = &self.threads;
        let is_news = |task: &TaskId, number: u64| threads.get(task).is_some_and(|known| known.0 == number);
        out.extend(self.answers.try_iter().filter(|(task, number, _)| is_news(task, *number)).map(|(task, _, event)| (task, event)));
    }
}

fn start(task: TaskId, number: u64, answer: Sender<(TaskId, u64, SinkEvent)>) -> Sender<SinkCommand> {
    let (commands, inbox) = channel::<SinkCommand>();
    let work = move || {
        let mut writer = None;
        for command in inbox {
            if let Some(event) = carry_out(&mut writer, command)
                && answer.send((task, number, event)).is_err()
            {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name(format!("sink-{task}")).spawn(work);
    thread.expect("the system has a thread for a sink");
    commands
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
