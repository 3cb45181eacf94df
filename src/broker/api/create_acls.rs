//! CreateAcls (key 30): none can be made without an authorizer (see `acls`).

use gracchus_base::ErrorCode;
use gracchus_wire::messages::{
    CreateAclsRequest, CreateAclsResponse, create_acls_response::AclCreationResult,
};
use gracchus_wire::response::Response;

use super::{RequestContext, acls};
use crate::connection::reply::Reply;

pub fn handle(ctx: &RequestContext, request: &CreateAclsRequest) -> Reply {
    let codes = request.creations.iter().map(|creation| {
        let [kind, pattern] = [creation.resource_type, creation.resource_pattern_type];
        [kind, pattern, creation.operation, creation.permission_type]
    });
    acls::reply(ctx, codes, || {
        let refused = AclCreationResult::default()
            .with_error_code(ErrorCode::SecurityDisabled.code())
            .with_error_message(Some(acls::NO_AUTHORIZER.into()));
        let results = vec![refused; request.creations.len()];
        Response::CreateAcls(CreateAclsResponse::default().with_results(results))
    })
}
