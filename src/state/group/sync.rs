//! SyncGroup: the leader hands in the assignment, everybody is given their own.

use std::collections::HashMap;

use gracchus_base::{ErrorCode, GroupId};

use super::classic::Group;
use super::effects::{AppendToken, Token};
use super::groups::Groups;
use super::in_flight::{After, Appended};
use super::reply::{Reply, SyncReply};
use super::request::SyncGroup;
use super::state::GroupState;
use super::step::Step;
use super::timers::TimerKind;

/// Handles a SyncGroup.
pub(super) fn sync(groups: &mut Groups, step: &mut Step, token: Token, sync: SyncGroup) {
    let id = sync.group.clone();
    if id.as_str().is_empty() {
        return refuse(step, token, ErrorCode::InvalidGroupId);
    }
    match groups.existing(&id).filter(|group| group.state != GroupState::Empty) {
        None => refuse(step, token, ErrorCode::UnknownMemberId),
        Some(group) => {
            group.sync(step, token, sync);
            groups.settle(&id, step);
        }
    }
}

/// The append of a leader's assignment is settled. It counts only if the group still waits for it: another member may
/// have come or gone since.
pub(super) fn assignment_appended(
    groups: &mut Groups,
    step: &mut Step,
    append: AppendToken,
    (id, mut assignments): (GroupId, HashMap<String, Vec<u8>>),
    result: Appended,
) {
    let waiting = |group: &&mut Group| group.assigning == Some(append);
    if let Some(group) = groups.existing(&id).filter(waiting) {
        group.assigning = None;
        match result {
            Ok(()) => {
                group.set_assignments(|member_id| assignments.remove(member_id).unwrap_or_default());
                group.answer_syncs(step, ErrorCode::None);
                group.transition(GroupState::Stable, step.wall);
            }
            Err(error) => {
                group.answer_syncs(step, error);
                let reason = format!("error {} when storing the group's assignment", error.name());
                group.prepare_rebalance(step, reason);
            }
        }
    }
    groups.settle(&id, step);
}

fn refuse(step: &mut Step, token: Token, error: ErrorCode) {
    step.reply(token, Reply::Sync(SyncReply::failed(error)));
}

impl Group {
    fn sync(&mut self, step: &mut Step, token: Token, sync: SyncGroup) {
        if let Err(error) = self.check_sync(&sync) {
            return refuse(step, token, error);
        }
        match self.state {
            GroupState::CompletingRebalance => {
                self.await_sync(step, &sync.member_id, token);
                self.synced(step, &sync.member_id);
                // A leader that asks twice does not assign twice.
                if self.is_leader(&sync.member_id) && self.assigning.is_none() {
                    self.store_assignment(step, sync.assignments);
                }
            }
            GroupState::Stable => {
                self.synced(step, &sync.member_id);
                let assignment = self.members.get(&sync.member_id).map(|m| m.assignment.clone());
                let reply = SyncReply {
                    error: ErrorCode::None,
                    protocol_type: self.protocol_type.clone(),
                    protocol_name: self.protocol.clone(),
                    assignment: assignment.unwrap_or_default(),
                };
                step.reply(token, Reply::Sync(reply));
            }
            _ => refuse(step, token, ErrorCode::RebalanceInProgress),
        }
    }

    fn check_sync(&self, sync: &SyncGroup) -> Result<(), ErrorCode> {
        self.validate_member(&sync.member_id, sync.group_instance_id.as_deref())?;
        if sync.generation != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        let differs = |asked: &Option<String>, ours: &Option<String>| asked.is_some() && asked != ours;
        let inconsistent =
            differs(&sync.protocol_type, &self.protocol_type) || differs(&sync.protocol_name, &self.protocol);
        if inconsistent { Err(ErrorCode::InconsistentGroupProtocol) } else { Ok(()) }
    }

    /// The member asked for its assignment; when all have, nobody is to be thrown out for silence any more.
    fn synced(&mut self, step: &mut Step, member_id: &str) {
        self.pending_syncs.remove(member_id);
        if self.pending_syncs.is_empty() {
            step.cancel(&self.id, TimerKind::Sync);
        }
    }

    /// Writes the leader's assignment; the group is stable only when that is settled.
    fn store_assignment(&mut self, step: &mut Step, assignments: Vec<(String, Vec<u8>)>) {
        let mut assignments: HashMap<_, _> = assignments.into_iter().collect();
        assignments.retain(|member_id, _| self.members.contains_key(member_id));
        let record = self.record(|member| assignments.get(&member.id).map_or(&[], Vec::as_slice));
        self.assigning = Some(step.queue.next_token());
        step.append(vec![record], vec![After::Assigned { group: self.id.clone(), assignments }]);
    }
}
