//! LeaveGroup (key 13): members go, one before version 3 and several since (KIP-345).

use gracchus_state::group::{LeaveGroup, LeaveMember, LeaveReply, Reply, Request};
use gracchus_wire::messages::{LeaveGroupRequest, LeaveGroupResponse, leave_group_response::MemberResponse};

use super::RequestContext;
use super::group::{self, owned};

/// From this version on a request names several members.
const BATCHED: i16 = 3;

pub async fn handle(ctx: &RequestContext, request: LeaveGroupRequest) -> LeaveGroupResponse {
    let members = members(ctx, &request);
    let outcome =
        group::ask(ctx, &request.group_id, |group| Request::Leave(LeaveGroup { group, members })).await;
    match outcome {
        Ok(Reply::Leave(reply)) => respond(reply),
        other => LeaveGroupResponse::default().with_error_code(group::error_of(other).code()),
    }
}

fn members(ctx: &RequestContext, request: &LeaveGroupRequest) -> Vec<LeaveMember> {
    if ctx.version() < BATCHED {
        let member_id = request.member_id.to_string();
        return vec![LeaveMember { member_id, group_instance_id: None, reason: None }];
    }
    let member = |member: &gracchus_wire::messages::leave_group_request::MemberIdentity| LeaveMember {
        member_id: member.member_id.to_string(),
        group_instance_id: owned(member.group_instance_id.as_ref()),
        reason: owned(member.reason.as_ref()),
    };
    request.members.iter().map(member).collect()
}

fn respond(reply: LeaveReply) -> LeaveGroupResponse {
    let members = reply.members.into_iter().map(|member| {
        MemberResponse::default()
            .with_member_id(member.member_id.into())
            .with_group_instance_id(member.group_instance_id.map(Into::into))
            .with_error_code(member.error.code())
    });
    LeaveGroupResponse::default().with_error_code(reply.error.code()).with_members(members.collect())
}
