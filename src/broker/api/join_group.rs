//! JoinGroup (key 11): a member asks to be part of the next generation; answered when that is formed.

use gracchus_base::GroupId;
use gracchus_state::group::{JoinGroup, JoinReply, Protocol, Reply, Request};
use gracchus_wire::messages::{
    JoinGroupRequest, JoinGroupResponse, join_group_response::JoinGroupResponseMember,
};

use super::RequestContext;
use super::group::{self, owned};

/// From this version on a dynamic member is given its id first (KIP-394, TRAPS 52).
const MEMBER_ID_REQUIRED: i16 = 4;
/// From this version on a leader can be told to skip the assignment (KIP-814).
const SKIP_ASSIGNMENT: i16 = 9;

pub async fn handle(ctx: &RequestContext, request: JoinGroupRequest) -> JoinGroupResponse {
    let member_id = request.member_id.clone();
    match group::ask(ctx, &request.group_id, |group| Request::Join(translate(ctx, group, &request))).await {
        Ok(Reply::Join(reply)) => respond(reply),
        other => JoinGroupResponse::default()
            .with_error_code(group::error_of(other).code())
            .with_generation_id(-1)
            .with_member_id(member_id),
    }
}

fn translate(ctx: &RequestContext, group: GroupId, request: &JoinGroupRequest) -> JoinGroup {
    let protocol = |p: &gracchus_wire::messages::join_group_request::JoinGroupRequestProtocol| Protocol {
        name: p.name.to_string(),
        metadata: p.metadata.to_vec(),
    };
    JoinGroup {
        group,
        member_id: request.member_id.to_string(),
        group_instance_id: owned(request.group_instance_id.as_ref()),
        client_id: ctx.client_id().to_owned(),
        client_host: format!("/{}", ctx.connection.peer.ip()),
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms: request.rebalance_timeout_ms,
        protocol_type: request.protocol_type.to_string(),
        protocols: request.protocols.iter().map(protocol).collect(),
        reason: owned(request.reason.as_ref()),
        requires_known_member_id: ctx.version() >= MEMBER_ID_REQUIRED,
        supports_skipping_assignment: ctx.version() >= SKIP_ASSIGNMENT,
    }
}

fn respond(reply: JoinReply) -> JoinGroupResponse {
    let members = reply.members.into_iter().map(|member| {
        JoinGroupResponseMember::default()
            .with_member_id(member.member_id.into())
            .with_group_instance_id(member.group_instance_id.map(Into::into))
            .with_metadata(member.metadata.into())
    });
    JoinGroupResponse::default()
        .with_error_code(reply.error.code())
        .with_generation_id(reply.generation)
        .with_protocol_type(reply.protocol_type.map(Into::into))
        .with_protocol_name(reply.protocol_name.map(Into::into))
        .with_leader(reply.leader.into())
        .with_skip_assignment(reply.skip_assignment)
        .with_member_id(reply.member_id.into())
        .with_members(members.collect())
}
