//! A question for the stream thread, about what is not committed yet.

use super::scope::{Missing, Scope};
use crate::query::{Found, QueryError, Question};
use std::sync::mpsc::Sender;

/// The question, and where the answer goes.
#[derive(Debug)]
pub(crate) struct Inquiry {
    pub(crate) question: Question,
    pub(crate) scope: Scope,
    pub(crate) reply: Sender<Reply>,
}

/// The rows, or which of them are not here.
pub(crate) type Reply = Result<Result<Vec<Found>, QueryError>, Missing>;
