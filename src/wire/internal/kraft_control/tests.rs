//! The batches were made by Kafka 4.3.1's `MemoryRecords`.

use gracchus_base::{LeaderEpoch, Offset};

use super::*;
use crate::internal::hex;
use crate::records::{BatchBuilder, BatchOptions, records};

fn golden() -> [(KraftControl, &'static str); 5] {
    let directory = TopicId([1, 2, 3, 4, 5, 6, 7, 8, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 3]);
    let endpoint = VoterEndpoint { name: "CONTROLLER".to_owned(), host: "localhost".to_owned(), port: 9093 };
    let voter = Voter { id: BrokerId(1), directory, endpoints: vec![endpoint], kraft_versions: (0, 1) };
    let leader = BrokerId(1);
    [
        (
            KraftControl::LeaderChange { leader, voters: vec![leader], granting_voters: vec![leader] },
            "00000000000000000000004f000000040249e2c6290020000000000000018bcfe5687b0000018bcfe5687bffffffffffffffffff\
             ffffffffff000000013a0000000800000002260000000000010200000001000200000001000000",
        ),
        (
            KraftControl::SnapshotHeader { last_contained_log_timestamp: Timestamp(1_700_000_000_000) },
            "00000000000000000000004700000004024fd9c2b60020000000000000018bcfe5687b0000018bcfe5687bffffffffffffffffff\
             ffffffffff000000012a00000008000000031600000000018bcfe568000000",
        ),
        (
            KraftControl::SnapshotFooter,
            "00000000000000000000003f000000040283eb1ec30020000000000000018bcfe5687b0000018bcfe5687bffffffffffffffffff\
             ffffffffff000000011a00000008000000040600000000",
        ),
        (
            KraftControl::KraftVersion(1),
            "0000000000000000000000410000000402bcc063250020000000000000018bcfe5687b0000018bcfe5687bffffffffffffffffff\
             ffffffffff000000011e00000008000000050a000000010000",
        ),
        (
            KraftControl::Voters(vec![voter]),
            "000000000000000000000074000000040269d6bd290020000000000000018bcfe5687b0000018bcfe5687bffffffffffffffffff\
             ffffffffff00000001820100000008000000066e0000020000000101020304050607081112131415161703020b434f4e54524f4c\
             4c45520a6c6f63616c686f73742385000000000100000000",
        ),
    ]
}

#[test]
fn control_batches_are_written_and_read_as_kafka_has_them() {
    for (control, bytes) in golden() {
        let options = BatchOptions {
            base_offset: Offset(0),
            leader_epoch: LeaderEpoch(4),
            is_control: true,
            ..BatchOptions::default()
        };
        let mut builder = BatchBuilder::new(options);
        let (key, value) = encode(&control);
        builder.push(Timestamp(1_700_000_000_123), Some(&key), Some(&value), &[]);
        let batch = builder.finish().unwrap();
        assert_eq!(batch.to_bytes(), hex(bytes), "{control:?}");
        let record = records(&batch).unwrap().next().unwrap().unwrap();
        assert_eq!(decode(&record.key.unwrap(), record.value.as_deref()), Ok(control));
    }
}

#[test]
fn other_control_records_and_versions_are_errors() {
    assert_eq!(decode(&[0, 0, 0, 1], Some(&[0, 0, 0])), Err(KraftControlError::Type(1)));
    assert_eq!(decode(&[0, 0, 0, 4], None), Err(KraftControlError::NoValue));
    assert_eq!(decode(&[0, 0], Some(&[])), Err(KraftControlError::Key(FieldError::Truncated)));
    let newer = KraftControlError::Version { control_type: 2, version: 1 };
    assert_eq!(decode(&[0, 0, 0, 2], Some(&[0, 1, 0])), Err(newer));
    let cut = KraftControlError::Field { control_type: 4, source: FieldError::Truncated };
    assert_eq!(decode(&[0, 0, 0, 4], Some(&[0, 0])), Err(cut));
}
