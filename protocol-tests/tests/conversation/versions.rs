//! ApiVersions, and what is and is not served.

use gracchus_wire::ApiKey;
use gracchus_wire::messages::{
    ApiVersionsRequest, ApiVersionsResponse, ListOffsetsRequest, MetadataRequest, ProduceRequest,
};

use super::support::*;

async fn api_versions(client: &mut protocol_tests::Client, version: i16) -> ApiVersionsResponse {
    let mut request = ApiVersionsRequest::default();
    if version >= 3 {
        request = request.with_client_software_name(text("apache-kafka-java"));
        request = request.with_client_software_version(text("4.3.1"));
    }
    client.call(version, request).await
}

#[tokio::test]
async fn traps_01_an_api_versions_that_is_too_new_is_answered_in_version_0_and_the_connection_stays() {
    let (_broker, mut client) = start().await;
    for version in [5, 6, 99, i16::MAX, -1] {
        let header_version = if version >= 3 { 2 } else { 1 };
        client
            .send_raw(&raw_frame(18, version, header_version, b"\xff\xffnot a body that can be read"))
            .await;
        let frame = client.receive_raw().await.expect("an answer");
        // Correlation id, error 35, one entry: key 18, versions 0 to 4.
        assert_eq!(frame[..], *b"\0\0\0\x07\0\x23\0\0\0\x01\0\x12\0\0\0\x04", "version {version}");
    }
    assert_served(&mut client).await;
}

#[tokio::test]
async fn traps_02_the_header_of_an_api_versions_answer_has_no_tags() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::ApiVersions) {
        let (header, body): (i16, &[u8]) = if version >= 3 { (2, b"\x05name\x021\0") } else { (1, b"") };
        client.send_raw(&raw_frame(18, version, header, body)).await;
        let frame = client.receive_raw().await.expect("an answer");
        assert_eq!(
            frame[..6],
            [0, 0, 0, 7, 0, 0],
            "correlation id, then the error at once in version {version}"
        );
        let list_at = if version >= 3 { 6 } else { 9 };
        assert!(frame[list_at] > 1, "the list follows in version {version}: {frame:?}");
    }
}

#[tokio::test]
async fn traps_03_a_client_name_that_is_none_is_an_invalid_request() {
    let (_broker, mut client) = start().await;
    for version in [3, 4] {
        for (name, software) in [
            ("", "1"),
            ("name", ""),
            ("-name", "1"),
            ("name.", "1"),
            ("na me", "1"),
            ("n\u{e4}me", "1"),
            ("n", "1_0"),
        ] {
            let request = ApiVersionsRequest::default()
                .with_client_software_name(text(name))
                .with_client_software_version(text(software));
            let answer = client.call(version, request).await;
            assert_eq!((answer.error_code, answer.api_keys.len()), (42, 0), "{name:?} {software:?}");
            assert_eq!(answer.supported_features, []);
        }
        for (name, software) in [("a", "1"), ("librdkafka", "2.10.0-RC1"), ("A.b-c", "0")] {
            let request = ApiVersionsRequest::default()
                .with_client_software_name(text(name))
                .with_client_software_version(text(software));
            assert_eq!(client.call(version, request).await.error_code, 0, "{name:?} {software:?}");
        }
    }
}

#[tokio::test]
async fn traps_05_features_that_start_at_0_are_told_from_version_4_on() {
    let (_broker, mut client) = start().await;
    let old = api_versions(&mut client, 3).await.supported_features;
    let new = api_versions(&mut client, 4).await.supported_features;
    assert!(old.iter().all(|feature| feature.min_version > 0), "{old:?}");
    assert!(old.iter().any(|feature| feature.name.as_str() == "metadata.version"), "{old:?}");
    let kept: Vec<_> = new.iter().filter(|feature| feature.min_version > 0).cloned().collect();
    assert_eq!(kept.len(), old.len());
    assert_eq!(api_versions(&mut client, 2).await.supported_features, []);
}

#[tokio::test]
async fn traps_06_finalized_features_come_with_an_epoch() {
    let (_broker, mut client) = start().await;
    for version in [3, 4] {
        let answer = api_versions(&mut client, version).await;
        assert!(answer.finalized_features_epoch >= 0, "{}", answer.finalized_features_epoch);
        let metadata =
            answer.finalized_features.iter().find(|feature| feature.name.as_str() == "metadata.version");
        let metadata = metadata.expect("metadata.version is finalized");
        assert_eq!((metadata.min_version_level, metadata.max_version_level), (30, 30));
    }
}

#[tokio::test]
async fn traps_07_08_66_72_what_is_advertised_is_what_is_served() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::ApiVersions) {
        let answer = api_versions(&mut client, version).await;
        let told = |api: &ApiKey| {
            let found = answer.api_keys.iter().find(|told| told.api_key == api.code());
            found.map(|told| told.min_version..=told.max_version)
        };
        for api in ApiKey::ALL {
            assert_eq!(told(api), Some(api.request_versions()), "{api}");
        }
        for unserved in [71, 72, 93] {
            assert!(answer.api_keys.iter().all(|told| told.api_key != unserved), "{unserved}");
        }
        if is_ours() {
            assert_eq!(answer.api_keys.len(), ApiKey::ALL.len(), "nothing else");
        }
    }
}

#[tokio::test]
async fn traps_08_10_what_is_not_served_closes_the_connection() {
    let (broker, mut other) = start().await;
    let unserved =
        [(0, 0), (0, 1), (0, 2), (0, 14), (1, 3), (1, 19), (2, 0), (3, 14), (3, -1), (4, 0), (5, 0), (93, 0)];
    for (key, version) in unserved.into_iter().chain([(-1, 0), (999, 0), (i16::MAX, 0)]) {
        let mut client = broker.client().await;
        client.send_raw(&raw_frame(key, version, 1, &[0; 64])).await;
        client.expect_closed().await;
    }
    assert_served(&mut other).await;
}

#[tokio::test]
async fn traps_66_telemetry_that_is_not_advertised_closes_the_connection() {
    // Kafka without a receiver does not list it either, and answers whoever sends it all the same: with no metrics to
    // push.
    let Some((broker, mut other)) = start_with(&[]).await else { return };
    for key in [71, 72] {
        let mut client = broker.client().await;
        client.send_raw(&raw_frame(key, 0, 2, &[0; 64])).await;
        client.expect_closed().await;
    }
    assert_served(&mut other).await;
}

#[tokio::test]
async fn traps_10_requests_behind_one_that_is_not_served_are_not_answered() {
    let (broker, mut client) = start().await;
    let topic = create(&mut client, "behind", 1, &[]).await;
    let mut bad = broker.client().await;
    let produce = produce_request(9, &topic, 0, 1, protocol_tests::batch::values(&["never"]));
    let mut frames = raw_frame(999, 0, 1, &[]);
    frames.extend(protocol_tests::typed::encode(9, produce));
    bad.send_raw(&frames).await;
    bad.expect_closed().await;
    assert_eq!(end(&mut client, &topic).await, 0);
}

#[tokio::test]
async fn traps_14_unknown_tagged_fields_are_skipped() {
    let (_broker, mut client) = start().await;
    // Header: two unknown tags. Body of Metadata 12: no topics (an empty list), flags, one unknown tag.
    let body = b"\x01\0\0\x01\x63\x02hi";
    let mut frame = raw_frame(3, 12, 1, b"\x02\x50\x03abc\xc8\x01\x00");
    frame.extend(body);
    let length = i32::try_from(frame.len() - 4).unwrap();
    frame[..4].copy_from_slice(&length.to_be_bytes());
    client.send_raw(&frame).await;
    let answer = client.receive_answer(12, MetadataRequest::default()).await;
    assert_eq!((answer.topics.len(), answer.brokers.len()), (0, 1));
}

#[tokio::test]
async fn traps_25_versions_that_know_topics_by_id_are_advertised_together() {
    let (_broker, mut client) = start().await;
    let answer = api_versions(&mut client, 4).await;
    let max = |key: i16| answer.api_keys.iter().find(|told| told.api_key == key).unwrap().max_version;
    assert!(max(0) >= 13 && max(1) >= 13 && max(3) >= 12 && max(8) >= 10 && max(9) >= 10);
}

#[tokio::test]
async fn traps_11_answers_of_a_pipeline_come_in_the_order_of_its_requests() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "order", 1, &[]).await;
    let mut frames = Vec::new();
    for round in 0..20_i64 {
        let records = protocol_tests::batch::values(&["a"]);
        frames.extend(protocol_tests::typed::encode(9, produce_request(9, &topic, 0, -1, records)));
        if round % 5 == 4 {
            frames.extend(protocol_tests::typed::encode(8, list_offsets_request(&topic, 0, -1)));
        }
    }
    client.send_raw(&frames).await;
    for round in 0..20_i64 {
        let answer = client.receive_answer(9, ProduceRequest::default()).await;
        assert_eq!(answer.responses[0].partition_responses[0].base_offset, round);
        if round % 5 == 4 {
            // What was written before on this connection is what is read.
            let answer = client.receive_answer(8, ListOffsetsRequest::default()).await;
            assert_eq!(answer.topics[0].partitions[0].offset, round + 1);
        }
    }
}
