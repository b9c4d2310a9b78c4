//! The classic group protocol, request by request: what a [`Member`](super::Member) of the embedded and the simulated log speaks underneath.
//!
//! Nobody needs it to be a member. It is open so that the recorded cases can be played against the coordinator itself.

use super::{LogError, MemberIdentity};

/// A group coordinator.
pub trait GroupProtocol: Send + Sync {
    /// Asks to be in the group. The answer comes when all members have joined: ask for it with [`joined`](GroupProtocol::joined).
    ///
    /// A new dynamic member is refused with `MEMBER_ID_REQUIRED` first and told its id in [`Refusal::member_id`].
    fn join(&self, request: JoinRequest) -> Result<GroupTicket, Refusal>;

    /// The answer to a join, once.
    fn joined(&self, ticket: GroupTicket) -> Option<Result<Joined, LogError>>;

    /// Asks for the assignment; the leader brings everybody's.
    fn sync(&self, group: &str, member: &MemberIdentity, assignments: Vec<(String, Vec<u8>)>) -> Result<GroupTicket, LogError>;

    /// The answer to a sync, once.
    fn synced(&self, ticket: GroupTicket) -> Option<Result<Vec<u8>, LogError>>;

    /// Says that the member lives.
    fn heartbeat(&self, group: &str, member: &MemberIdentity) -> Result<(), LogError>;

    /// Leaves the group.
    fn leave(&self, group: &str, member: &MemberIdentity) -> Result<(), LogError>;
}

/// Names a pending join or sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupTicket(pub(crate) u64);

/// A join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinRequest {
    /// The group.
    pub group: String,
    /// The id given before; empty at first.
    pub member_id: String,
    /// The name of a static member.
    pub instance_id: Option<String>,
    /// What the member calls itself.
    pub client_id: String,
    /// Silence for so long is death, in milliseconds.
    pub session_timeout_ms: i64,
    /// How long a rebalance waits for this member, in milliseconds.
    pub rebalance_timeout_ms: i64,
    /// The topics it subscribes to.
    pub topics: Vec<String>,
    /// Assignment strategies by preference, with what the leader is to know of this member.
    pub strategies: Vec<(String, Vec<u8>)>,
}

/// A join that was refused at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub error: LogError,
    /// With `MEMBER_ID_REQUIRED`: the id to join with.
    pub member_id: String,
}

/// The answer to a join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The member's id.
    pub member_id: String,
    /// The new generation.
    pub generation: i32,
    /// The leader's id.
    pub leader: String,
    /// The strategy that all have in common.
    pub strategy: String,
    /// To the leader: all members' ids, instance ids and what they brought.
    pub members: Vec<(String, Option<String>, Vec<u8>)>,
}
