//! One case: the bytes that are sent, and what to read the answer as.

use bytes::Bytes;
use gracchus_wire::ApiKey;

use crate::values::CLIENT_ID;

/// Written into every frame.
const CORRELATION_ID: i32 = 7;

/// Bytes that both brokers are sent over a connection of their own.
#[derive(Clone, Debug)]
pub struct Case {
    /// The chapter of the report.
    pub group: Group,
    /// What is wrong, in the report's words; cases of one name and API are told apart by their versions.
    pub name: String,
    /// What the frame says it is, if that is an API that is served: the answer is read as its answer.
    pub api: Option<ApiKey>,
    pub version: i16,
    pub frame: Vec<u8>,
}

/// The chapters of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    Frames,
    Headers,
    Bodies,
    Random,
    Batches,
    Values,
}

impl Group {
    pub const ALL: [Group; 6] =
        [Group::Frames, Group::Headers, Group::Bodies, Group::Random, Group::Batches, Group::Values];

    pub const fn title(self) -> &'static str {
        match self {
            Group::Frames => "Frames",
            Group::Headers => "Headers",
            Group::Bodies => "Bodies of every API and version",
            Group::Random => "Random changes of every API and version",
            Group::Batches => "Batches that lie",
            Group::Values => "Values that make no sense",
        }
    }

    /// Whether one row tells of all APIs: the cases are made from the layouts, not for an API.
    pub const fn over_all_apis(self) -> bool {
        matches!(self, Group::Frames | Group::Headers | Group::Bodies | Group::Random)
    }
}

/// The versions of an API that are decoded.
pub fn versions(api: ApiKey) -> impl Iterator<Item = i16> {
    api.request_versions().filter(move |version| api.accepts(*version))
}

/// A whole frame of a request with an ordinary header.
pub fn request(api: ApiKey, version: i16, body: &[u8]) -> Vec<u8> {
    framed(&[&header(api.code(), version, api.is_flexible(version)), body])
}

/// A request's header; a flexible one has a count of tagged fields.
pub fn header(key: i16, version: i16, flexible: bool) -> Vec<u8> {
    let mut out = header_start(key, version);
    out.extend((CLIENT_ID.len() as i16).to_be_bytes());
    out.extend(CLIENT_ID.as_bytes());
    out.extend(flexible.then_some(0));
    out
}

/// The header up to the client's id.
pub fn header_start(key: i16, version: i16) -> Vec<u8> {
    [&key.to_be_bytes()[..], &version.to_be_bytes(), &CORRELATION_ID.to_be_bytes()].concat()
}

/// The parts behind their length.
pub fn framed(parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    [&(content.len() as i32).to_be_bytes()[..], &content].concat()
}

/// Decodes the case's frame as our broker does; why it would refuse it, if it does.
pub fn refusal(case: &Case) -> Option<gracchus_wire::DecodeError> {
    let mut rest = Bytes::copy_from_slice(case.frame.get(4..)?);
    match gracchus_wire::frame::parse_header(&mut rest) {
        Ok(header) => gracchus_wire::request::decode(header.api()?, header.api_version, rest).err(),
        Err(error) => Some(error),
    }
}
