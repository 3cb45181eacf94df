//! `wire`: requests of every API and version, record batches, records of the internal topics.

use bytes::Bytes;
use gracchus_base::group_record::{GroupMemberValue, GroupMetadataValue, GroupRecord, OffsetCommitValue};
use gracchus_base::limits::{BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES, DECOMPRESSED_BYTES_MAX};
use gracchus_base::{
    BrokerId, GroupId, LeaderEpoch, Offset, PartitionIndex, Timestamp, TopicId, TopicName, TopicPartition,
};
use gracchus_wire::frame::parse_header;
use gracchus_wire::internal::group::{self, Decoded};
use gracchus_wire::internal::kraft_control::{self, KraftControl, Voter, VoterEndpoint};
use gracchus_wire::records::{
    BatchBuilder, BatchOptions, Compression, Rules, TimestampType, crc_matches, records, records_of,
    time_lookup, validate, walk,
};
use gracchus_wire::request;

use crate::{Bound, Target};

/// Frames that Kafka's own classes wrote, of every API and version that is served.
const GOLDEN: &str = include_str!("../../golden/frames.txt");

/// Segments that Kafka wrote.
pub(super) const KAFKAS_SEGMENT: &[u8] =
    include_bytes!("../../../src/log/fixtures/kafka-4.3.1-ledger-0/00000000000000000040.log");

pub(super) const CODECS: [Compression; 5] =
    [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

/// What a compressed batch of these tests may unpack to: less than an input is long at most, times what packs best.
const UNPACKED_BYTES_MAX: usize = 256 * 1024;

/// An LZ4 frame may ask for blocks of 4 MiB, packed and unpacked; packing with gzip takes 300 KiB.
const CODEC_BYTES: usize = 9 * 1024 * 1024;

/// A whole frame as a connection takes it.
pub(super) const REQUEST: Target = Target {
    name: "request",
    samples: golden_requests,
    run: |input| {
        let mut body = Bytes::copy_from_slice(input);
        let Ok(header) = parse_header(&mut body) else { return };
        if let Some(api) = header.api()
            && let Ok(request) = request::decode(api, header.api_version, body)
        {
            assert_eq!(request.api(), api);
        }
    },
    // See `request::decode`; and the bytes themselves, which are copied in front of it.
    bound: Bound { per_byte: 42, always: 2048 },
};

fn golden_requests() -> Vec<Vec<u8>> {
    let requests = GOLDEN.lines().filter(|line| line.starts_with("request "));
    let frames = requests.filter_map(|line| line.split(' ').nth(4)).map(unhex);
    frames.map(|frame| frame[4..].to_vec()).collect()
}

fn unhex(digits: &str) -> Vec<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|n| u8::try_from(n).ok()).unwrap_or(0);
    digits.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// The way of what a Produce request carries: what is accepted can be read, as the header promises. The first byte says by
/// which rules, and whether length and CRC are set right before, so that what lies behind them is reached.
pub(super) const PRODUCED_BATCH: Target = Target {
    name: "produced-batch",
    samples: || (0..=255).step_by(3).zip(batches().into_iter().cycle()).map(with_flags).collect(),
    run: produced,
    // The batch and its packed form; the records of this test, at 120 bytes each for 7 of input or more when unpacked.
    bound: Bound { per_byte: 8, always: CODEC_BYTES + 24 * UNPACKED_BYTES_MAX },
};

/// The same without codecs, which take more memory than anything else.
pub(super) const PLAIN_BATCH: Target = Target {
    name: "plain-batch",
    samples: PRODUCED_BATCH.samples,
    run: |input| {
        let mut input = input.to_vec();
        if let Some(flags) = input.first_mut() {
            // A target beyond the codecs is none.
            *flags |= 0xf0;
        }
        without_codec(&mut input, 1);
        produced(&input);
    },
    // The records of this test, doubled as their list grows, and the bytes three times.
    bound: Bound { per_byte: 36, always: 4096 },
};

fn produced(input: &[u8]) {
    let Some((flags, batch)) = input.split_first() else { return };
    let batch = if flags & 1 == 0 { batch.to_vec() } else { made_right(batch.to_vec()) };
    let Ok(accepted) = validate(Some(Bytes::from(batch)), &rules(*flags)) else { return };
    let batch = accepted.batch;
    let read: Result<Vec<_>, _> = records(&batch).expect("it is unpacked").collect();
    let read = read.expect("what is accepted can be read");
    assert!(i32::try_from(read.len()) == Ok(batch.header.records_count));
    assert!(read.iter().zip(0..).all(|(record, offset)| record.offset == Offset(offset)));
    assert!(crc_matches(&batch.header, &batch.to_bytes()));
}

/// Takes the codec out of the attributes of the batch that begins there.
fn without_codec(bytes: &mut [u8], batch: usize) {
    if let Some(attributes) = bytes.get_mut(batch + 22) {
        *attributes &= !7;
    }
}

fn with_flags((flags, batch): (usize, Vec<u8>)) -> Vec<u8> {
    let flags = u8::try_from(flags).unwrap_or(u8::MAX);
    std::iter::once(flags | 1).chain(batch).collect()
}

fn rules(flags: u8) -> Rules {
    let log_append = flags & 2 != 0;
    Rules {
        partition: TopicPartition { topic: TopicName::cluster_metadata(), partition: PartitionIndex(0) },
        now: Timestamp(1_800_000_000_000),
        max_message_bytes: 1024 * 1024,
        timestamp_type: if log_append { TimestampType::LogAppend } else { TimestampType::Create },
        before_max_ms: i64::MAX,
        after_max_ms: if flags & 4 != 0 { 3_600_000 } else { i64::MAX },
        requires_keys: flags & 8 != 0,
        target: CODECS.get(usize::from(flags >> 4)).map(|codec| (*codec, 1)),
        header_only: false,
        produce_version: 12,
        decompressed_bytes_max: UNPACKED_BYTES_MAX,
    }
}

/// With base offset 0, and the length and CRC that the bytes have.
pub(super) fn made_right(mut batch: Vec<u8>) -> Vec<u8> {
    if batch.len() >= BATCH_HEADER_BYTES {
        let length = i32::try_from(batch.len() - BATCH_PREFIX_BYTES).unwrap_or(i32::MAX);
        batch[..8].fill(0);
        batch[8..12].copy_from_slice(&length.to_be_bytes());
        let crc = crc32c::crc32c(&batch[21..]);
        batch[17..21].copy_from_slice(&crc.to_be_bytes());
    }
    batch
}

/// The batches, as far as they can be told apart, without codecs and with their CRCs set right: else hardly a change would
/// get past recovery.
pub(super) fn all_made_right(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut at = 0;
    while let Some(length) = bytes.get(at + 8..at + 12).and_then(|length| length.try_into().ok()) {
        let end =
            usize::try_from(i32::from_be_bytes(length)).ok().and_then(|length| at.checked_add(12 + length));
        let Some(end) = end.filter(|end| *end >= at + 61 && *end <= bytes.len()) else { break };
        without_codec(&mut bytes, at);
        let crc = crc32c::crc32c(&bytes[at + 21..end]);
        bytes[at + 17..at + 21].copy_from_slice(&crc.to_be_bytes());
        at = end;
    }
    bytes
}

/// Batches of several writers and codecs.
pub(super) fn batches() -> Vec<Vec<u8>> {
    let ours = CODECS.iter().map(|compression| {
        let options = BatchOptions { compression: *compression, ..BatchOptions::default() };
        let mut builder = BatchBuilder::new(options);
        for n in 0..5u8 {
            let value = vec![b'v'; 10 * usize::from(n)];
            builder.push(Timestamp(1_700_000_000_000), Some(&[n]), Some(&value), &[("h", Some(&[n]))]);
        }
        builder.finish().expect("a batch").to_bytes().to_vec()
    });
    let kafkas = walk::batches(KAFKAS_SEGMENT).filter_map(Result::ok).map(|(_, batch)| batch.to_vec());
    ours.chain(kafkas.take(6)).collect()
}

/// What replays, time lookups and tools read, without a look at the CRC.
pub(super) const STORED_BATCH: Target = Target {
    name: "stored-batch",
    samples: batches,
    run: stored,
    // All that is unpacked is held, twice while it grows, with the records of one after the other.
    bound: Bound { per_byte: 8, always: CODEC_BYTES + 3 * DECOMPRESSED_BYTES_MAX },
};

/// The same without codecs.
pub(super) const STORED_PLAIN_BATCH: Target = Target {
    name: "stored-plain-batch",
    samples: batches,
    run: |input| stored(&all_made_right(input.to_vec())),
    bound: Bound { per_byte: 4, always: 1024 },
};

fn stored(input: &[u8]) {
    for (header, batch) in walk::batches(input).map_while(Result::ok) {
        assert_eq!(header.encode(), batch[..BATCH_HEADER_BYTES]);
        drop(time_lookup::first_with_max_timestamp(batch));
        drop(time_lookup::first_at_or_after(batch, Timestamp(1_800_000_000_000), Offset(3)));
    }
    // One record at a time is held.
    if let Ok(records) = records_of(&Bytes::copy_from_slice(input)) {
        records.for_each(drop);
    }
}

/// A key, of the length in the first byte, and a value of `__consumer_offsets`.
pub(super) const GROUP_RECORD: Target = Target {
    name: "group-record",
    samples: group_records,
    run: |input| {
        if let Some(record) = group_record(input) {
            let (key, value) = group::encode(&record).expect("what was read is short enough");
            let again = group::decode(&key, value.as_deref());
            assert_eq!(again, Ok(Decoded::Record(record)));
        }
    },
    // A member of 160 bytes whose shortest encoding takes 18, twice, and both times doubled as the list grows.
    bound: Bound { per_byte: 64, always: 2048 },
};

/// The record that an input of [`GROUP_RECORD`] is.
pub(super) fn group_record(input: &[u8]) -> Option<GroupRecord> {
    let (key_bytes, rest) = input.split_first()?;
    let (key, value) = rest.split_at_checked(usize::from(*key_bytes))?;
    match group::decode(key, Some(value).filter(|value| !value.is_empty())) {
        Ok(Decoded::Record(record)) => Some(record),
        _ => None,
    }
}

pub(super) fn group_input(record: &GroupRecord) -> Vec<u8> {
    let (key, value) = group::encode(record).expect("a record of a test is short");
    let key_bytes = u8::try_from(key.len()).unwrap_or(u8::MAX);
    [&[key_bytes][..], &key, &value.unwrap_or_default()].concat()
}

pub(super) fn group_records() -> Vec<Vec<u8>> {
    let id = GroupId::new("some-group");
    let offset = |expire_timestamp| GroupRecord::Offset {
        group: id.clone(),
        topic: "some-topic".to_owned(),
        partition: PartitionIndex(3),
        value: Some(OffsetCommitValue {
            offset: Offset(17),
            leader_epoch: LeaderEpoch(2),
            metadata: "metadata".to_owned(),
            commit_timestamp: Timestamp(1_700_000_000_000),
            expire_timestamp,
            topic_id: if expire_timestamp.is_some() { TopicId::ZERO } else { TopicId([7; 16]) },
        }),
    };
    let groups = [0, 1, 3].map(|members| GroupRecord::Group {
        group: id.clone(),
        value: Some(group_value((0..members).map(|n| member(n, super::state::FROM_KAFKA)).collect())),
    });
    let tombstones = [
        GroupRecord::Group { group: id.clone(), value: None },
        GroupRecord::Offset {
            group: id.clone(),
            topic: "t".to_owned(),
            partition: PartitionIndex(0),
            value: None,
        },
    ];
    let all = [offset(None), offset(Some(Timestamp(5)))].into_iter().chain(groups).chain(tombstones);
    all.map(|record| group_input(&record)).collect()
}

pub(super) fn group_value(members: Vec<GroupMemberValue>) -> GroupMetadataValue {
    GroupMetadataValue {
        protocol_type: "consumer".to_owned(),
        generation: 4,
        protocol: Some("range".to_owned()),
        leader: members.first().map(|member| member.member_id.clone()),
        current_state_timestamp: Timestamp(1_700_000_000_000),
        members,
    }
}

pub(super) fn member(n: usize, subscription: &[u8]) -> GroupMemberValue {
    GroupMemberValue {
        member_id: format!("member-{n}"),
        group_instance_id: Some(format!("instance-{n}")).filter(|_| n == 1),
        client_id: "client".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        rebalance_timeout_ms: 300_000,
        session_timeout_ms: 45_000,
        subscription: subscription.to_vec(),
        assignment: vec![0, 1, 0, 0, 0, 0],
    }
}

/// A key, of the length in the first byte, and a value of a control record of the metadata log.
pub(super) const CONTROL_RECORD: Target = Target {
    name: "control-record",
    samples: control_records,
    run: |input| {
        let Some((key_bytes, rest)) = input.split_first() else { return };
        let Some((key, value)) = rest.split_at_checked(usize::from(*key_bytes)) else { return };
        if let Ok(record) = kraft_control::decode(key, Some(value)) {
            let (key, value) = kraft_control::encode(&record);
            assert_eq!(kraft_control::decode(&key, Some(&value)), Ok(record));
        }
    },
    // An endpoint of 56 bytes whose shortest encoding takes 5, twice, and doubled as the list grows.
    bound: Bound { per_byte: 64, always: 2048 },
};

fn control_records() -> Vec<Vec<u8>> {
    let endpoint = VoterEndpoint { name: "CONTROLLER".to_owned(), host: "host".to_owned(), port: 9093 };
    let voter = Voter {
        id: BrokerId(1),
        directory: TopicId([9; 16]),
        endpoints: vec![endpoint],
        kraft_versions: (0, 1),
    };
    let ids = vec![BrokerId(1), BrokerId(2)];
    let all = [
        KraftControl::LeaderChange { leader: BrokerId(1), voters: ids.clone(), granting_voters: ids },
        KraftControl::SnapshotHeader { last_contained_log_timestamp: Timestamp(9) },
        KraftControl::SnapshotFooter,
        KraftControl::KraftVersion(1),
        KraftControl::Voters(vec![voter]),
    ];
    let encoded = all.iter().map(kraft_control::encode);
    encoded.map(|(key, value)| [&[u8::try_from(key.len()).unwrap_or(0)][..], &key, &value].concat()).collect()
}
