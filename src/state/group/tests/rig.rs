//! A coordinator with a clock and a log: appends settle at once, unless a test holds them back.

use std::collections::{BTreeMap, VecDeque};

use gracchus_base::group_record::GroupRecord;
use gracchus_base::{ErrorCode, GroupId, LeaderEpoch, Monotonic, Offset, PartitionIndex, Timestamp, TopicId};

use crate::group::*;

/// The time of day at the start of each test.
const WALL: i64 = 1_700_000_000_000;

pub(super) struct Rig {
    pub(super) coordinator: Coordinator,
    pub(super) now: i64,
    pub(super) wall_offset: i64,
    pub(super) log: Vec<GroupRecord>,
    /// Appends that have not settled, if the test holds them.
    pub(super) held: VecDeque<Append>,
    pub(super) hold: bool,
    pub(super) replies: BTreeMap<Token, Reply>,
    pub(super) events: Vec<Event>,
    config: GroupConfig,
    next_token: u64,
    next_uuid: u64,
}

impl Rig {
    /// A coordinator without initial delay.
    pub(super) fn new() -> Self {
        Self::with(|config| config.group_initial_rebalance_delay_ms = 0)
    }

    pub(super) fn with(change: impl FnOnce(&mut GroupConfig)) -> Self {
        let mut config = GroupConfig::default();
        change(&mut config);
        Self {
            coordinator: Coordinator::new(config.clone()),
            now: 0,
            wall_offset: WALL,
            log: Vec::new(),
            held: VecDeque::new(),
            hold: false,
            replies: BTreeMap::new(),
            events: Vec::new(),
            config,
            next_token: 0,
            next_uuid: 0,
        }
    }

    pub(super) fn times(&self) -> (Monotonic, Timestamp) {
        (Monotonic(self.now), Timestamp(self.now + self.wall_offset))
    }

    /// Sends a request; the token tells its reply.
    pub(super) fn send(&mut self, request: Request) -> Token {
        self.next_token += 1;
        let token = Token(self.next_token);
        let (now, wall) = self.times();
        let next = &mut self.next_uuid;
        let effects = self.coordinator.handle(now, wall, token, request, &mut || {
            *next += 1;
            format!("uuid{next}")
        });
        self.perform(effects);
        token
    }

    /// Sends a request and takes the reply, which must come at once.
    pub(super) fn ask(&mut self, request: Request) -> Reply {
        let token = self.send(request);
        self.reply(token).expect("answered at once")
    }

    pub(super) fn perform(&mut self, effects: Effects) {
        for (token, reply) in effects.replies {
            assert!(self.replies.insert(token, reply).is_none(), "{token:?} answered twice");
        }
        self.events.extend(effects.events);
        self.held.extend(effects.appends);
        if !self.hold {
            self.settle(Ok(()));
        }
    }

    /// Settles everything that is held.
    pub(super) fn settle(&mut self, result: Result<(), ErrorCode>) {
        while !self.held.is_empty() {
            self.settle_one(result);
        }
    }

    /// Settles the oldest append that is held.
    pub(super) fn settle_one(&mut self, result: Result<(), ErrorCode>) {
        let append = self.held.pop_front().expect("an append is held");
        if result.is_ok() {
            self.log.extend(append.records);
        }
        let (now, wall) = self.times();
        let effects = self.coordinator.appended(append.token, result, now, wall);
        self.perform(effects);
    }

    /// Lets time pass, with all timers at their moments.
    pub(super) fn advance(&mut self, ms: i64) {
        let end = self.now + ms;
        while let Some(at) = self.coordinator.next_deadline().filter(|at| at.0 <= end) {
            self.now = self.now.max(at.0);
            let (now, wall) = self.times();
            let effects = self.coordinator.tick(now, wall);
            self.perform(effects);
        }
        self.now = end;
    }

    /// The broker restarts: the log is read by a new coordinator.
    pub(super) fn restart(&mut self) {
        self.coordinator = Coordinator::new(self.config.clone());
        self.held.clear();
        for record in &self.log {
            self.coordinator.replay(record.clone());
        }
        let (now, wall) = self.times();
        let effects = self.coordinator.loaded(now, wall);
        self.perform(effects);
    }

    pub(super) fn reply(&mut self, token: Token) -> Option<Reply> {
        self.replies.remove(&token)
    }

    pub(super) fn join_reply(&mut self, token: Token) -> JoinReply {
        match self.reply(token) {
            Some(Reply::Join(reply)) => reply,
            other => panic!("no answer to JoinGroup: {other:?}"),
        }
    }

    pub(super) fn sync_reply(&mut self, token: Token) -> SyncReply {
        match self.reply(token) {
            Some(Reply::Sync(reply)) => reply,
            other => panic!("no answer to SyncGroup: {other:?}"),
        }
    }

    pub(super) fn ask_join(&mut self, join: JoinGroup) -> JoinReply {
        let token = self.send(Request::Join(join));
        self.join_reply(token)
    }

    pub(super) fn ask_sync(&mut self, sync: SyncGroup) -> SyncReply {
        let token = self.send(Request::Sync(sync));
        self.sync_reply(token)
    }

    pub(super) fn heartbeat(&mut self, member_id: &str, generation: i32) -> ErrorCode {
        self.heartbeat_as(member_id, None, generation)
    }

    pub(super) fn heartbeat_as(
        &mut self,
        member_id: &str,
        instance: Option<&str>,
        generation: i32,
    ) -> ErrorCode {
        let group_instance_id = instance.map(str::to_owned);
        let beat =
            Heartbeat { group: group(), member_id: member_id.to_owned(), group_instance_id, generation };
        match self.ask(Request::Heartbeat(beat)) {
            Reply::Heartbeat(error) => error,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn leave(&mut self, member_id: &str, instance: Option<&str>) -> ErrorCode {
        let member = LeaveMember {
            member_id: member_id.to_owned(),
            group_instance_id: instance.map(str::to_owned),
            reason: None,
        };
        match self.ask(Request::Leave(LeaveGroup { group: group(), members: vec![member] })) {
            Reply::Leave(reply) if reply.error.is_ok() => reply.members[0].error,
            other => panic!("{other:?}"),
        }
    }

    /// Commits an offset of `t`-0 and says how that partition fared.
    pub(super) fn commit(&mut self, commit: CommitOffsets) -> ErrorCode {
        match self.ask(Request::CommitOffsets(commit)) {
            Reply::CommitOffsets(topics) => topics[0].partitions[0].1,
            other => panic!("{other:?}"),
        }
    }

    /// The committed offset of a partition of `t`; -1 if there is none.
    pub(super) fn committed(&self, partition: i32) -> i64 {
        committed_in(&self.coordinator, "t", partition)
    }

    pub(super) fn state(&self) -> &'static str {
        self.coordinator.describe(&group()).map_or("Dead", |described| described.state)
    }

    /// A stable group of dynamic members named by client id; the first leads. Returns their ids and the generation.
    pub(super) fn stable(&mut self, clients: &[&str]) -> (Vec<String>, i32) {
        let joins: Vec<_> = clients.iter().map(|client| joining(client)).collect();
        self.stable_of(joins)
    }

    /// A stable group of these, which join at once and do not ask for an id first.
    pub(super) fn stable_of(&mut self, joins: Vec<JoinGroup>) -> (Vec<String>, i32) {
        let tokens: Vec<_> = joins.into_iter().map(|join| self.send(Request::Join(join))).collect();
        self.advance(i64::from(self.config.group_initial_rebalance_delay_ms) * 2);
        let replies: Vec<_> = tokens.into_iter().map(|token| self.join_reply(token)).collect();
        let generation = replies[0].generation;
        let ids: Vec<_> = replies.iter().map(|reply| reply.member_id.clone()).collect();
        let leader = replies[0].leader.clone();
        let assignments: Vec<_> = ids.iter().map(|id| (id.clone(), id.clone().into_bytes())).collect();
        for id in ids.iter().filter(|id| **id != leader) {
            self.send(Request::Sync(syncing(id, generation)));
        }
        self.send(Request::Sync(SyncGroup { assignments, ..syncing(&leader, generation) }));
        assert_eq!(self.state(), "Stable");
        self.replies.clear();
        (ids, generation)
    }
}

pub(super) fn committed_in(coordinator: &Coordinator, topic: &str, partition: i32) -> i64 {
    let topics = Some(vec![FetchTopic {
        name: topic.to_owned(),
        topic_id: TopicId::ZERO,
        partitions: vec![PartitionIndex(partition)],
    }]);
    coordinator.fetch_offsets(&FetchOffsets { group: group(), topics })[0].partitions[0].offset.get()
}

/// The group of the tests.
pub(super) fn group() -> GroupId {
    GroupId::new("g")
}

/// A dynamic member that speaks `range` and joins without being asked to take an id first.
pub(super) fn joining(client: &str) -> JoinGroup {
    JoinGroup {
        group: group(),
        member_id: String::new(),
        group_instance_id: None,
        client_id: client.to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        protocol_type: "consumer".to_owned(),
        protocols: vec![speaking("range", &["t"])],
        reason: None,
        requires_known_member_id: false,
        supports_skipping_assignment: true,
    }
}

/// The same member, once it has an id.
pub(super) fn rejoining(member_id: &str) -> JoinGroup {
    JoinGroup { member_id: member_id.to_owned(), ..joining("client") }
}

/// A static member.
pub(super) fn static_joining(instance: &str) -> JoinGroup {
    JoinGroup { group_instance_id: Some(instance.to_owned()), ..joining("client") }
}

/// A protocol with the subscription of a consumer, version 0.
pub(super) fn speaking(name: &str, topics: &[&str]) -> Protocol {
    let mut metadata = vec![0, 0];
    metadata.extend(i32::try_from(topics.len()).unwrap().to_be_bytes());
    for topic in topics {
        metadata.extend(i16::try_from(topic.len()).unwrap().to_be_bytes());
        metadata.extend(topic.as_bytes());
    }
    metadata.extend((-1i32).to_be_bytes());
    Protocol { name: name.to_owned(), metadata }
}

pub(super) fn syncing(member_id: &str, generation: i32) -> SyncGroup {
    SyncGroup {
        group: group(),
        member_id: member_id.to_owned(),
        group_instance_id: None,
        generation,
        protocol_type: None,
        protocol_name: None,
        assignments: Vec::new(),
    }
}

/// A commit of one offset of `t` by a consumer without group management.
pub(super) fn committing(partition: i32, offset: i64) -> CommitOffsets {
    CommitOffsets {
        group: group(),
        member_id: String::new(),
        group_instance_id: None,
        generation: -1,
        retention_time_ms: None,
        knows_group_id_not_found: true,
        topics: vec![CommitTopic {
            name: "t".to_owned(),
            topic_id: TopicId::ZERO,
            partitions: vec![CommitPartition {
                partition: PartitionIndex(partition),
                offset: Offset(offset),
                leader_epoch: LeaderEpoch(3),
                metadata: Some("note".to_owned()),
            }],
        }],
    }
}

/// The same by a member.
pub(super) fn committing_as(member_id: &str, generation: i32, offset: i64) -> CommitOffsets {
    CommitOffsets { member_id: member_id.to_owned(), generation, ..committing(0, offset) }
}
