//! A client of the simulation: it does what a consumer does, now and then what it should not.

use gracchus_base::{Entropy, ErrorCode, GroupId, LeaderEpoch, Offset, PartitionIndex, TopicId};

use crate::group::tests::rig::speaking;
use crate::group::*;

/// Partitions of the one topic.
const PARTITIONS: i32 = 4;

pub(super) fn partitions() -> impl Iterator<Item = PartitionIndex> {
    (0..PARTITIONS).map(PartitionIndex)
}

pub(super) fn group(n: u64) -> GroupId {
    GroupId::new(&format!("g{n}"))
}

/// Where a client stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// Must join.
    Out,
    /// Has the answer to its JoinGroup and must ask for its assignment.
    Joined {
        members: Vec<JoinMember>,
        assigns: bool,
    },
    Working,
}

pub(super) struct Client {
    pub(super) group: GroupId,
    name: String,
    pub(super) instance: Option<String>,
    asks_for_id: bool,
    skips: bool,
    pub(super) member_id: String,
    pub(super) generation: i32,
    phase: Phase,
    /// Its share of the topic, once it has one.
    pub(super) owned: Vec<i32>,
    /// The join or sync it waits for; others it does not wait for.
    waits_for: Option<Token>,
    metadata: u64,
}

impl Client {
    pub(super) fn new(n: u64, entropy: &Entropy) -> Self {
        let is_static = entropy.next_u64().is_multiple_of(3);
        Self {
            group: group(entropy.next_u64() % 5 / 4),
            name: format!("c{n}"),
            instance: is_static.then(|| format!("i{}", n / 2)),
            asks_for_id: entropy.next_u64().is_multiple_of(2),
            skips: entropy.next_u64().is_multiple_of(2),
            member_id: String::new(),
            generation: -1,
            phase: Phase::Out,
            owned: Vec::new(),
            waits_for: None,
            metadata: 0,
        }
    }

    /// The next request, if it is not waiting.
    pub(super) fn act(&mut self, entropy: &Entropy, offset: i64) -> Option<Request> {
        let dice = entropy.next_u64() % 100;
        if dice < 4 {
            self.crash(true);
            return None;
        }
        if self.waits_for.is_some() {
            // A client whose request times out sends it again on a new connection.
            if dice < 90 {
                return None;
            }
            self.waits_for = None;
        }
        Some(match &self.phase {
            _ if dice < 8 => self.commit_stale(dice, offset),
            Phase::Out => self.join(entropy),
            Phase::Joined { members, assigns } => self.sync(members, *assigns),
            Phase::Working => match dice {
                0..=44 => self.commit(offset),
                45..=74 => self.heartbeat(),
                75..=84 => {
                    self.metadata += u64::from(dice < 80);
                    self.join(entropy)
                }
                85..=90 => self.leave(),
                91..=94 => Request::FetchOffsets(FetchOffsets { group: self.group.clone(), topics: None }),
                _ => self.sync(&[], false),
            },
        })
    }

    fn join(&mut self, entropy: &Entropy) -> Request {
        let timeout = |n: u64| [6_000, 10_000, 20_000][(n % 3) as usize];
        let second = ["sticky", "other"][(self.metadata % 2) as usize];
        Request::Join(JoinGroup {
            group: self.group.clone(),
            member_id: self.member_id.clone(),
            group_instance_id: self.instance.clone(),
            client_id: self.name.clone(),
            client_host: "/127.0.0.1".to_owned(),
            session_timeout_ms: timeout(entropy.next_u64()),
            rebalance_timeout_ms: timeout(entropy.next_u64()),
            protocol_type: "consumer".to_owned(),
            protocols: vec![
                speaking("range", &["t", &format!("u{}", self.metadata)]),
                speaking(second, &["t"]),
            ],
            reason: None,
            requires_known_member_id: self.asks_for_id,
            supports_skipping_assignment: self.skips,
        })
    }

    /// The leader's assignment gives every partition to one member, round the members.
    fn sync(&self, members: &[JoinMember], assigns: bool) -> Request {
        let mut assignments: Vec<_> = members.iter().map(|m| (m.member_id.clone(), Vec::new())).collect();
        if let Some(count) = Some(members.len()).filter(|count| assigns && *count > 0) {
            for partition in 0..PARTITIONS {
                let turn = usize::try_from(partition + self.generation).expect("positive") % count;
                assignments[turn].1.push(u8::try_from(partition).expect("small"));
            }
        }
        Request::Sync(SyncGroup {
            group: self.group.clone(),
            member_id: self.member_id.clone(),
            group_instance_id: self.instance.clone(),
            generation: self.generation,
            protocol_type: Some("consumer".to_owned()),
            protocol_name: None,
            assignments: if assigns { assignments } else { Vec::new() },
        })
    }

    fn commit(&self, offset: i64) -> Request {
        let partition = self.owned.first().copied().unwrap_or(0);
        let (group, id) = (self.group.clone(), &self.member_id);
        Request::CommitOffsets(commit(group, id, self.instance.clone(), self.generation, partition, offset))
    }

    /// A commit from a generation that is over, or by a consumer that has none.
    fn commit_stale(&self, dice: u64, offset: i64) -> Request {
        let (id, generation) =
            if dice.is_multiple_of(2) { ("", -1) } else { (self.member_id.as_str(), self.generation - 1) };
        Request::CommitOffsets(commit(self.group.clone(), id, None, generation, 0, offset))
    }

    fn heartbeat(&self) -> Request {
        Request::Heartbeat(Heartbeat {
            group: self.group.clone(),
            member_id: self.member_id.clone(),
            group_instance_id: self.instance.clone(),
            generation: self.generation,
        })
    }

    fn leave(&mut self) -> Request {
        let (member_id, group_instance_id) = (self.member_id.clone(), self.instance.clone());
        self.crash(true);
        let members = vec![LeaveMember { member_id, group_instance_id, reason: None }];
        Request::Leave(LeaveGroup { group: self.group.clone(), members })
    }

    /// It forgets what it knew.
    fn crash(&mut self, and_its_id: bool) {
        self.waits_for = None;
        self.phase = Phase::Out;
        self.owned.clear();
        if and_its_id {
            self.member_id.clear();
            self.generation = -1;
        }
    }

    pub(super) fn sent(&mut self, token: Token, request: &Request) {
        if matches!(request, Request::Join(_) | Request::Sync(_)) {
            self.waits_for = Some(token);
        }
        if matches!(request, Request::Join(_)) {
            self.owned.clear();
        }
    }

    /// The connection is gone; it will find out who it is by asking again.
    pub(super) fn disconnected(&mut self, token: Token) {
        if self.waits_for == Some(token) {
            self.waits_for = None;
        }
    }

    /// Takes an answer; says whether it was an assignment.
    pub(super) fn answered(&mut self, token: Token, reply: Reply) -> bool {
        if matches!(reply, Reply::Join(_) | Reply::Sync(_)) && self.waits_for != Some(token) {
            return false;
        }
        match reply {
            Reply::Join(reply) => self.joined(reply),
            Reply::Sync(reply) if reply.error.is_ok() => {
                self.waits_for = None;
                self.phase = Phase::Working;
                self.owned = reply.assignment.into_iter().map(i32::from).collect();
                return true;
            }
            Reply::Sync(reply) => {
                self.waits_for = None;
                self.failed(reply.error);
            }
            Reply::Heartbeat(error) if self.phase == Phase::Working => self.failed(error),
            _ => {}
        }
        false
    }

    fn joined(&mut self, reply: JoinReply) {
        self.waits_for = None;
        match reply.error {
            ErrorCode::None => {
                let leads = reply.leader == reply.member_id;
                assert_eq!(leads, !reply.members.is_empty(), "the leader gets the members, and nobody else");
                self.phase =
                    Phase::Joined { members: reply.members, assigns: leads && !reply.skip_assignment };
                self.member_id = reply.member_id;
                self.generation = reply.generation;
            }
            ErrorCode::MemberIdRequired => self.member_id = reply.member_id,
            error => self.failed(error),
        }
    }

    fn failed(&mut self, error: ErrorCode) {
        match error {
            ErrorCode::None => {}
            ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId | ErrorCode::GroupMaxSizeReached => {
                self.crash(true);
            }
            _ => self.crash(false),
        }
    }
}

/// A commit of one offset.
pub(super) fn commit(
    group: GroupId,
    member_id: &str,
    group_instance_id: Option<String>,
    generation: i32,
    partition: i32,
    offset: i64,
) -> CommitOffsets {
    let partition = CommitPartition {
        partition: PartitionIndex(partition),
        offset: Offset(offset),
        leader_epoch: LeaderEpoch::NONE,
        metadata: None,
    };
    let topic = CommitTopic { name: "t".to_owned(), topic_id: TopicId::ZERO, partitions: vec![partition] };
    CommitOffsets {
        group,
        member_id: member_id.to_owned(),
        group_instance_id,
        generation,
        retention_time_ms: None,
        knows_group_id_not_found: true,
        topics: vec![topic],
    }
}
