//! What groups may take over all coordinators, and what they take.

use std::sync::Arc;

use gracchus_state::group::{Event, GroupConfig, Held};

use crate::memory::{Gauge, Holding};

/// The limits of groups; clones share the counters.
#[derive(Clone, Debug)]
pub struct GroupBounds {
    /// Of one coordinator.
    pub config: GroupConfig,
    /// Over all of them (`max.groups`).
    pub groups: Arc<Gauge>,
    /// Over all of them (`max.group.state.bytes`).
    pub bytes: Arc<Gauge>,
}

/// What one coordinator holds.
#[derive(Debug)]
pub(super) struct GroupsHeld {
    groups: Holding,
    bytes: Holding,
}

impl GroupBounds {
    /// The limits of a coordinator that holds `held`: its own, or what the others leave. They add to their state at the
    /// same time, so that together they may go over by one request of each worker.
    pub(super) fn limits(&self, held: Held) -> Held {
        let left = |gauge: &Gauge, own: usize| own.saturating_add(gauge.max().saturating_sub(gauge.held()));
        Held {
            groups: self.config.groups_max.min(left(&self.groups, held.groups)),
            bytes: self.config.bytes_max.min(left(&self.bytes, held.bytes)),
        }
    }

    /// Counts a refusal.
    pub(super) fn note(&self, event: &Event) {
        match event {
            Event::NoRoom { too_many_groups: true, .. } => self.groups.hit(1),
            Event::NoRoom { too_many_groups: false, .. } => self.bytes.hit(1),
            _ => {}
        }
    }

    /// What a new coordinator holds.
    pub(super) fn nothing(&self) -> GroupsHeld {
        GroupsHeld { groups: Holding::new(self.groups.clone()), bytes: Holding::new(self.bytes.clone()) }
    }
}

impl GroupsHeld {
    pub(super) fn set(&mut self, held: Held) {
        self.groups.set(held.groups);
        self.bytes.set(held.bytes);
    }
}
