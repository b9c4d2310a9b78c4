//! Members of a group, request by request.

use std::time::Duration;

use headwater_streams::log::{ErrorCode, GroupProtocol, GroupTicket, JoinRequest, Joined, LogError, MemberIdentity};
use serde_json::{Value, json};

use super::{LOOK_AGAIN, Play};
use crate::log_facts::case::Step;
use crate::log_facts::value::{error_name, plain};

/// An answer that has not come after this time does not come.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A member as it knows itself.
pub(super) struct Actor {
    pub(super) identity: MemberIdentity,
    group: String,
    /// What it has not fetched the answer of; a refusal is an answer too.
    pending: Option<Result<GroupTicket, LogError>>,
}

impl Play {
    pub(super) fn member_step(&mut self, step: &Step) -> Result<Value, String> {
        let name = step.text("member")?.to_owned();
        match step.op.as_str() {
            "join" => self.join(step, &name),
            "joined" => {
                let ticket = self.pending(&name)?;
                self.joined(&name, ticket)
            }
            "sync" => self.sync(step, &name),
            "synced" => {
                let ticket = self.pending(&name)?;
                self.synced(ticket)
            }
            "heartbeat" => {
                let (group, who) = self.acting(step, &name)?;
                Ok(plain(self.protocol()?.heartbeat(&group, &who)))
            }
            _ => {
                let (group, who) = self.acting(step, &name)?;
                Ok(plain(self.protocol()?.leave(&group, &who)))
            }
        }
    }

    fn join(&mut self, step: &Step, name: &str) -> Result<Value, String> {
        let group = step.text("group")?.to_owned();
        let actor = self.actors.entry(name.into()).or_insert_with(|| Actor {
            identity: MemberIdentity::outside(),
            group: group.clone(),
            pending: None,
        });
        actor.group.clone_from(&group);
        actor.identity.instance_id = step.body["instance"].as_str().map(Into::into);
        let member_id = step.body["id"].as_str().map_or_else(|| actor.identity.member_id.clone(), Into::into);
        let topics: Vec<String> = step.list("topics").iter().filter_map(Value::as_str).map(Into::into).collect();
        let mut request = JoinRequest {
            group,
            member_id,
            instance_id: actor.identity.instance_id.clone(),
            client_id: String::new(),
            session_timeout_ms: step.number_or("session_timeout_ms", 30_000),
            rebalance_timeout_ms: step.number_or("rebalance_timeout_ms", 30_000),
            strategies: vec![(step.text_or("strategy", "range").into(), topics.join(",").into_bytes())],
            topics,
        };
        let again = step.flag_or("again", true);
        let mut answer = self.protocol()?.join(request.clone());
        if let Err(refusal) = &answer
            && refusal.error.code() == ErrorCode::MemberIdRequired
        {
            self.actor(name)?.identity.member_id.clone_from(&refusal.member_id);
            if again {
                request.member_id.clone_from(&refusal.member_id);
                answer = self.protocol()?.join(request.clone());
            }
        }
        let answer = answer.map_err(|refusal| refusal.error);
        let is_first = request.member_id.is_empty() && request.instance_id.is_none();
        if step.flag_or("wait", true) || (is_first && answer.is_err()) {
            return self.joined(name, answer);
        }
        self.actor(name)?.pending = Some(answer);
        Ok(json!({}))
    }

    fn joined(&mut self, name: &str, ticket: Result<GroupTicket, LogError>) -> Result<Value, String> {
        let answer = self.await_answer(ticket, |protocol, ticket| protocol.joined(ticket))?;
        let Joined { member_id, generation, leader, strategy, members } = match answer {
            Ok(joined) => joined,
            Err(error) => return Ok(error_name(&error)),
        };
        let actor = self.actor(name)?;
        (actor.identity.member_id, actor.identity.generation) = (member_id, generation);
        let mut seen = json!({"generation": generation, "leader": self.actor_of(&leader), "strategy": strategy});
        if !members.is_empty() {
            let mut names: Vec<_> = members.iter().map(|(id, _, _)| self.actor_of(id)).collect();
            names.sort();
            seen["members"] = json!(names);
        }
        Ok(seen)
    }

    fn sync(&mut self, step: &Step, name: &str) -> Result<Value, String> {
        let (group, who) = self.acting(step, name)?;
        let mut assignments = Vec::new();
        for (member, text) in step.body["assignments"].as_object().into_iter().flatten() {
            let id = self.actor(member)?.identity.member_id.clone();
            assignments.push((id, text.as_str().unwrap_or_default().as_bytes().to_vec()));
        }
        let ticket = self.protocol()?.sync(&group, &who, assignments);
        if step.flag_or("wait", true) {
            return self.synced(ticket);
        }
        self.actor(name)?.pending = Some(ticket);
        Ok(json!({}))
    }

    fn synced(&mut self, ticket: Result<GroupTicket, LogError>) -> Result<Value, String> {
        let answer = self.await_answer(ticket, |protocol, ticket| protocol.synced(ticket))?;
        Ok(answer.map_or_else(|error| error_name(&error), |bytes| json!({"assignment": String::from_utf8_lossy(&bytes)})))
    }

    /// Lets time pass until there is an answer.
    fn await_answer<T>(
        &self, ticket: Result<GroupTicket, LogError>, ask: impl Fn(&dyn GroupProtocol, GroupTicket) -> Option<Result<T, LogError>>,
    ) -> Result<Result<T, LogError>, String> {
        let ticket = match ticket {
            Ok(ticket) => ticket,
            Err(error) => return Ok(Err(error)),
        };
        let mut left = LONGEST_WAIT;
        loop {
            if let Some(answer) = ask(self.protocol()?, ticket) {
                return Ok(answer);
            }
            if left.is_zero() {
                return Err("no answer".into());
            }
            self.subject.pass(LOOK_AGAIN)?;
            left = left.saturating_sub(LOOK_AGAIN);
        }
    }

    /// The group and the credentials of a request, where the step says no others.
    fn acting(&mut self, step: &Step, name: &str) -> Result<(String, MemberIdentity), String> {
        let actor = self.actor(name)?;
        let mut who = actor.identity.clone();
        if let Some(generation) = step.body["generation"].as_i64() {
            who.generation = i32::try_from(generation).map_err(|error| error.to_string())?;
        }
        if let Some(id) = step.body["id"].as_str() {
            who.member_id = id.into();
        }
        Ok((actor.group.clone(), who))
    }

    fn pending(&mut self, name: &str) -> Result<Result<GroupTicket, LogError>, String> {
        self.actor(name)?.pending.take().ok_or_else(|| format!("{name} waits for nothing"))
    }

    fn actor(&mut self, name: &str) -> Result<&mut Actor, String> {
        self.actors.get_mut(name).ok_or_else(|| format!("no member {name}"))
    }

    fn protocol(&self) -> Result<&dyn GroupProtocol, String> {
        self.subject.group_protocol().ok_or_else(|| "the binding does not open its group protocol".into())
    }
}
