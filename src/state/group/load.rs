//! How a coordinator gets its state from the log, and how a settled append becomes visible.

use std::collections::BTreeSet;

use gracchus_base::group_record::{GroupMetadataValue, GroupRecord};
use gracchus_base::{ErrorCode, GroupId, Timestamp};

use super::classic::Group;
use super::effects::AppendToken;
use super::groups::Groups;
use super::in_flight::{After, Appended, Change};
use super::member::Member;
use super::reply::{JoinReply, Reply, SyncReply};
use super::request::Protocol;
use super::state::GroupState;
use super::step::Step;

/// Takes one record of the log, in its order.
pub(super) fn replay(groups: &mut Groups, step: &mut Step, record: GroupRecord) {
    if let GroupRecord::Group { group, value: Some(value) } = record {
        return groups.replace(loaded_group(group, value));
    }
    let (id, change) = Change::of(&record);
    apply(groups, step, None, (&id, change));
    groups.settle(&id, step);
}

/// Makes one change visible. `append` is the append it was part of, if it was not read from the log.
pub(super) fn apply(
    groups: &mut Groups,
    step: &mut Step,
    append: Option<AppendToken>,
    (id, change): (&GroupId, Change),
) {
    match change {
        Change::SetOffset { topic, partition, value } => {
            if groups.get_mut(id).is_none() {
                groups.create(id, step);
            }
            if let Some(group) = groups.get_mut(id) {
                group.offsets.insert(&topic, partition, value);
                group.stored = true;
            }
        }
        Change::DropOffset { topic, partition } => {
            if let Some(group) = groups.get_mut(id) {
                group.offsets.remove(&topic, partition);
            }
        }
        Change::Stored => {
            if let Some(group) = groups.get_mut(id) {
                group.stored = true;
            }
        }
        Change::Deleted => deleted(groups, step, append, id),
    }
}

/// The group is gone from the log. In memory it stays if it started over since, and if it has offsets: those are in the
/// log, and were acknowledged.
fn deleted(groups: &mut Groups, step: &mut Step, append: Option<AppendToken>, id: &GroupId) {
    let Some(group) = groups.get_mut(id) else { return };
    let goes = append.is_none() || group.deleting == append;
    let has_offsets = !group.offsets.is_empty();
    group.stored = has_offsets;
    if goes {
        for member_id in std::mem::take(&mut group.pending_joins) {
            group.remove(step, &member_id);
        }
        group.deleting = None;
        if has_offsets {
            let mut group = Group::new(id.clone(), step.wall);
            group.stored = true;
            groups.replace(group);
        } else {
            groups.remove(id);
        }
    }
}

/// Ends the changes of an append that settled.
pub(super) fn settle(
    groups: &mut Groups,
    step: &mut Step,
    append: AppendToken,
    changes: Vec<(GroupId, Change)>,
    result: Appended,
) {
    let mut touched = BTreeSet::new();
    for (id, change) in changes {
        if result.is_ok() {
            apply(groups, step, Some(append), (&id, change));
        } else if let Some(group) = groups.get_mut(&id).filter(|group| group.deleting == Some(append)) {
            group.deleting = None;
        }
        touched.insert(id);
    }
    for id in touched {
        groups.settle(&id, step);
    }
}

/// After the last record: sessions start, and a group that is larger than `group.max.size` allows is rebalanced.
pub(super) fn loaded(groups: &mut Groups, step: &mut Step) {
    let max = usize::try_from(step.config.group_max_size).unwrap_or(0);
    let ids: Vec<_> = groups.iter().map(|group| group.id.clone()).collect();
    for id in ids {
        let Some(group) = groups.get_mut(&id) else { continue };
        let members: Vec<_> = group.members.keys().cloned().collect();
        for member_id in &members {
            group.renew_session(step, member_id);
        }
        if members.len() > max {
            let reason = format!("Freshly-loaded group has {} members, more than {max}", members.len());
            group.prepare_rebalance(step, reason);
        }
    }
}

/// Answers everything that waits with NOT_COORDINATOR: requests in groups, and those behind an append.
pub(super) fn unload(groups: &mut Groups, step: &mut Step, waiting: Vec<After>) {
    let error = ErrorCode::NotCoordinator;
    for after in waiting {
        match after {
            After::Reply { token, reply } => step.reply(token, reply.failed(error)),
            After::Fetch { token, .. } => step.reply(token, Reply::FetchOffsets(Err(error))),
            After::StaticJoin { token, .. } => step.reply(token, Reply::Join(JoinReply::failed(error, ""))),
            // Their requests wait in the group.
            After::Created { .. } | After::Assigned { .. } => {}
        }
    }
    for member in groups.iter_mut().flat_map(|group| group.members.values_mut()) {
        if let Some(token) = member.join.take() {
            step.reply(token, Reply::Join(JoinReply::failed(error, &member.id)));
        }
        if let Some(token) = member.sync.take() {
            step.reply(token, Reply::Sync(SyncReply::failed(error)));
        }
    }
}

/// A group as the log has it: stable, or empty. Only the selected protocol of each member is known.
fn loaded_group(id: GroupId, value: GroupMetadataValue) -> Group {
    let GroupMetadataValue { protocol_type, generation, protocol, leader, current_state_timestamp, members } =
        value;
    let mut group = Group::new(id, Timestamp::NONE);
    group.state = if members.is_empty() { GroupState::Empty } else { GroupState::Stable };
    group.state_since = current_state_timestamp;
    group.generation = generation;
    group.stored = true;
    let name = protocol.clone().unwrap_or_default();
    for member in members {
        if group.members.contains_key(&member.member_id) {
            continue;
        }
        let timeout = member.rebalance_timeout_ms;
        group.add(Member {
            id: member.member_id,
            instance_id: member.group_instance_id,
            client_id: member.client_id,
            client_host: member.client_host,
            rebalance_timeout_ms: if timeout == -1 { member.session_timeout_ms } else { timeout },
            session_timeout_ms: member.session_timeout_ms,
            protocol_type: protocol_type.clone(),
            protocols: vec![Protocol { name: name.clone(), metadata: member.subscription }],
            assignment: member.assignment,
            join: None,
            sync: None,
            committed: None,
            is_new: false,
        });
    }
    if let Some(leader) = leader.filter(|leader| group.members.contains_key(leader)) {
        group.leader = Some(leader);
    }
    group.protocol_type = Some(protocol_type).filter(|kind| !kind.is_empty());
    group.protocol = protocol;
    group.subscribed = group.compute_subscribed();
    group
}
