//! SyncGroup (key 14): the leader hands in the assignment, everyone gets theirs.

use gracchus_state::group::{Reply, Request, SyncGroup};
use gracchus_wire::messages::{SyncGroupRequest, SyncGroupResponse};

use super::RequestContext;
use super::group::{self, owned};

/// From this version on the protocol's type and name must be given (KIP-559).
const PROTOCOL_GIVEN: i16 = 5;

pub async fn handle(ctx: &RequestContext, request: SyncGroupRequest) -> SyncGroupResponse {
    // Both are mandatory from version 5 on, although the schema lets them be null.
    if ctx.version() >= PROTOCOL_GIVEN && (request.protocol_type.is_none() || request.protocol_name.is_none())
    {
        let error = gracchus_base::ErrorCode::InconsistentGroupProtocol;
        return SyncGroupResponse::default().with_error_code(error.code());
    }
    let assignments = request.assignments.iter();
    let assignments = assignments.map(|one| (one.member_id.to_string(), one.assignment.to_vec())).collect();
    let outcome = group::ask(ctx, &request.group_id, |group| {
        Request::Sync(SyncGroup {
            group,
            member_id: request.member_id.to_string(),
            group_instance_id: owned(request.group_instance_id.as_ref()),
            generation: request.generation_id,
            protocol_type: owned(request.protocol_type.as_ref()),
            protocol_name: owned(request.protocol_name.as_ref()),
            assignments,
        })
    });
    match outcome.await {
        Ok(Reply::Sync(reply)) => SyncGroupResponse::default()
            .with_error_code(reply.error.code())
            .with_protocol_type(reply.protocol_type.map(Into::into))
            .with_protocol_name(reply.protocol_name.map(Into::into))
            .with_assignment(reply.assignment.into()),
        other => SyncGroupResponse::default().with_error_code(group::error_of(other).code()),
    }
}
