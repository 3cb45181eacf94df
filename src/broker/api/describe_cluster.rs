//! DescribeCluster (key 60): the brokers, the controller and the cluster's id.

use gracchus_base::ErrorCode;
use gracchus_wire::messages::{
    BrokerId, DescribeClusterRequest, DescribeClusterResponse,
    describe_cluster_response::DescribeClusterBroker,
};

use super::RequestContext;
use super::metadata::{CLUSTER_OPERATIONS, authorized_operations};

/// `endpoint_type` of brokers; 2 would be controllers (KIP-919).
const BROKERS: i8 = 1;

pub fn handle(ctx: &RequestContext, request: &DescribeClusterRequest) -> DescribeClusterResponse {
    let response = DescribeClusterResponse::default().with_endpoint_type(request.endpoint_type);
    if ctx.version() >= 1 && request.endpoint_type != BROKERS {
        let error = if request.endpoint_type == 2 {
            ErrorCode::MismatchedEndpointType
        } else {
            ErrorCode::UnsupportedEndpointType
        };
        return response.with_error_code(error.code()).with_error_message(Some("This is a broker.".into()));
    }
    let (host, port) = ctx.advertised();
    let broker = DescribeClusterBroker::default()
        .with_broker_id(BrokerId(ctx.node.id.0))
        .with_host(host.into())
        .with_port(i32::from(port));
    response
        .with_cluster_id(ctx.node.cluster_id.clone().into())
        .with_controller_id(BrokerId(ctx.node.id.0))
        .with_brokers(vec![broker])
        .with_cluster_authorized_operations(authorized_operations(
            request.include_cluster_authorized_operations,
            CLUSTER_OPERATIONS,
        ))
}
