//! Errors of a log, by Kafka's names, with what the caller can do about them.

use std::fmt;

/// What went wrong, where, and what is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogError {
    code: ErrorCode,
    remedy: Remedy,
    at: Box<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remedy {
    None,
    Retry,
    Abort,
    Discard,
}

/// The class of an error: what it means to whoever made the call, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Somebody else has taken the transactional id, or the transaction timed out: this producer is finished.
    Fenced,
    /// The record never left the client.
    NotSent,
    /// The call does not belong here, for example a commit without a transaction.
    WrongCall,
    /// The transaction can only be aborted; after that the producer goes on.
    MustAbort,
    /// The log could not be reached or its storage failed.
    Broken,
    /// Everything else: the log said no.
    Refused,
}

macro_rules! codes {
    ($($variant:ident = $name:literal, $text:literal;)*) => {
        /// Errors by name: Kafka's protocol errors, and those of the client itself (whose names begin with an underscore).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = concat!("`", $name, "`: ", $text, ".")] $variant,)*
            /// A protocol error that has no name here, by Kafka's number.
            Other(i32),
        }

        impl ErrorCode {
            /// Kafka's or librdkafka's name.
            pub fn name(self) -> &'static str {
                match self {
                    $(ErrorCode::$variant => $name,)*
                    ErrorCode::Other(_) => "OTHER",
                }
            }

            fn text(self) -> &'static str {
                match self {
                    $(ErrorCode::$variant => $text,)*
                    ErrorCode::Other(_) => "the broker reports an error without a name",
                }
            }
        }
    };
}

codes! {
    // the log
    UnknownTopicOrPartition = "UNKNOWN_TOPIC_OR_PARTITION", "no such topic or partition";
    TopicAlreadyExists = "TOPIC_ALREADY_EXISTS", "the topic exists already";
    InvalidTopic = "INVALID_TOPIC_EXCEPTION", "not a name for a topic";
    InvalidPartitions = "INVALID_PARTITIONS", "not a possible number of partitions";
    InvalidConfig = "INVALID_CONFIG", "unknown configuration or impossible value";
    InvalidRequest = "INVALID_REQUEST", "the request makes no sense";
    PolicyViolation = "POLICY_VIOLATION", "the topic's cleanup policy does not allow this";
    OffsetOutOfRange = "OFFSET_OUT_OF_RANGE", "the offset is outside the log";
    MessageTooLarge = "MESSAGE_TOO_LARGE", "the batch is larger than max.message.bytes";
    InvalidTimestamp = "INVALID_TIMESTAMP", "a timestamp is out of bounds";
    InvalidRecord = "INVALID_RECORD", "a record without a key for a compacted topic";
    NotLeader = "NOT_LEADER_OR_FOLLOWER", "another process writes this log";
    LeaderNotAvailable = "LEADER_NOT_AVAILABLE", "the partition has no leader";
    ReplicaNotAvailable = "REPLICA_NOT_AVAILABLE", "the replica is not there";
    FencedLeaderEpoch = "FENCED_LEADER_EPOCH", "the partition has a newer leader";
    UnknownLeaderEpoch = "UNKNOWN_LEADER_EPOCH", "the broker does not know the leader yet";
    OffsetNotAvailable = "OFFSET_NOT_AVAILABLE", "the new leader does not know the end yet";
    UnknownTopicId = "UNKNOWN_TOPIC_ID", "no topic has this identity";
    NotEnoughReplicas = "NOT_ENOUGH_REPLICAS", "fewer replicas are in sync than min.insync.replicas";
    NotEnoughReplicasAfterAppend = "NOT_ENOUGH_REPLICAS_AFTER_APPEND", "stored, but on fewer replicas than min.insync.replicas";
    CorruptMessage = "CORRUPT_MESSAGE", "a batch was damaged on its way";
    InvalidRequiredAcks = "INVALID_REQUIRED_ACKS", "impossible acks";
    UnsupportedCompression = "UNSUPPORTED_COMPRESSION_TYPE", "the broker does not know this compression";
    InvalidReplicationFactor = "INVALID_REPLICATION_FACTOR", "more replicas than brokers";
    // the cluster
    RequestTimedOut = "REQUEST_TIMED_OUT", "the brokers did not agree in time";
    BrokerNotAvailable = "BROKER_NOT_AVAILABLE", "the broker is not there";
    NetworkException = "NETWORK_EXCEPTION", "the connection broke";
    NotController = "NOT_CONTROLLER", "the controller has moved";
    KafkaStorage = "KAFKA_STORAGE_ERROR", "the broker's disk failed";
    Throttled = "THROTTLING_QUOTA_EXCEEDED", "over the quota";
    UnsupportedVersion = "UNSUPPORTED_VERSION", "the broker is too old for this";
    TopicAuthorization = "TOPIC_AUTHORIZATION_FAILED", "no right to this topic; grant it to the user in the cluster's access lists";
    GroupAuthorization = "GROUP_AUTHORIZATION_FAILED", "no right to this group; grant READ on it to the user";
    ClusterAuthorization = "CLUSTER_AUTHORIZATION_FAILED", "no right to this in the cluster; grant it to the user";
    TransactionalIdAuthorization = "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "no right to this transactional id; grant WRITE on it to the user";
    SaslAuthentication = "SASL_AUTHENTICATION_FAILED", "the broker does not take this user with this password";
    UnsupportedSaslMechanism = "UNSUPPORTED_SASL_MECHANISM", "the broker does not offer this SASL mechanism";
    // producers
    OutOfOrderSequence = "OUT_OF_ORDER_SEQUENCE_NUMBER", "a batch of this producer is missing";
    DuplicateSequence = "DUPLICATE_SEQUENCE_NUMBER", "this batch is stored already";
    InvalidProducerEpoch = "INVALID_PRODUCER_EPOCH", "a newer producer has the id";
    ProducerFenced = "PRODUCER_FENCED", "a newer producer has the transactional id";
    InvalidProducerIdMapping = "INVALID_PRODUCER_ID_MAPPING", "the transactional id belongs to another producer id";
    InvalidTxnState = "INVALID_TXN_STATE", "the transaction is in another state";
    InvalidTransactionTimeout = "INVALID_TRANSACTION_TIMEOUT", "the transaction timeout is larger than the log allows";
    ConcurrentTransactions = "CONCURRENT_TRANSACTIONS", "another transaction of this id is being completed";
    TransactionAbortable = "TRANSACTION_ABORTABLE", "the transaction must be aborted";
    UnknownProducerId = "UNKNOWN_PRODUCER_ID", "the log has forgotten this producer";
    TransactionCoordinatorFenced = "TRANSACTION_COORDINATOR_FENCED", "the transaction's coordinator has moved";
    TransactionalIdNotFound = "TRANSACTIONAL_ID_NOT_FOUND", "no such transactional id";
    // groups
    UnknownMemberId = "UNKNOWN_MEMBER_ID", "the group does not know this member";
    IllegalGeneration = "ILLEGAL_GENERATION", "the group is in another generation";
    RebalanceInProgress = "REBALANCE_IN_PROGRESS", "the group is rebalancing";
    FencedInstanceId = "FENCED_INSTANCE_ID", "another member has taken the instance id";
    MemberIdRequired = "MEMBER_ID_REQUIRED", "join again with the member id that was given";
    InconsistentGroupProtocol = "INCONSISTENT_GROUP_PROTOCOL", "the members have no assignment strategy in common";
    InvalidSessionTimeout = "INVALID_SESSION_TIMEOUT", "the session timeout is out of bounds";
    InvalidGroupId = "INVALID_GROUP_ID", "not a name for a group";
    GroupIdNotFound = "GROUP_ID_NOT_FOUND", "no such group";
    NonEmptyGroup = "NON_EMPTY_GROUP", "the group has members";
    GroupSubscribedToTopic = "GROUP_SUBSCRIBED_TO_TOPIC", "the group reads this topic now";
    OffsetMetadataTooLarge = "OFFSET_METADATA_TOO_LARGE", "the metadata of an offset is too long";
    UnstableOffsetCommit = "UNSTABLE_OFFSET_COMMIT", "an open transaction holds offsets of this partition";
    CoordinatorLoadInProgress = "COORDINATOR_LOAD_IN_PROGRESS", "the coordinator is starting";
    CoordinatorNotAvailable = "COORDINATOR_NOT_AVAILABLE", "there is no coordinator yet";
    NotCoordinator = "NOT_COORDINATOR", "the coordinator has moved";
    GroupMaxSizeReached = "GROUP_MAX_SIZE_REACHED", "the group has as many members as the broker allows";
    // the client
    State = "_STATE", "the call does not belong here";
    ClientFenced = "_FENCED", "a newer producer has the transactional id, or the transaction timed out";
    Fatal = "_FATAL", "the producer is finished";
    PurgeQueue = "_PURGE_QUEUE", "the record was never sent";
    PurgeInFlight = "_PURGE_INFLIGHT", "given up while it was on its way; it may be stored";
    UnknownPartition = "_UNKNOWN_PARTITION", "the client does not know this partition";
    AutoOffsetReset = "_AUTO_OFFSET_RESET", "the position is outside the log and is not to be reset";
    TimedOut = "_TIMED_OUT", "no answer in time";
    InvalidArgument = "_INVALID_ARG", "an argument makes no sense";
    ReadOnly = "_READ_ONLY", "this log was opened for reading only";
    Owned = "_OWNED", "another process has this log open for writing";
    Storage = "_STORAGE", "the storage failed";
    Transport = "_TRANSPORT", "the broker cannot be reached";
    Resolve = "_RESOLVE", "the broker's host name is not known";
    AllBrokersDown = "_ALL_BROKERS_DOWN", "no broker can be reached";
    Authentication = "_AUTHENTICATION", "the broker did not take our credentials";
    Ssl = "_SSL", "no TLS connection";
    QueueFull = "_QUEUE_FULL", "too much is queued";
    GaplessGuarantee = "_GAPLESS_GUARANTEE", "a gap in what was delivered";
    Conflict = "_CONFLICT", "another call like this one is under way";
    PollExceeded = "_MAX_POLL_EXCEEDED", "the member was not polled for too long and has left the group";
    AssignmentLost = "_ASSIGNMENT_LOST", "the group has taken the partitions away";
    NoOffset = "_NO_OFFSET", "no offset to begin at";
    UnsupportedFeature = "_UNSUPPORTED_FEATURE", "a Kafka cluster cannot be asked this through librdkafka";
    Config = "_CONFIG", "a setting cannot be used";
    Corrupt = "_CORRUPT", "what is stored cannot be read";
}

impl LogError {
    /// An error with what it is about: a topic-partition, a group, a transactional id.
    pub fn new(code: ErrorCode, at: impl fmt::Display) -> Self {
        let remedy = match code {
            ErrorCode::UnstableOffsetCommit | ErrorCode::ConcurrentTransactions | ErrorCode::TimedOut => Remedy::Retry,
            ErrorCode::ClientFenced | ErrorCode::Fatal => Remedy::Discard,
            _ => Remedy::None,
        };
        Self { code, remedy, at: at.to_string().into() }
    }

    /// The same error where the same call, repeated, may succeed.
    #[must_use]
    pub fn retriable(self) -> Self {
        Self { remedy: Remedy::Retry, ..self }
    }

    /// The same error where the transaction must be aborted.
    #[must_use]
    pub fn abortable(self) -> Self {
        Self { remedy: Remedy::Abort, ..self }
    }

    /// The same error where the client is finished.
    #[must_use]
    pub fn fatal(self) -> Self {
        Self { remedy: Remedy::Discard, ..self }
    }

    /// The error's name.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// What it is about.
    pub fn at(&self) -> &str {
        &self.at
    }

    /// The error's class.
    pub fn kind(&self) -> ErrorKind {
        if self.requires_abort() {
            return ErrorKind::MustAbort;
        }
        match self.code {
            ErrorCode::ClientFenced | ErrorCode::Fatal | ErrorCode::InvalidProducerEpoch | ErrorCode::ProducerFenced => ErrorKind::Fenced,
            ErrorCode::PurgeQueue => ErrorKind::NotSent,
            ErrorCode::State | ErrorCode::InvalidArgument | ErrorCode::Config | ErrorCode::UnsupportedFeature => ErrorKind::WrongCall,
            ErrorCode::Storage
            | ErrorCode::Transport
            | ErrorCode::Corrupt
            | ErrorCode::Resolve
            | ErrorCode::AllBrokersDown
            | ErrorCode::Authentication
            | ErrorCode::SaslAuthentication
            | ErrorCode::UnsupportedSaslMechanism
            | ErrorCode::Ssl => ErrorKind::Broken,
            _ => ErrorKind::Refused,
        }
    }

    /// Whether the same call with the same arguments may succeed.
    pub fn is_retriable(&self) -> bool {
        self.remedy == Remedy::Retry
    }

    /// Whether the transaction must be aborted, after which the producer goes on.
    pub fn requires_abort(&self) -> bool {
        self.remedy == Remedy::Abort
    }

    /// Whether somebody else has the producer's id now.
    pub fn is_fenced(&self) -> bool {
        self.kind() == ErrorKind::Fenced
    }

    /// Whether the client is finished and a new one must be made.
    pub fn is_fatal(&self) -> bool {
        self.remedy == Remedy::Discard
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if !self.at.is_empty() {
            write!(f, ": {}", self.at)?;
        }
        Ok(())
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorCode::Other(number) => write!(f, "{} (number {number})", self.text()),
            code => write!(f, "{} ({})", code.text(), code.name()),
        }
    }
}

impl std::error::Error for LogError {}
