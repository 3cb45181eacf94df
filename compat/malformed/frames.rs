//! Frames that are wrong before any API is asked: lengths, keys and versions.

use gracchus_wire::ApiKey;

use crate::case::{Case, Group, framed, header, header_start, request, versions};
use crate::fill::body;

pub fn frames(cases: &mut Vec<Case>) {
    let metadata = body(ApiKey::Metadata, 9, 0, &[]).bytes;
    let frame = |length: i32, content: &[u8]| [&length.to_be_bytes()[..], content].concat();
    let whole = request(ApiKey::Metadata, 9, &metadata);
    let mut add = |name: &str, frame: Vec<u8>| {
        cases.push(Case {
            group: Group::Frames,
            name: name.to_owned(),
            api: Some(ApiKey::Metadata),
            version: 9,
            frame,
        });
    };
    add("frame of length 0", frame(0, &[]));
    add("frame of length -1", frame(-1, &[]));
    add("frame of length -2^31", frame(i32::MIN, &[]));
    add("frame of length 2^31-1", frame(i32::MAX, &[]));
    add("frame one byte above socket.request.max.bytes", frame(104_857_601, &[]));
    add("frame of socket.request.max.bytes, never sent", frame(104_857_600, &whole[4..]));
    add("frame one byte longer than what is sent", frame(whole.len() as i32 + 15, &whole[4..]));
    for length in [1, 2, 4, 7] {
        add("frame shorter than a header", framed(&[&header_start(3, 9)[..length]]));
    }
    add("frame length that ends inside the body", frame(whole.len() as i32 - 8, &whole[4..]));
    keys(cases);
}

fn keys(cases: &mut Vec<Case>) {
    let mut add = |name: String, api: Option<ApiKey>, version: i16, frame: Vec<u8>| {
        cases.push(Case { group: Group::Frames, name, api, version, frame });
    };
    // 93 is of no release; 4 to 6, 52 to 56 and 62 are for other brokers and controllers only.
    for key in [-1, i16::MIN, i16::MAX, 93, 999, 4, 5, 6, 52, 53, 54, 56, 62] {
        add(format!("unknown key {key}"), None, 0, framed(&[&header(key, 0, true), &[0; 16]]));
    }
    for api in ApiKey::ALL {
        let (first, last) = (*api.request_versions().start(), *api.request_versions().end());
        for version in [-1, i16::MIN, first - 1, last + 1, last + 40, i16::MAX] {
            // Below 0 there are two of the same; ApiVersions has chapters of its own in the protocol.
            let name = if version < first { "version below the range" } else { "version above the range" };
            let flexible = api.is_flexible(version);
            let made = body(*api, version.clamp(first, last), 0, &[]).bytes;
            let frame = framed(&[&header(api.code(), version, flexible), &made]);
            let name =
                if *api == ApiKey::ApiVersions { format!("ApiVersions: {name}") } else { name.to_owned() };
            add(name, Some(*api), version, frame);
        }
    }
    for version in (0..3).filter(|version| !versions(ApiKey::Produce).any(|v| v == *version)) {
        let made = body(ApiKey::Produce, 3, 0, &[]).bytes;
        let frame = request(ApiKey::Produce, version, &made);
        add("Produce in a version that is listed and refused".into(), Some(ApiKey::Produce), version, frame);
    }
}
