//! Fetch sessions as many connections share them: a concurrent map of sessions, and the cache that decides who stays.

use std::sync::{Mutex, MutexGuard, PoisonError};

use dashmap::DashMap;
use gracchus_base::{Clock, Entropy, ErrorCode, TopicId, TopicName};
use gracchus_state::fetch_session::{
    Begun, FetchSession, FetchSessionCache, FetchSessionId, FetchSessionLimits, IncrementalFetch,
    PartitionAnswer, PlannedRead, Slot,
};

/// All sessions of this broker; bounded by [`FetchSessionLimits`].
#[derive(Debug)]
pub struct FetchSessions {
    sessions: DashMap<FetchSessionId, FetchSession>,
    cache: Mutex<FetchSessionCache>,
    clock: Clock,
    entropy: Entropy,
}

impl FetchSessions {
    /// No sessions yet.
    pub fn new(limits: FetchSessionLimits, clock: Clock, entropy: Entropy) -> Self {
        Self { sessions: DashMap::new(), cache: Mutex::new(FetchSessionCache::new(limits)), clock, entropy }
    }

    /// Ends a session, if it is there.
    pub fn close(&self, id: FetchSessionId) {
        self.cache().remove(id);
        self.sessions.remove(&id);
    }

    /// Takes in an incremental request and says what to read.
    ///
    /// # Errors
    /// The code that is answered alone.
    pub fn begin(
        &self,
        id: FetchSessionId,
        request: &IncrementalFetch<'_>,
        resolve: impl Fn(TopicId) -> Option<TopicName>,
    ) -> Result<Begun, ErrorCode> {
        let (begun, size) = {
            let mut session = self.sessions.get_mut(&id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
            (session.begin(request, resolve), session.len())
        };
        match begun {
            Ok(Begun::Read(plan)) => match self.cache().touch(id, size, self.clock.monotonic()) {
                Ok(()) => Ok(Begun::Read(plan)),
                Err(error) => {
                    self.sessions.remove(&id);
                    Err(error)
                }
            },
            Ok(Begun::Emptied) => {
                self.close(id);
                Ok(Begun::Emptied)
            }
            Err(error) => {
                if error.ends_session() {
                    self.close(id);
                }
                Err(error.code())
            }
        }
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
        let mut session = self.sessions.get_mut(&id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
        session.finish(epoch, answers).map_err(|error| error.code())
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
        self.sessions.insert(id, FetchSession::create(id, uses_topic_ids, plan, answers));
        id
    }

    fn cache(&self) -> MutexGuard<'_, FetchSessionCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
