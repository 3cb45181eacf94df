//! Fetch sessions as many connections share them: a concurrent map of sessions, and the cache that decides who stays.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dashmap::DashMap;
use gracchus_base::{Clock, Entropy, ErrorCode, TopicId, TopicName};
use gracchus_state::fetch_session::{
    Begun, FetchPlan, FetchSession, FetchSessionCache, FetchSessionId, FetchSessionLimits, IncrementalFetch,
    PartitionAnswer, PlannedRead, Slot,
};

use crate::memory::Usage;
use crate::waiters::Poll;

/// All sessions of this broker; bounded by [`FetchSessionLimits`].
#[derive(Debug)]
pub struct FetchSessions {
    sessions: DashMap<FetchSessionId, Live>,
    cache: Mutex<FetchSessionCache>,
    limits: FetchSessionLimits,
    clock: Clock,
    entropy: Entropy,
}

/// A session, and what its sleeping partitions wake.
#[derive(Debug)]
struct Live {
    session: FetchSession,
    poll: Arc<Poll>,
}

impl Live {
    /// Wakes what has changed.
    fn take_changed(&mut self) {
        self.session.changed(self.poll.take_changed());
    }
}

impl FetchSessions {
    /// No sessions yet.
    pub fn new(limits: FetchSessionLimits, clock: Clock, entropy: Entropy) -> Self {
        let cache = Mutex::new(FetchSessionCache::new(limits));
        Self { sessions: DashMap::new(), cache, limits, clock, entropy }
    }

    /// The sessions, and the partitions in all of them.
    pub fn usage(&self) -> (Usage, Usage) {
        let counters = self.cache().counters();
        let usage = |held: usize, max: usize, hits| Usage { held: held as u64, max: max as u64, hits };
        (
            usage(counters.sessions, self.limits.sessions_max, counters.slots_hit),
            usage(counters.partitions, self.limits.partitions_max, counters.partitions_hit),
        )
    }

    /// Ends a session, if it is there.
    pub fn close(&self, id: FetchSessionId) {
        self.cache().remove(id);
        self.sessions.remove(&id);
    }

    /// Takes in an incremental request and says what to read, and with which poll to watch it.
    ///
    /// # Errors
    /// The code that is answered alone.
    pub fn begin(
        &self,
        id: FetchSessionId,
        request: &IncrementalFetch<'_>,
        resolve: impl Fn(TopicId) -> Option<TopicName>,
    ) -> Result<(Begun, Arc<Poll>), ErrorCode> {
        let (begun, size, poll) = {
            let mut live = self.sessions.get_mut(&id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
            live.take_changed();
            (live.session.begin(request, resolve), live.session.len(), live.poll.clone())
        };
        match begun {
            Ok(Begun::Read(plan)) => match self.cache().touch(id, size, self.clock.monotonic()) {
                Ok(()) => Ok((Begun::Read(plan), poll)),
                Err(error) => {
                    self.sessions.remove(&id);
                    Err(error)
                }
            },
            Ok(Begun::Emptied) => {
                self.close(id);
                Ok((Begun::Emptied, poll))
            }
            Err(error) => {
                if error.ends_session() {
                    self.close(id);
                }
                Err(error.code())
            }
        }
    }

    /// What to read after the poll of a request was woken.
    ///
    /// # Errors
    /// As [`FetchSessions::finish`].
    pub fn read_on(
        &self,
        id: FetchSessionId,
        epoch: i32,
        resolve: impl Fn(TopicId) -> Option<TopicName>,
    ) -> Result<FetchPlan, ErrorCode> {
        let mut live = self.sessions.get_mut(&id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
        live.take_changed();
        live.session.read_on(epoch, resolve).map_err(|error| error.code())
    }

    /// Says which answers to an incremental request the client is to be told.
    ///
    /// # Errors
    /// The code that is answered alone: another request of the session came meanwhile, or it was evicted.
    pub fn finish(
        &self,
        id: FetchSessionId,
        epoch: i32,
        answers: &[(Slot, PartitionAnswer)],
    ) -> Result<Vec<bool>, ErrorCode> {
        let mut live = self.sessions.get_mut(&id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
        live.session.finish(epoch, answers).map_err(|error| error.code())
    }

    /// Makes a session of a full request, if there is room; [`FetchSessionId::NONE`] otherwise (TRAPS 28).
    pub fn create(
        &self,
        uses_topic_ids: bool,
        plan: &[PlannedRead],
        answers: &[(Slot, PartitionAnswer)],
    ) -> FetchSessionId {
        let now = self.clock.monotonic();
        let created = self.cache().create(answers.len(), false, now, || self.entropy.next_u64());
        for evicted in created.evicted {
            self.sessions.remove(&evicted);
        }
        let Some(id) = created.id else { return FetchSessionId::NONE };
        let session = FetchSession::create(id, uses_topic_ids, plan, answers);
        self.sessions.insert(id, Live { session, poll: Poll::new() });
        id
    }

    fn cache(&self) -> MutexGuard<'_, FetchSessionCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
