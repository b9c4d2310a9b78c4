//! The member of the Kafka binding: the anchor driver. It subscribes to the anchors, reads nothing, and says what it owns.
//!
//! librdkafka's own thread sends the heartbeats, so a worker that is busy for ten seconds loses nothing. It also watches when the member
//! was last polled, so a worker that hangs loses its tasks after `rebalance_timeout` (its `max.poll.interval.ms`): no thread of ours is
//! needed between the two.

use super::KafkaConfig;
use super::commits::Commits;
use super::error::{code_of, error_of, refused};
use crate::log::kafka_ffi::{Client, Failure, Heard};
use crate::log::{AssignmentPolicy, ErrorCode, GroupEvent, GroupOffset, LogError, Member, MemberConfig, MemberIdentity, TopicPartition};
use rdkafka::ClientConfig;
use std::collections::BTreeSet;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use tracing::{debug, warn};

/// How long leaving may take. The group learns of it by our silence otherwise.
const LEAVE_LIMIT: Duration = Duration::from_secs(3);

/// How long the end of a client is waited for. After that it goes on beside us.
const END_LIMIT: Duration = Duration::from_secs(2);

/// Topics that grow are shared out anew after at most this time.
const LOOK_FOR_GROWTH_EVERY: Duration = Duration::from_secs(10);

/// A member of a consumer group.
pub(super) struct KafkaMember {
    /// None once it has left.
    client: Option<Client>,
    group: String,
    instance_id: Option<String>,
    /// What the caller knows that it owns.
    owned: BTreeSet<TopicPartition>,
    /// Assigned, and not told yet.
    untold: BTreeSet<TopicPartition>,
    /// Told to be given up, and not let go of yet.
    revoking: BTreeSet<TopicPartition>,
    /// The identity that was told last.
    identity: Option<MemberIdentity>,
    commits: Commits,
}

impl KafkaMember {
    pub(super) fn new(kafka: &KafkaConfig, config: MemberConfig) -> Result<Self, LogError> {
        let at = format!("group {}", config.group);
        let client = Client::consumer(&settings(kafka, &config)).map_err(|failure| refused(&failure, &at))?;
        client.subscribe(&config.topics).map_err(|failure| refused(&failure, &at))?;
        Ok(Self {
            client: Some(client),
            group: config.group,
            instance_id: config.instance_id,
            owned: BTreeSet::new(),
            untold: BTreeSet::new(),
            revoking: BTreeSet::new(),
            identity: None,
            commits: Commits::default(),
        })
    }

    fn take(&mut self, client: &Client, heard: Heard, events: &mut Vec<GroupEvent>) -> Result<(), LogError> {
        match heard {
            Heard::Assigned(partitions) => {
                self.untold.extend(partitions);
                self.tell_identity(client, events);
                client.accept().map_err(|failure| self.error(failure))
            }
            Heard::Revoked(partitions) => self.revoke(client, partitions, events),
            Heard::Committed(number, outcome) => {
                let (answer, group) = (outcome.map_err(|failure| self.error(failure)), &self.group);
                self.commits.answer(number, answer, |identity| check_identity(client, group, identity));
                Ok(())
            }
            Heard::Trouble(failure) => self.judge(failure),
        }
    }

    /// Who we are now goes with what we own now: nothing is told as owned before there are credentials to commit it with.
    fn tell_identity(&mut self, client: &Client, events: &mut Vec<GroupEvent>) {
        let Some(identity) = client.identity() else { return };
        if !self.untold.is_empty() {
            let partitions: Vec<_> = std::mem::take(&mut self.untold).into_iter().collect();
            self.owned.extend(partitions.iter().cloned());
            events.push(GroupEvent::Assigned { partitions, identity: identity.clone() });
        } else if self.identity.as_ref() != Some(&identity) {
            events.push(GroupEvent::Generation { identity: identity.clone() });
        }
        self.identity = Some(identity);
    }

    fn revoke(&mut self, client: &Client, partitions: Vec<TopicPartition>, events: &mut Vec<GroupEvent>) -> Result<(), LogError> {
        let partitions: Vec<_> = partitions.into_iter().filter(|at| !self.untold.remove(at) && self.owned.contains(at)).collect();
        self.revoking.extend(partitions.iter().cloned());
        // Whoever is outside of the group has lost what it had, whatever else is said.
        let Some(identity) = client.identity().filter(|_| !client.is_assignment_lost()) else {
            return self.lose(client, events);
        };
        if partitions.is_empty() {
            return client.give_back().map_err(|failure| self.error(failure));
        }
        self.identity = Some(identity.clone());
        events.push(GroupEvent::Revoked { partitions, identity });
        Ok(())
    }

    /// The group has taken everything that was to be given up.
    fn lose(&mut self, client: &Client, events: &mut Vec<GroupEvent>) -> Result<(), LogError> {
        let partitions: Vec<_> = std::mem::take(&mut self.revoking).into_iter().collect();
        self.owned.retain(|at| !partitions.contains(at));
        if !partitions.is_empty() {
            events.push(GroupEvent::Lost { partitions });
        }
        self.identity = None;
        client.give_back().map_err(|failure| self.error(failure))
    }

    /// While we were letting go in good order, the group may have run out of patience: then nobody waits for us any more.
    fn check_patience(&mut self, client: &Client, events: &mut Vec<GroupEvent>) -> Result<(), LogError> {
        let is_out = !self.revoking.is_empty() && (client.is_assignment_lost() || client.identity().is_none());
        if is_out { self.lose(client, events) } else { Ok(()) }
    }

    /// Brokers come and go, which is no error of a poll; what never passes is.
    fn judge(&self, failure: Failure) -> Result<(), LogError> {
        let error = self.error(failure);
        match error.code() {
            ErrorCode::TopicAuthorization
            | ErrorCode::GroupAuthorization
            | ErrorCode::InconsistentGroupProtocol
            | ErrorCode::InvalidSessionTimeout
            | ErrorCode::InvalidGroupId
            | ErrorCode::GroupMaxSizeReached => Err(error),
            ErrorCode::PollExceeded => {
                warn!(%error, "away for longer than rebalance_timeout, others do our work");
                Ok(())
            }
            _ => {
                debug!(%error, "the group's client reports trouble and goes on");
                Ok(())
            }
        }
    }

    fn finished(&self, failure: Failure) -> LogError {
        match (code_of(failure.code), &self.instance_id) {
            (ErrorCode::FencedInstanceId, Some(id)) => error_of(
                ErrorCode::FencedInstanceId,
                format_args!(
                    "group {}: another process has joined as instance {id}; give each running instance an id of its own",
                    self.group
                ),
            ),
            _ => self.error(failure).fatal(),
        }
    }

    fn error(&self, failure: Failure) -> LogError {
        refused(&failure, format_args!("group {}", self.group))
    }

    /// The client, lent out while `self` changes beside it.
    fn with<T>(&mut self, work: impl FnOnce(&mut Self, &Client) -> Result<T, LogError>) -> Result<T, LogError> {
        let Some(client) = self.client.take() else {
            return Err(LogError::new(ErrorCode::State, format_args!("group {}: the member has left", self.group)));
        };
        let result = work(self, &client);
        self.client = Some(client);
        result
    }
}

impl Member for KafkaMember {
    fn poll(&mut self) -> Result<Vec<GroupEvent>, LogError> {
        let mut events = Vec::new();
        if self.client.is_none() {
            return Ok(events);
        }
        self.with(|member, client| {
            while let Some(heard) = client.hear() {
                member.take(client, heard, &mut events)?;
            }
            if let Some(failure) = client.fatal_error() {
                return Err(member.finished(failure));
            }
            member.check_patience(client, &mut events)?;
            member.tell_identity(client, &mut events);
            Ok(events)
        })
    }

    fn released(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        let mut let_go = false;
        for at in partitions {
            if self.revoking.remove(at) {
                self.owned.remove(at);
                let_go = true;
            }
        }
        if !let_go || !self.revoking.is_empty() {
            return Ok(());
        }
        self.with(|member, client| client.give_back().map_err(|failure| member.error(failure)))
    }

    fn commit(&mut self, offsets: &[GroupOffset], identity: &MemberIdentity) {
        // librdkafka commits as whoever it is when the request goes out. A new generation can come in between, but not a new owner:
        // that needs our answer to an event first.
        let asked = self.with(|member, client| {
            check_identity(client, &member.group, identity)?;
            client.commit(offsets, member.commits.next()).map_err(|failure| member.error(failure))
        });
        self.commits.ask(Instant::now(), identity, asked.err().map(Err));
    }

    fn committed(&mut self) -> Option<Result<(), LogError>> {
        self.commits.tell(Instant::now())
    }

    fn leave(&mut self) -> Result<(), LogError> {
        let Some(client) = self.client.take() else { return Ok(()) };
        let result = client.close(LEAVE_LIMIT);
        end(client);
        match result {
            Ok(true) => Ok(()),
            Ok(false) => {
                warn!(group = %self.group, "the broker did not hear that we left, the group will wait for the session timeout");
                Ok(())
            }
            Err(failure) => Err(self.error(failure)),
        }
    }
}

impl Drop for KafkaMember {
    fn drop(&mut self) {
        self.client.take().into_iter().for_each(end);
    }
}

/// Ends a client. Its threads may be looking for a broker that is away, and nobody is to wait for that.
fn end(client: Client) {
    let (ends, ended) = mpsc::channel::<()>();
    let work = move || {
        drop(client);
        drop(ends);
    };
    // A client that no thread could be made for was dropped with the work.
    if thread::Builder::new().name("kafka-end".into()).spawn(work).is_ok() {
        // The answer is that the channel closes.
        let _ = ended.recv_timeout(END_LIMIT);
    }
}

fn check_identity(client: &Client, group: &str, identity: &MemberIdentity) -> Result<(), LogError> {
    let at = format_args!("group {group}, generation {}", identity.generation);
    match client.identity() {
        None => Err(LogError::new(ErrorCode::UnknownMemberId, at)),
        Some(now) if now.member_id != identity.member_id => Err(LogError::new(ErrorCode::UnknownMemberId, at)),
        Some(now) if now != *identity => Err(LogError::new(ErrorCode::IllegalGeneration, at)),
        Some(_) => Ok(()),
    }
}

fn settings(kafka: &KafkaConfig, config: &MemberConfig) -> ClientConfig {
    let strategy = match config.policy {
        AssignmentPolicy::CooperativeSticky => "cooperative-sticky",
        AssignmentPolicy::Range => "range",
    };
    let millis = |time: Duration| time.as_millis().to_string();
    let mut client = kafka.client();
    client
        .set("group.id", &config.group)
        .set("group.protocol", "classic")
        .set("partition.assignment.strategy", strategy)
        .set("session.timeout.ms", millis(config.session_timeout))
        .set("heartbeat.interval.ms", millis(config.heartbeat_interval()))
        .set("max.poll.interval.ms", millis(config.rebalance_timeout.max(config.session_timeout)))
        .set("topic.metadata.refresh.interval.ms", millis(LOOK_FOR_GROWTH_EVERY))
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false");
    if let Some(id) = &config.instance_id {
        client.set("group.instance.id", id);
    }
    let mut client = kafka.finish(client);
    // After what the user has set: others find us by it.
    if let Some(id) = &config.client_id {
        client.set("client.id", id);
    }
    client
}
