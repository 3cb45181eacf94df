//! InitProducerId (key 22): a producer id for an idempotent producer (KIP-98, KIP-360).

use gracchus_base::ErrorCode;
use gracchus_wire::messages::{InitProducerIdRequest, InitProducerIdResponse, ProducerId};

use super::RequestContext;

pub async fn handle(ctx: &RequestContext, request: InitProducerIdRequest) -> InitProducerIdResponse {
    // Only together do they name a producer that goes on.
    if (request.producer_id.0 == -1) != (request.producer_epoch == -1) {
        return failed(ErrorCode::InvalidRequest);
    }
    match &request.transactional_id {
        None => match ctx.node.producer_ids.next().await {
            Ok(id) => {
                InitProducerIdResponse::default().with_producer_id(ProducerId(id.0)).with_producer_epoch(0)
            }
            Err(error) => failed(error),
        },
        Some(id) if id.is_empty() => failed(ErrorCode::InvalidRequest),
        // Transactions are not served yet. This code is fatal to every client; a retriable one would have it try for ever.
        Some(_) => failed(ErrorCode::TransactionalIdAuthorizationFailed),
    }
}

fn failed(error: ErrorCode) -> InitProducerIdResponse {
    InitProducerIdResponse::default()
        .with_error_code(error.code())
        .with_producer_id(ProducerId(-1))
        .with_producer_epoch(-1)
}
