//! Everything that clients were told, over all lives; and what was found to contradict it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Tally;
use super::clock::SimClock;

/// Events that are kept to be shown.
const EVENTS_MAX: usize = 60;

/// What clients were told. Shared by all of them.
pub(super) struct History {
    told: Mutex<Told>,
    clock: SimClock,
}

#[derive(Default)]
pub(super) struct Told {
    /// The value that stands at an offset of a partition, as an acknowledgement or a reader has told.
    pub values: BTreeMap<(i32, i64), String>,
    /// The end of each partition as readers were told.
    pub ends: BTreeMap<i32, i64>,
    /// Of each producer how many of its records were acknowledged, and how many were sent.
    pub producers: BTreeMap<usize, Sent>,
    /// Of each group and partition the largest offset whose commit was acknowledged, and the largest that was sent.
    pub commits: BTreeMap<(String, i32), Sent>,
    /// Who owns a partition in a generation of a group.
    pub owners: BTreeMap<(String, i32, i32), String>,
    /// Topics whose making was acknowledged, and those whose deletion was asked for since.
    pub topics: BTreeSet<String>,
    pub maybe_gone: BTreeSet<String>,
    /// Topics whose deletion was acknowledged.
    pub gone: BTreeSet<String>,
    pub commits_acknowledged: u64,
    violation: Option<String>,
    events: VecDeque<String>,
    trace: DefaultHasher,
}

/// How much of something was acknowledged, and how much was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub acknowledged: i64,
    pub asked: i64,
}

impl Default for Sent {
    fn default() -> Self {
        Self { acknowledged: -1, asked: -1 }
    }
}

impl History {
    pub(super) fn new(clock: SimClock) -> Arc<Self> {
        Arc::new(Self { told: Mutex::default(), clock })
    }

    pub(super) fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what a client saw.
    pub(super) fn saw(&self, event: impl FnOnce() -> String) {
        let event = format!("{:>8} {}", self.clock.now_ms(), event());
        let mut told = self.told();
        told.trace.write(event.as_bytes());
        told.events.push_back(event);
        if told.events.len() > EVENTS_MAX {
            told.events.pop_front();
        }
    }

    /// The time of day.
    pub(super) fn now(&self) -> gracchus_base::Timestamp {
        self.clock.handle().now()
    }

    /// Something does not hold. The first of them is reported.
    pub(super) fn violated(&self, violation: String) {
        self.saw(|| format!("VIOLATION {violation}"));
        self.told().violation.get_or_insert(violation);
    }

    pub(super) fn check(&self, holds: bool, violation: impl FnOnce() -> String) {
        if !holds {
            self.violated(violation());
        }
    }

    pub(super) fn violation(&self) -> Option<String> {
        self.told().violation.clone()
    }

    pub(super) fn last_events(&self) -> Vec<String> {
        self.told().events.iter().cloned().collect()
    }

    /// A value was told of at an offset: always the same one.
    pub(super) fn value_at(&self, partition: i32, offset: i64, value: &str) {
        let known = self.told().values.entry((partition, offset)).or_insert_with(|| value.to_owned()).clone();
        self.check(known == value, || {
            format!("partition {partition} has {value} at offset {offset}, where {known} was told of")
        });
    }

    pub(super) fn add_to(&self, tally: &mut Tally) {
        let told = self.told();
        let generations: BTreeSet<_> = told.owners.keys().map(|(group, at, _)| (group, at)).collect();
        tally.records = told.producers.values().map(|sent| (sent.acknowledged + 1).unsigned_abs()).sum();
        tally.commits = told.commits_acknowledged;
        tally.generations = generations.len() as u64;
        tally.trace = told.trace.finish();
    }
}
