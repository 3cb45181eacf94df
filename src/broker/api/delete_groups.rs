//! DeleteGroups (key 42): forgets empty groups and their offsets.

use std::collections::HashSet;

use gracchus_base::{ErrorCode, GroupId};
use gracchus_state::group::{Reply, Request};
use gracchus_wire::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, delete_groups_response::DeletableGroupResult,
};

use super::{RequestContext, group};

pub async fn handle(ctx: &RequestContext, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let mut results = Vec::new();
    // Kafka answers once for a group that is named twice.
    let mut named = HashSet::new();
    for id in request.groups_names.into_iter().filter(|id| named.insert(id.clone())) {
        // An empty name is not found like any other, in Kafka as well.
        let name = GroupId::new(id.as_str());
        let outcome = ctx.node.coordinators.request(&name, Request::DeleteGroups(vec![name.clone()])).await;
        let error = match outcome {
            Ok(Reply::DeleteGroups(deleted)) => deleted.first().map_or(ErrorCode::None, |(_, error)| *error),
            other => group::error_of(other),
        };
        results.push(DeletableGroupResult::default().with_group_id(id).with_error_code(error.code()));
    }
    DeleteGroupsResponse::default().with_results(results)
}
