//! Which sends are on their way, and what is known of them.

use super::super::error::code_of;
use crate::log::kafka_ffi::{Mark, Report};
use crate::log::{Delivery, ErrorCode, LogError, Refused, Stored, Ticket, TopicPartition};
use std::collections::VecDeque;

/// Sends in the order of their tickets, each until all its records are answered.
#[derive(Default)]
pub(super) struct Book {
    /// The ticket of the first one.
    first: u64,
    sends: VecDeque<Send>,
    /// How many are not answered.
    open: usize,
}

struct Send {
    to: TopicPartition,
    unanswered: usize,
    first: i64,
    last: i64,
    /// The first record that was refused, and librdkafka's number for why.
    refused: Option<(u32, i32)>,
    /// Whether that was only because it was given up.
    given_up: bool,
}

impl Book {
    /// Opens an entry for a send of so many records.
    pub(super) fn open(&mut self, to: &TopicPartition, records: usize) -> Ticket {
        self.sends.push_back(Send { to: to.clone(), unanswered: records, first: i64::MAX, last: i64::MIN, refused: None, given_up: false });
        self.open += 1;
        Ticket(self.first + self.sends.len() as u64 - 1)
    }

    /// Whether every send is answered.
    pub(super) fn is_settled(&self) -> bool {
        self.open == 0
    }

    /// Where the record of this mark goes.
    pub(super) fn place(&self, mark: Mark) -> Option<&TopicPartition> {
        self.sends.get(self.index(mark)).map(|send| &send.to)
    }

    /// Takes note of what became of a record; a send whose last one it was goes to `answered`.
    pub(super) fn note(&mut self, report: Report, answered: &mut Vec<Delivery>) {
        let mark = report.mark();
        let index = self.index(mark);
        let send = self.sends.get_mut(index).expect("a record is answered once, and its send is here until then");
        if report.code == 0 {
            (send.first, send.last) = (send.first.min(report.offset), send.last.max(report.offset));
        } else {
            send.refuse(mark.index, report.code);
        }
        send.unanswered -= 1;
        if send.unanswered == 0 {
            self.open -= 1;
            answered.push(send.delivery(Ticket(self.first + index as u64)));
            self.forget();
        }
    }

    fn forget(&mut self) {
        while self.sends.front().is_some_and(|send| send.unanswered == 0) {
            self.sends.pop_front();
            self.first += 1;
        }
    }

    /// A mark has only the low half of a ticket; what is on its way is far less than 2^32 apart.
    fn index(&self, mark: Mark) -> usize {
        mark.ticket.wrapping_sub(self.first as u32) as usize
    }
}

impl Send {
    /// A reason says more than that a record was given up because of another one.
    fn refuse(&mut self, index: u32, code: i32) {
        let given_up = matches!(code_of(code), ErrorCode::PurgeQueue | ErrorCode::PurgeInFlight);
        let says_more = self.refused.is_none_or(|(first, _)| (given_up, index) < (self.given_up, first));
        if says_more {
            (self.refused, self.given_up) = (Some((index, code)), given_up);
        }
    }

    fn delivery(&self, ticket: Ticket) -> Delivery {
        let outcome = match self.refused {
            None => Ok(Stored { first: self.first, last: self.last }),
            Some((index, code)) => {
                let error = LogError::new(code_of(code), &self.to);
                Err(Refused { index: index as usize, error })
            }
        };
        Delivery { ticket, to: self.to.clone(), outcome }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVALID_TIMESTAMP: i32 = 32;
    const PURGED: i32 = -152;

    fn at() -> TopicPartition {
        TopicPartition::new("t", 0)
    }

    fn report(ticket: Ticket, index: u32, offset: i64, code: i32) -> Report {
        Report::new(Mark { ticket: ticket.0 as u32, index }, offset, code)
    }

    fn stored(ticket: Ticket, first: i64, last: i64) -> Delivery {
        Delivery { ticket, to: at(), outcome: Ok(Stored { first, last }) }
    }

    #[test]
    fn a_send_is_answered_with_its_last_record_and_sends_need_not_come_in_order() {
        let (mut book, mut answered) = (Book::default(), Vec::new());
        let (one, two) = (book.open(&at(), 2), book.open(&at(), 1));
        book.note(report(one, 0, 10, 0), &mut answered);
        book.note(report(two, 0, 4, 0), &mut answered);
        assert!(!book.is_settled());
        book.note(report(one, 1, 12, 0), &mut answered);
        assert!(book.is_settled() && book.sends.is_empty());
        assert_eq!(answered, [stored(two, 4, 4), stored(one, 10, 12)]);
    }

    #[test]
    fn a_refusal_names_the_first_record_that_has_a_reason() {
        let (mut book, mut answered) = (Book::default(), Vec::new());
        let one = book.open(&at(), 4);
        for (index, code) in [(3, INVALID_TIMESTAMP), (0, PURGED), (1, INVALID_TIMESTAMP), (2, PURGED)] {
            book.note(report(one, index, 7, code), &mut answered);
        }
        let refused = answered[0].outcome.clone().unwrap_err();
        assert_eq!((refused.index, refused.error.code()), (1, ErrorCode::InvalidTimestamp));
    }

    #[test]
    fn tickets_go_on_where_half_of_their_bits_wrap() {
        let mut book = Book { first: u64::from(u32::MAX), ..Book::default() };
        let mut answered = Vec::new();
        let (one, two) = (book.open(&at(), 1), book.open(&at(), 1));
        book.note(report(two, 0, 1, 0), &mut answered);
        book.note(report(one, 0, 0, 0), &mut answered);
        assert_eq!(two, Ticket(1 << 32));
        assert_eq!(answered, [stored(two, 1, 1), stored(one, 0, 0)]);
    }
}
