//! Heartbeat (key 12): a member is alive, and learns whether a rebalance is on.

use gracchus_state::group::{Heartbeat, Reply, Request};
use gracchus_wire::messages::{HeartbeatRequest, HeartbeatResponse};

use super::RequestContext;
use super::group::{self, owned};

pub async fn handle(ctx: &RequestContext, request: HeartbeatRequest) -> HeartbeatResponse {
    let outcome = group::ask(ctx, &request.group_id, |group| {
        Request::Heartbeat(Heartbeat {
            group,
            member_id: request.member_id.to_string(),
            group_instance_id: owned(request.group_instance_id.as_ref()),
            generation: request.generation_id,
        })
    });
    let error = match outcome.await {
        Ok(Reply::Heartbeat(error)) => error,
        other => group::error_of(other),
    };
    HeartbeatResponse::default().with_error_code(error.code())
}
