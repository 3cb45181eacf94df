//! What the three APIs of ACLs share. There is no authorizer yet, so that there are no ACLs to describe, make or delete,
//! and each request is told so.

use gracchus_wire::response::Response;

use super::RequestContext;
use crate::connection::reply::Reply;

/// Kafka's words in the answers of those that would change ACLs.
pub const NO_AUTHORIZER: &str = "No Authorizer is configured.";

/// In each of the four codes of an ACL or a filter, what stands for "unknown".
const UNKNOWN: i8 = 0;

/// The answer, unless the request says "unknown" somewhere: Kafka cannot read such a request and closes the connection.
/// `codes` has the resource type, pattern type, operation and permission type of each element.
pub fn reply(
    ctx: &RequestContext,
    codes: impl IntoIterator<Item = [i8; 4]>,
    answer: impl FnOnce() -> Response,
) -> Reply {
    if codes.into_iter().flatten().any(|code| code == UNKNOWN) {
        return Reply::Close {
            reason: "an ACL or a filter of ACLs holds the code that means unknown".to_owned(),
        };
    }
    ctx.reply(&answer())
}
