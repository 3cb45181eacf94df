//! DeleteAcls (key 31): there are none without an authorizer (see `acls`).

use gracchus_base::ErrorCode;
use gracchus_wire::messages::{
    DeleteAclsRequest, DeleteAclsResponse, delete_acls_response::DeleteAclsFilterResult,
};
use gracchus_wire::response::Response;

use super::{RequestContext, acls};
use crate::connection::reply::Reply;

pub fn handle(ctx: &RequestContext, request: &DeleteAclsRequest) -> Reply {
    let codes = request.filters.iter().map(|filter| {
        let [kind, pattern] = [filter.resource_type_filter, filter.pattern_type_filter];
        [kind, pattern, filter.operation, filter.permission_type]
    });
    acls::reply(ctx, codes, || {
        let refused = DeleteAclsFilterResult::default()
            .with_error_code(ErrorCode::SecurityDisabled.code())
            .with_error_message(Some(acls::NO_AUTHORIZER.into()));
        let results = vec![refused; request.filters.len()];
        Response::DeleteAcls(DeleteAclsResponse::default().with_filter_results(results))
    })
}
