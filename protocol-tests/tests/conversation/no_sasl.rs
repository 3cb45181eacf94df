//! SaslHandshake and SaslAuthenticate, on a listener that asks for neither.

use gracchus_wire::ApiKey;
use gracchus_wire::messages::{SaslAuthenticateRequest, SaslHandshakeRequest};

use super::support::*;

const ILLEGAL_SASL_STATE: i16 = 34;

#[tokio::test]
async fn a_handshake_is_refused_on_a_plaintext_listener_and_the_connection_stays() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::SaslHandshake) {
        for mechanism in ["PLAIN", "SCRAM-SHA-512", "GSSAPI", "none that is known", ""] {
            let request = SaslHandshakeRequest::default().with_mechanism(text(mechanism));
            let answer = client.call(version, request).await;
            assert_eq!((answer.error_code, answer.mechanisms.len()), (ILLEGAL_SASL_STATE, 0), "{mechanism}");
        }
    }
    assert_served(&mut client).await;
}

#[tokio::test]
async fn whoever_authenticates_on_a_plaintext_listener_is_refused_and_the_connection_stays() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::SaslAuthenticate) {
        for proof in [&b"\0user\0password"[..], b"", &[0xff; 100_000]] {
            let request = SaslAuthenticateRequest::default().with_auth_bytes(proof.into());
            let answer = client.call(version, request).await;
            let words = "SaslAuthenticate request received after successful authentication";
            let told = (answer.error_code, answer.error_message.as_deref());
            assert_eq!(told, (ILLEGAL_SASL_STATE, Some(words)), "version {version}");
            assert_eq!((answer.auth_bytes.len(), answer.session_lifetime_ms), (0, 0));
        }
    }
    assert_served(&mut client).await;
}
