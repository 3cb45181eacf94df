//! Fetch sessions (KIP-227): the broker remembers what a client fetches, so that requests and answers name only what
//! changed (TRAPS 27, 28). Follows Kafka's `FetchManager`, `FetchSession` and `FetchSessionCacheShard`.
//!
//! A session is what an idle client costs: partitions in which nothing happens are neither read nor looked at. A partition
//! whose answer holds until it changes *sleeps*; the driver watches it and wakes it with [`FetchSession::changed`].
//!
//! Two parts that share nothing, so that sessions can live in a concurrent map: a [`FetchSession`] knows its partitions,
//! the [`FetchSessionCache`] only which sessions there are, how big and how old, and decides who must go. The driver:
//! 1. [`classify`]; for anything but incremental: take the session to close out of map and cache, read [`full_plan`] in
//!    order, then (not if sessionless) [`FetchSessionCache::create`], [`FetchSession::create`], answer every partition.
//! 2. Incremental: find the session (else FETCH_SESSION_ID_NOT_FOUND), [`FetchSession::begin`],
//!    [`FetchSessionCache::touch`]; read the plan in order; [`FetchSession::finish`] says what to answer.

mod cache;
mod partitions;
mod session;

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use gracchus_base::{ErrorCode, LeaderEpoch, Offset, PartitionIndex, TopicId, TopicName};

pub use cache::{CreatedSession, FetchSessionCache, FetchSessionCounters, FetchSessionLimits};
pub use partitions::Slot;
pub use session::{Begun, FetchPlan, FetchSession, IncrementalFetch, PlannedRead, SessionError};

/// `session_id` of Fetch: random and positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FetchSessionId(pub i32);

impl FetchSessionId {
    /// "No session" in requests and answers.
    pub const NONE: Self = Self(0);
}

/// What kind of Fetch request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchKind {
    /// Names all partitions and wants no session.
    Sessionless { close: Option<FetchSessionId> },
    /// Names all partitions; a session may be made of them.
    Full { close: Option<FetchSessionId> },
    /// Names what changed since the session's last request.
    Incremental { id: FetchSessionId, epoch: i32 },
}

/// Reads `session_id` and `session_epoch` (TRAPS 28): epoch 0 is a full fetch, -1 one that wants no session; either
/// closes the session it names.
pub fn classify(id: FetchSessionId, epoch: i32) -> FetchKind {
    let close = (id != FetchSessionId::NONE).then_some(id);
    match epoch {
        0 => FetchKind::Full { close },
        -1 => FetchKind::Sessionless { close },
        _ => FetchKind::Incremental { id, epoch },
    }
}

/// The epoch of the request that follows one with `epoch`: after `i32::MAX` comes 1, since 0 and -1 mean something.
pub const fn next_epoch(epoch: i32) -> i32 {
    match epoch {
        i32::MAX => 1,
        ..0 => -1,
        _ => epoch + 1,
    }
}

/// How a request names a topic: by id from version 13 on, by name before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TopicKey {
    Id(TopicId),
    Name(TopicName),
}

/// A partition as requests name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionKey {
    pub topic: TopicKey,
    pub partition: PartitionIndex,
}

/// What a client asks of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchAsk {
    pub fetch_offset: Offset,
    pub max_bytes: i32,
    /// A follower's log start; -1 from consumers.
    pub log_start_offset: Offset,
    /// [`LeaderEpoch::NONE`]: do not check.
    pub current_leader_epoch: LeaderEpoch,
    /// [`LeaderEpoch::NONE`]: do not check.
    pub last_fetched_epoch: LeaderEpoch,
}

/// One partition to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchTarget {
    pub key: PartitionKey,
    /// The topic's name when the partition was first named; `None` if its id was unknown then.
    pub name: Option<TopicName>,
    pub ask: FetchAsk,
}

impl FetchTarget {
    /// A partition that a request names by topic name.
    pub fn by_name(name: TopicName, partition: PartitionIndex, ask: FetchAsk) -> Self {
        Self { key: PartitionKey { topic: TopicKey::Name(name.clone()), partition }, name: Some(name), ask }
    }

    /// A partition that a request names by topic id; `name` is what the id resolves to now.
    pub fn by_id(id: TopicId, name: Option<TopicName>, partition: PartitionIndex, ask: FetchAsk) -> Self {
        Self { key: PartitionKey { topic: TopicKey::Id(id), partition }, name, ask }
    }

    /// The name to read from. `id_now` gives the id that a name has at this moment.
    ///
    /// # Errors
    /// UNKNOWN_TOPIC_ID: the id never resolved (TRAPS 26). UNKNOWN_TOPIC_OR_PARTITION: the topic is gone.
    /// INCONSISTENT_TOPIC_ID: it was made again since, with another id; until the client forgets it (TRAPS 27).
    pub fn check_topic(
        &self,
        id_now: impl FnOnce(&TopicName) -> Option<TopicId>,
    ) -> Result<&TopicName, ErrorCode> {
        let name = self.name.as_ref().ok_or(ErrorCode::UnknownTopicId)?;
        let id_now = id_now(name).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        match self.key.topic {
            TopicKey::Id(id) if id != id_now => Err(ErrorCode::InconsistentTopicId),
            _ => Ok(name),
        }
    }
}

/// What is to be answered for one partition, as far as sessions care. Kafka does not look at the last stable offset:
/// it moves only together with the high watermark or the log start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionAnswer {
    pub error: ErrorCode,
    /// -1 with an error.
    pub high_watermark: Offset,
    pub log_start_offset: Offset,
    pub has_records: bool,
    /// A preferred replica is named (KIP-392).
    pub has_preferred_replica: bool,
    /// A diverging epoch is named (KIP-595).
    pub is_diverging: bool,
    /// The driver watches the partition and will say when it changes ([`FetchSession::changed`]).
    pub is_watched: bool,
    /// What was asked lies at the end of what may be read. Watched as well, the partition need not be looked at again
    /// until it changes or the client asks something else.
    pub is_at_end: bool,
}

impl PartitionAnswer {
    /// Whether the same answer would be given, and would tell nothing new, until the partition changes.
    fn holds_until_changed(&self) -> bool {
        let is_plain = self.error == ErrorCode::None && !self.has_preferred_replica && !self.is_diverging;
        is_plain && !self.has_records && self.is_watched && self.is_at_end
    }
}

/// The order in which a request that names all its partitions is read. A partition named twice stands where it was
/// named first and asks what it asked last, as in Kafka's linked map.
pub fn full_plan(targets: Vec<FetchTarget>) -> Vec<PlannedRead> {
    let mut places: HashMap<PartitionKey, usize> = HashMap::with_capacity(targets.len());
    let mut plan: Vec<PlannedRead> = Vec::with_capacity(targets.len());
    for target in targets {
        match places.get(&target.key) {
            Some(&at) => plan[at].target = target,
            None => {
                places.insert(target.key.clone(), plan.len());
                plan.push(PlannedRead { slot: Slot(plan.len() as u64), target, is_watched: false });
            }
        }
    }
    plan
}
