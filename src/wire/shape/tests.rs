use super::generate::{self, Dice, Fill, RANDOM};
use super::*;
use crate::client;
use crate::error::DecodeError;
use crate::request;
use counting_allocator::allocated_by;

/// Bytes of memory that decoding may take per byte of input. The worst is a Metadata request: an element of 72 bytes
/// (an id, a name, a map of tagged fields) whose shortest encoding takes two.
const MEMORY_PER_BYTE: usize = 40;

/// What decoding may take for an input of no length: the first shared handle of the frame.
const MEMORY_ALWAYS: usize = 1024;

fn every_version() -> impl Iterator<Item = (ApiKey, i16)> {
    let versions = |api: &ApiKey| {
        let api = *api;
        api.request_versions().filter(move |v| api.accepts(*v)).map(move |v| (api, v))
    };
    ApiKey::ALL.iter().flat_map(versions)
}

#[test]
fn every_layout_is_the_one_that_kafka_protocol_writes() {
    for (api, version) in every_version() {
        for seed in 0..40 {
            let body = generate::body(api, version, seed, RANDOM);
            let measure = check(api, version, &body).unwrap();
            assert_eq!(measure.bytes, body.len(), "{api} {version} seed {seed}");
            let request = request::decode(api, version, body.clone().into()).unwrap();
            let again = client::encode_request_body(version, &request).unwrap();
            assert_eq!(again[..], body, "{api} {version} seed {seed}: {request:?}");
        }
    }
}

#[test]
fn a_body_cut_at_any_byte_is_an_error() {
    for (api, version) in every_version() {
        for seed in 0..4 {
            let body = Bytes::from(generate::body(api, version, seed, RANDOM));
            for end in 0..body.len() {
                let result = request::decode(api, version, body.slice(..end));
                assert!(matches!(result, Err(DecodeError::Shape(_))), "{api} {version} seed {seed} at {end}");
            }
        }
    }
}

#[test]
fn bytes_after_the_body_are_ignored_as_kafka_ignores_them() {
    for (api, version) in every_version() {
        let mut body = generate::body(api, version, 1, RANDOM);
        let request = request::decode(api, version, body.clone().into()).unwrap();
        body.extend([1, 2, 3]);
        assert_eq!(request::decode(api, version, body.into()).unwrap(), request);
    }
}

#[test]
fn null_is_refused_where_kafka_protocol_refuses_it() {
    for (api, version) in every_version() {
        for seed in 0..10 {
            let places = generate::generate(api, version, seed, RANDOM).not_null;
            for place in 0..places {
                let fill = Fill { null_at: Some(place), ..RANDOM };
                let body = Bytes::from(generate::body(api, version, seed, fill));
                let error = check(api, version, &body).unwrap_err();
                assert_eq!(error.problem, Problem::Null, "{api} {version} seed {seed}: {error}");
                // Where a later version allows null, kafka_protocol takes it in the earlier ones too; Kafka does not.
                let lenient = matches!((api, version), (ApiKey::Metadata, 0..=9) | (ApiKey::OffsetFetch, 1));
                let refused = request::decode_checked(api, version, body).is_err();
                assert!(refused || lenient, "{api} {version} seed {seed}");
            }
        }
    }
}

#[test]
fn traps_14_unknown_tags_are_cut_out_of_every_struct() {
    for (api, version) in every_version().filter(|(api, version)| api.is_flexible(*version)) {
        for seed in 0..40 {
            let plain = generate::body(api, version, seed, RANDOM);
            let tagged = generate::body(api, version, seed, Fill { unknown_tags: true, ..RANDOM });
            let expected = request::decode(api, version, plain.into()).unwrap();
            let request = request::decode(api, version, tagged.into()).unwrap();
            assert_eq!(request, expected, "{api} {version} seed {seed}");
        }
    }
}

#[test]
fn traps_68_random_changes_never_panic_nor_allocate_more_than_a_multiple_of_the_input() {
    let mut dice = Dice(68);
    for (api, version) in every_version() {
        for seed in 0..300 {
            let fill = Fill { unknown_tags: seed % 2 == 0, ..RANDOM };
            let mut body = generate::body(api, version, seed, fill);
            change(&mut dice, &mut body);
            let length = body.len();
            let body = Bytes::from(body);
            let (bytes, _) = allocated_by(|| request::decode(api, version, body));
            let most = MEMORY_PER_BYTE * length + MEMORY_ALWAYS;
            assert!(bytes <= most, "{api} {version} seed {seed}: {bytes} bytes for {length}");
        }
    }
}

/// One to four changes: a bit, a byte, a run of ones, a cut, a piece doubled.
fn change(dice: &mut Dice, body: &mut Vec<u8>) {
    for _ in 0..=dice.below(4) {
        if body.is_empty() {
            return;
        }
        let at = dice.below(body.len());
        match dice.below(6) {
            0 => body[at] ^= 1 << dice.below(8),
            1 => body[at] = dice.next() as u8,
            2 => body.iter_mut().skip(at).take(4).for_each(|b| *b = 0xff),
            3 => body.truncate(at),
            4 => body.extend_from_within(at..),
            _ => body.splice(at..at, [0x7f, 0xff, 0xff, 0xff]).for_each(drop),
        }
    }
}

#[test]
fn traps_68_arrays_of_the_shortest_elements_take_a_bounded_multiple_and_no_more_than_estimated() {
    for (api, version) in every_version() {
        let fill = Fill { elements: Some(10_000), ..RANDOM };
        let body = Bytes::from(generate::body(api, version, 1, fill));
        let (length, measure) = (body.len(), check(api, version, &body).unwrap());
        let (bytes, request) = allocated_by(|| request::decode(api, version, body));
        request.unwrap();
        assert!(bytes <= MEMORY_PER_BYTE * length + MEMORY_ALWAYS, "{api} {version}: {bytes} for {length}");
        assert!(bytes <= measure.memory_estimate() + MEMORY_ALWAYS, "{api} {version}: {bytes}");
    }
}

#[test]
fn traps_68_unknown_tags_take_no_more_than_a_copy_of_the_body() {
    // ListGroups v5: two empty arrays, then a hundred thousand empty tagged fields.
    let mut body = vec![1, 1, 0xa0, 0x8d, 0x06];
    for tag in 1..=100_000u32 {
        body.extend([tag as u8 | 0x80, (tag >> 7) as u8 | 0x80, (tag >> 14) as u8, 0]);
    }
    let body = Bytes::from(body);
    assert_eq!(check(ApiKey::ListGroups, 5, &body).unwrap().unknown_tags, 100_000);
    let length = body.len();
    let (bytes, request) = allocated_by(|| request::decode(ApiKey::ListGroups, 5, body));
    request.unwrap();
    assert!(bytes <= length + MEMORY_ALWAYS, "{bytes} for {length}");
}

#[test]
fn traps_68_a_count_that_lies_is_refused_before_anything_is_reserved() {
    let lies: [(ApiKey, i16, &[u8]); 4] = [
        (ApiKey::Metadata, 1, &[0x7f, 0xff, 0xff, 0xff, 0, 1, b'a']),
        (ApiKey::Metadata, 9, &[0xff, 0xff, 0xff, 0xff, 0x0f, 2, b'a', 0]),
        (ApiKey::DescribeGroups, 0, &[0, 0, 0, 100, 0, 0]),
        (ApiKey::ListConfigResources, 1, &[0xff, 0x7f, 0, 0, 0]),
    ];
    for (api, version, body) in lies {
        let (bytes, result) = allocated_by(|| check(api, version, body));
        assert!(matches!(result.unwrap_err().problem, Problem::Truncated { .. }), "{api} {version}");
        assert_eq!(bytes, 0);
    }
}

#[test]
fn traps_68_negative_lengths_other_than_null_are_refused() {
    let problem = |api, version, body: &[u8]| check(api, version, body).unwrap_err().problem;
    assert_eq!(problem(ApiKey::Metadata, 1, &[255, 255, 255, 254]), Problem::Negative(-2));
    assert_eq!(problem(ApiKey::Metadata, 0, &[255, 255, 255, 255]), Problem::Null);
    assert_eq!(problem(ApiKey::FindCoordinator, 0, &[128, 0]), Problem::Negative(-32768));
    assert_eq!(check(ApiKey::Metadata, 1, &[255, 255, 255, 255]).unwrap().elements, 0);
}

#[test]
fn varints_above_32_bits_or_five_bytes_are_refused() {
    for bytes in [[0xff, 0xff, 0xff, 0xff, 0x10, 0], [0x80, 0x80, 0x80, 0x80, 0x80, 0]] {
        let error = check(ApiKey::ListGroups, 4, &bytes).unwrap_err();
        assert_eq!(error.problem, Problem::Varint);
    }
}

#[test]
fn a_text_is_at_most_as_long_as_kafka_reads() {
    let body = |n: usize| {
        let mut body = vec![(n + 1) as u8 | 0x80, ((n + 1) >> 7) as u8 | 0x80, ((n + 1) >> 14) as u8];
        body.extend(vec![b'a'; n]);
        body.extend([0, 0, 0, 0, 1, 0, 0]);
        body
    };
    assert!(check(ApiKey::Heartbeat, 4, &body(32767)).is_ok());
    let error = check(ApiKey::Heartbeat, 4, &body(32768)).unwrap_err();
    assert_eq!(error.problem, Problem::TextTooLong(32768));
}

#[test]
fn tags_that_are_doubled_unsorted_or_of_the_wrong_size_or_version_are_refused() {
    // Fetch v12 up to its last tagged fields: no topics, nothing forgotten, no rack.
    let fetch = |version, tags: &[u8]| {
        let mut body = vec![0; if version >= 15 { 21 } else { 25 }];
        body.extend([1, 1, 1]);
        body.extend(tags);
        check(ApiKey::Fetch, version, &body).map_err(|error| error.problem)
    };
    assert!(fetch(12, &[1, 0, 2, 2, b'c']).is_ok());
    assert_eq!(fetch(12, &[2, 0, 2, 2, b'c', 0, 2, 2, b'c']), Err(Problem::TagOrder(0)));
    assert_eq!(fetch(12, &[2, 9, 0, 3, 0]), Err(Problem::TagOrder(3)));
    assert_eq!(fetch(12, &[1, 0, 3, 2, b'c', 0]), Err(Problem::TagLength));
    assert_eq!(fetch(12, &[1, 1, 13, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Err(Problem::TagVersion(1)));
    assert!(fetch(15, &[1, 1, 13, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).is_ok());
    let truncated = Problem::Truncated { need: 200, left: 1 };
    assert_eq!(fetch(12, &[1, 40, 0xc8, 1, 0]), Err(truncated));
}

#[test]
fn a_request_holds_a_bounded_number_of_elements() {
    let body = |count: u32| {
        let mut body = count.to_be_bytes().to_vec();
        body.resize(4 + 2 * count as usize, 0);
        body
    };
    let most = FRAME_ELEMENTS_MAX as u32;
    assert_eq!(check(ApiKey::DescribeGroups, 0, &body(most)).unwrap().elements, FRAME_ELEMENTS_MAX);
    let error = check(ApiKey::DescribeGroups, 0, &body(most + 1)).unwrap_err();
    assert_eq!(error.problem, Problem::TooManyElements);
}

#[test]
fn text_that_is_not_utf8_is_an_error() {
    let result = request::decode(ApiKey::FindCoordinator, 0, Bytes::from_static(&[0, 1, 0xff]));
    let utf8 = ShapeError { field: "key", at: 3, problem: Problem::Utf8 };
    assert_eq!(result, Err(DecodeError::Shape(utf8)));
}

#[test]
fn a_version_that_is_not_served_is_an_error() {
    for (api, version) in [(ApiKey::Produce, 2), (ApiKey::Fetch, 19), (ApiKey::ApiVersions, -1)] {
        let result = request::decode(api, version, Bytes::new());
        assert_eq!(result, Err(DecodeError::Version { api, version }));
    }
}
