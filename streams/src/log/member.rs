//! Membership in a group: who owns which partitions.

use std::time::Duration;

use super::{GroupOffset, LogError, TopicPartition};

/// A member of a group. It joins with the first poll and lives while it is polled.
pub trait Member: Send {
    /// Does what the group asks for and returns what has changed, in order. Never waits.
    fn poll(&mut self) -> Result<Vec<GroupEvent>, LogError>;

    /// Says that work on revoked partitions is committed and finished; the group waits for this.
    fn released(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError>;

    /// Asks the group to commit offsets outside of a transaction, of any topic, with credentials that an event has brought. Never waits,
    /// since a coordinator that waits for the others of a rebalance answers nothing else: the answer is [`Member::committed`]'s.
    fn commit(&mut self, offsets: &[GroupOffset], identity: &MemberIdentity);

    /// The answer to the oldest commit that was asked for and not answered yet; none while it is on its way. Polls bring it. Whoever has
    /// its credentials no more is refused with `ILLEGAL_GENERATION` or `UNKNOWN_MEMBER_ID`, so success also proves that the group took us
    /// for alive after the question.
    fn committed(&mut self) -> Option<Result<(), LogError>>;

    /// Leaves, so that others take over at once.
    fn leave(&mut self) -> Result<(), LogError>;
}

/// How a member is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberConfig {
    /// The group.
    pub group: String,
    /// The topics whose partitions are shared out: the anchors.
    pub topics: Vec<String>,
    /// A member that is silent for so long is dead.
    pub session_timeout: Duration,
    /// How long a rebalance waits for a member to release what it is to give up.
    pub rebalance_timeout: Duration,
    /// Static membership: a member that comes back with it within the session timeout causes no rebalance.
    pub instance_id: Option<String>,
    /// How partitions are shared out.
    pub policy: AssignmentPolicy,
    /// What the member calls itself, for all to see who describe the group. None: the binding's own name.
    pub client_id: Option<String>,
}

impl Default for MemberConfig {
    fn default() -> Self {
        Self {
            group: String::new(),
            topics: Vec::new(),
            session_timeout: Duration::from_secs(10),
            rebalance_timeout: Duration::from_secs(60),
            instance_id: None,
            policy: AssignmentPolicy::CooperativeSticky,
            client_id: None,
        }
    }
}

const HEARTBEATS_PER_SESSION: u32 = 10;

impl MemberConfig {
    /// How often a member gives a sign of life: ten times a session timeout. The answer says whether there is a rebalance, so this is also
    /// how long the work of a member that left can stand still; three times, as is common, would make that more than three seconds.
    pub(crate) fn heartbeat_interval(&self) -> Duration {
        self.session_timeout / HEARTBEATS_PER_SESSION
    }
}

/// How the partitions of the anchors are shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AssignmentPolicy {
    /// Balanced, moving as little as possible; only what moves is revoked.
    CooperativeSticky,
    /// The same partition numbers of all topics to the same member; everything is revoked in each rebalance.
    Range,
}

/// What a member learns. Each event carries the identity that holds from then on, captured while polling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupEvent {
    /// These partitions are owned from now on, beside what was owned before.
    Assigned {
        /// The new ones; may be none.
        partitions: Vec<TopicPartition>,
        /// Credentials for commits.
        identity: MemberIdentity,
    },
    /// These are to be given up: commit, let go, then call [`Member::released`].
    Revoked {
        /// Those to be given up.
        partitions: Vec<TopicPartition>,
        /// Credentials for the last commit.
        identity: MemberIdentity,
    },
    /// These are owned by somebody else already: drop the work, commit nothing.
    Lost {
        /// Those lost.
        partitions: Vec<TopicPartition>,
    },
    /// Nothing moved, but commits need these credentials now.
    Generation {
        /// Credentials for commits.
        identity: MemberIdentity,
    },
}

/// Credentials of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MemberIdentity {
    /// Given by the group; empty for who is no member.
    pub member_id: String,
    /// Counts the rebalances; -1 for who is no member.
    pub generation: i32,
    /// The name of a static member.
    pub instance_id: Option<String>,
}

impl MemberIdentity {
    /// Nobody in particular: commits from outside a group, which a group without members takes.
    pub fn outside() -> Self {
        Self { member_id: String::new(), generation: -1, instance_id: None }
    }
}
