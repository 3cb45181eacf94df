use super::*;
use crate::client;
use crate::messages::fetch_response as crate_response;
use crate::response::Response;

/// Three topics: holes of several sizes, a partition without records, one with every optional field.
fn sample() -> FetchResponse {
    let partition = |index, records_len| FetchPartition {
        index: PartitionIndex(index),
        error: ErrorCode::None,
        high_watermark: Offset(1000 + i64::from(index)),
        last_stable_offset: Offset(900),
        log_start_offset: Offset(7),
        aborted_transactions: Some(vec![(ProducerId(5), Offset(11)), (ProducerId(6), Offset(12))]),
        preferred_read_replica: BrokerId(3),
        diverging_epoch: Some((LeaderEpoch(4), Offset(44))),
        current_leader: Some((BrokerId(2), LeaderEpoch(9))),
        records_len,
    };
    let topic = |n: u8, partitions| FetchTopic {
        name: StrBytes::from_string(format!("topic-{n}")),
        topic_id: TopicId([n; 16]),
        partitions,
    };
    FetchResponse {
        throttle_time_ms: 17,
        error: ErrorCode::None,
        session_id: 99,
        topics: vec![
            topic(1, vec![partition(0, 5), partition(1, 0), partition(2, 300)]),
            topic(2, vec![]),
            topic(
                3,
                vec![
                    FetchPartition::failed(PartitionIndex(4), ErrorCode::NotLeaderOrFollower),
                    partition(5, 1),
                ],
            ),
        ],
        node_endpoints: vec![NodeEndpoint {
            node_id: BrokerId(2),
            host: StrBytes::from_static_str("host"),
            port: 9092,
            rack: None,
        }],
    }
}

/// The frame with its holes filled.
fn assemble(encoded: &EncodedFetch) -> Vec<u8> {
    let mut frame = Vec::new();
    for piece in &encoded.pieces {
        match piece {
            FetchPiece::Bytes(bytes) => frame.extend_from_slice(bytes),
            FetchPiece::Records { topic, partition, len } => frame.extend(records(*topic, *partition, *len)),
        }
    }
    frame
}

fn records(topic: usize, partition: usize, len: usize) -> Vec<u8> {
    vec![(16 * topic + partition) as u8; len]
}

fn decode(version: i16, frame: Vec<u8>) -> crate_response::FetchResponse {
    let frame = Bytes::from(frame);
    assert_eq!(i32::from_be_bytes(frame[..4].try_into().unwrap()) as usize, frame.len() - 4);
    let (correlation_id, response) =
        client::decode_response(ApiKey::Fetch, version, frame.slice(4..)).unwrap();
    assert_eq!(correlation_id, 33);
    let Response::Fetch(response) = response else { panic!("not Fetch") };
    response
}

#[test]
fn every_version_reads_back_with_kafka_protocols_decoder() {
    let sample = sample();
    for version in 4..=18 {
        let encoded = encode(version, 33, &sample).unwrap();
        let frame = assemble(&encoded);
        assert_eq!(encoded.total_bytes, frame.len(), "version {version}");
        let response = decode(version, frame);
        assert_eq!(response.throttle_time_ms, 17);
        assert_eq!(response.session_id, if version >= 7 { 99 } else { 0 });
        assert_eq!(response.node_endpoints.len(), usize::from(version >= 16));
        assert_eq!(response.responses.len(), sample.topics.len());
        for (at, (ours, theirs)) in sample.topics.iter().zip(&response.responses).enumerate() {
            assert_eq!(theirs.topic.0, if version <= 12 { ours.name.clone() } else { StrBytes::new() });
            assert_eq!(theirs.topic_id.into_bytes(), if version >= 13 { ours.topic_id.0 } else { [0; 16] });
            assert_eq!(theirs.partitions.len(), ours.partitions.len());
            for (partition_at, (ours, theirs)) in ours.partitions.iter().zip(&theirs.partitions).enumerate() {
                same_partition(version, ours, theirs);
                let expected = records(at, partition_at, ours.records_len);
                assert_eq!(theirs.records.as_deref(), Some(&expected[..]), "version {version}");
            }
        }
    }
}

fn same_partition(version: i16, ours: &FetchPartition, theirs: &crate_response::PartitionData) {
    assert_eq!(theirs.partition_index, ours.index.0);
    assert_eq!(theirs.error_code, ours.error.code());
    assert_eq!(theirs.high_watermark, ours.high_watermark.0);
    assert_eq!(theirs.last_stable_offset, ours.last_stable_offset.0);
    assert_eq!(theirs.log_start_offset, if version >= 5 { ours.log_start_offset.0 } else { -1 });
    let replica = if version >= 11 { ours.preferred_read_replica.0 } else { -1 };
    assert_eq!(theirs.preferred_read_replica.0, replica);
    let aborted: Option<Vec<_>> = theirs
        .aborted_transactions
        .as_ref()
        .map(|list| list.iter().map(|a| (ProducerId(a.producer_id.0), Offset(a.first_offset))).collect());
    assert_eq!(aborted, ours.aborted_transactions);
    let diverging = &theirs.diverging_epoch;
    let expected = ours.diverging_epoch.filter(|_| version >= 12).unwrap_or((LeaderEpoch(-1), Offset(-1)));
    assert_eq!((LeaderEpoch(diverging.epoch), Offset(diverging.end_offset)), expected);
    let leader = &theirs.current_leader;
    let expected = ours.current_leader.filter(|_| version >= 12).unwrap_or((BrokerId(-1), LeaderEpoch(-1)));
    assert_eq!((BrokerId(leader.leader_id.0), LeaderEpoch(leader.leader_epoch)), expected);
}

#[test]
fn holes_are_named_by_topic_and_partition_and_empty_ones_left_out() {
    let encoded = encode(12, 33, &sample()).unwrap();
    let holes: Vec<_> = encoded
        .pieces
        .iter()
        .filter_map(|piece| match piece {
            FetchPiece::Records { topic, partition, len } => Some((*topic, *partition, *len)),
            FetchPiece::Bytes(bytes) => {
                assert!(!bytes.is_empty());
                None
            }
        })
        .collect();
    assert_eq!(holes, [(0, 0, 5), (0, 2, 300), (2, 1, 1)]);
}

#[test]
fn many_partitions_cost_a_handful_of_allocations() {
    let partitions = (0..10_000).map(|i| FetchPartition {
        records_len: 1,
        ..FetchPartition::failed(PartitionIndex(i), ErrorCode::None)
    });
    let topic = FetchTopic {
        name: StrBytes::from_static_str("t"),
        topic_id: TopicId::ZERO,
        partitions: partitions.collect(),
    };
    let response = FetchResponse { topics: vec![topic], ..sample() };
    let (bytes, encoded) = counting_allocator::allocated_by(|| encode(18, 1, &response).unwrap());
    assert_eq!(encoded.pieces.len(), 20_001);
    assert!(bytes < 10_000 * 250, "{bytes}");
}

#[test]
fn a_frame_of_more_than_2_gib_is_an_error() {
    let mut response = sample();
    response.topics[0].partitions[0].records_len = i32::MAX as usize;
    assert!(matches!(encode(18, 1, &response), Err(EncodeError::TooLong { .. })));
}
