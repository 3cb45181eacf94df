//! Heartbeat and LeaveGroup.

use gracchus_base::ErrorCode;

use super::classic::Group;
use super::effects::Token;
use super::groups::Groups;
use super::reply::{LeaveReply, LeaveResult, Reply};
use super::request::{Heartbeat, LeaveGroup, LeaveMember};
use super::state::GroupState;
use super::step::Step;

/// Handles a Heartbeat.
pub(super) fn heartbeat(groups: &mut Groups, step: &mut Step, token: Token, beat: &Heartbeat) {
    let error = if beat.group.as_str().is_empty() {
        ErrorCode::InvalidGroupId
    } else {
        let group = groups.existing(&beat.group);
        group.map_or(ErrorCode::UnknownMemberId, |group| group.heartbeat(step, beat))
    };
    step.reply(token, Reply::Heartbeat(error));
}

/// Handles a LeaveGroup. If it empties the group, the answer waits until that is stored.
pub(super) fn leave(groups: &mut Groups, step: &mut Step, token: Token, leave: &LeaveGroup) {
    if leave.group.as_str().is_empty() {
        let reply = LeaveReply { error: ErrorCode::InvalidGroupId, members: Vec::new() };
        return step.reply(token, Reply::Leave(reply));
    }
    let members = match groups.existing(&leave.group) {
        Some(group) => group.leave(step, &leave.members),
        None => leave.members.iter().map(|member| result(member, ErrorCode::UnknownMemberId)).collect(),
    };
    step.reply_when_appended(token, Reply::Leave(LeaveReply { error: ErrorCode::None, members }));
    groups.settle(&leave.group, step);
}

fn result(member: &LeaveMember, error: ErrorCode) -> LeaveResult {
    let (member_id, group_instance_id) = (member.member_id.clone(), member.group_instance_id.clone());
    LeaveResult { member_id, group_instance_id, error }
}

impl Group {
    fn heartbeat(&self, step: &mut Step, beat: &Heartbeat) -> ErrorCode {
        if let Err(error) = self.validate_member(&beat.member_id, beat.group_instance_id.as_deref()) {
            return error;
        }
        if beat.generation != self.generation {
            return ErrorCode::IllegalGeneration;
        }
        match self.state {
            GroupState::Empty | GroupState::Dead => ErrorCode::UnknownMemberId,
            GroupState::PreparingRebalance => {
                self.renew_session(step, &beat.member_id);
                ErrorCode::RebalanceInProgress
            }
            // Clients send heartbeats from their JoinGroup answer on.
            GroupState::CompletingRebalance | GroupState::Stable => {
                self.renew_session(step, &beat.member_id);
                ErrorCode::None
            }
        }
    }

    fn leave(&mut self, step: &mut Step, leaving: &[LeaveMember]) -> Vec<LeaveResult> {
        let mut left = Vec::new();
        let results = leaving
            .iter()
            .map(|member| {
                let error = self.leave_one(step, member).err().unwrap_or(ErrorCode::None);
                if error.is_ok() {
                    left.push(member.member_id.as_str());
                }
                result(member, error)
            })
            .collect();
        if !left.is_empty() && self.state != GroupState::Empty {
            self.rebalance_or_complete(step, || {
                format!("explicit LeaveGroup request for ({}) members", left.join(", "))
            });
        }
        results
    }

    fn leave_one(&mut self, step: &mut Step, member: &LeaveMember) -> Result<(), ErrorCode> {
        let instance = member.group_instance_id.as_deref();
        let member_id = if member.member_id.is_empty() {
            // An administrator removes whoever has the instance id (KIP-345).
            let known = instance.and_then(|instance| self.static_members.get(instance));
            known.cloned().ok_or(ErrorCode::UnknownMemberId)?
        } else {
            if !self.pending_joins.contains(&member.member_id) {
                self.validate_member(&member.member_id, instance)?;
            }
            member.member_id.clone()
        };
        self.remove(step, &member_id);
        Ok(())
    }
}
