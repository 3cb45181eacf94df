//! How the outcome of an append finds its way back: one completion per request, one ticket per partition in it.
//!
//! Each partition has its own ticket, so that one refused batch never hides another, and the request's task is woken
//! once, when the last ticket is answered.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use gracchus_base::{ErrorCode, Offset, Timestamp};
use tokio::sync::Notify;

use crate::admission::Grant;

/// A batch that was stored (or was stored before: a duplicate has the outcome of the original).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub base_offset: Offset,
    /// [`Timestamp::NONE`] unless the topic stamps records itself.
    pub log_append_time: Timestamp,
    pub log_start: Offset,
}

/// A batch that was not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub error: ErrorCode,
    pub message: Option<String>,
    /// What to tell of single records (KIP-467): index in the batch and text.
    pub records: Vec<(i32, Option<String>)>,
}

/// What became of one batch.
pub type AppendOutcome = Result<Appended, Refusal>;

impl From<ErrorCode> for Refusal {
    fn from(error: ErrorCode) -> Self {
        Self { error, message: None, records: Vec::new() }
    }
}

/// The outcomes of one request, by slot.
#[derive(Debug)]
pub struct Completion {
    outcomes: Mutex<Vec<Option<AppendOutcome>>>,
    left: AtomicUsize,
    done: Notify,
    /// The request's memory, which its batches hold until the last ticket is answered, though the client be gone.
    _grant: Arc<Grant>,
}

/// The duty to answer one slot. Dropping it unanswered answers `KAFKA_STORAGE_ERROR`: whoever held it is gone.
#[derive(Debug)]
pub struct Ticket {
    completion: Arc<Completion>,
    slot: usize,
}

impl Completion {
    /// A completion for `slots` batches, with their tickets in order.
    pub fn new(slots: usize, grant: Arc<Grant>) -> (Arc<Self>, Vec<Ticket>) {
        let outcomes = Mutex::new(vec![None; slots]);
        let left = AtomicUsize::new(slots);
        let completion = Arc::new(Self { outcomes, left, done: Notify::new(), _grant: grant });
        let tickets = (0..slots).map(|slot| Ticket { completion: completion.clone(), slot }).collect();
        (completion, tickets)
    }

    /// Waits until every slot is answered.
    pub async fn finished(&self) {
        while self.left.load(Ordering::Acquire) > 0 {
            self.done.notified().await;
        }
    }

    /// Takes what was answered so far; `None` where the answer is still due.
    pub fn take(&self) -> Vec<Option<AppendOutcome>> {
        std::mem::take(&mut *self.lock())
    }

    fn answer(&self, slot: usize, outcome: AppendOutcome) {
        // Gone if the request gave up waiting and took what there was.
        if let Some(place) = self.lock().get_mut(slot) {
            *place = Some(outcome);
        }
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.done.notify_one();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Option<AppendOutcome>>> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Answers the slot.
    pub fn answer(mut self, outcome: AppendOutcome) {
        let slot = std::mem::replace(&mut self.slot, ANSWERED);
        self.completion.answer(slot, outcome);
    }
}

/// The slot of a ticket that was answered.
const ANSWERED: usize = usize::MAX;

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.slot != ANSWERED {
            self.completion.answer(self.slot, Err(ErrorCode::KafkaStorageError.into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_completion_ends_with_its_last_ticket_and_keeps_each_outcome_apart() {
        let (completion, mut tickets) = Completion::new(2, Arc::default());
        let appended =
            Appended { base_offset: Offset(7), log_append_time: Timestamp::NONE, log_start: Offset(0) };
        tickets.remove(1).answer(Ok(appended));
        drop(tickets);
        completion.finished().await;
        let outcomes = completion.take();
        assert_eq!(outcomes[0], Some(Err(ErrorCode::KafkaStorageError.into())));
        assert_eq!(outcomes[1], Some(Ok(appended)));
    }

    #[tokio::test]
    async fn batches_keep_their_memory_granted_until_they_are_answered_though_the_client_is_gone() {
        let grant = Arc::new(Grant::default());
        let (completion, mut tickets) = Completion::new(2, grant.clone());
        drop((completion, tickets.pop()));
        assert_eq!(Arc::strong_count(&grant), 2);
        drop(tickets);
        assert_eq!(Arc::strong_count(&grant), 1);
    }
}
