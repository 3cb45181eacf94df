//! Frames that lie about their length, and bodies that lie about the lengths inside: the connection is closed, others
//! are served on.

use gracchus_wire::ApiKey;
use gracchus_wire::messages::{ListOffsetsRequest, MetadataRequest};
use protocol_tests::Client;
use protocol_tests::typed::encode;

use super::support::*;

#[tokio::test]
async fn traps_12_a_negative_or_oversized_frame_closes_the_connection() {
    let (broker, mut other) = start().await;
    for length in [-1, i32::MIN, 104_857_601, i32::MAX] {
        let mut client = broker.client().await;
        client.send_raw(&length.to_be_bytes()).await;
        client.expect_closed().await;
    }
    assert_served(&mut other).await;
}

#[tokio::test]
async fn traps_12_the_limit_of_a_frame_is_a_setting() {
    let settings = [("socket.request.max.bytes", "200")];
    let Some((broker, mut client)) = start_with(&settings).await else { return };
    assert_served(&mut client).await;
    client.send_raw(&201_i32.to_be_bytes()).await;
    client.expect_closed().await;
    assert_served(&mut broker.client().await).await;
}

#[tokio::test]
async fn a_frame_too_short_for_a_header_closes_the_connection() {
    let (broker, mut other) = start().await;
    for body in [
        &b""[..],
        b"\0",
        b"\0\x12\0",
        b"\0\x12\0\0\0\0\0",
        b"\0\x12\0\0\0\0\0\x01\0\x7fx",
        b"\0\x03\0\x0c\0\0\0\x01\xff\xff",
    ] {
        let mut client = broker.client().await;
        let mut frame = i32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
        frame.extend(body);
        client.send_raw(&frame).await;
        client.expect_closed().await;
    }
    assert_served(&mut other).await;
}

#[tokio::test]
async fn a_frame_that_ends_early_is_dropped_and_appends_nothing() {
    let (broker, mut client) = start().await;
    let topic = create(&mut client, "early", 1, &[]).await;
    let frame = encode(9, produce_request(9, &topic, 0, 1, protocol_tests::batch::values(&["never"])));
    for end in [2, 4, 10, frame.len() - 1] {
        let mut half = broker.client().await;
        half.send_raw(&frame[..end]).await;
        drop(half);
    }
    // A body cut short in a frame whose length is right about it.
    let mut cut = frame[..frame.len() - 5].to_vec();
    let length = i32::try_from(cut.len() - 4).unwrap();
    cut[..4].copy_from_slice(&length.to_be_bytes());
    let mut short = broker.client().await;
    short.send_raw(&cut).await;
    short.expect_closed().await;
    assert_eq!(end(&mut client, &topic).await, 0);
}

#[tokio::test]
async fn traps_68_lengths_that_lie_close_the_connection_in_every_api_and_version() {
    let (broker, mut other) = start().await;
    for api in ApiKey::ALL {
        for version in versions(*api).filter(|_| *api != ApiKey::ApiVersions) {
            // Whatever is first in the body, all ones are a huge length; a varint of 10 bytes is none at all.
            for body in [&[0x7f; 24][..], &[0xff; 24]] {
                let mut client = broker.client().await;
                client
                    .send_raw(&raw_frame(api.code(), version, api.request_header_version(version), body))
                    .await;
                assert_refused(&mut client, *api, version).await;
            }
        }
    }
    assert_served(&mut other).await;
}

/// Closed, or (where the bytes happen to be a request) answered in a way that a client reads.
async fn assert_refused(client: &mut Client, api: ApiKey, version: i16) {
    if let Some(frame) = client.receive_raw().await {
        let answer = gracchus_wire::client::decode_response(api, version, frame);
        assert!(answer.is_ok(), "{api} version {version}: {answer:?}");
    }
}

#[tokio::test]
async fn traps_68_a_list_of_two_billion_topics_in_a_short_frame_closes_the_connection() {
    let (broker, mut other) = start().await;
    for version in versions(ApiKey::Metadata) {
        let length: &[u8] = if version >= 9 { b"\xff\xff\xff\xff\x07" } else { b"\x7f\xff\xff\xff" };
        let header = ApiKey::Metadata.request_header_version(version);
        let mut client = broker.client().await;
        client.send_raw(&raw_frame(3, version, header, &[length, b"\0\0\0\0"].concat())).await;
        client.expect_closed().await;
    }
    assert_served(&mut other).await;
}

/// Kafka takes every negative length for null where there may be one; no client sends another than -1.
#[tokio::test]
async fn traps_68_a_negative_length_that_is_not_null_closes_the_connection() {
    let Some((broker, mut other)) = start_with(&[]).await else { return };
    for length in [-2_i32, i32::MIN] {
        let mut client = broker.client().await;
        client.send_raw(&raw_frame(3, 8, 1, &[&length.to_be_bytes()[..], b"\0\0\0"].concat())).await;
        client.expect_closed().await;
    }
    assert_served(&mut other).await;
}

#[tokio::test]
async fn a_null_where_there_may_be_none_closes_the_connection() {
    let (broker, mut other) = start().await;
    // ListOffsets 1 with null topics; Metadata 8 with a null topic name; DeleteTopics 1 with a null list.
    let requests: [(i16, i16, &[u8]); 3] = [
        (2, 1, b"\xff\xff\xff\xff\xff\xff\xff\xff"),
        (3, 8, b"\0\0\0\x01\xff\xff\0\0\0"),
        (20, 1, b"\xff\xff\xff\xff\0\0\0\0"),
    ];
    for (key, version, body) in requests {
        let mut client = broker.client().await;
        client.send_raw(&raw_frame(key, version, 1, body)).await;
        client.expect_closed().await;
    }
    assert_served(&mut other).await;
}

#[tokio::test]
async fn a_text_that_is_not_utf8_harms_nobody_else() {
    let (broker, mut other) = start().await;
    let mut client = broker.client().await;
    client.send_raw(&raw_frame(3, 8, 1, b"\0\0\0\x01\0\x02\xc3\x28\0\0\0")).await;
    if let Some(frame) = client.receive_raw().await {
        let (_, answer) =
            gracchus_wire::client::decode_response(ApiKey::Metadata, 8, frame).expect("an answer");
        let gracchus_wire::Response::Metadata(answer) = answer else { panic!("not Metadata") };
        assert_ne!(answer.topics[0].error_code, 0);
    }
    assert_served(&mut other).await;
}

#[tokio::test]
async fn a_header_of_the_wrong_kind_harms_nobody_else() {
    let (broker, mut other) = start().await;
    for api in ApiKey::ALL {
        for version in versions(*api) {
            // Tagged fields where none belong, or none where they do; then nothing, or zeros, for a body.
            let wrong = 3 - api.request_header_version(version);
            for body in [&[][..], &[0; 64]] {
                let mut client = broker.client().await;
                client.send_raw(&raw_frame(api.code(), version, wrong, body)).await;
                // Some of it makes sense by chance, and is waited for; whatever comes, it is an answer or the end.
                drop(client);
            }
        }
        assert_served(&mut other).await;
    }
}

#[tokio::test]
async fn bytes_behind_a_body_are_ignored() {
    let (_broker, mut client) = start().await;
    client.send_raw(&raw_frame(3, 8, 1, b"\0\0\0\0\0\0\0and more")).await;
    assert_eq!(client.receive_answer(8, MetadataRequest::default()).await.topics.len(), 0);
}

#[tokio::test]
async fn a_frame_that_comes_byte_by_byte_is_a_frame() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "slow", 1, &[]).await;
    for byte in encode(8, list_offsets_request(&topic, 0, -1)) {
        client.send_raw(&[byte]).await;
    }
    let answer = client.receive_answer(8, ListOffsetsRequest::default()).await;
    assert_eq!(answer.topics[0].partitions[0].offset, 0);
}
