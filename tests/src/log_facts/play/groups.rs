//! Offsets of groups, and groups as such.

use headwater_streams::log::MemberIdentity;
use serde_json::{Map, Value, json};

use super::producers::offsets;
use super::{Play, by_partition};
use crate::log_facts::case::Step;
use crate::log_facts::value::{error_name, from_bytes, place, plain};

impl Play {
    pub(super) fn group_step(&mut self, step: &Step) -> Result<Value, String> {
        let admin = self.subject.log().admin();
        let group = step.text("group")?;
        match step.op.as_str() {
            "commit_offsets" => {
                let member = self.identity(&step.body["member"]);
                let one = |offset| (admin.commit_offsets(group, std::slice::from_ref(&offset), &member), offset);
                let results = offsets(step.list("offsets"), "")?.into_iter().map(one);
                Ok(by_partition(results.map(|(result, offset)| (offset.at, result)).collect()))
            }
            "fetch_offsets" => self.fetch_offsets(step, group),
            "delete_offsets" => self.delete_offsets(step, group),
            "delete_group" => Ok(plain(admin.delete_group(group))),
            _ => {
                let found = admin.describe_group(group).map_err(|error| error.to_string())?;
                let Some(found) = found else { return Ok(json!({"state": "Dead", "members": []})) };
                let mut members: Vec<_> = found.members.iter().map(|member| self.actor_of(&member.member_id)).collect();
                members.sort();
                Ok(json!({"state": found.state, "members": members}))
            }
        }
    }

    fn fetch_offsets(&self, step: &Step, group: &str) -> Result<Value, String> {
        let mut seen = Map::new();
        for name in step.list("partitions").iter().filter_map(Value::as_str) {
            let answer = self.subject.log().admin().committed(group, &[place(name)?], step.flag_or("require_stable", false));
            let one = match answer {
                Err(error) => error_name(&error),
                Ok(offsets) => offsets.into_iter().flatten().next().map_or(
                    Value::Null,
                    |committed| json!({"offset": committed.offset, "metadata": from_bytes(Some(committed.metadata.as_bytes()))}),
                ),
            };
            seen.insert(name.to_owned(), one);
        }
        Ok(Value::Object(seen))
    }

    fn delete_offsets(&self, step: &Step, group: &str) -> Result<Value, String> {
        let mut results = Vec::new();
        for name in step.list("partitions").iter().filter_map(Value::as_str) {
            let at = place(name)?;
            let result = self.subject.log().admin().delete_offsets(group, std::slice::from_ref(&at));
            if let Err(error) = &result
                && error.code() == headwater_streams::log::ErrorCode::GroupIdNotFound
            {
                return Ok(error_name(error));
            }
            results.push((at, result));
        }
        Ok(by_partition(results))
    }

    /// Whose credentials a step commits with.
    pub(super) fn identity(&self, given: &Value) -> MemberIdentity {
        let known = given["as"].as_str().and_then(|name| self.actors.get(name));
        let mut identity =
            known.map_or_else(MemberIdentity::outside, |actor| MemberIdentity { instance_id: None, ..actor.identity.clone() });
        if let Some(generation) = given["generation"].as_i64() {
            identity.generation = i32::try_from(generation).unwrap_or(i32::MAX);
        }
        if let Some(id) = given["id"].as_str() {
            identity.member_id = id.into();
        }
        identity.instance_id = given["instance"].as_str().map(Into::into);
        identity
    }

    pub(super) fn actor_of(&self, id: &str) -> String {
        let known = self.actors.iter().find(|(_, actor)| actor.identity.member_id == id);
        known.map_or_else(|| "?".into(), |(name, _)| name.clone())
    }
}
