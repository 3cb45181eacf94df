//! The bytes were made by Kafka 4.3.1's `GroupCoordinatorRecordSerde`, those that are written by its
//! `GroupCoordinatorRecordHelpers` too.

use gracchus_base::{GroupId, LeaderEpoch, Offset, PartitionIndex, Timestamp, TopicId};
use proptest::prelude::*;

use super::*;
use crate::internal::hex;

const OFFSET_KEY: &str = "000100086d792d67726f757000066f726465727300000007";
const GROUP_KEY: &str = "000200086d792d67726f7570";
const TOPIC_ID: TopicId = TopicId([1, 2, 3, 4, 5, 6, 7, 8, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 1]);

const OFFSET_VALUES: [&str; 5] = [
    "0000000000000000002a00046e6f74650000018bcfe5687b",
    "0001000000000000002a00046e6f74650000018bcfe5687b0000018bcfe58f0f",
    "0002000000000000002a00046e6f74650000018bcfe5687b",
    "0003000000000000002a0000000500046e6f74650000018bcfe5687b",
    "0004000000000000002a00000005056e6f74650000018bcfe5687b01001001020304050607081112131415161701",
];

const GROUP_VALUES: [&str; 5] = [
    "00000008636f6e73756d657200000003000572616e676500036d2d310000000200036d2d31000163000a2f3132372e302e302e310000\
     afc80000000200010000000302030400036d2d3200016400042f3a3a310000afc80000000000000000",
    "00010008636f6e73756d657200000003000572616e676500036d2d310000000200036d2d31000163000a2f3132372e302e302e310004\
     93e00000afc80000000200010000000302030400036d2d3200016400042f3a3a31000493e00000afc80000000000000000",
    "00020008636f6e73756d657200000003000572616e676500036d2d310000018bcfe5687b0000000200036d2d31000163000a2f313237\
     2e302e302e31000493e00000afc80000000200010000000302030400036d2d3200016400042f3a3a31000493e00000afc80000000000\
     000000",
    "00030008636f6e73756d657200000003000572616e676500036d2d310000018bcfe5687b0000000200036d2d310003692d3100016300\
     0a2f3132372e302e302e31000493e00000afc80000000200010000000302030400036d2d32ffff00016400042f3a3a31000493e00000\
     afc80000000000000000",
    "000409636f6e73756d6572000000030672616e6765046d2d310000018bcfe5687b03046d2d3104692d3102630b2f3132372e302e302e\
     31000493e00000afc80300010402030400046d2d32000264052f3a3a31000493e00000afc801010000",
];

fn offset_record(value: Option<OffsetCommitValue>) -> GroupRecord {
    let (group, topic) = (GroupId::new("my-group"), "orders".to_owned());
    GroupRecord::Offset { group, topic, partition: PartitionIndex(7), value }
}

fn group_record(value: Option<GroupMetadataValue>) -> GroupRecord {
    GroupRecord::Group { group: GroupId::new("my-group"), value }
}

/// The offset of `OFFSET_VALUES` with the fields that the version has.
fn offset(version: usize) -> OffsetCommitValue {
    OffsetCommitValue {
        offset: Offset(42),
        leader_epoch: if version >= 3 { LeaderEpoch(5) } else { LeaderEpoch::NONE },
        metadata: "note".to_owned(),
        commit_timestamp: Timestamp(1_700_000_000_123),
        expire_timestamp: (version == 1).then_some(Timestamp(1_700_000_009_999)),
        topic_id: if version >= 4 { TOPIC_ID } else { TopicId::ZERO },
    }
}

/// The group of `GROUP_VALUES` with the fields that the version has.
fn group(version: usize) -> GroupMetadataValue {
    let member =
        |id: &str, instance: Option<&str>, client: &str, host: &str, bytes: [&[u8]; 2]| GroupMemberValue {
            member_id: id.to_owned(),
            group_instance_id: instance.filter(|_| version >= 3).map(str::to_owned),
            client_id: client.to_owned(),
            client_host: host.to_owned(),
            rebalance_timeout_ms: if version >= 1 { 300_000 } else { -1 },
            session_timeout_ms: 45_000,
            subscription: bytes[0].to_vec(),
            assignment: bytes[1].to_vec(),
        };
    GroupMetadataValue {
        protocol_type: "consumer".to_owned(),
        generation: 3,
        protocol: Some("range".to_owned()),
        leader: Some("m-1".to_owned()),
        current_state_timestamp: if version >= 2 { Timestamp(1_700_000_000_123) } else { Timestamp::NONE },
        members: vec![
            member("m-1", Some("i-1"), "c", "/127.0.0.1", [&[0, 1], &[2, 3, 4]]),
            member("m-2", None, "d", "/::1", [&[], &[]]),
        ],
    }
}

#[test]
fn every_version_of_an_offset_is_read() {
    for (version, bytes) in OFFSET_VALUES.iter().enumerate() {
        let decoded = decode(&hex(OFFSET_KEY), Some(&hex(bytes)));
        assert_eq!(decoded, Ok(Decoded::Record(offset_record(Some(offset(version))))), "version {version}");
    }
}

#[test]
fn every_version_of_a_group_is_read() {
    for (version, bytes) in GROUP_VALUES.iter().enumerate() {
        let decoded = decode(&hex(GROUP_KEY), Some(&hex(bytes)));
        assert_eq!(decoded, Ok(Decoded::Record(group_record(Some(group(version))))), "version {version}");
    }
}

#[test]
fn traps_71_offsets_are_written_as_kafka_4_3_writes_them() {
    let written = |value| encode(&offset_record(value)).unwrap();
    assert_eq!(written(Some(offset(4))), (hex(OFFSET_KEY), Some(hex(OFFSET_VALUES[4]))));
    let without_id = OffsetCommitValue { topic_id: TopicId::ZERO, ..offset(4) };
    let bytes = hex("0004000000000000002a00000005056e6f74650000018bcfe5687b00");
    assert_eq!(written(Some(without_id)).1, Some(bytes));
    // With an expiry it is the old version, which has neither leader epoch nor topic id.
    let expires = OffsetCommitValue { metadata: String::new(), topic_id: TOPIC_ID, ..offset(1) };
    let bytes = hex("0001000000000000002a00000000018bcfe5687b0000018bcfe58f0f");
    assert_eq!(written(Some(expires)).1, Some(bytes));
    assert_eq!(written(None), (hex(OFFSET_KEY), None));
}

#[test]
fn traps_71_groups_are_written_as_kafka_4_3_writes_them() {
    let written = |value| encode(&group_record(value)).unwrap();
    assert_eq!(written(Some(group(3))), (hex(GROUP_KEY), Some(hex(GROUP_VALUES[3]))));
    let empty = GroupMetadataValue {
        protocol_type: String::new(),
        generation: 0,
        protocol: None,
        leader: None,
        current_state_timestamp: Timestamp::NONE,
        members: Vec::new(),
    };
    let bytes = hex("0003000000000000ffffffffffffffffffffffff00000000");
    assert_eq!(written(Some(empty)).1, Some(bytes));
    assert_eq!(written(None), (hex(GROUP_KEY), None));
}

#[test]
fn a_name_that_the_format_cannot_hold_is_an_error() {
    let named = |n| GroupRecord::Group { group: GroupId::new(&"g".repeat(n)), value: None };
    assert_eq!(encode(&named(32_768)), Err(TextTooLong(32_768)));
    let (key, value) = encode(&named(32_767)).unwrap();
    assert_eq!(decode(&key, value.as_deref()), Ok(Decoded::Record(named(32_767))));
    let metadata = OffsetCommitValue { metadata: "m".repeat(40_000), ..offset(1) };
    assert_eq!(encode(&offset_record(Some(metadata))), Err(TextTooLong(40_000)));
}

#[test]
fn a_tombstone_has_no_value() {
    assert_eq!(decode(&hex(OFFSET_KEY), None), Ok(Decoded::Record(offset_record(None))));
    assert_eq!(decode(&hex(GROUP_KEY), None), Ok(Decoded::Record(group_record(None))));
}

#[test]
fn records_of_other_kinds_of_groups_are_passed_over() {
    let consumer_group = (hex("000300086d792d67726f7570"), hex("00000000000100"));
    let decoded = decode(&consumer_group.0, Some(&consumer_group.1));
    assert_eq!(decoded, Ok(Decoded::Unknown { key_type: 3 }));
}

#[test]
fn versions_and_lengths_that_lie_are_errors() {
    let key = hex(OFFSET_KEY);
    assert_eq!(decode(&[0], None), Err(GroupRecordError::NoKeyType));
    let newer = decode(&key, Some(&[0, 5, 1]));
    assert_eq!(newer, Err(GroupRecordError::ValueVersion { key_type: 1, version: 5 }));
    let cut = decode(&key, Some(&hex(OFFSET_VALUES[3])[..20]));
    assert_eq!(cut, Err(GroupRecordError::Value { key_type: 1, source: FieldError::Truncated }));
    let mut longer = hex(OFFSET_KEY);
    longer.push(0);
    let left = decode(&longer, None);
    assert_eq!(left, Err(GroupRecordError::Key { key_type: 1, source: FieldError::LeftOver(1) }));
    // 2,000 million members.
    let members = hex("0003000000000000ffffffffffffffffffffffff77359400");
    let lies = decode(&hex(GROUP_KEY), Some(&members));
    assert_eq!(lies, Err(GroupRecordError::Value { key_type: 2, source: FieldError::Truncated }));
}

proptest! {
    #[test]
    fn any_bytes_are_a_record_or_an_error(version in 0_u8..6, kind in 0_u8..4, body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let key = if kind % 2 == 0 { hex(OFFSET_KEY) } else { hex(GROUP_KEY) };
        let value = [&[0, version], &body[..]].concat();
        let (allocated, _) = counting_allocator::allocated_by(|| decode(&key, Some(&value)));
        prop_assert!(allocated < 64 * 1024, "{allocated} bytes");
    }

    #[test]
    fn changed_groups_are_a_record_or_an_error(at in 0_usize..100, byte in any::<u8>(), version in 0_usize..5) {
        let mut value = hex(GROUP_VALUES[version]);
        let at = at % value.len();
        value[at] = byte;
        let (allocated, _) = counting_allocator::allocated_by(|| decode(&hex(GROUP_KEY), Some(&value)));
        prop_assert!(allocated < 64 * 1024, "{allocated} bytes");
    }

    #[test]
    fn offsets_read_back_as_they_were_written(
        offset in any::<i64>(), epoch in any::<i32>(), metadata in ".{0,40}", commit in any::<i64>(),
        expire in proptest::option::of(0_i64..i64::MAX), id in any::<[u8; 16]>(),
    ) {
        let expires = expire.is_some();
        let record = offset_record(Some(OffsetCommitValue {
            offset: Offset(offset),
            leader_epoch: if expires { LeaderEpoch::NONE } else { LeaderEpoch(epoch) },
            metadata,
            commit_timestamp: Timestamp(commit),
            expire_timestamp: expire.map(Timestamp),
            topic_id: if expires { TopicId::ZERO } else { TopicId(id) },
        }));
        let (key, value) = encode(&record).unwrap();
        prop_assert_eq!(decode(&key, value.as_deref()), Ok(Decoded::Record(record)));
    }
}
