//! Sink tasks: read committed records, hand them to a writer, keep its refusals for the dead-letter topic.

use super::{Slot, Worker};
use crate::connector::ConnectorError;
use crate::log::Ends;
use crate::runtime::AppError;
use crate::runtime::event::{Effect, Found, ReaderOf};
use crate::runtime::sink::{RETRY_MS, SinkCommand, SinkEvent, SinkPhase};
use crate::task::TaskId;
use tracing::{info, warn};

impl Worker {
    pub(super) fn open_sink(&mut self, task: TaskId, found: &Found, effects: &mut Vec<Effect>) {
        let Some((connector, at)) = self.plan.sink(task) else { return };
        let Some(Slot::Sink(sink)) = self.slots.get_mut(&task) else { return };
        let ends = found.inputs.first().map_or(Ends { earliest: 0, latest: 0, stable: 0 }, |(.., ends)| *ends);
        sink.phase = SinkPhase::Claiming;
        sink.ends = ends;
        let of = self.plan.sink_task(&at, ends.earliest, ends.latest);
        effects.push(Effect::Sink(task, SinkCommand::Open(connector, of)));
    }

    pub(super) fn take_sink_event(&mut self, now: i64, task: TaskId, event: SinkEvent, effects: &mut Vec<Effect>) -> Result<(), AppError> {
        let Some(Slot::Sink(sink)) = self.slots.get_mut(&task) else { return Ok(()) };
        let of = ReaderOf::Sink(task.sub_topology);
        if let SinkEvent::Failed(error) = &event {
            self.status.sink_failed(error);
        }
        match event {
            SinkEvent::Claimed(claim) => {
                let start = sink.claimed(claim);
                info!(%task, topic = %sink.at, next_offset = start, "sink reads on");
                let at = sink.at.clone();
                self.read(of, at, start, effects);
            }
            SinkEvent::Written(written, next, mut batch) => {
                self.status.sunk(written.rows);
                sink.written(written, next);
                batch.clear();
                self.spare.push(batch);
            }
            SinkEvent::Failed(ConnectorError::Unavailable { sink: name, reason }) => {
                warn!(%task, sink = name, reason, "sink's target does not answer, asking again");
                effects.push(Effect::StopReading(of, sink.at.clone()));
                effects.push(Effect::Sink(task, SinkCommand::Close));
                sink.back_off(now + RETRY_MS);
            }
            SinkEvent::Failed(fenced @ ConnectorError::Fenced { .. }) => {
                // If it was the group's doing, we hear of it within the session; if it was a person's, the sink is ours still.
                warn!(%task, error = %fenced, "sink is written by another instance, letting go");
                effects.push(Effect::StopReading(of, sink.at.clone()));
                effects.push(Effect::Sink(task, SinkCommand::Close));
                sink.back_off(now + self.plan.config.session_timeout.as_millis() as i64);
            }
            SinkEvent::Failed(ConnectorError::Refused { sink: name, reason }) if sink.may_ask_again() => {
                // The ends of the log were asked for before the claim: a batch that the former owner wrote meanwhile lies beyond them.
                info!(%task, sink = name, reason, "sink refuses, asking once more for the ends of the log");
                effects.push(Effect::Sink(task, SinkCommand::Close));
                effects.push(Effect::LookUp(task));
            }
            SinkEvent::Failed(refused @ ConnectorError::Refused { .. }) => return Err(refused.into()),
        }
        Ok(())
    }

    /// Targets that did not answer are asked again when their time has come.
    pub(super) fn retry_sinks(&mut self, now: i64, effects: &mut Vec<Effect>) {
        for (id, slot) in &mut self.slots {
            if let Slot::Sink(sink) = slot
                && matches!(sink.phase, SinkPhase::Waiting(until) if now >= until)
            {
                sink.phase = SinkPhase::Seeking;
                effects.push(Effect::LookUp(*id));
            }
        }
    }

    pub(super) fn feed_sinks(&mut self, effects: &mut Vec<Effect>) {
        for (id, slot) in &mut self.slots {
            if let Slot::Sink(sink) = slot
                && let Some(command) = sink.next_batch(&mut self.spare)
            {
                effects.push(Effect::Sink(*id, command));
            }
        }
    }

    /// No writer has a batch in its hands.
    pub(super) fn sinks_are_free(&self) -> bool {
        self.slots.values().all(|slot| !matches!(slot, Slot::Sink(sink) if !sink.is_free()))
    }
}
