//! A member of a classic group, as a consumer of any client library is one: a connection of its own, joined and synced.

use std::net::{SocketAddr, TcpStream};

use bytes::{BufMut, Bytes, BytesMut};
use gracchus_base::ErrorCode;
use gracchus_wire::messages::{
    FindCoordinatorRequest, GroupId, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse,
    LeaveGroupRequest, OffsetCommitRequest, StrBytes, SyncGroupRequest,
    join_group_request::JoinGroupRequestProtocol,
    leave_group_request::MemberIdentity,
    offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    sync_group_request::SyncGroupRequestAssignment,
};
use gracchus_wire::{ApiKey, Request, Response};

use crate::BenchError;
use crate::protocol_client::{self, ProtocolClient, check, retry, text, topic_name, unexpected};

const FIND_COORDINATOR: i16 = 4;
const JOIN_GROUP: i16 = 9;
const SYNC_GROUP: i16 = 5;
const LEAVE_GROUP: i16 = 5;
pub const HEARTBEAT: i16 = 4;
/// The last version that names topics.
pub const OFFSET_COMMIT: i16 = 9;
const PROTOCOL: &str = "range";
const SESSION_TIMEOUT_MS: i32 = 45_000;
const REBALANCE_TIMEOUT_MS: i32 = 300_000;
/// What a coordinator answers that is not there yet.
const NOT_YET: &[ErrorCode] =
    &[ErrorCode::CoordinatorLoadInProgress, ErrorCode::CoordinatorNotAvailable, ErrorCode::NotCoordinator];

/// A member with its place in the group.
pub struct Member {
    client: ProtocolClient,
    group: StrBytes,
    topic: String,
    id: StrBytes,
    generation: i32,
}

/// A group of two, in a generation that both belong to. They consume a topic of two partitions.
pub fn form_group(address: SocketAddr, group: &str, topic: &str) -> Result<[Member; 2], BenchError> {
    let mut leader = Member::introduce(address, group, topic)?;
    leader.send_join()?;
    let joined = leader.receive_joined()?;
    leader.sync(&joined)?;
    let mut follower = Member::introduce(address, group, topic)?;
    follower.send_join()?;
    // The coordinator has seen the follower once it tells the leader to come again.
    retry("a rebalance", || leader.is_rebalancing().map(|is| is.then_some(())))?;
    leader.send_join()?;
    let joined = leader.receive_joined()?;
    follower.receive_joined()?;
    if joined.members.len() != 2 {
        return Err(BenchError::Failed(format!("{} of 2 members have joined", joined.members.len())));
    }
    leader.sync(&joined)?;
    follower.sync(&JoinGroupResponse::default())?;
    Ok([leader, follower])
}

/// Has the topic of committed offsets made, if it is not there.
pub fn find_coordinator(client: &mut ProtocolClient, group: &str) -> Result<(), BenchError> {
    let request = FindCoordinatorRequest::default().with_coordinator_keys(vec![text(group)]);
    let request = Request::FindCoordinator(request);
    retry("finding a coordinator", || match client.ask(FIND_COORDINATOR, &request)? {
        Response::FindCoordinator(answer) => {
            let codes = answer.coordinators.iter().map(|coordinator| coordinator.error_code);
            unless_not_yet("FindCoordinator", codes.max().unwrap_or(0))
        }
        other => Err(unexpected(&other)),
    })
}

/// `None` for what is to be asked again.
fn unless_not_yet(what: &str, code: i16) -> Result<Option<()>, BenchError> {
    if NOT_YET.iter().any(|error| error.code() == code) {
        return Ok(None);
    }
    check(what, code).map(Some)
}

impl Member {
    /// Connects and is given an id (KIP-394).
    fn introduce(address: SocketAddr, group: &str, topic: &str) -> Result<Member, BenchError> {
        let client = ProtocolClient::connect(address)?;
        let (group, id) = (text(group), text(""));
        let mut member = Member { client, group, topic: topic.to_owned(), id, generation: -1 };
        retry("being given an id", || {
            member.send_join()?;
            let answer = member.receive_join()?;
            if answer.error_code == ErrorCode::MemberIdRequired.code() {
                member.id = answer.member_id;
                return Ok(Some(()));
            }
            unless_not_yet("JoinGroup", answer.error_code).map(|_| None)
        })?;
        Ok(member)
    }

    fn send_join(&mut self) -> Result<(), BenchError> {
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(text(PROTOCOL))
            .with_metadata(topics(&self.topic, &[]));
        let request = JoinGroupRequest::default()
            .with_group_id(GroupId(self.group.clone()))
            .with_member_id(self.id.clone())
            .with_session_timeout_ms(SESSION_TIMEOUT_MS)
            .with_rebalance_timeout_ms(REBALANCE_TIMEOUT_MS)
            .with_protocol_type(text("consumer"))
            .with_protocols(vec![protocol]);
        self.client.send(JOIN_GROUP, &Request::JoinGroup(request))
    }

    fn receive_join(&mut self) -> Result<JoinGroupResponse, BenchError> {
        match self.client.receive(ApiKey::JoinGroup, JOIN_GROUP)? {
            Response::JoinGroup(answer) => Ok(answer),
            other => Err(unexpected(&other)),
        }
    }

    fn receive_joined(&mut self) -> Result<JoinGroupResponse, BenchError> {
        let answer = self.receive_join()?;
        check("JoinGroup", answer.error_code)?;
        self.generation = answer.generation_id;
        Ok(answer)
    }

    /// `joined` names all members to the leader, who gives a partition to each; to others, nobody.
    fn sync(&mut self, joined: &JoinGroupResponse) -> Result<(), BenchError> {
        let assignment = |(index, member): (i32, &StrBytes)| {
            SyncGroupRequestAssignment::default()
                .with_member_id(member.clone())
                .with_assignment(topics(&self.topic, &[index]))
        };
        let members = joined.members.iter().map(|member| &member.member_id);
        let request = SyncGroupRequest::default()
            .with_group_id(GroupId(self.group.clone()))
            .with_member_id(self.id.clone())
            .with_generation_id(self.generation)
            .with_protocol_type(Some(text("consumer")))
            .with_protocol_name(Some(text(PROTOCOL)))
            .with_assignments((0..).zip(members).map(assignment).collect());
        match self.client.ask(SYNC_GROUP, &Request::SyncGroup(request))? {
            Response::SyncGroup(answer) => check("SyncGroup", answer.error_code),
            other => Err(unexpected(&other)),
        }
    }

    fn is_rebalancing(&mut self) -> Result<bool, BenchError> {
        match self.client.ask(HEARTBEAT, &self.heartbeat())? {
            Response::Heartbeat(answer) if answer.error_code == ErrorCode::RebalanceInProgress.code() => {
                Ok(true)
            }
            Response::Heartbeat(answer) => check("Heartbeat", answer.error_code).map(|()| false),
            other => Err(unexpected(&other)),
        }
    }

    fn heartbeat(&self) -> Request {
        let request = HeartbeatRequest::default()
            .with_group_id(GroupId(self.group.clone()))
            .with_member_id(self.id.clone())
            .with_generation_id(self.generation);
        Request::Heartbeat(request)
    }

    fn commit(&self, partition: i32, offset: i64) -> Request {
        let partition = OffsetCommitRequestPartition::default()
            .with_partition_index(partition)
            .with_committed_offset(offset)
            .with_committed_metadata(Some(text("")));
        let topic = OffsetCommitRequestTopic::default()
            .with_name(topic_name(&self.topic))
            .with_partitions(vec![partition]);
        let request = OffsetCommitRequest::default()
            .with_group_id(GroupId(self.group.clone()))
            .with_member_id(self.id.clone())
            .with_generation_id_or_member_epoch(self.generation)
            .with_topics(vec![topic]);
        Request::OffsetCommit(request)
    }

    /// Its heartbeat as a frame.
    pub fn heartbeat_frame(&self) -> Result<Bytes, BenchError> {
        protocol_client::encode(HEARTBEAT, 0, &self.heartbeat())
    }

    /// Its commit of one partition as a frame, and where the committed offset stands in it.
    pub fn commit_frame(&self, partition: i32) -> Result<(BytesMut, usize), BenchError> {
        let encode = |offset| protocol_client::encode(OFFSET_COMMIT, 0, &self.commit(partition, offset));
        // Found by what two requests differ in.
        let (one, other) = (encode(0)?, encode(i64::MAX)?);
        let offset_at = one.iter().zip(&other).position(|(a, b)| a != b);
        let offset_at = offset_at.ok_or_else(|| BenchError::Failed("a commit without an offset".into()))?;
        Ok((BytesMut::from(&one[..]), offset_at))
    }

    /// LeaveGroup as a frame, with its API and version.
    pub fn leave_frame(&self) -> Result<Bytes, BenchError> {
        let request = LeaveGroupRequest::default()
            .with_group_id(GroupId(self.group.clone()))
            .with_members(vec![MemberIdentity::default().with_member_id(self.id.clone())]);
        protocol_client::encode(LEAVE_GROUP, 0, &Request::LeaveGroup(request))
    }

    /// The connection, on which nothing is under way.
    pub fn into_stream(self) -> TcpStream {
        self.client.into_stream()
    }
}

/// A subscription (no partitions) or an assignment of the consumer protocol, version 0.
fn topics(topic: &str, partitions: &[i32]) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(0);
    out.put_i32(1);
    out.put_i16(topic.len() as i16);
    out.put_slice(topic.as_bytes());
    if !partitions.is_empty() {
        out.put_i32(partitions.len() as i32);
        partitions.iter().for_each(|index| out.put_i32(*index));
    }
    // No user data.
    out.put_i32(-1);
    out.freeze()
}
