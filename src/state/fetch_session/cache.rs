//! [`FetchSessionCache`]: which sessions exist, and who must go when there are too many.

use std::collections::{BTreeMap, BTreeSet};

use gracchus_base::{ErrorCode, Monotonic};

use super::FetchSessionId;

/// Bounds of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchSessionLimits {
    /// `max.incremental.fetch.session.cache.slots`; 0: no sessions.
    pub sessions_max: usize,
    /// Partitions over all sessions.
    pub partitions_max: usize,
    /// A session may be evicted when it was not used for longer than this, or, by a larger one, when it is older.
    pub eviction_ms: i64,
}

/// The sessions' sizes and ages. An idle or smaller session makes room for a new one by Kafka's rule: see
/// [`FetchSessionCache::create`].
#[derive(Clone, Debug)]
pub struct FetchSessionCache {
    limits: FetchSessionLimits,
    sessions: BTreeMap<FetchSessionId, Session>,
    by_last_use: BTreeSet<(Monotonic, FetchSessionId)>,
    /// Smallest first; others' consumers may take their place.
    evictable_by_all: BTreeSet<Value>,
    /// Smallest first; only followers may take their place. Holds those of `evictable_by_all` too.
    evictable_by_privileged: BTreeSet<Value>,
    partitions: usize,
    evictions: u64,
    slots_hit: u64,
    partitions_hit: u64,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    privileged: bool,
    size: usize,
    created: Monotonic,
    last_used: Monotonic,
}

/// What a session is worth: followers before consumers, then by partitions.
type Value = (bool, usize, FetchSessionId);

/// What became of a request for a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreatedSession {
    /// `None`: no room; the answer has session id 0, which is legal (TRAPS 28).
    pub id: Option<FetchSessionId>,
    /// These made room and must be taken out of the map.
    pub evicted: Vec<FetchSessionId>,
}

/// For metrics; the names are Kafka's `FetchSessionCache` ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetchSessionCounters {
    /// `NumIncrementalFetchSessions`
    pub sessions: usize,
    /// `NumIncrementalFetchPartitionsCached`
    pub partitions: usize,
    /// `IncrementalFetchSessionEvictionsPerSec`, counted since the start.
    pub evictions: u64,
    /// How often there was no free slot, since the start.
    pub slots_hit: u64,
    /// How often there were too many partitions, since the start.
    pub partitions_hit: u64,
}

impl FetchSessionCache {
    /// A cache without sessions.
    pub const fn new(limits: FetchSessionLimits) -> Self {
        Self {
            limits,
            sessions: BTreeMap::new(),
            by_last_use: BTreeSet::new(),
            evictable_by_all: BTreeSet::new(),
            evictable_by_privileged: BTreeSet::new(),
            partitions: 0,
            evictions: 0,
            slots_hit: 0,
            partitions_hit: 0,
        }
    }

    /// A place for a new session of `size` partitions, `privileged` if a follower asks. When all places are taken, one
    /// goes that was idle for longer than `eviction_ms`; else the least valuable, if it is older than that (or a
    /// consumer's, when a follower asks) and worth less. When there are too many partitions, only idle ones go.
    pub fn create(
        &mut self,
        size: usize,
        privileged: bool,
        now: Monotonic,
        mut random: impl FnMut() -> u64,
    ) -> CreatedSession {
        let mut created = CreatedSession::default();
        if self.limits.sessions_max == 0 {
            return created;
        }
        self.partitions_hit += u64::from(self.partitions + size > self.limits.partitions_max);
        if size > self.limits.partitions_max {
            return created;
        }
        while self.partitions + size > self.limits.partitions_max {
            let Some(idle) = self.idle(now) else {
                return created;
            };
            self.evict(idle, &mut created.evicted);
        }
        if self.sessions.len() >= self.limits.sessions_max {
            self.slots_hit += 1;
            let Some(victim) = self.idle(now).or_else(|| self.worth_less(size, privileged)) else {
                return created;
            };
            self.evict(victim, &mut created.evicted);
        }
        let id = self.unused_id(&mut random);
        self.insert(id, Session { privileged, size, created: now, last_used: now }, now);
        created.id = Some(id);
        created
    }

    /// Notes that a session was used and holds `size` partitions now.
    ///
    /// # Errors
    /// FETCH_SESSION_ID_NOT_FOUND: it was evicted meanwhile, or grew past the bound and is gone now. Take it out of the
    /// map.
    pub fn touch(&mut self, id: FetchSessionId, size: usize, now: Monotonic) -> Result<(), ErrorCode> {
        let session = self.take(id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
        if self.partitions + size > self.limits.partitions_max {
            self.evictions += 1;
            self.partitions_hit += 1;
            return Err(ErrorCode::FetchSessionIdNotFound);
        }
        self.insert(id, Session { size, last_used: now, ..session }, now);
        Ok(())
    }

    /// Forgets a session that was closed. Answers whether it was there.
    pub fn remove(&mut self, id: FetchSessionId) -> bool {
        self.take(id).is_some()
    }

    /// How much is in the cache.
    pub fn counters(&self) -> FetchSessionCounters {
        let sessions = self.sessions.len();
        FetchSessionCounters {
            sessions,
            partitions: self.partitions,
            evictions: self.evictions,
            slots_hit: self.slots_hit,
            partitions_hit: self.partitions_hit,
        }
    }

    /// The session that was used least recently, if that is long ago.
    fn idle(&self, now: Monotonic) -> Option<FetchSessionId> {
        let (last_used, id) = self.by_last_use.first()?;
        (now.since_ms(*last_used) > self.limits.eviction_ms).then_some(*id)
    }

    /// The least valuable session, if a new one is worth more; an equal one is not.
    fn worth_less(&self, size: usize, privileged: bool) -> Option<FetchSessionId> {
        let evictable = if privileged { &self.evictable_by_privileged } else { &self.evictable_by_all };
        let least = evictable.first()?;
        ((privileged, size, FetchSessionId::NONE) > *least).then_some(least.2)
    }

    fn evict(&mut self, id: FetchSessionId, evicted: &mut Vec<FetchSessionId>) {
        self.take(id);
        self.evictions += 1;
        evicted.push(id);
    }

    fn unused_id(&self, random: &mut impl FnMut() -> u64) -> FetchSessionId {
        loop {
            let id = FetchSessionId((random() >> 33) as i32);
            if id != FetchSessionId::NONE && !self.sessions.contains_key(&id) {
                return id;
            }
        }
    }

    fn insert(&mut self, id: FetchSessionId, session: Session, now: Monotonic) {
        let value = (session.privileged, session.size, id);
        let is_old = now.since_ms(session.created) > self.limits.eviction_ms;
        if is_old || !session.privileged {
            self.evictable_by_privileged.insert(value);
        }
        if is_old {
            self.evictable_by_all.insert(value);
        }
        self.by_last_use.insert((session.last_used, id));
        self.partitions += session.size;
        self.sessions.insert(id, session);
    }

    fn take(&mut self, id: FetchSessionId) -> Option<Session> {
        let session = self.sessions.remove(&id)?;
        let value = (session.privileged, session.size, id);
        self.evictable_by_privileged.remove(&value);
        self.evictable_by_all.remove(&value);
        self.by_last_use.remove(&(session.last_used, id));
        self.partitions -= session.size;
        Some(session)
    }
}
