//! DescribeGroups (key 15): state and members of groups.

use gracchus_base::{ErrorCode, GroupId};
use gracchus_state::group::DescribedGroup as Described;
use gracchus_wire::messages::{
    self, DescribeGroupsRequest, DescribeGroupsResponse,
    describe_groups_response::{DescribedGroup, DescribedGroupMember},
};

use super::metadata::authorized_operations;
use super::{RequestContext, each_once};

/// From this version on a group that is not there has an error (KIP-1043, TRAPS 61).
const GROUP_ID_NOT_FOUND: i16 = 6;
/// What a super user may do to a group (KIP-430): read, delete, describe, and describe and alter its configs.
const GROUP_OPERATIONS: i32 = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11;

pub async fn handle(ctx: &RequestContext, request: DescribeGroupsRequest) -> DescribeGroupsResponse {
    let mut groups = Vec::new();
    for id in each_once(request.groups, messages::GroupId::clone) {
        let group = GroupId::new(id.as_str());
        let described = {
            let group = group.clone();
            ctx.node.coordinators.read(&group.clone(), move |machine| machine.describe(&group)).await
        };
        let answer = match described {
            Ok(Some(described)) => respond(&id, described),
            Ok(None) => dead(ctx, &id),
            Err(error) => DescribedGroup::default().with_group_id(id).with_error_code(error.code()),
        };
        let asked = request.include_authorized_operations && answer.error_code == ErrorCode::None.code();
        let operations = authorized_operations(asked, GROUP_OPERATIONS);
        groups.push(answer.with_authorized_operations(operations));
    }
    DescribeGroupsResponse::default().with_groups(groups)
}

fn respond(id: &messages::GroupId, described: Described) -> DescribedGroup {
    let members = described.members.into_iter().map(|member| {
        DescribedGroupMember::default()
            .with_member_id(member.member_id.into())
            .with_group_instance_id(member.group_instance_id.map(Into::into))
            .with_client_id(member.client_id.into())
            .with_client_host(member.client_host.into())
            .with_member_metadata(member.metadata.into())
            .with_member_assignment(member.assignment.into())
    });
    DescribedGroup::default()
        .with_group_id(id.clone())
        .with_group_state(described.state.into())
        .with_protocol_type(described.protocol_type.into())
        .with_protocol_data(described.protocol.into())
        .with_members(members.collect())
}

fn dead(ctx: &RequestContext, id: &messages::GroupId) -> DescribedGroup {
    let answer = DescribedGroup::default().with_group_id(id.clone()).with_group_state("Dead".into());
    if ctx.version() < GROUP_ID_NOT_FOUND {
        return answer;
    }
    let message = format!("Group {} not found.", id.as_str());
    answer.with_error_code(ErrorCode::GroupIdNotFound.code()).with_error_message(Some(message.into()))
}
