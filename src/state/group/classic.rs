//! A classic group: its members, its state, and what is true of them. How a rebalance moves it is in `rebalance`.
//!
//! Membership lives in memory and is written to the log only with a completed assignment, so all of this may change at
//! once; what an append must precede is kept in `in_flight` until it is settled.

use std::collections::{BTreeMap, BTreeSet};

use gracchus_base::group_record::{GroupMemberValue, GroupMetadataValue, GroupRecord};
use gracchus_base::{ErrorCode, GroupId, Timestamp};

use super::effects::{AppendToken, Token};
use super::java_hash;
use super::member::Member;
use super::offset_map::OffsetMap;
use super::reply::{JoinMember, JoinReply, Reply, SyncReply};
use super::request::Protocol;
use super::state::GroupState;
use super::step::Step;
use super::subscription::subscribed_topics;
use super::timers::TimerKind;

/// The protocol type of consumers; the metadata of others is never parsed.
pub(super) const CONSUMER: &str = "consumer";

/// A classic group with its committed offsets.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) id: GroupId,
    pub(super) state: GroupState,
    /// The state before; the first rebalance of an empty group is special.
    pub(super) previous: GroupState,
    /// When the present state began; [`Timestamp::NONE`] if the log does not say.
    pub(super) state_since: Timestamp,
    pub(super) protocol_type: Option<String>,
    pub(super) protocol: Option<String>,
    pub(super) generation: i32,
    pub(super) leader: Option<String>,
    pub(super) members: BTreeMap<String, Member>,
    /// Member ids by instance id.
    pub(super) static_members: BTreeMap<String, String>,
    /// Ids that were given out and whose owners have not joined yet (TRAPS 52).
    pub(super) pending_joins: BTreeSet<String>,
    /// Members that have not asked for their assignment in this generation.
    pub(super) pending_syncs: BTreeSet<String>,
    /// Topics the members subscribe to, if that is known.
    pub(super) subscribed: Option<BTreeSet<String>>,
    /// Members that wait for their JoinGroup to be answered.
    pub(super) awaiting_join: usize,
    /// The first join phase of an empty group: how long it may still be prolonged, by how much at a time.
    pub(super) initial: Option<InitialDelay>,
    /// The append of the leader's assignment for this generation.
    pub(super) assigning: Option<AppendToken>,
    /// The log holds the group, or one of its offsets: others may see it.
    pub(super) stored: bool,
    /// The append that deletes it; until it settles the group counts as gone for whoever would change it.
    pub(super) deleting: Option<AppendToken>,
    pub(super) offsets: OffsetMap,
    /// How many members speak each protocol.
    speakers: BTreeMap<String, usize>,
    members_bytes: usize,
}

/// The state of the initial rebalance delay (TRAPS 53).
#[derive(Clone, Copy, Debug)]
pub(super) struct InitialDelay {
    /// The delay that is running.
    pub(super) delay_ms: i32,
    /// What is left of the rebalance timeout after it.
    pub(super) remaining_ms: i32,
    /// Someone joined since the delay began.
    pub(super) new_member: bool,
}

impl Group {
    /// An empty group that nothing in the log knows of.
    pub(super) fn new(id: GroupId, since: Timestamp) -> Self {
        Self {
            id,
            state: GroupState::Empty,
            previous: GroupState::Dead,
            state_since: since,
            protocol_type: None,
            protocol: None,
            generation: 0,
            leader: None,
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            pending_joins: BTreeSet::new(),
            pending_syncs: BTreeSet::new(),
            subscribed: None,
            awaiting_join: 0,
            initial: None,
            assigning: None,
            stored: false,
            deleting: None,
            offsets: OffsetMap::default(),
            speakers: BTreeMap::new(),
            members_bytes: 0,
        }
    }

    /// Adds a member; the first one decides the protocol type, and leads.
    pub(super) fn add(&mut self, member: Member) {
        debug_assert!(!self.members.contains_key(&member.id), "a member is added once");
        if self.members.is_empty() {
            self.protocol_type = Some(member.protocol_type.clone());
        }
        if let Some(instance) = &member.instance_id {
            self.static_members.insert(instance.clone(), member.id.clone());
        }
        self.leader.get_or_insert_with(|| member.id.clone());
        self.pending_joins.remove(&member.id);
        self.count(&member, true);
        self.members.insert(member.id.clone(), member);
    }

    /// Removes a member or an id that was given out; whatever waits for it is answered with UNKNOWN_MEMBER_ID, and its
    /// session timer is forgotten. The leader's place goes to another member.
    pub(super) fn remove(&mut self, step: &mut Step, member_id: &str) {
        self.pending_joins.remove(member_id);
        self.pending_syncs.remove(member_id);
        step.cancel(&self.id, TimerKind::Session(member_id.to_owned()));
        let Some(mut member) = self.members.remove(member_id) else { return };
        self.count(&member, false);
        if let Some(token) = member.join.take() {
            step.reply(token, Reply::Join(JoinReply::failed(ErrorCode::UnknownMemberId, "")));
        }
        if let Some(token) = member.sync.take() {
            step.reply(token, Reply::Sync(SyncReply::failed(ErrorCode::UnknownMemberId)));
        }
        if let Some(instance) = &member.instance_id {
            self.static_members.remove(instance);
        }
        if self.is_leader(member_id) {
            self.leader = self.members.keys().next().cloned();
        }
    }

    /// Changes what a member joins with; `join` is the request that waits from now on.
    pub(super) fn update(&mut self, member_id: &str, change: impl FnOnce(&mut Member)) {
        let Some(mut member) = self.members.remove(member_id) else { return };
        self.count(&member, false);
        change(&mut member);
        self.count(&member, true);
        self.members.insert(member.id.clone(), member);
    }

    /// Gives a static member a new id (KIP-345). What waits under the old one is answered with FENCED_INSTANCE_ID.
    pub(super) fn rename(&mut self, step: &mut Step, old: &str, new: &str) {
        let Some(mut member) = self.members.remove(old) else { return };
        self.count(&member, false);
        step.cancel(&self.id, TimerKind::Session(old.to_owned()));
        if let Some(token) = member.join.take() {
            step.reply(token, Reply::Join(JoinReply::failed(ErrorCode::FencedInstanceId, old)));
        }
        if let Some(token) = member.sync.take() {
            step.reply(token, Reply::Sync(SyncReply::failed(ErrorCode::FencedInstanceId)));
        }
        if let Some(instance) = &member.instance_id {
            self.static_members.insert(instance.clone(), new.to_owned());
        }
        if self.is_leader(old) {
            self.leader = Some(new.to_owned());
        }
        if self.pending_syncs.remove(old) {
            self.pending_syncs.insert(new.to_owned());
        }
        member.id = new.to_owned();
        member.is_new = false;
        self.count(&member, true);
        self.members.insert(member.id.clone(), member);
    }

    /// Keeps the sums over the members.
    fn count(&mut self, member: &Member, comes: bool) {
        let names: BTreeSet<_> = member.protocols.iter().map(|p| &p.name).collect();
        for name in names {
            if comes {
                *self.speakers.entry(name.clone()).or_default() += 1;
            } else if let Some(n) = self.speakers.get_mut(name) {
                *n -= 1;
                if *n == 0 {
                    self.speakers.remove(name);
                }
            }
        }
        if comes {
            self.members_bytes += member.bytes();
            self.awaiting_join += usize::from(member.join.is_some());
        } else {
            self.members_bytes -= member.bytes();
            self.awaiting_join -= usize::from(member.join.is_some());
        }
    }

    /// Whether this member leads the group.
    pub(super) fn is_leader(&self, member_id: &str) -> bool {
        self.leader.as_deref() == Some(member_id)
    }

    /// No rebalance is going on that all members have not joined yet.
    pub(super) fn all_joined(&self) -> bool {
        self.members.len() == self.awaiting_join && self.pending_joins.is_empty()
    }

    /// The longest of the members' rebalance timeouts.
    pub(super) fn rebalance_timeout_ms(&self) -> i32 {
        self.members.values().map(|m| m.rebalance_timeout_ms).max().unwrap_or(0).max(0)
    }

    /// Whether a member with these protocols could be in the group with all others.
    pub(super) fn supports(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if self.state == GroupState::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols
                .iter()
                .any(|p| self.speakers.get(&p.name).copied().unwrap_or(0) == self.members.len())
    }

    /// The protocol with the most votes among those that all members speak; each votes for the first of its own
    /// (TRAPS 55). A tie goes to the one that Java's `HashMap` would list first, as in Kafka.
    pub(super) fn select_protocol(&self) -> Option<String> {
        self.select_among(&self.speakers, |member| &member.protocols)
    }

    /// What [`Group::select_protocol`] would say if a member spoke these protocols instead.
    pub(super) fn select_protocol_if(&self, member_id: &str, protocols: &[Protocol]) -> Option<String> {
        let mut speakers = self.speakers.clone();
        for old in self.members.get(member_id).iter().flat_map(|m| &m.protocols) {
            speakers.entry(old.name.clone()).and_modify(|n| *n = n.saturating_sub(1));
        }
        for new in protocols {
            *speakers.entry(new.name.clone()).or_default() += 1;
        }
        self.select_among(
            &speakers,
            |member| if member.id == member_id { protocols } else { &member.protocols },
        )
    }

    fn select_among<'a>(
        &'a self,
        speakers: &BTreeMap<String, usize>,
        protocols: impl Fn(&'a Member) -> &'a [Protocol],
    ) -> Option<String> {
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            let all_speak = |p: &&Protocol| speakers.get(&p.name).is_some_and(|n| *n >= self.members.len());
            if let Some(vote) = protocols(member).iter().find(all_speak) {
                *votes.entry(&vote.name).or_default() += 1;
            }
        }
        let most = votes.values().copied().max()?;
        votes
            .into_iter()
            .filter(|(_, n)| *n == most)
            .min_by_key(|(name, _)| java_hash::bucket_of_16(name))
            .map(|(name, _)| name.to_owned())
    }

    /// The topics that the members subscribe to: known only of consumers whose metadata can be read.
    pub(super) fn compute_subscribed(&self) -> Option<BTreeSet<String>> {
        if self.protocol_type.as_deref() != Some(CONSUMER) {
            return None;
        }
        if self.members.is_empty() {
            return Some(BTreeSet::new());
        }
        let protocol = self.protocol.as_deref()?;
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            topics.extend(subscribed_topics(member.metadata(protocol))?);
        }
        Some(topics)
    }

    /// Whether the group reads the topic; where that is not known, consumers are taken to read everything.
    pub(super) fn is_subscribed(&self, topic: &str) -> bool {
        match &self.subscribed {
            Some(topics) => topics.contains(topic),
            None => self.protocol_type.as_deref() == Some(CONSUMER),
        }
    }

    /// Checks that a member is in the group, under the id that its instance id has now (KIP-345).
    pub(super) fn validate_member(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
    ) -> Result<(), ErrorCode> {
        if let Some(instance) = instance_id {
            match self.static_members.get(instance) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(current) if current != member_id => return Err(ErrorCode::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.members.contains_key(member_id) { Ok(()) } else { Err(ErrorCode::UnknownMemberId) }
    }

    /// Moves to another state.
    pub(super) fn transition(&mut self, to: GroupState, at: Timestamp) {
        debug_assert!(self.state.leads_to(to), "{:?} to {to:?}", self.state);
        self.previous = self.state;
        self.state = to;
        self.state_since = at;
    }

    /// Starts or renews the session of a member.
    pub(super) fn renew_session(&self, step: &mut Step, member_id: &str) {
        if let Some(member) = self.members.get(member_id) {
            step.schedule(&self.id, TimerKind::Session(member_id.to_owned()), member.session_timeout_ms);
        }
    }

    /// All members with their metadata, as the leader gets them.
    pub(super) fn join_members(&self) -> Vec<JoinMember> {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let view = |m: &Member| JoinMember {
            member_id: m.id.clone(),
            group_instance_id: m.instance_id.clone(),
            metadata: m.metadata(protocol).to_vec(),
        };
        self.members.values().map(view).collect()
    }

    /// The present generation as an answer to JoinGroup.
    pub(super) fn join_reply(&self, member_id: &str, members: Vec<JoinMember>) -> JoinReply {
        JoinReply {
            error: ErrorCode::None,
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            skip_assignment: false,
            member_id: member_id.to_owned(),
            members,
        }
    }

    /// Answers the JoinGroup of a member that waits.
    pub(super) fn answer_join(&mut self, step: &mut Step, member_id: &str, reply: JoinReply) {
        let Some(member) = self.members.get_mut(member_id) else { return };
        if let Some(token) = member.join.take() {
            self.awaiting_join -= 1;
            step.reply(token, Reply::Join(reply));
        }
    }

    /// Lets a member wait in place of an older request of its own, whose sender has given up.
    pub(super) fn await_sync(&mut self, step: &mut Step, member_id: &str, token: Token) {
        let Some(member) = self.members.get_mut(member_id) else { return };
        if let Some(old) = member.sync.replace(token) {
            step.reply(old, Reply::Sync(SyncReply::failed(ErrorCode::RebalanceInProgress)));
        }
    }

    /// The record of the group with the assignments that `assignment` gives.
    pub(super) fn record<'a>(&'a self, assignment: impl Fn(&'a Member) -> &'a [u8]) -> GroupRecord {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let view = |m: &'a Member| GroupMemberValue {
            member_id: m.id.clone(),
            group_instance_id: m.instance_id.clone(),
            client_id: m.client_id.clone(),
            client_host: m.client_host.clone(),
            rebalance_timeout_ms: m.rebalance_timeout_ms,
            session_timeout_ms: m.session_timeout_ms,
            subscription: m.metadata(protocol).to_vec(),
            assignment: assignment(m).to_vec(),
        };
        let value = GroupMetadataValue {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            current_state_timestamp: self.state_since,
            members: self.members.values().map(view).collect(),
        };
        GroupRecord::Group { group: self.id.clone(), value: Some(value) }
    }

    /// Takes the assignments; a member without one gets an empty one.
    pub(super) fn set_assignments(&mut self, mut assignment: impl FnMut(&str) -> Vec<u8>) {
        for member in self.members.values_mut() {
            self.members_bytes -= member.assignment.len();
            member.assignment = assignment(&member.id);
            self.members_bytes += member.assignment.len();
        }
    }

    /// Nothing in it that would be missed: no member ever, no id given out, no offset, nothing in the log.
    pub(super) fn is_unused(&self) -> bool {
        !self.stored
            && self.generation == 0
            && self.state == GroupState::Empty
            && self.pending_joins.is_empty()
            && self.offsets.is_empty()
    }

    /// What it weighs in `Usage::bytes`.
    pub(super) fn bytes(&self) -> usize {
        let pending: usize = self.pending_joins.iter().map(|id| id.len() + 160).sum();
        self.id.as_str().len() * 2 + 512 + self.members_bytes + pending + self.offsets.bytes()
    }
}
