//! DescribeAcls (key 29): there are no ACLs without an authorizer (see `acls`).

use gracchus_base::ErrorCode;
use gracchus_wire::messages::{DescribeAclsRequest, DescribeAclsResponse};
use gracchus_wire::response::Response;

use super::{RequestContext, acls};
use crate::connection::reply::Reply;

/// Kafka's words in this answer are others than where ACLs would be changed.
const NO_AUTHORIZER: &str = "No Authorizer is configured on the broker";

pub fn handle(ctx: &RequestContext, request: &DescribeAclsRequest) -> Reply {
    let asked = request;
    let codes =
        [asked.resource_type_filter, asked.pattern_type_filter, asked.operation, asked.permission_type];
    acls::reply(ctx, [codes], || {
        let answer = DescribeAclsResponse::default().with_error_code(ErrorCode::SecurityDisabled.code());
        Response::DescribeAcls(answer.with_error_message(Some(NO_AUTHORIZER.into())))
    })
}
