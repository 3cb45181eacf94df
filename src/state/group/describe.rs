//! DescribeGroups and ListGroups, and what a coordinator holds.

use gracchus_base::GroupId;

use super::classic::Group;
use super::groups::Groups;
use super::member::Member;
use super::state::GroupState;

/// A group as DescribeGroups shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedGroup {
    /// The name Kafka prints; see [`GroupState`](super::GroupState).
    pub state: &'static str,
    pub protocol_type: String,
    /// The selected protocol; only of a stable group.
    pub protocol: String,
    pub members: Vec<DescribedMember>,
}

/// A member as DescribeGroups shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedMember {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    /// For the selected protocol; only of a stable group.
    pub metadata: Vec<u8>,
    pub assignment: Vec<u8>,
}

/// A group as ListGroups shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedGroup {
    pub group: GroupId,
    pub protocol_type: String,
    pub state: &'static str,
    /// `classic`.
    pub group_type: &'static str,
}

/// How much a coordinator holds; compare with the limits in [`GroupConfig`](super::GroupConfig).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub groups: usize,
    pub members: usize,
    pub offsets: usize,
    /// Bytes of names, metadata and assignments, with a fixed part for each group, member and offset.
    pub bytes: usize,
    /// Appends that are not settled yet.
    pub appends_in_flight: usize,
}

/// What the limits of a coordinator are about: groups, and the bytes of [`Usage::bytes`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub groups: usize,
    pub bytes: usize,
}

/// The only type of group there is so far.
const CLASSIC: &str = "classic";

/// A group, or `None` if it does not exist.
pub(super) fn describe(groups: &Groups, id: &GroupId) -> Option<DescribedGroup> {
    groups.stored(id).map(describe_group)
}

fn describe_group(group: &Group) -> DescribedGroup {
    // Metadata is that of a protocol, and only a stable group has settled on one.
    let protocol = group.protocol.as_deref().filter(|_| group.state == GroupState::Stable);
    let member = |member: &Member| DescribedMember {
        member_id: member.id.clone(),
        group_instance_id: member.instance_id.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        metadata: protocol.map(|name| member.metadata(name).to_vec()).unwrap_or_default(),
        assignment: member.assignment.clone(),
    };
    DescribedGroup {
        state: group.state.name(),
        protocol_type: group.protocol_type.clone().unwrap_or_default(),
        protocol: protocol.unwrap_or_default().to_owned(),
        members: group.members.values().map(member).collect(),
    }
}

/// All groups in one of the states and of one of the types, in the order of their names; an empty filter lets all pass.
/// Case does not matter (KIP-518, KIP-848).
pub(super) fn list(groups: &Groups, states: &[String], types: &[String]) -> Vec<ListedGroup> {
    let passes = |filter: &[String], name: &str| {
        filter.is_empty() || filter.iter().any(|f| f.eq_ignore_ascii_case(name))
    };
    if !passes(types, CLASSIC) {
        return Vec::new();
    }
    // Once for each state and not for each group: there may be millions of filters.
    let wanted = GroupState::ALL.map(|state| passes(states, state.name()).then_some(state));
    let mut listed: Vec<_> = groups
        .iter()
        .filter(|group| group.stored && wanted.contains(&Some(group.state)))
        .map(|group| ListedGroup {
            group: group.id.clone(),
            protocol_type: group.protocol_type.clone().unwrap_or_default(),
            state: group.state.name(),
            group_type: CLASSIC,
        })
        .collect();
    listed.sort_by(|a, b| a.group.cmp(&b.group));
    listed
}
