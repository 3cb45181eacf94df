//! FindCoordinator (key 10): this broker coordinates every group; the offsets topic is made on the first call (TRAPS 57).

use gracchus_base::ErrorCode;
use gracchus_wire::messages::{
    BrokerId, FindCoordinatorRequest, FindCoordinatorResponse, find_coordinator_response::Coordinator,
};

use super::{MALFORMED_REQUEST, RequestContext};

/// From this version on a request holds several keys (KIP-699).
const BATCHED: i16 = 4;
/// `key_type` of consumer groups.
const GROUP: i8 = 0;
/// `key_type` of transactional ids.
const TRANSACTION: i8 = 1;

pub async fn handle(ctx: &RequestContext, request: FindCoordinatorRequest) -> FindCoordinatorResponse {
    let keys = if ctx.version() >= BATCHED { request.coordinator_keys } else { vec![request.key] };
    let error = find(ctx, request.key_type).await.err();
    let coordinators = keys.into_iter().map(|key| match error {
        None => {
            let (host, port) = ctx.advertised();
            let coordinator = Coordinator::default().with_key(key).with_node_id(BrokerId(ctx.node.id.0));
            coordinator.with_host(host.into()).with_port(i32::from(port))
        }
        Some(error) => Coordinator::default()
            .with_key(key)
            .with_error_code(error.code())
            .with_error_message(Some(message_of(error).into()))
            .with_node_id(BrokerId(-1))
            .with_port(-1),
    });
    FindCoordinatorResponse::default().with_coordinators(coordinators.collect())
}

async fn find(ctx: &RequestContext, key_type: i8) -> Result<(), ErrorCode> {
    match key_type {
        GROUP => ctx.node.ensure_offsets_topic().await,
        // Transactions are not served yet; InitProducerId says so in a way that clients do not retry.
        TRANSACTION => Ok(()),
        _ => Err(ErrorCode::InvalidRequest),
    }
}

fn message_of(error: ErrorCode) -> &'static str {
    if error == ErrorCode::InvalidRequest { MALFORMED_REQUEST } else { error.name() }
}
