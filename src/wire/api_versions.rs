//! What is particular to ApiVersions: the first request of a connection, sent before either side knows what the other
//! speaks.

use bytes::{BufMut, Bytes};
use gracchus_base::ErrorCode;

use crate::api::ApiKey;
use crate::error::EncodeError;
use crate::messages::{ApiVersionsRequest, ApiVersionsResponse};
use crate::primitive::Writer;

/// The answer to an ApiVersions request of a version that is not known, as a whole frame: version 0's layout, error 35
/// and the versions of ApiVersions alone (TRAPS 1, KIP-511). The request's body has not been parsed.
///
/// # Errors
/// Never in practice; the type is that of every encoder.
pub fn unsupported_version(correlation_id: i32) -> Result<Bytes, EncodeError> {
    let versions = ApiKey::ApiVersions.request_versions();
    let mut writer = Writer::response(ApiKey::ApiVersions, 0, correlation_id, 12);
    writer.out.put_i16(ErrorCode::UnsupportedVersion.code());
    writer.length(1);
    writer.out.put_i16(ApiKey::ApiVersions.code());
    writer.out.put_i16(*versions.start());
    writer.out.put_i16(*versions.end());
    writer.frame(ApiKey::ApiVersions, 0, 0)
}

/// Whether the name and version that a client gives of itself are well-formed; else the answer is INVALID_REQUEST, with
/// empty lists, in the version of the request (TRAPS 3). Requests below version 3 have neither.
pub fn client_is_valid(version: i16, request: &ApiVersionsRequest) -> bool {
    version < 3
        || is_software_text(&request.client_software_name)
            && is_software_text(&request.client_software_version)
}

/// `[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?`
fn is_software_text(text: &str) -> bool {
    let outer = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    outer(text.chars().next())
        && outer(text.chars().next_back())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
}

/// The response without the supported features whose lowest version is 0: clients below version 4 fail to read them
/// (TRAPS 5, KAFKA-17011).
pub(crate) fn without_min_zero(mut response: ApiVersionsResponse) -> ApiVersionsResponse {
    response.supported_features.retain(|feature| feature.min_version != 0);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::StrBytes;
    use crate::messages::api_versions_response::SupportedFeatureKey;
    use crate::response::{self, Response};

    #[test]
    fn traps_01_an_unknown_api_versions_is_answered_in_version_0() {
        let frame = unsupported_version(7).unwrap();
        assert_eq!(frame[..], [0, 0, 0, 16, 0, 0, 0, 7, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4]);
    }

    #[test]
    fn traps_03_client_names_and_versions_follow_a_pattern() {
        let request = |name: &'static str, version: &'static str| {
            ApiVersionsRequest::default()
                .with_client_software_name(StrBytes::from_static_str(name))
                .with_client_software_version(StrBytes::from_static_str(version))
        };
        for good in ["a", "apache-kafka-java", "4.3.1", "a..b", "9"] {
            assert!(client_is_valid(3, &request(good, "1")), "{good}");
        }
        for bad in ["", "-a", "a-", "a b", "a_b", ".", "ä", "a\n"] {
            assert!(!client_is_valid(3, &request(bad, "1")), "{bad}");
            assert!(!client_is_valid(4, &request("a", bad)), "{bad}");
        }
        assert!(client_is_valid(2, &request("", "")));
    }

    #[test]
    fn traps_05_features_with_min_0_are_left_out_below_version_4() {
        let feature = |name, min| {
            SupportedFeatureKey::default()
                .with_name(StrBytes::from_static_str(name))
                .with_min_version(min)
                .with_max_version(2)
        };
        let body = ApiVersionsResponse::default()
            .with_supported_features(vec![feature("zero", 0), feature("one", 1)]);
        let names = |version| {
            let frame = response::encode(version, 1, &Response::ApiVersions(body.clone())).unwrap();
            let (_, response) =
                crate::client::decode_response(ApiKey::ApiVersions, version, frame.slice(4..)).unwrap();
            let Response::ApiVersions(response) = response else { panic!("not ApiVersions") };
            response.supported_features.iter().map(|f| f.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(2), [""; 0]);
        assert_eq!(names(3), ["one"]);
        assert_eq!(names(4), ["zero", "one"]);
    }
}
