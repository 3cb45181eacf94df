//! DescribeCluster (key 60): the brokers, the controller and the cluster's id.

use gracchus_base::ErrorCode;
use gracchus_wire::messages::{
    BrokerId, DescribeClusterRequest, DescribeClusterResponse,
    describe_cluster_response::DescribeClusterBroker,
};

use super::RequestContext;
use super::metadata::{CLUSTER_OPERATIONS, authorized_operations};

/// `endpoint_type` of brokers (KIP-919).
const BROKERS: i8 = 1;
/// `endpoint_type` of controllers.
const CONTROLLERS: i8 = 2;

pub fn handle(ctx: &RequestContext, request: &DescribeClusterRequest) -> DescribeClusterResponse {
    let response = DescribeClusterResponse::default().with_endpoint_type(BROKERS);
    if let Some((error, message)) = wrong_endpoint(ctx, request) {
        return response.with_error_code(error.code()).with_error_message(Some(message.into()));
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

/// A client that takes this broker for something else, with Kafka's words for it.
fn wrong_endpoint(ctx: &RequestContext, request: &DescribeClusterRequest) -> Option<(ErrorCode, String)> {
    match request.endpoint_type {
        _ if ctx.version() < 1 => None,
        BROKERS => None,
        CONTROLLERS => {
            let message = "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER";
            Some((ErrorCode::MismatchedEndpointType, message.to_owned()))
        }
        other => Some((ErrorCode::UnsupportedEndpointType, format!("Unsupported endpoint type {other}"))),
    }
}
