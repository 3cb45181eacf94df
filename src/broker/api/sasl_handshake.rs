//! SaslHandshake (key 17): there is nothing to agree on where no listener asks for SASL. Kafka lists the API on such a
//! listener too, and refuses whoever uses it without closing the connection.

use gracchus_base::ErrorCode;
use gracchus_wire::messages::SaslHandshakeResponse;

pub fn handle() -> SaslHandshakeResponse {
    SaslHandshakeResponse::default().with_error_code(ErrorCode::IllegalSaslState.code())
}
