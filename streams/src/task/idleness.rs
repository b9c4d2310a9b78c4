//! Whether an input has nothing to say, so that others need not wait for its times.
//!
//! That nothing was fetched for a while proves nothing: a fetch may hang, the broker may be away, the thread may have been elsewhere. So the log
//! is asked, once in each timeout, and only its answer counts: that the partition ends where the task stands.

use super::Task;
use crate::log::TopicPartition;

/// What is known of one input.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Idleness {
    /// Since when (wall time of the runtime) the task has stood at the end, or when the log was asked after that. `None`: it does not.
    since: Option<i64>,
    /// Whether the log was asked and has not answered yet.
    asked: bool,
    /// The log has not answered last time: who fills the input may not have reached it either.
    unanswered: bool,
    /// When the log was asked that has answered that there is no more.
    confirmed: Option<i64>,
}

impl Idleness {
    /// Takes note of whether the task stands at the end.
    pub(crate) fn watch(&mut self, is_at_end: bool, now: i64) {
        if !is_at_end {
            *self = Idleness::default();
        } else if self.since.is_none() {
            self.since = Some(now);
        }
    }

    /// Whether the log is to be asked now. The next time comes a timeout later.
    pub(crate) fn asks(&mut self, now: i64, timeout_ms: i64) -> bool {
        let is_due = self.since.is_some_and(|since| now - since >= timeout_ms);
        if is_due {
            (self.since, self.asked) = (Some(now), true);
        }
        is_due
    }

    /// The log has answered, whether there is more than the task has read; or it has not. The first answer after that only begins the timeout.
    pub(crate) fn answer(&mut self, has_more: Option<bool>) {
        if std::mem::take(&mut self.asked) {
            let was_away = std::mem::replace(&mut self.unanswered, has_more.is_none());
            self.confirmed = self.since.filter(|_| has_more == Some(false) && !was_away);
        }
    }

    /// Whether the input is idle. An answer counts until the next one is due, and half a timeout longer for that to come.
    pub(crate) fn holds(&self, now: i64, timeout_ms: i64) -> bool {
        self.confirmed.is_some_and(|asked_at| now - asked_at < timeout_ms + (timeout_ms / 2).max(1))
    }
}

impl Task {
    /// Inputs at whose ends the task has stood for so long that the log is to say whether they are idle. It matters to nobody where time is
    /// the maximum seen, and where this is the only input and no other task hears of it.
    pub(crate) fn quiet_inputs(&mut self, now: i64) -> Vec<TopicPartition> {
        let matters = self.clock.is_watermark() && (self.lanes.len() > 1 || !self.feeds.is_empty());
        if matters { self.clock.questions(&mut self.lanes, now) } else { Vec::new() }
    }

    /// The log's answer: where inputs end. One that is missing has not answered.
    pub(crate) fn hear_ends(&mut self, ends: &[(TopicPartition, i64)]) {
        for lane in &mut self.lanes {
            let end = ends.iter().find(|(at, _)| *at == lane.at).map(|(_, end)| *end);
            lane.ends_at(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: i64 = 5_000;

    #[test]
    fn silence_is_not_idleness() {
        let mut input = Idleness::default();
        (0..=1_000).for_each(|look| input.watch(true, look * 100));
        assert!(!input.holds(100_000, TIMEOUT), "nobody has said so");
    }

    #[test]
    fn the_log_is_asked_once_in_a_timeout() {
        let mut input = Idleness::default();
        let mut asked = Vec::new();
        for now in (1_000..=16_500).step_by(100) {
            input.watch(true, now);
            if input.asks(now, TIMEOUT) {
                asked.push(now);
                input.answer(Some(false));
            }
            assert_eq!(input.holds(now, TIMEOUT), now >= 6_000, "{now}");
        }
        assert_eq!(asked, [6_000, 11_000, 16_000]);
    }

    #[test]
    fn no_answer_and_one_that_there_is_more_end_it() {
        for answer in [Some(Some(true)), Some(None), None] {
            let mut input = Idleness::default();
            input.watch(true, 0);
            assert!(input.asks(5_000, TIMEOUT));
            input.answer(Some(false));
            assert!(input.holds(9_000, TIMEOUT) && input.asks(10_000, TIMEOUT));
            answer.into_iter().for_each(|answer| input.answer(answer));
            assert!(!input.holds(12_500, TIMEOUT), "{answer:?}");
        }
    }

    /// A broker that was away for both: whoever fills the input has what the log is yet to get.
    #[test]
    fn after_an_outage_the_timeout_begins_with_the_first_answer() {
        let mut input = Idleness::default();
        input.watch(true, 0);
        for (at, answer, holds) in [(5_000, None, false), (10_000, Some(false), false), (15_000, Some(false), true)] {
            assert!(input.asks(at, TIMEOUT));
            input.answer(answer);
            assert_eq!(input.holds(at, TIMEOUT), holds, "{at}");
        }
    }

    /// Seen with a broker that took six seconds for a commit: the partition that the thread had read to its end before was taken for idle, and
    /// what had come into it meanwhile for late.
    #[test]
    fn a_partition_is_not_idle_because_nobody_looked() {
        let mut input = Idleness::default();
        input.watch(true, 0);
        assert!(input.asks(5_000, TIMEOUT));
        input.answer(Some(false));
        input.watch(true, 30_000);
        assert!(!input.holds(30_000, TIMEOUT));
    }

    #[test]
    fn what_came_meanwhile_takes_the_question_back() {
        let mut input = Idleness::default();
        input.watch(true, 0);
        assert!(input.asks(5_000, TIMEOUT));
        input.watch(false, 5_001);
        input.watch(true, 5_002);
        input.answer(Some(false));
        assert!(!input.holds(5_002, TIMEOUT));
    }
}
