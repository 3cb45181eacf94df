//! Lies that can be told in any request: every length, count and set of tagged fields of every API and version, cuts,
//! and random changes.

use gracchus_base::Entropy;
use gracchus_wire::ApiKey;

use crate::case::{Case, Group, framed, header, header_start, request, versions};
use crate::fill::{Body, Place, What, body, varint};

/// What a lie is called, and the bytes that it is.
type Lie = (&'static str, Vec<u8>);

/// Lies about every length of every API and version.
pub fn bodies(cases: &mut Vec<Case>) {
    for (api, version) in every_version() {
        let made = body(api, version, cases.len(), &[]);
        let mut lies: Vec<Lie> = vec![("nothing is wrong", made.bytes.clone())];
        lies.extend(cuts(&made));
        for place in &made.places {
            lengths(api, version, &made, place, &mut lies);
        }
        let case = |(name, bytes): Lie| Case {
            group: Group::Bodies,
            name: name.to_owned(),
            api: Some(api),
            version,
            frame: request(api, version, &bytes),
        };
        cases.extend(lies.into_iter().map(case));
    }
}

/// Lies about the header, in every API and version.
pub fn headers(cases: &mut Vec<Case>) {
    for (api, version) in every_version() {
        let made = body(api, version, cases.len(), &[]).bytes;
        let start = header_start(api.code(), version);
        let flexible = api.is_flexible(version);
        let tags: &[u8] = if flexible { &[0] } else { &[] };
        let other = header(api.code(), version, !flexible);
        let name =
            if flexible { "no tags in a flexible header" } else { "tags in a header that is not flexible" };
        let mut lies: Vec<Lie> = vec![
            (name, framed(&[&other, &made])),
            ("client id null", framed(&[&start, &[0xff, 0xff], tags, &made])),
            ("client id of length -2", framed(&[&start, &[0xff, 0xfe], tags, &made])),
            ("client id longer than the frame", framed(&[&start, &[0x7f, 0xff], tags, &made])),
            ("client id that is not UTF-8", framed(&[&start, &[0, 2, 0xc3, 0x28], tags, &made])),
            ("header cut short", framed(&[&start[..6]])),
            ("header without a client id", framed(&[&start])),
        ];
        if flexible {
            let whole = header(api.code(), version, false);
            lies.extend([
                ("2^32-1 tagged fields in the header", framed(&[&whole, &varint(u32::MAX), &made])),
                ("an unknown tagged field in the header", framed(&[&whole, &[1, 9, 2, 1, 2], &made])),
                ("the same tagged field twice in the header", framed(&[&whole, &[2, 9, 0, 9, 0], &made])),
                (
                    "a tagged field longer than the frame in the header",
                    framed(&[&whole, &[1, 9, 0xff, 0x7f], &made]),
                ),
            ]);
        }
        let case = |(name, frame): Lie| Case {
            group: Group::Headers,
            name: name.to_owned(),
            api: Some(api),
            version,
            frame,
        };
        cases.extend(lies.into_iter().map(case));
    }
}

/// Bodies with one to three bytes changed, the same for the same seed.
pub fn random(cases: &mut Vec<Case>, seed: u64, each: usize) {
    let dice = Entropy::seeded(seed);
    for (api, version) in every_version() {
        for _ in 0..each {
            let mut bytes = body(api, version, cases.len(), &[]).bytes;
            for _ in 0..=dice.next_u64() % 3 {
                let at = dice.next_u64() as usize % bytes.len().max(1);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = dice.next_u64() as u8;
                }
            }
            let frame = request(api, version, &bytes);
            let name = "one to three bytes changed".to_owned();
            cases.push(Case { group: Group::Random, name, api: Some(api), version, frame });
        }
    }
}

fn every_version() -> impl Iterator<Item = (ApiKey, i16)> {
    ApiKey::ALL.iter().flat_map(|api| versions(*api).map(|version| (*api, version)))
}

fn cuts(made: &Body) -> Vec<Lie> {
    let length = made.bytes.len();
    let mut ends = vec![0, length / 4, length / 2, length * 3 / 4, length.saturating_sub(1)];
    ends.dedup();
    ends.retain(|end| *end < length);
    let mut lies: Vec<Lie> =
        ends.into_iter().map(|end| ("body cut short", made.bytes[..end].to_vec())).collect();
    lies.push(("bytes behind the body", [&made.bytes[..], b"and more"].concat()));
    lies
}

fn lengths(api: ApiKey, version: i16, made: &Body, place: &Place, lies: &mut Vec<Lie>) {
    let flexible = api.is_flexible(version);
    if place.what == What::Tags {
        return tags(api, version, made, place, lies);
    }
    let (negative, null, over) = match place.what {
        What::Text => ("text of length -2", "null text", "text longer than the frame"),
        What::Data => ("bytes of length -2", "null bytes", "bytes longer than the frame"),
        _ => ("array of -2 elements", "null array", "array of more elements than the frame has bytes"),
    };
    let mut lie =
        |name, length: i64| lies.push((name, replaced(made, place, &prefix(flexible, place.what, length))));
    lie(if place.may_be_null { "negative length where null may be" } else { negative }, -2);
    if !place.may_be_null {
        lie(null, -1);
    }
    lie(over, 30_000);
    if place.what == What::Array {
        lie("array of 2^31-1 elements", i64::from(i32::MAX));
    }
    if flexible {
        lies.push(("varint of 6 bytes", replaced(made, place, &[0x81, 0x80, 0x80, 0x80, 0x80, 0])));
        lies.push((
            "varint of 5 bytes with more than 32 bits",
            replaced(made, place, &widened(made, place, 0x10)),
        ));
        lies.push(("varint in more bytes than it needs", replaced(made, place, &widened(made, place, 0))));
    }
    if place.what == What::Text {
        let mut text = made.bytes.clone();
        if let Some(byte) = (place.value > 0).then(|| text.get_mut(place.at + place.prefix)).flatten() {
            *byte = 0xff;
            lies.push(("text that is not UTF-8", text));
        }
        if flexible {
            let long = [varint(40_001u32), vec![b'a'; 40_000]].concat();
            let end = place.at + place.prefix + place.value;
            lies.push((
                "text of 40,000 bytes",
                [&made.bytes[..place.at], &long, &made.bytes[end..]].concat(),
            ));
        }
    }
}

/// Lies about the tagged fields of a struct, which has none.
fn tags(api: ApiKey, version: i16, made: &Body, place: &Place, lies: &mut Vec<Lie>) {
    let huge = [&[1, 99][..], &varint(100_000u32), &[0x55; 100_000]].concat();
    let number = [&[1][..], &varint(u32::MAX), &[1, 0]].concat();
    let beyond = [&[1, 99][..], &varint(100_000u32)].concat();
    let lie = |name: &'static str, bytes: &[u8]| (name, replaced(made, place, bytes));
    lies.extend([
        lie("an unknown tagged field", &[1, 99, 2, 1, 2]),
        lie("an unknown tagged field of 100,000 bytes", &huge),
        lie("a tagged field of number 2^32-1", &number),
        lie("a tagged field longer than the frame", &beyond),
        lie("a tagged field longer than 2^31", &[&[1, 99][..], &varint(u32::MAX)].concat()),
        lie("a tagged field twice", &[2, 99, 0, 99, 0]),
        lie("tagged fields in the wrong order", &[2, 99, 0, 98, 0]),
        lie("2^32-1 tagged fields", &varint(u32::MAX)),
    ]);
    let last = made.places.last().is_some_and(|last| last.at == place.at);
    if api == ApiKey::Fetch && last {
        // The cluster's id, which consumers do not send.
        lies.extend([
            lie("a known tagged field twice", &[2, 0, 2, 2, b'a', 0, 2, 2, b'a']),
            lie("a known tagged field of a wrong size", &[1, 0, 7, 2, b'a']),
        ]);
        let name = if version < 15 {
            "a tagged field of a later version"
        } else {
            "a client that says it is replica 99"
        };
        let replica = [&[1, 1, 13][..], &99_i32.to_be_bytes(), &(-1_i64).to_be_bytes(), &[0]].concat();
        lies.push(lie(name, &replica));
    }
}

fn replaced(made: &Body, place: &Place, prefix: &[u8]) -> Vec<u8> {
    [&made.bytes[..place.at], prefix, &made.bytes[place.at + place.prefix..]].concat()
}

fn prefix(flexible: bool, what: What, length: i64) -> Vec<u8> {
    match what {
        _ if flexible => varint((length as u32).wrapping_add(1)),
        What::Text => (length as i16).to_be_bytes().to_vec(),
        _ => (length as i32).to_be_bytes().to_vec(),
    }
}

/// The varint at a place in five bytes, with bits added to the last.
fn widened(made: &Body, place: &Place, bits: u8) -> Vec<u8> {
    let mut bytes = made.bytes[place.at..place.at + place.prefix].to_vec();
    if let Some(last) = bytes.last_mut() {
        *last |= 0x80;
    }
    bytes.resize(4, 0x80);
    bytes.push(bits);
    bytes
}
