//! All groups of one coordinator, and what they weigh together.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as MapEntry;

use gracchus_base::{ErrorCode, GroupId};

use super::classic::Group;
use super::describe::{Held, Usage};
use super::effects::Event;
use super::step::Step;
use super::timers::TimerKind;

/// The groups by their names.
#[derive(Debug, Default)]
pub(super) struct Groups {
    map: BTreeMap<GroupId, Entry>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    group: Group,
    /// What the group weighed when it was last settled.
    bytes: usize,
}

impl Groups {
    /// A group that may be changed: one whose deletion is decided counts as gone.
    pub(super) fn existing(&mut self, id: &GroupId) -> Option<&mut Group> {
        self.map.get_mut(id).map(|entry| &mut entry.group).filter(|group| group.deleting.is_none())
    }

    /// A group as it is in memory, also while its deletion is in flight.
    pub(super) fn get_mut(&mut self, id: &GroupId) -> Option<&mut Group> {
        self.map.get_mut(id).map(|entry| &mut entry.group)
    }

    /// A group that others may see: the log has it.
    pub(super) fn stored(&self, id: &GroupId) -> Option<&Group> {
        self.map.get(id).map(|entry| &entry.group).filter(|group| group.stored)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Group> {
        self.map.values().map(|entry| &entry.group)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Group> {
        self.map.values_mut().map(|entry| &mut entry.group)
    }

    /// Makes a new empty group. One whose deletion is in flight starts over: its offsets stay until that is settled, and
    /// it is no longer what the deletion will take away.
    pub(super) fn create(&mut self, id: &GroupId, step: &mut Step) {
        let mut fresh = Group::new(id.clone(), step.wall);
        match self.map.entry(id.clone()) {
            MapEntry::Vacant(vacant) => {
                vacant.insert(Entry { group: fresh, bytes: 0 });
            }
            MapEntry::Occupied(mut occupied) => {
                let old = &mut occupied.get_mut().group;
                debug_assert!(
                    old.deleting.is_some() && old.members.is_empty(),
                    "only a deleted group starts over"
                );
                for member_id in &old.pending_joins {
                    step.cancel(id, TimerKind::Session(member_id.clone()));
                }
                fresh.stored = old.stored;
                fresh.offsets = std::mem::take(&mut old.offsets);
                *old = fresh;
            }
        }
    }

    /// Puts a group in place of what is there, keeping the offsets.
    pub(super) fn replace(&mut self, mut group: Group) {
        let id = group.id.clone();
        if let Some(old) = self.map.get_mut(&id) {
            group.offsets = std::mem::take(&mut old.group.offsets);
            old.group = group;
        } else {
            self.map.insert(id.clone(), Entry { group, bytes: 0 });
        }
        self.weigh(&id);
    }

    /// Removes a group.
    pub(super) fn remove(&mut self, id: &GroupId) {
        if let Some(entry) = self.map.remove(id) {
            self.bytes -= entry.bytes;
        }
    }

    /// Refuses what the limits leave no room for: one more group, if `id` is to be `created`, and `more` bytes.
    ///
    /// # Errors
    /// POLICY_VIOLATION.
    pub(super) fn check_room(
        &self,
        step: &mut Step,
        id: &GroupId,
        created: bool,
        more: usize,
    ) -> Result<(), ErrorCode> {
        let (groups, bytes) = (self.map.len(), self.bytes.saturating_add(more));
        let limits = Held { groups: step.config.groups_max, bytes: step.config.bytes_max };
        let too_many = created && groups >= limits.groups;
        if too_many || bytes > limits.bytes {
            step.event(Event::NoRoom { group: id.clone(), too_many_groups: too_many });
            return Err(ErrorCode::PolicyViolation);
        }
        Ok(())
    }

    /// How much is in memory; looks at nothing.
    pub(super) fn held(&self) -> Held {
        Held { groups: self.map.len(), bytes: self.bytes }
    }

    /// Ends a step that changed a group: weighs it, and drops it if nothing would be missed.
    pub(super) fn settle(&mut self, id: &GroupId, step: &Step) {
        let unused = self.map.get(id).is_some_and(|entry| entry.group.is_unused());
        if unused && !step.queue.touches(id) {
            return self.remove(id);
        }
        self.weigh(id);
    }

    pub(super) fn weigh(&mut self, id: &GroupId) {
        if let Some(entry) = self.map.get_mut(id) {
            let bytes = entry.group.bytes();
            self.bytes = self.bytes - entry.bytes + bytes;
            entry.bytes = bytes;
        }
    }

    /// Sums over all groups; looks at each of them.
    pub(super) fn usage(&self) -> Usage {
        Usage {
            groups: self.map.len(),
            members: self.iter().map(|group| group.members.len()).sum(),
            offsets: self.iter().map(|group| group.offsets.len()).sum(),
            bytes: self.bytes,
            appends_in_flight: 0,
        }
    }
}
