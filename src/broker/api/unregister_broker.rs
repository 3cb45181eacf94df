//! UnregisterBroker (key 64): forgets a broker that will not come back (KIP-500). The one that there is runs, and stays.

use gracchus_base::{BrokerId, ErrorCode};
use gracchus_wire::messages::{UnregisterBrokerRequest, UnregisterBrokerResponse};

use super::RequestContext;

pub fn handle(ctx: &RequestContext, request: &UnregisterBrokerRequest) -> UnregisterBrokerResponse {
    let id = BrokerId(request.broker_id.0);
    let (code, message) = if ctx.node.image().broker(id).is_none() {
        (ErrorCode::BrokerIdNotRegistered, format!("Broker ID {id} is not currently registered"))
    } else {
        // Kafka of one node does it: it has no brokers then, and no partition has a leader, until it is started again.
        let words = format!("Broker ID {id} is the only broker of this cluster and cannot be unregistered");
        (ErrorCode::InvalidRequest, words)
    };
    UnregisterBrokerResponse::default().with_error_code(code.code()).with_error_message(Some(message.into()))
}
