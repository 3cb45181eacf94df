//! SaslAuthenticate (key 36): refused, as the handshake before it (see `sasl_handshake`). What a client sent to prove who
//! it is, is not looked at.

use gracchus_base::ErrorCode;
use gracchus_wire::messages::SaslAuthenticateResponse;

/// Kafka's words: on a listener without SASL a client counts as authenticated from the start.
const AUTHENTICATED: &str = "SaslAuthenticate request received after successful authentication";

pub fn handle() -> SaslAuthenticateResponse {
    SaslAuthenticateResponse::default()
        .with_error_code(ErrorCode::IllegalSaslState.code())
        .with_error_message(Some(AUTHENTICATED.into()))
}
