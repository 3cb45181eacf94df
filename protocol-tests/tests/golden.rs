//! Frames written by Kafka's own classes (`golden/frames.txt`, see `golden/generator`) against our codec.

use std::collections::BTreeMap;

use bytes::Bytes;
use gracchus_base::{BrokerId, ErrorCode, LeaderEpoch, Offset, PartitionIndex, ProducerId};
use gracchus_wire::api::{ApiKey, PRODUCE_VERSION_MIN};
use gracchus_wire::client;
use gracchus_wire::fetch::{self, FetchPiece};
use gracchus_wire::frame::parse_header;
use gracchus_wire::messages::{self, fetch_response};
use gracchus_wire::request::{self, Request};
use gracchus_wire::response::{self, Response};

const FRAMES: &str = include_str!("../golden/frames.txt");

/// The correlation id of every golden frame.
const CORRELATION_ID: i32 = 0x0102_0304;

struct Golden {
    is_request: bool,
    api: ApiKey,
    version: i16,
    case: &'static str,
    /// With the length in front.
    frame: Bytes,
}

impl Golden {
    fn parse(line: &'static str) -> Self {
        let mut words = line.split(' ');
        let mut word = || words.next().expect("five words");
        let is_request = match word() {
            "request" => true,
            "response" => false,
            other => panic!("{other}"),
        };
        let name = word();
        let api = ApiKey::ALL.iter().find(|api| api.name() == name).expect("an API that is served");
        let version = word().parse().expect("a version");
        let case = word();
        Self { is_request, api: *api, version, case, frame: hex(word()) }
    }

    fn name(&self) -> String {
        format!("{} version {} {}", self.api, self.version, self.case)
    }

    fn response(&self) -> Response {
        let (correlation_id, response) =
            client::decode_response(self.api, self.version, self.frame.slice(4..))
                .unwrap_or_else(|error| panic!("{}: {error}", self.name()));
        assert_eq!(correlation_id, CORRELATION_ID);
        response
    }
}

fn hex(text: &str) -> Bytes {
    let digits = text.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

fn all() -> impl Iterator<Item = Golden> {
    FRAMES.lines().map(Golden::parse)
}

#[test]
fn there_are_frames_of_every_version_that_is_served() {
    let mut versions: BTreeMap<(bool, ApiKey, &str), Vec<i16>> = BTreeMap::new();
    for golden in all() {
        versions.entry((golden.is_request, golden.api, golden.case)).or_default().push(golden.version);
    }
    for (case, api) in
        ["full", "bare", "empty"].iter().flat_map(|c| ApiKey::ALL.iter().map(move |a| (*c, *a)))
    {
        let served: Vec<i16> = api.request_versions().filter(|v| api.accepts(*v)).collect();
        assert_eq!(versions.get(&(true, api, case)), Some(&served), "requests of {api}");
        assert_eq!(versions.get(&(false, api, case)), Some(&served), "responses of {api}");
    }
    assert_eq!(PRODUCE_VERSION_MIN, 3);
}

#[test]
fn every_request_is_decoded_and_encodes_to_the_same_bytes() {
    for golden in all().filter(|golden| golden.is_request) {
        let name = golden.name();
        let mut body = golden.frame.slice(4..);
        let header = parse_header(&mut body).unwrap();
        assert_eq!(header.api(), Some(golden.api), "{name}");
        assert_eq!((header.api_version, header.correlation_id), (golden.version, CORRELATION_ID), "{name}");
        assert_eq!(header.client_id.as_deref(), Some("golden"), "{name}");
        let request = request::decode(golden.api, golden.version, body)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let again = client::encode_request(golden.version, CORRELATION_ID, Some("golden"), &request).unwrap();
        assert_eq!(again, golden.frame, "{name}: {request:?}");
    }
}

#[test]
fn every_response_encodes_to_the_bytes_of_kafka() {
    for golden in all().filter(|golden| !golden.is_request) {
        let response = golden.response();
        let frame = response::encode(golden.version, CORRELATION_ID, &response).unwrap();
        assert_eq!(frame, golden.frame, "{}: {response:?}", golden.name());
    }
}

#[test]
fn every_fetch_response_encodes_with_holes_to_the_bytes_of_kafka() {
    for golden in all().filter(|golden| !golden.is_request && golden.api == ApiKey::Fetch) {
        let Response::Fetch(theirs) = golden.response() else { panic!("not Fetch") };
        let encoded = fetch::encode(golden.version, CORRELATION_ID, &ours(&theirs)).unwrap();
        let mut frame = Vec::new();
        for piece in &encoded.pieces {
            match piece {
                FetchPiece::Bytes(bytes) => frame.extend_from_slice(bytes),
                FetchPiece::Records { topic, partition, len } => {
                    let records = theirs.responses[*topic].partitions[*partition].records.as_ref().unwrap();
                    assert_eq!(records.len(), *len);
                    frame.extend_from_slice(records);
                }
            }
        }
        assert_eq!(encoded.total_bytes, frame.len());
        assert_eq!(frame, golden.frame, "{}", golden.name());
    }
}

/// Versions at which an API changes so much that the older form is not the newer one with fields left out: a topic's
/// id in the place of its name, lists in the place of single values, fields that end.
fn breaks_at(api: ApiKey) -> &'static [i16] {
    match api {
        ApiKey::Produce => &[13],
        ApiKey::Metadata => &[11],
        ApiKey::OffsetCommit => &[10],
        ApiKey::OffsetFetch => &[8, 10],
        ApiKey::FindCoordinator => &[4],
        ApiKey::LeaveGroup => &[3],
        ApiKey::UpdateFeatures => &[2],
        _ => &[],
    }
}

#[test]
fn a_response_filled_for_a_newer_version_is_cut_to_what_older_ones_carry() {
    let full: Vec<Golden> = all()
        .filter(|golden| !golden.is_request && golden.case == "full" && golden.api != ApiKey::Fetch)
        .collect();
    let mut compared = 0;
    for newer in &full {
        let response = newer.response();
        for older in full.iter().filter(|older| older.api == newer.api && older.version < newer.version) {
            let name = format!("{} as version {}", newer.name(), older.version);
            let frame = response::encode(older.version, CORRELATION_ID, &response);
            let breaks = breaks_at(older.api);
            if !breaks.iter().any(|at| older.version < *at && *at <= newer.version) {
                assert_eq!(frame.as_ref(), Ok(&older.frame), "{name}");
                compared += 1;
            }
        }
    }
    assert!(compared > 200, "{compared}");
}

/// A value depends on its path alone, so version 9, which `kafka_protocol` reads, says what version 10 must read.
#[test]
fn the_requests_with_topic_ids_read_what_those_with_names_read() {
    for case in ["full", "bare", "empty"] {
        let decoded = |api, version| {
            let golden = all().find(|g| g.is_request && (g.api, g.version, g.case) == (api, version, case));
            let mut body = golden.expect("a golden frame").frame.slice(4..);
            parse_header(&mut body).unwrap();
            request::decode(api, version, body).unwrap()
        };
        let Request::OffsetCommit(mut named) = decoded(ApiKey::OffsetCommit, 9) else { panic!() };
        let Request::OffsetCommit(by_id) = decoded(ApiKey::OffsetCommit, 10) else { panic!() };
        for (named, by_id) in named.topics.iter_mut().zip(&by_id.topics) {
            assert!(!by_id.topic_id.is_nil() && !named.name.is_empty());
            (named.name, named.topic_id) = (by_id.name.clone(), by_id.topic_id);
        }
        assert_eq!(by_id, named);

        let Request::OffsetFetch(mut named) = decoded(ApiKey::OffsetFetch, 9) else { panic!() };
        let Request::OffsetFetch(by_id) = decoded(ApiKey::OffsetFetch, 10) else { panic!() };
        for (named, by_id) in named.groups.iter_mut().zip(&by_id.groups) {
            for (named, by_id) in named.topics.iter_mut().flatten().zip(by_id.topics.iter().flatten()) {
                assert!(!by_id.topic_id.is_nil() && !named.name.is_empty());
                (named.name, named.topic_id) = (by_id.name.clone(), by_id.topic_id);
            }
        }
        assert_eq!(by_id, named);
    }
}

/// Our form of a Fetch response.
fn ours(theirs: &messages::FetchResponse) -> fetch::FetchResponse {
    let topic = |topic: &fetch_response::FetchableTopicResponse| fetch::FetchTopic {
        name: topic.topic.0.clone(),
        topic_id: messages::topic_id_of(topic.topic_id),
        partitions: topic.partitions.iter().map(partition).collect(),
    };
    let endpoint = |node: &fetch_response::NodeEndpoint| fetch::NodeEndpoint {
        node_id: BrokerId(node.node_id.0),
        host: node.host.clone(),
        port: node.port,
        rack: node.rack.clone(),
    };
    fetch::FetchResponse {
        throttle_time_ms: theirs.throttle_time_ms,
        error: error(theirs.error_code),
        session_id: theirs.session_id,
        topics: theirs.responses.iter().map(topic).collect(),
        node_endpoints: theirs.node_endpoints.iter().map(endpoint).collect(),
    }
}

fn partition(theirs: &fetch_response::PartitionData) -> fetch::FetchPartition {
    let aborted = |transactions: &Vec<fetch_response::AbortedTransaction>| {
        transactions.iter().map(|a| (ProducerId(a.producer_id.0), Offset(a.first_offset))).collect()
    };
    let diverging = (LeaderEpoch(theirs.diverging_epoch.epoch), Offset(theirs.diverging_epoch.end_offset));
    let leader =
        (BrokerId(theirs.current_leader.leader_id.0), LeaderEpoch(theirs.current_leader.leader_epoch));
    fetch::FetchPartition {
        index: PartitionIndex(theirs.partition_index),
        error: error(theirs.error_code),
        high_watermark: Offset(theirs.high_watermark),
        last_stable_offset: Offset(theirs.last_stable_offset),
        log_start_offset: Offset(theirs.log_start_offset),
        aborted_transactions: theirs.aborted_transactions.as_ref().map(aborted),
        preferred_read_replica: BrokerId(theirs.preferred_read_replica.0),
        diverging_epoch: Some(diverging).filter(|d| *d != (LeaderEpoch(-1), Offset(-1))),
        current_leader: Some(leader).filter(|l| *l != (BrokerId(-1), LeaderEpoch(-1))),
        records_len: theirs.records.as_ref().map_or(0, Bytes::len),
    }
}

/// The codes that the golden frames use.
fn error(code: i16) -> ErrorCode {
    let used = [
        ErrorCode::None,
        ErrorCode::UnknownTopicOrPartition,
        ErrorCode::NotLeaderOrFollower,
        ErrorCode::TopicAuthorizationFailed,
        ErrorCode::FencedLeaderEpoch,
    ];
    used.into_iter().find(|error| error.code() == code).expect("a code of the golden frames")
}
