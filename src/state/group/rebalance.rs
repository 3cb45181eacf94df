//! How a group gets from one generation to the next: the join phase, the sync phase, and the timers that end them.

use gracchus_base::ErrorCode;
use gracchus_base::group_record::{GroupMetadataValue, GroupRecord};

use super::classic::{Group, InitialDelay};
use super::effects::{Event, Token};
use super::in_flight::After;
use super::member::Member;
use super::reply::{Reply, SyncReply};
use super::state::GroupState;
use super::step::Step;
use super::timers::TimerKind;

/// A group of static members none of which came back tries again after its rebalance timeout; members may set that to
/// nothing, which must not keep the timers busy.
const RETRY_MS_MIN: i32 = 100;

impl Group {
    /// Starts a rebalance, or goes on with the one that is under way.
    pub(super) fn rebalance_or_complete(&mut self, step: &mut Step, reason: impl FnOnce() -> String) {
        if self.state == GroupState::PreparingRebalance {
            self.complete_join_if_all_joined(step);
        } else {
            self.prepare_rebalance(step, reason());
        }
    }

    /// Starts a rebalance: whoever waits for an assignment must join again.
    pub(super) fn prepare_rebalance(&mut self, step: &mut Step, reason: String) {
        if self.state == GroupState::CompletingRebalance {
            self.set_assignments(|_| Vec::new());
            self.answer_syncs(step, ErrorCode::RebalanceInProgress);
        }
        self.assigning = None;
        self.pending_syncs.clear();
        step.cancel(&self.id, TimerKind::Sync);
        let group = self.id.clone();
        step.event(Event::PreparingRebalance { group, generation: self.generation, reason });

        let initial = self.state == GroupState::Empty;
        self.transition(GroupState::PreparingRebalance, step.wall);
        if initial {
            // The group is new: others are about to come, and each would cost a rebalance (KIP-134, TRAPS 53).
            let delay_ms = step.config.group_initial_rebalance_delay_ms;
            let remaining_ms = self.rebalance_timeout_ms().saturating_sub(delay_ms).max(0);
            self.initial = Some(InitialDelay { delay_ms, remaining_ms, new_member: false });
            step.schedule(&self.id, TimerKind::Join, delay_ms);
        } else {
            self.initial = None;
            if self.all_joined() {
                self.complete_join(step);
            } else {
                step.schedule(&self.id, TimerKind::Join, self.rebalance_timeout_ms().max(1));
            }
        }
    }

    /// Ends the join phase if there is nobody left to wait for. The initial delay is waited for in any case.
    pub(super) fn complete_join_if_all_joined(&mut self, step: &mut Step) {
        let preparing = self.state == GroupState::PreparingRebalance;
        if preparing && self.previous != GroupState::Empty && self.all_joined() {
            self.complete_join(step);
        }
    }

    /// The join timer: the initial delay may be prolonged while members come; everything else ends the join phase.
    pub(super) fn join_timer(&mut self, step: &mut Step) {
        if self.state != GroupState::PreparingRebalance {
            return;
        }
        match self.initial.as_mut() {
            Some(initial) if initial.new_member && initial.remaining_ms != 0 => {
                let next_ms = step.config.group_initial_rebalance_delay_ms.min(initial.remaining_ms);
                initial.remaining_ms = initial.remaining_ms.saturating_sub(initial.delay_ms).max(0);
                initial.delay_ms = next_ms;
                initial.new_member = false;
                step.schedule(&self.id, TimerKind::Join, next_ms);
            }
            _ => self.complete_join(step),
        }
    }

    /// Ends the join phase: dynamic members that did not come back are out, the rest is the next generation. Nothing is
    /// written yet, unless nobody is left.
    pub(super) fn complete_join(&mut self, step: &mut Step) {
        step.cancel(&self.id, TimerKind::Join);
        self.initial = None;
        let absent = |m: &&Member| m.join.is_none() && !m.is_static();
        let absent: Vec<_> = self.members.values().filter(absent).map(|m| m.id.clone()).collect();
        for member_id in absent {
            self.remove(step, &member_id);
        }
        if !self.members.is_empty() && !self.elect_joined_leader() {
            // Only static members are left, and none of them came: their sessions will end this.
            step.schedule(&self.id, TimerKind::Join, self.rebalance_timeout_ms().max(RETRY_MS_MIN));
            return;
        }
        self.generation = self.generation.checked_add(1).unwrap_or(0);
        self.protocol = self.select_protocol();
        self.subscribed = self.compute_subscribed();
        self.pending_syncs.clear();
        if self.members.is_empty() {
            self.become_empty(step);
        } else {
            self.start_generation(step);
        }
    }

    /// Makes sure that the leader is one of those who joined; `false` if nobody did.
    fn elect_joined_leader(&mut self) -> bool {
        let joined = |id: &str| self.members.get(id).is_some_and(|m| m.join.is_some());
        if self.leader.as_deref().is_some_and(joined) {
            return true;
        }
        match self.members.values().find(|m| m.join.is_some()) {
            Some(member) => {
                self.leader = Some(member.id.clone());
                true
            }
            None => false,
        }
    }

    fn become_empty(&mut self, step: &mut Step) {
        self.leader = None;
        self.transition(GroupState::Empty, step.wall);
        step.event(Event::GroupEmpty { group: self.id.clone(), generation: self.generation });
        // Should this fail, the generation before it comes back after a restart, and its sessions end it again.
        step.append(vec![self.record(|_| &[])], Vec::new());
    }

    fn start_generation(&mut self, step: &mut Step) {
        self.transition(GroupState::CompletingRebalance, step.wall);
        let (group, members) = (self.id.clone(), self.members.len());
        step.event(Event::GenerationStarted { group, generation: self.generation, members });
        let ids: Vec<_> = self.members.keys().cloned().collect();
        for id in &ids {
            let members = if self.is_leader(id) { self.join_members() } else { Vec::new() };
            let reply = self.join_reply(id, members);
            self.answer_join(step, id, reply);
            self.renew_session(step, id);
        }
        self.members.values_mut().for_each(|member| member.is_new = false);
        self.pending_syncs = ids.into_iter().collect();
        step.schedule(&self.id, TimerKind::Sync, self.rebalance_timeout_ms().max(1));
    }

    /// The sync timer: members that have not asked for their assignment are out.
    pub(super) fn sync_timer(&mut self, step: &mut Step) {
        let syncing = matches!(self.state, GroupState::CompletingRebalance | GroupState::Stable);
        if !syncing || self.pending_syncs.is_empty() {
            return;
        }
        let silent: Vec<_> = self.pending_syncs.iter().cloned().collect();
        for member_id in &silent {
            self.remove(step, member_id);
        }
        self.prepare_rebalance(step, format!("removing {silent:?} on pending sync request expiration"));
    }

    /// The session timer of a member, or of an id that was given out.
    pub(super) fn session_timer(&mut self, step: &mut Step, member_id: &str) {
        if self.pending_joins.contains(member_id) {
            self.remove(step, member_id);
            if self.state == GroupState::PreparingRebalance && self.all_joined() {
                self.complete_join(step);
            }
            return;
        }
        if self.members.get(member_id).is_none_or(|m| m.is_excused()) {
            return;
        }
        self.remove(step, member_id);
        step.event(Event::MemberExpired { group: self.id.clone(), member_id: member_id.to_owned() });
        match self.state {
            GroupState::Stable | GroupState::CompletingRebalance => {
                self.prepare_rebalance(step, format!("removing member {member_id} on heartbeat expiration"));
            }
            GroupState::PreparingRebalance if self.all_joined() => self.complete_join(step),
            _ => {}
        }
    }

    /// Answers every member that waits for its assignment: with the assignment, or with an error. Its session starts
    /// anew, since one that ended while it waited was let pass.
    pub(super) fn answer_syncs(&mut self, step: &mut Step, error: ErrorCode) {
        let (protocol_type, protocol_name) =
            if error.is_ok() { (self.protocol_type.clone(), self.protocol.clone()) } else { (None, None) };
        let mut answered = Vec::new();
        for member in self.members.values_mut() {
            let Some(token) = member.sync.take() else { continue };
            let reply = SyncReply {
                error,
                protocol_type: protocol_type.clone(),
                protocol_name: protocol_name.clone(),
                assignment: if error.is_ok() { member.assignment.clone() } else { Vec::new() },
            };
            step.reply(token, Reply::Sync(reply));
            answered.push(member.id.clone());
        }
        for id in answered {
            self.renew_session(step, &id);
        }
    }

    /// Writes the first record of a group that a JoinGroup just made, unless the step wrote one anyway.
    pub(super) fn store_new(&self, step: &mut Step, token: Token) {
        if !step.effects.appends.is_empty() {
            return;
        }
        let value = GroupMetadataValue {
            protocol_type: String::new(),
            generation: 0,
            protocol: None,
            leader: None,
            current_state_timestamp: self.state_since,
            members: Vec::new(),
        };
        let record = GroupRecord::Group { group: self.id.clone(), value: Some(value) };
        step.append(vec![record], vec![After::Created { group: self.id.clone(), token }]);
    }
}
