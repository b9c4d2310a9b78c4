//! A task whose processors are called by the clock: by stream time or by the wall.

use super::{Schedules, Task, TaskError, Time};
use crate::record::Timestamp;
use crate::runtime::Recovery;

impl Task {
    /// Lets the processors schedule, from the times at which the task begins.
    pub(super) fn init_processors(&mut self, now: i64) {
        self.context.wall_time = now;
        self.context.schedules = Schedules::new(self.context.rules.recovery == Recovery::Undo);
        for (number, processor) in self.processors.punctuated.iter_mut().enumerate() {
            self.context.speak(number);
            processor.init(number, &mut self.context.schedules);
        }
        self.context.schedules.begin_record();
        self.saved.schedules = self.context.schedules.clone();
    }

    /// Runs the punctuations whose time has come: by the wall clock, and by a stream time that has moved without a record. Returns whether there were any.
    pub(crate) fn punctuate(&mut self, now: i64) -> Result<bool, TaskError> {
        self.context.wall_time = now;
        self.advance_clock();
        let before = self.punctuations;
        self.punctuate_due(Time::Stream)?;
        self.punctuate_due(Time::Wall)?;
        Ok(self.punctuations > before)
    }

    /// When the wall clock is next waited for.
    pub(crate) fn next_punctuation(&self) -> Option<i64> {
        self.context.schedules.next_wall()
    }

    #[inline]
    pub(super) fn punctuate_due(&mut self, time: Time) -> Result<(), TaskError> {
        let now = if time == Time::Stream { self.context.stream_time } else { self.context.wall_time };
        if self.context.schedules.is_due(time, now) { self.punctuate_by(time, now) } else { Ok(()) }
    }

    #[cold]
    fn punctuate_by(&mut self, time: Time, now: Timestamp) -> Result<(), TaskError> {
        while let Some(firing) = self.context.schedules.take_due(time, now) {
            self.context.coordinates = None;
            let punctuated = self.processors.punctuated[firing.owner].punctuate(firing.due, &mut self.context);
            self.context.schedules.fired(&firing);
            (self.dirty, self.warm) = (true, true);
            self.punctuations += 1;
            if let Err(stop) = punctuated {
                let lane = &self.lanes[0];
                return Err(TaskError::of_stop(self.id, &lane.at, lane.position(), *stop));
            }
            self.send_detached_letters(&format!("punctuation-{now}"));
        }
        Ok(())
    }
}
