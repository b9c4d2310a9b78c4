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
    // the client
    State = "_STATE", "the call does not belong here";
    ClientFenced = "_FENCED", "a newer producer has the transactional id, or the transaction timed out";
    Fatal = "_FATAL", "the producer is finished";
    PurgeQueue = "_PURGE_QUEUE", "the record was never sent";
    UnknownPartition = "_UNKNOWN_PARTITION", "the client does not know this partition";
    AutoOffsetReset = "_AUTO_OFFSET_RESET", "the position is outside the log and is not to be reset";
    TimedOut = "_TIMED_OUT", "no answer in time";
    InvalidArgument = "_INVALID_ARG", "an argument makes no sense";
    ReadOnly = "_READ_ONLY", "this log was opened for reading only";
    Owned = "_OWNED", "another process has this log open for writing";
    Storage = "_STORAGE", "the storage failed";
    Transport = "_TRANSPORT", "the broker cannot be reached";
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
            ErrorCode::State | ErrorCode::InvalidArgument => ErrorKind::WrongCall,
            ErrorCode::Storage | ErrorCode::Transport | ErrorCode::Corrupt => ErrorKind::Broken,
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
