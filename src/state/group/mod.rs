//! The coordinator of one partition of `__consumer_offsets`: its classic groups and their committed offsets.
//!
//! A pure machine that behaves as Kafka 4.3.1's does. The driver gives it requests, the time and the end of appends, and
//! performs the effects; it answers COORDINATOR_LOAD_IN_PROGRESS and NOT_COORDINATOR itself while there is no machine.
//! No I/O, no clock, no encoding, no versions of the protocol in here.

mod classic;
mod config;
mod deletion;
mod describe;
mod effects;
mod groups;
mod heartbeat;
mod in_flight;
mod java_hash;
mod join;
mod load;
mod member;
mod offset_map;
mod offsets;
mod rebalance;
mod reply;
mod request;
mod state;
mod step;
mod subscription;
mod sync;
mod timers;

#[cfg(test)]
mod tests;

use gracchus_base::group_record::GroupRecord;
use gracchus_base::{ErrorCode, GroupId, Monotonic, Timestamp, TopicId};

pub use config::GroupConfig;
pub use describe::{DescribedGroup, DescribedMember, Held, ListedGroup, Usage};
pub use effects::{Append, AppendToken, Effects, Event, Token};
pub use java_hash::partition_for;
pub use reply::{
    DeleteOffsetsReply, FetchedOffset, FetchedTopic, JoinMember, JoinReply, LeaveReply, LeaveResult, Reply,
    SyncReply, TopicResult,
};
pub use request::{
    CommitOffsets, CommitPartition, CommitTopic, DeleteOffsets, FetchOffsets, FetchTopic, Heartbeat,
    JoinGroup, LeaveGroup, LeaveMember, Protocol, Request, SyncGroup,
};
pub use state::GroupState;

use groups::Groups;
use in_flight::{After, Queue};
use step::Step;
use timers::{TimerKind, Timers};

/// The machine.
#[derive(Debug)]
pub struct Coordinator {
    config: GroupConfig,
    groups: Groups,
    timers: Timers,
    queue: Queue,
}

impl Coordinator {
    /// A coordinator of an empty partition.
    pub fn new(config: GroupConfig) -> Self {
        Self { config, groups: Groups::default(), timers: Timers::default(), queue: Queue::new() }
    }

    /// Takes one record of the log, tombstones too. All of them, in order, before anything else.
    pub fn replay(&mut self, record: GroupRecord) {
        self.step(Monotonic(0), Timestamp::NONE, |groups, step| load::replay(groups, step, record));
    }

    /// The log is read to its end: the sessions of all members start anew.
    pub fn loaded(&mut self, now: Monotonic, wall: Timestamp) -> Effects {
        self.step(now, wall, load::loaded)
    }

    /// Handles a request. Its reply, under `token`, is in these effects or in those of a later call. `member_uuid` makes
    /// the random part of a member id.
    pub fn handle(
        &mut self,
        now: Monotonic,
        wall: Timestamp,
        token: Token,
        request: Request,
        member_uuid: &mut dyn FnMut() -> String,
    ) -> Effects {
        self.step(now, wall, |groups, step| match request {
            Request::Join(join) => join::join(groups, step, token, join, member_uuid),
            Request::Sync(sync) => sync::sync(groups, step, token, sync),
            Request::Heartbeat(beat) => heartbeat::heartbeat(groups, step, token, &beat),
            Request::Leave(leave) => heartbeat::leave(groups, step, token, &leave),
            Request::CommitOffsets(commit) => offsets::commit(groups, step, token, &commit),
            Request::FetchOffsets(fetch) => offsets::fetch_stable(groups, step, token, fetch),
            Request::DeleteOffsets(delete) => offsets::delete(groups, step, token, &delete),
            Request::DeleteGroups(ids) => deletion::delete_groups(groups, step, token, ids),
        })
    }

    /// An append settled: its records can no longer be lost (`Ok`: the high watermark has passed them), or it failed.
    /// Only now does it change what others see. Appends settle in the order in which they were given out.
    pub fn appended(
        &mut self,
        append: AppendToken,
        result: Result<(), ErrorCode>,
        now: Monotonic,
        wall: Timestamp,
    ) -> Effects {
        let Some(settled) = self.queue.take(append) else { return Effects::default() };
        let result = result.map_err(reply::append_error);
        self.step(now, wall, |groups, step| {
            load::settle(groups, step, append, settled.changes, result);
            for after in settled.after {
                settled_after(groups, step, append, after, result);
            }
        })
    }

    /// Runs the timers that are due.
    pub fn tick(&mut self, now: Monotonic, wall: Timestamp) -> Effects {
        self.step(now, wall, |groups, step| {
            while let Some(key) = step.timers.pop_due(step.now) {
                if let Some(group) = groups.existing(&key.group) {
                    match &key.kind {
                        TimerKind::Join => group.join_timer(step),
                        TimerKind::Sync => group.sync_timer(step),
                        TimerKind::Session(member_id) => group.session_timer(step, member_id),
                    }
                }
                groups.settle(&key.group, step);
            }
        })
    }

    /// When to call [`Coordinator::tick`] next: when it has something to do, or before.
    pub fn next_deadline(&self) -> Option<Monotonic> {
        self.timers.next()
    }

    /// Writes tombstones for what has expired (KIP-211); Kafka does it every `offsets.retention.check.interval.ms`.
    pub fn expire_offsets(&mut self, now: Monotonic, wall: Timestamp) -> Effects {
        self.step(now, wall, deletion::expire_offsets)
    }

    /// Writes tombstones for the offsets of topics that were deleted, given by name and id.
    pub fn topics_deleted(
        &mut self,
        topics: &[(String, TopicId)],
        now: Monotonic,
        wall: Timestamp,
    ) -> Effects {
        self.step(now, wall, |groups, step| deletion::topics_deleted(groups, step, topics))
    }

    /// The broker no longer leads the partition, or stops: everything that waits is answered with NOT_COORDINATOR.
    pub fn unload(mut self) -> Effects {
        let waiting: Vec<_> = self.queue.take_all().flat_map(|entry| entry.after).collect();
        self.timers.clear();
        self.step(Monotonic(0), Timestamp::NONE, |groups, step| load::unload(groups, step, waiting))
    }

    /// Reads committed offsets of a group; a group that is not known has none.
    pub fn fetch_offsets(&self, fetch: &FetchOffsets) -> Vec<FetchedTopic> {
        offsets::fetch_offsets(&self.groups, fetch)
    }

    /// A group for DescribeGroups. `None` is GROUP_ID_NOT_FOUND from version 6 on, state Dead before (TRAPS 61).
    pub fn describe(&self, group: &GroupId) -> Option<DescribedGroup> {
        describe::describe(&self.groups, group)
    }

    /// The groups for ListGroups; empty filters let all pass.
    pub fn list(&self, states: &[String], types: &[String]) -> Vec<ListedGroup> {
        describe::list(&self.groups, states, types)
    }

    /// How much it holds of what is limited; looks at nothing else.
    pub fn held(&self) -> Held {
        self.groups.held()
    }

    /// Sets the limits of new groups and of state that is added, below those of the configuration where other
    /// coordinators leave less. What is there stays.
    pub const fn limit(&mut self, limits: Held) {
        (self.config.groups_max, self.config.bytes_max) = (limits.groups, limits.bytes);
    }

    /// How much it holds; looks at every group.
    pub fn usage(&self) -> Usage {
        Usage { appends_in_flight: self.queue.len(), ..self.groups.usage() }
    }

    fn step(
        &mut self,
        now: Monotonic,
        wall: Timestamp,
        run: impl FnOnce(&mut Groups, &mut Step<'_>),
    ) -> Effects {
        let Self { config, groups, timers, queue } = self;
        let mut step = Step { config, timers, queue, effects: Effects::default(), now, wall };
        run(groups, &mut step);
        step.effects
    }
}

/// What follows an append that settled.
fn settled_after(
    groups: &mut Groups,
    step: &mut Step<'_>,
    append: AppendToken,
    after: After,
    result: Result<(), ErrorCode>,
) {
    match (after, result) {
        (After::Reply { token, reply }, Ok(())) => step.reply(token, reply),
        (After::Reply { token, reply }, Err(error)) => step.reply(token, reply.failed(error)),
        (After::Fetch { token, fetch }, _) => {
            step.reply(token, Reply::FetchOffsets(Ok(offsets::fetch_offsets(groups, &fetch))));
        }
        (After::Created { .. }, Ok(())) => {}
        (After::Created { group, token }, Err(error)) => {
            join::created_failed(groups, step, (group, token), error);
        }
        (After::Assigned { group, assignments }, result) => {
            sync::assignment_appended(groups, step, append, (group, assignments), result);
        }
        (After::StaticJoin { join, member_id, token }, result) => {
            join::static_join_appended(groups, step, (*join, member_id, token), result);
        }
    }
}
