//! [`FetchSession`]: one client's partitions, and the epoch that orders its requests.

use gracchus_base::{ErrorCode, TopicId, TopicName};

use super::partitions::{CachedPartition, SessionPartitions, Slot};
use super::{FetchSessionId, FetchTarget, PartitionAnswer, PartitionKey, TopicKey, next_epoch};

/// One session. The time of its last use and its size stand in the cache as well.
#[derive(Clone, Debug)]
pub struct FetchSession {
    id: FetchSessionId,
    uses_topic_ids: bool,
    /// The epoch that the next request must carry.
    epoch: i32,
    /// The isolation of the last request: at the end for one may not be at the end for the other.
    reads_committed: bool,
    partitions: SessionPartitions,
}

/// What an incremental request says.
#[derive(Clone, Copy, Debug)]
pub struct IncrementalFetch<'a> {
    pub epoch: i32,
    /// Version 13 and later.
    pub uses_topic_ids: bool,
    /// Only committed records are to be read.
    pub reads_committed: bool,
    pub targets: &'a [FetchTarget],
    pub forgotten: &'a [PartitionKey],
    /// The session may hold so many partitions.
    pub partitions_max: usize,
}

/// What follows from an incremental request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    Read(FetchPlan),
    /// No partition is left: take the session out of map and cache, and answer `targets` as without a session.
    Emptied,
}

/// What to read for one request of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchPlan {
    /// To be handed to [`FetchSession::finish`].
    pub epoch: i32,
    /// The partitions that are awake, in reading order.
    pub reads: Vec<PlannedRead>,
    /// There are others, which sleep.
    pub has_sleepers: bool,
}

/// One partition to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRead {
    pub slot: Slot,
    pub target: FetchTarget,
    /// The driver watches it since an earlier request.
    pub is_watched: bool,
}

/// Why a session does not take a request. The answer has this code at its top and no partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    #[error("the session expects epoch {expected}, the request has {got}")]
    Epoch { got: i32, expected: i32 },
    #[error("the session and the request do not both name topics by id")]
    TopicIds,
    #[error("the session would hold more than {0} partitions")]
    TooManyPartitions(usize),
}

impl SessionError {
    /// The code for the client. A session that grew too large is declared unknown: the client then fetches in full,
    /// and gets no session.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Epoch { .. } => ErrorCode::InvalidFetchSessionEpoch,
            Self::TopicIds => ErrorCode::FetchSessionTopicIdError,
            Self::TooManyPartitions(_) => ErrorCode::FetchSessionIdNotFound,
        }
    }

    /// Whether the session must be taken out of map and cache.
    pub const fn ends_session(&self) -> bool {
        matches!(self, Self::TooManyPartitions(_))
    }
}

impl FetchSession {
    /// A session of the partitions of a full request, in the order of the answers; `plan` is the request's, each slot
    /// has one answer.
    pub fn create(
        id: FetchSessionId,
        uses_topic_ids: bool,
        plan: &[PlannedRead],
        answers: &[(Slot, PartitionAnswer)],
    ) -> Self {
        let mut partitions = SessionPartitions::default();
        for (slot, answer) in answers {
            let Ok(at) = plan.binary_search_by_key(slot, |read| read.slot) else {
                continue;
            };
            let mut partition = CachedPartition::new(plan[at].target.clone());
            partition.told(answer);
            partitions.push(partition);
        }
        // The first request of the session says what it is; all partitions are awake until then.
        Self { id, uses_topic_ids, epoch: next_epoch(0), reads_committed: false, partitions }
    }

    /// The session's id.
    pub const fn id(&self) -> FetchSessionId {
        self.id
    }

    /// How many partitions it holds.
    pub fn len(&self) -> usize {
        self.partitions.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes in an incremental request and says what to read. `resolve` names the topic of an id; it is asked only for
    /// partitions that have no name yet.
    ///
    /// # Errors
    /// The request is answered with the error's code alone, and changed nothing.
    pub fn begin(
        &mut self,
        request: &IncrementalFetch<'_>,
        resolve: impl Fn(TopicId) -> Option<TopicName>,
    ) -> Result<Begun, SessionError> {
        if request.epoch != self.epoch {
            return Err(SessionError::Epoch { got: request.epoch, expected: self.epoch });
        }
        if request.uses_topic_ids != self.uses_topic_ids {
            return Err(SessionError::TopicIds);
        }
        // Counted before anything changes; partitions named twice count twice.
        let added = request.targets.iter().filter(|t| !self.partitions.contains(&t.key)).count();
        if self.len() + added > request.partitions_max {
            return Err(SessionError::TooManyPartitions(request.partitions_max));
        }
        request.targets.iter().for_each(|target| self.partitions.ask(target));
        request.forgotten.iter().for_each(|key| self.partitions.forget(key));
        if self.is_empty() {
            return Ok(Begun::Emptied);
        }
        if self.reads_committed != request.reads_committed {
            self.reads_committed = request.reads_committed;
            self.partitions.wake_all();
        }
        self.epoch = next_epoch(self.epoch);
        Ok(Begun::Read(self.plan(resolve)))
    }

    /// Watched partitions have changed, and are not watched any more. Slots that are not known any more are passed over.
    pub fn changed(&mut self, slots: impl IntoIterator<Item = Slot>) {
        slots.into_iter().for_each(|slot| self.partitions.changed(slot));
    }

    /// What is to be read now for the request that began with `epoch`: others may have woken since.
    ///
    /// # Errors
    /// As [`FetchSession::finish`].
    pub fn read_on(
        &mut self,
        epoch: i32,
        resolve: impl Fn(TopicId) -> Option<TopicName>,
    ) -> Result<FetchPlan, SessionError> {
        self.check_current(epoch)?;
        Ok(self.plan(resolve))
    }

    fn check_current(&self, epoch: i32) -> Result<(), SessionError> {
        if self.is_current(epoch) {
            return Ok(());
        }
        Err(SessionError::Epoch { got: epoch, expected: self.epoch })
    }

    fn plan(&mut self, resolve: impl Fn(TopicId) -> Option<TopicName>) -> FetchPlan {
        let planned = |(slot, partition): (Slot, &mut CachedPartition)| {
            let target = &mut partition.target;
            if let (None, TopicKey::Id(id)) = (&target.name, &target.key.topic) {
                target.name = resolve(*id);
            }
            PlannedRead { slot, target: target.clone(), is_watched: partition.is_watched() }
        };
        let reads = self.partitions.map_awake(planned);
        FetchPlan { epoch: self.epoch, has_sleepers: reads.len() < self.len(), reads }
    }

    /// Whether no other request came since the one that began with `epoch`.
    pub const fn is_current(&self, epoch: i32) -> bool {
        self.epoch == epoch
    }

    /// Says which of `answers` go to the client, in the order given: those that tell something new. Remembers that they
    /// did, moves partitions that got records to the end of the reading order (TRAPS 29), and lets those sleep whose
    /// answer holds until they change.
    ///
    /// # Errors
    /// Another request of this session came meanwhile: INVALID_FETCH_SESSION_EPOCH, with the session's id.
    pub fn finish(
        &mut self,
        epoch: i32,
        answers: &[(Slot, PartitionAnswer)],
    ) -> Result<Vec<bool>, SessionError> {
        self.check_current(epoch)?;
        Ok(answers.iter().map(|(slot, answer)| self.partitions.answer(*slot, answer)).collect())
    }
}
