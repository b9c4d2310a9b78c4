//! Where an input begins whose source goes by the age of its records.

use super::plan::Plan;
use crate::log::{Admin, Ends, GroupOffset, Isolation, LogError, OffsetQuery, TopicPartition};
use crate::task::TaskId;
use crate::topic::Reset;

/// Per input without a committed offset whose source says `by_duration`: the first committed record that is young enough at wall time `now`
/// (milliseconds), or the end. The ends were asked for before: what has come since is not passed over.
pub(super) fn by_age(
    admin: &dyn Admin, plan: &Plan, task: TaskId, now: i64, inputs: &[(TopicPartition, Option<GroupOffset>, Ends)],
) -> Result<Vec<(TopicPartition, i64)>, LogError> {
    let mut begins = Vec::new();
    for (at, _, ends) in inputs.iter().filter(|(_, committed, _)| committed.is_none()) {
        let Reset::ByDuration(age) = plan.reset_of(task, at) else { continue };
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let oldest = now.saturating_sub(age).max(0);
        let first = admin.list_offset(at, OffsetQuery::Time(oldest), Isolation::Committed)?;
        begins.push((at.clone(), first.map_or(ends.stable, |first| first.offset)));
    }
    Ok(begins)
}
