//! The header that every request begins with.
//!
//! A frame is a 4-byte length, which the connection reads, and what is parsed here: the header, then the body. Bodies
//! are `request`'s.

use bytes::{Buf, Bytes};
use kafka_protocol::protocol::StrBytes;

use crate::api::ApiKey;
use crate::error::DecodeError;
use crate::shape::Walk;

/// The header of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// The API's key as it came; [`ApiKey::from_code`] tells whether it is one that is served.
    pub api_key: i16,
    /// The version as it came.
    pub api_version: i16,
    /// Goes back in the response's header.
    pub correlation_id: i32,
    /// What the client calls itself, if it says so.
    pub client_id: Option<StrBytes>,
}

impl RequestHeader {
    /// The API, if it is one that is served.
    pub const fn api(&self) -> Option<ApiKey> {
        ApiKey::from_code(self.api_key)
    }
}

/// Takes the header off the front of a frame (without its length); what is left of `frame` is the body.
///
/// The header of an unknown API has an unknown layout: key, version and correlation id are read, the rest stays in
/// `frame`. A version above the known ones has the newest header, so that ApiVersions can be answered (TRAPS 1).
///
/// # Errors
/// [`DecodeError::Shape`] if the frame ends inside the header, a length in it lies or the client id is not UTF-8.
pub fn parse_header(frame: &mut Bytes) -> Result<RequestHeader, DecodeError> {
    let mut walk = Walk::new(frame, true);
    let api_key = i16::from_be_bytes(walk.array("api_key")?);
    let api_version = i16::from_be_bytes(walk.array("api_version")?);
    let correlation_id = i32::from_be_bytes(walk.array("correlation_id")?);
    let Some(api) = ApiKey::from_code(api_key) else {
        let at = walk.at();
        frame.advance(at);
        return Ok(RequestHeader { api_key, api_version, correlation_id, client_id: None });
    };
    // Never compact, not even in a flexible header: brokers that do not know the version must find it.
    let length = walk.short_length("client_id")?;
    let start = walk.at();
    walk.utf8("client_id", length.unwrap_or(0))?;
    let end = walk.at();
    if api.request_header_version(api_version) >= 2 {
        walk.unknown_tags("header tags")?;
    }
    let header_end = walk.at();
    // The walk has seen that it is UTF-8.
    let client_id = length.and_then(|_| StrBytes::from_utf8(frame.slice(start..end)).ok());
    frame.advance(header_end);
    Ok(RequestHeader { api_key, api_version, correlation_id, client_id })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(parts: &[&[u8]]) -> Bytes {
        parts.concat().into()
    }

    #[test]
    fn a_header_leaves_the_body() {
        let mut bytes = frame(&[&[0, 3, 0, 1, 0, 0, 0, 7, 0, 2], b"me", b"body"]);
        let header = parse_header(&mut bytes).unwrap();
        assert_eq!(header.api(), Some(ApiKey::Metadata));
        assert_eq!((header.api_version, header.correlation_id), (1, 7));
        assert_eq!(header.client_id.as_deref(), Some("me"));
        assert_eq!(bytes, "body");
    }

    #[test]
    fn traps_14_a_flexible_header_has_tags_and_unknown_ones_are_skipped() {
        let mut bytes = frame(&[&[0, 3, 0, 9, 0, 0, 0, 7, 255, 255, 1, 5, 2, 1, 2], b"body"]);
        let header = parse_header(&mut bytes).unwrap();
        assert_eq!(header.client_id, None);
        assert_eq!(bytes, "body");
    }

    #[test]
    fn traps_01_the_header_of_a_newer_api_versions_is_read() {
        let mut bytes = frame(&[&[0, 18, 0, 99, 0, 0, 0, 7, 0, 1], b"x", &[0], b"whatever"]);
        let header = parse_header(&mut bytes).unwrap();
        assert_eq!((header.api(), header.api_version), (Some(ApiKey::ApiVersions), 99));
        assert_eq!(header.correlation_id, 7);
    }

    #[test]
    fn traps_10_an_unknown_api_is_parsed_as_far_as_its_correlation_id() {
        let mut bytes = frame(&[&[3, 231, 0, 1, 0, 0, 0, 7], b"rest"]);
        let header = parse_header(&mut bytes).unwrap();
        assert_eq!((header.api(), header.api_key, header.correlation_id), (None, 999, 7));
        assert_eq!(bytes, "rest");
    }

    #[test]
    fn a_header_that_is_cut_short_or_lies_is_an_error() {
        let whole = frame(&[&[0, 3, 0, 9, 0, 0, 0, 7, 0, 2], b"me", &[1, 5, 1, 9]]);
        for end in 0..whole.len() {
            assert!(parse_header(&mut whole.slice(..end)).is_err(), "{end}");
        }
        for lie in [&[0, 3, 0, 1, 0, 0, 0, 7, 255, 254][..], &[0, 3, 0, 1, 0, 0, 0, 7, 0, 1, 0xff]] {
            assert!(parse_header(&mut frame(&[lie])).is_err());
        }
    }
}
