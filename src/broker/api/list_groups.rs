//! ListGroups (key 16): all groups, filtered by state (KIP-518) and type (KIP-848).

use gracchus_wire::messages::{
    self, ListGroupsRequest, ListGroupsResponse, list_groups_response::ListedGroup,
};

use super::RequestContext;

pub async fn handle(ctx: &RequestContext, request: ListGroupsRequest) -> ListGroupsResponse {
    let states: Vec<String> = request.states_filter.iter().map(|state| state.to_string()).collect();
    let types: Vec<String> = request.types_filter.iter().map(|one| one.to_string()).collect();
    let listed = ctx.node.coordinators.read_all(move |machine| machine.list(&states, &types)).await;
    match listed {
        Ok(listed) => {
            let groups = listed.into_iter().flatten().map(|group| {
                ListedGroup::default()
                    .with_group_id(messages::group_id(&group.group))
                    .with_protocol_type(group.protocol_type.into())
                    .with_group_state(group.state.into())
                    .with_group_type(group.group_type.into())
            });
            ListGroupsResponse::default().with_groups(groups.collect())
        }
        Err(error) => ListGroupsResponse::default().with_error_code(error.code()),
    }
}
