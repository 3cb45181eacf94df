//! JoinGroup.

use gracchus_base::group_record::GroupRecord;
use gracchus_base::{ErrorCode, GroupId};

use super::classic::Group;
use super::effects::Token;
use super::groups::Groups;
use super::in_flight::After;
use super::member::{Member, rebalance_timeout_ms};
use super::reply::{JoinReply, Reply};
use super::request::{JoinGroup, Protocol};
use super::state::GroupState;
use super::step::Step;
use super::timers::TimerKind;

/// Makes the random part of a member id.
pub(super) type MemberUuid<'a> = &'a mut dyn FnMut() -> String;

/// Handles a JoinGroup. An unknown group is made for a member without an id, and only for one.
pub(super) fn join(groups: &mut Groups, step: &mut Step, token: Token, join: JoinGroup, uuid: MemberUuid) {
    if let Err(error) = check(step, &join) {
        return refuse(step, token, error, &join.member_id);
    }
    let new = join.member_id.is_empty();
    let id = join.group.clone();
    let created = new && groups.existing(&id).is_none();
    // A member that is already there is let in in any case: the limits must not break up a group that works.
    if new && let Err(error) = groups.check_room(step, &id, created, weight(&join)) {
        return refuse(step, token, error, &join.member_id);
    }
    if created {
        groups.create(&id, step);
    }
    let Some(group) = groups.existing(&id) else {
        return refuse(step, token, ErrorCode::UnknownMemberId, &join.member_id);
    };
    if !group.accepts(step.config.group_max_size, &join.member_id) {
        group.remove(step, &join.member_id);
        refuse(step, token, ErrorCode::GroupMaxSizeReached, "");
    } else if !group.supports(&join.protocol_type, &join.protocols) {
        refuse(step, token, ErrorCode::InconsistentGroupProtocol, &join.member_id);
    } else if new {
        group.join_new(step, token, join, uuid);
    } else {
        group.join_known(step, token, join);
    }
    if created {
        group.store_new(step, token);
    }
    groups.settle(&id, step);
}

fn check(step: &Step, join: &JoinGroup) -> Result<(), ErrorCode> {
    let config = step.config;
    if join.group.as_str().is_empty() {
        return Err(ErrorCode::InvalidGroupId);
    }
    let sessions = config.group_min_session_timeout_ms..=config.group_max_session_timeout_ms;
    if sessions.contains(&join.session_timeout_ms) { Ok(()) } else { Err(ErrorCode::InvalidSessionTimeout) }
}

fn refuse(step: &mut Step, token: Token, error: ErrorCode, member_id: &str) {
    step.reply(token, Reply::Join(JoinReply::failed(error, member_id)));
}

/// What a request could add to the state.
fn weight(join: &JoinGroup) -> usize {
    Member::new(join.member_id.clone(), join).bytes()
}

/// A static member is back under `member_id` and the append that says so is settled.
pub(super) fn static_join_appended(
    groups: &mut Groups,
    step: &mut Step,
    (join, member_id, token): (JoinGroup, String, Token),
    result: Result<(), ErrorCode>,
) {
    let id = join.group.clone();
    if let Err(error) = result {
        // The old id is still the member's: nothing has to be taken back.
        refuse(step, token, error, "");
        return;
    }
    if groups.existing(&id).is_none() {
        groups.create(&id, step);
    }
    if let Some(group) = groups.existing(&id) {
        if group.supports(&join.protocol_type, &join.protocols) {
            group.join_new_static(step, token, join, member_id, true);
        } else {
            refuse(step, token, ErrorCode::InconsistentGroupProtocol, "");
        }
    }
    groups.settle(&id, step);
}

impl Group {
    /// Whether `group.max.size` leaves a place. While members join, those who wait count, so that a group that is too
    /// large loses the last ones to come back.
    fn accepts(&self, max: i32, member_id: &str) -> bool {
        let max = usize::try_from(max).unwrap_or(0);
        match self.state {
            GroupState::Empty | GroupState::Dead => true,
            GroupState::PreparingRebalance => {
                self.members.get(member_id).is_some_and(|m| m.join.is_some()) || self.awaiting_join < max
            }
            GroupState::CompletingRebalance | GroupState::Stable => {
                self.members.contains_key(member_id) || self.members.len() < max
            }
        }
    }

    /// A member without an id.
    fn join_new(&mut self, step: &mut Step, token: Token, join: JoinGroup, uuid: MemberUuid) {
        let name = join.group_instance_id.as_ref().unwrap_or(&join.client_id);
        let member_id = format!("{name}-{}", uuid());
        if join.group_instance_id.is_some() {
            self.join_new_static(step, token, join, member_id, false);
        } else if join.requires_known_member_id {
            // It joins again with this id: a client that went away meanwhile leaves no member behind (TRAPS 52).
            self.pending_joins.insert(member_id.clone());
            step.schedule(&self.id, TimerKind::Session(member_id.clone()), join.session_timeout_ms);
            refuse(step, token, ErrorCode::MemberIdRequired, &member_id);
        } else {
            self.add_and_rebalance(step, token, &join, member_id);
        }
    }

    /// A static member without a member id: new, or restarted (KIP-345, TRAPS 54). `appended` says that the log already
    /// has it under the new id.
    fn join_new_static(
        &mut self,
        step: &mut Step,
        token: Token,
        join: JoinGroup,
        member_id: String,
        appended: bool,
    ) {
        let instance = join.group_instance_id.clone().unwrap_or_default();
        let Some(old_id) = self.static_members.get(&instance).cloned() else {
            return self.add_and_rebalance(step, token, &join, member_id);
        };
        let unchanged = self.state == GroupState::Stable
            && self.select_protocol_if(&old_id, &join.protocols) == self.protocol;
        if unchanged && !appended {
            // No rebalance: the generation goes on with the new id, once the log says so.
            self.renew_session(step, &old_id);
            let record = self.record_with_renamed(&old_id, &member_id, &join);
            let after = After::StaticJoin { join: Box::new(join), member_id, token };
            step.append(vec![record], vec![after]);
            return;
        }
        let old_leader = self.leader.clone().unwrap_or_default();
        self.rename(step, &old_id, &member_id);
        if unchanged {
            self.set_joined(step, &member_id, &join, None);
            let reply = self.static_reply(&member_id, &join, old_leader);
            step.reply(token, Reply::Join(reply));
        } else {
            self.set_joined(step, &member_id, &join, Some(token));
            self.rebalance_or_complete(step, || format!("static member {instance} rejoined as {member_id}"));
        }
        self.renew_session(step, &member_id);
    }

    /// The answer to a static member that comes back into a stable group: a leader that understands it (KIP-814) gets
    /// the members and is told to leave the assignment alone; an older one is shown its own old id as the leader.
    fn static_reply(&self, member_id: &str, join: &JoinGroup, old_leader: String) -> JoinReply {
        if !join.supports_skipping_assignment {
            return JoinReply { leader: old_leader, ..self.join_reply(member_id, Vec::new()) };
        }
        let leads = self.is_leader(member_id);
        let members = if leads { self.join_members() } else { Vec::new() };
        JoinReply { skip_assignment: leads, ..self.join_reply(member_id, members) }
    }

    /// A member that names its id.
    fn join_known(&mut self, step: &mut Step, token: Token, join: JoinGroup) {
        let member_id = join.member_id.clone();
        if self.pending_joins.contains(&member_id) {
            if join.group_instance_id.is_some() {
                // Ids are given out to dynamic members only; Kafka fails in the same way.
                return refuse(step, token, ErrorCode::UnknownServerError, &member_id);
            }
            return self.add_and_rebalance(step, token, &join, member_id);
        }
        if let Err(error) = self.validate_member(&member_id, join.group_instance_id.as_deref()) {
            return refuse(step, token, error, &member_id);
        }
        let same = self.members.get(&member_id).is_some_and(|m| m.protocols == join.protocols);
        match self.state {
            // It may not have got the first answer: the generation is still the same.
            GroupState::CompletingRebalance if same => self.answer_again(step, token, &member_id),
            // A leader that joins again wants a new assignment; a follower only if its metadata says so (TRAPS 56).
            GroupState::Stable if same && !self.is_leader(&member_id) => {
                self.answer_again(step, token, &member_id);
            }
            GroupState::Empty | GroupState::Dead => {
                refuse(step, token, ErrorCode::UnknownMemberId, &member_id)
            }
            _ => {
                self.set_joined(step, &member_id, &join, Some(token));
                self.rebalance_or_complete(step, || {
                    let reason = join.reason.as_deref().unwrap_or("not provided");
                    format!("member {member_id} joined again; client reason: {reason}")
                });
            }
        }
    }

    fn answer_again(&self, step: &mut Step, token: Token, member_id: &str) {
        let leads = self.is_leader(member_id) && self.state == GroupState::CompletingRebalance;
        let members = if leads { self.join_members() } else { Vec::new() };
        step.reply(token, Reply::Join(self.join_reply(member_id, members)));
    }

    fn add_and_rebalance(&mut self, step: &mut Step, token: Token, join: &JoinGroup, member_id: String) {
        if let Some(initial) = self.initial.as_mut() {
            initial.new_member = true;
        }
        let mut member = Member::new(member_id.clone(), join);
        member.join = Some(token);
        self.add(member);
        // It cannot send heartbeats before it is answered, and a closed connection is not noticed: a long wait is ended
        // so that retries of one client do not pile up.
        let kind = TimerKind::Session(member_id.clone());
        step.schedule(&self.id, kind, step.config.new_member_join_timeout_ms);
        self.rebalance_or_complete(step, || {
            let reason = join.reason.as_deref().unwrap_or("not provided");
            format!("adding new member {member_id}; client reason: {reason}")
        });
    }

    /// Takes over what a member joins with. An older request of the same member is answered: its sender has given up.
    fn set_joined(&mut self, step: &mut Step, member_id: &str, join: &JoinGroup, token: Option<Token>) {
        let mut old = None;
        self.update(member_id, |member| {
            member.protocols.clone_from(&join.protocols);
            member.rebalance_timeout_ms = rebalance_timeout_ms(join);
            member.session_timeout_ms = join.session_timeout_ms;
            old = std::mem::replace(&mut member.join, token);
        });
        if let Some(old) = old {
            refuse(step, old, ErrorCode::RebalanceInProgress, member_id);
        }
    }

    /// The record of the group as it will be when a static member has its new id.
    fn record_with_renamed(&self, old: &str, new: &str, join: &JoinGroup) -> GroupRecord {
        let mut record = self.record(|member| &member.assignment);
        let metadata = |p: &&Protocol| Some(&p.name) == self.protocol.as_ref();
        let subscription = join.protocols.iter().find(metadata).map(|p| p.metadata.clone());
        if let GroupRecord::Group { value: Some(value), .. } = &mut record {
            if value.leader.as_deref() == Some(old) {
                value.leader = Some(new.to_owned());
            }
            for member in value.members.iter_mut().filter(|m| m.member_id == old) {
                member.member_id = new.to_owned();
                member.session_timeout_ms = join.session_timeout_ms;
                member.rebalance_timeout_ms = rebalance_timeout_ms(join);
                member.subscription.clone_from(&subscription.clone().unwrap_or_default());
            }
        }
        record
    }
}

/// The first record of a group could not be stored: the JoinGroup that made it is told, if it still waits, and its
/// member is out. Whoever else joined since goes on.
pub(super) fn created_failed(
    groups: &mut Groups,
    step: &mut Step,
    (id, token): (GroupId, Token),
    error: ErrorCode,
) {
    if let Some(group) = groups.existing(&id) {
        let joiner = group.members.values().find(|m| m.join == Some(token)).map(|m| m.id.clone());
        if let Some(member_id) = joiner {
            group.answer_join(step, &member_id, JoinReply::failed(error, ""));
            group.remove(step, &member_id);
            group.complete_join_if_all_joined(step);
        }
    }
    groups.settle(&id, step);
}
