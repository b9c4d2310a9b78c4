//! The group protocol and the look at batches, on the shared broker.

use super::host::Host;
use crate::log::core::broker::Broker;
use crate::log::faults::Request;
use crate::log::{
    Dump, ErrorCode, GroupProtocol, GroupTicket, Inspect, Isolation, JoinRequest, Joined, LogError, MemberIdentity, Refusal, TopicPartition,
};

impl Host {
    fn speak<T>(&self, group: &str, speak: impl FnOnce(&mut Broker, i64) -> Result<T, ErrorCode>) -> Result<T, LogError> {
        self.change(&Request::Group { group }, |broker, now| speak(broker, now).map_err(|code| LogError::new(code, group)))
    }

    /// Fetches an answer. It is no request of its own: the answer comes by itself.
    fn answer<T>(&self, take: impl FnOnce(&mut Broker) -> Option<Result<T, ErrorCode>>) -> Option<Result<T, LogError>> {
        match self.hear(|broker| Ok(take(broker))) {
            Ok(None) => None,
            Ok(Some(answer)) => Some(answer.map_err(|code| LogError::new(code, "the group"))),
            Err(error) => Some(Err(error)),
        }
    }
}

impl GroupProtocol for Host {
    fn join(&self, request: JoinRequest) -> Result<GroupTicket, Refusal> {
        let group = request.group.clone();
        let answer = self.change(&Request::Group { group: &group }, |broker, now| Ok(broker.join(request, now)));
        match answer {
            Ok(Ok(ticket)) => Ok(ticket),
            Ok(Err((code, member_id))) => Err(Refusal { error: LogError::new(code, &group), member_id }),
            Err(error) => Err(Refusal { error, member_id: String::new() }),
        }
    }

    fn joined(&self, ticket: GroupTicket) -> Option<Result<Joined, LogError>> {
        self.answer(|broker| broker.answers.joined.remove(&ticket))
    }

    fn sync(&self, group: &str, member: &MemberIdentity, assignments: Vec<(String, Vec<u8>)>) -> Result<GroupTicket, LogError> {
        self.speak(group, |broker, now| broker.sync(group, member, assignments, now))
    }

    fn synced(&self, ticket: GroupTicket) -> Option<Result<Vec<u8>, LogError>> {
        self.answer(|broker| broker.answers.synced.remove(&ticket))
    }

    fn heartbeat(&self, group: &str, member: &MemberIdentity) -> Result<(), LogError> {
        self.speak(group, |broker, now| broker.heartbeat(group, member, now))
    }

    fn leave(&self, group: &str, member: &MemberIdentity) -> Result<(), LogError> {
        self.speak(group, |broker, now| broker.leave(group, member, now))
    }
}

impl Inspect for Host {
    fn dump(&self, at: &TopicPartition, isolation: Isolation, from: Option<i64>) -> Result<Dump, LogError> {
        self.look(&Request::Admin, |broker| broker.dump(&*self.store, at, isolation, from))
    }
}
