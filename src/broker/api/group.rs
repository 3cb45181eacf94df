//! What the handlers of the group APIs share: asking the coordinator, and small translations.

use gracchus_base::{ErrorCode, GroupId};
use gracchus_state::group::{Reply, Request};
use gracchus_wire::messages::{self, StrBytes};

use super::RequestContext;

/// Asks the coordinator of a group. An empty name is refused, as Kafka does for everything that has members.
pub async fn ask(
    ctx: &RequestContext,
    group: &messages::GroupId,
    request: impl FnOnce(GroupId) -> Request,
) -> Result<Reply, ErrorCode> {
    if group.is_empty() {
        return Err(ErrorCode::InvalidGroupId);
    }
    let group = GroupId::new(group.as_str());
    ctx.node.coordinators.request(&group, request(group.clone())).await
}

/// The error behind an outcome that is not the expected reply. A reply of another kind would be our own mistake.
pub fn error_of(outcome: Result<Reply, ErrorCode>) -> ErrorCode {
    outcome.err().unwrap_or(ErrorCode::UnknownServerError)
}

/// A text that may be null, as a string of our own: what the coordinator keeps must not pin the request's frame.
pub fn owned(text: Option<&StrBytes>) -> Option<String> {
    text.map(|text| text.to_string())
}
