//! The bytes were made by Kafka 4.3.1's `MetadataRecordSerde`.

use gracchus_base::metadata_record::MetadataRecord::{
    AbortTransaction, BeginTransaction, BrokerRegistrationChange, ClientQuota, Config, EndTransaction,
    FeatureLevel, NoOp, ProducerIds, RemoveScramCredential, RemoveTopic, Topic,
};
use gracchus_base::metadata_record::{
    ConfigResource, Endpoint, PartitionChange, PartitionRecord, QuotaEntity, QuotaValue, RegisterBroker,
    ScramCredential, ScramMechanism,
};
use gracchus_base::{BrokerId, LeaderEpoch, PartitionIndex, ProducerId, TopicId, TopicName};
use proptest::prelude::*;

use super::*;
use crate::internal::hex;

fn id(n: u8) -> TopicId {
    TopicId([1, 2, 3, 4, 5, 6, 7, 8, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, n])
}

/// The broker of the golden bytes with the fields that the version has.
fn broker(version: usize) -> RegisterBroker {
    RegisterBroker {
        broker_id: BrokerId(1),
        incarnation_id: id(2),
        broker_epoch: 77,
        endpoints: vec![Endpoint {
            name: "PLAINTEXT".to_owned(),
            host: "localhost".to_owned(),
            port: 9092,
            security_protocol: 0,
        }],
        rack: Some("r1".to_owned()),
        fenced: true,
        log_dirs: if version >= 3 { vec![id(3)] } else { Vec::new() },
    }
}

/// The partition of the golden bytes with the fields that the version has.
fn partition(version: usize) -> PartitionRecord {
    PartitionRecord {
        topic_id: id(4),
        partition: PartitionIndex(7),
        replicas: vec![BrokerId(1), BrokerId(2)],
        isr: vec![BrokerId(1)],
        leader: BrokerId(1),
        leader_epoch: LeaderEpoch(5),
        partition_epoch: 6,
        directories: if version >= 1 { vec![id(3), id(5)] } else { Vec::new() },
    }
}

fn change() -> PartitionChange {
    PartitionChange { topic_id: id(4), partition: PartitionIndex(7), isr: None, leader: None, replicas: None }
}

fn entity(names: &[(&str, Option<&str>)]) -> QuotaEntity {
    QuotaEntity(names.iter().map(|(kind, name)| ((*kind).to_owned(), name.map(str::to_owned))).collect())
}

fn golden() -> Vec<(MetadataRecord, &'static str)> {
    use MetadataRecord::{Partition, PartitionChange as Change, RegisterBroker as Register};
    vec![
        (
            Register(broker(4)),
            "010004000000010001020304050607081112131415161702000000000000004d020a504c41494e544558540a6c6f63616c68\
             6f737423840000000103723101000100110201020304050607081112131415161703",
        ),
        (
            BrokerRegistrationChange { broker_id: BrokerId(1), broker_epoch: 77, fenced: -1 },
            "01110300000001000000000000004d010001ff",
        ),
        (
            Topic { name: TopicName::parse("orders").unwrap(), topic_id: id(4) },
            "010200076f72646572730102030405060708111213141516170400",
        ),
        (
            Partition(partition(2)),
            "0103020000000701020304050607081112131415161704030000000100000002020000000101010000000100000005000000\
             0603010203040506070811121314151617030102030405060708111213141516170500",
        ),
        (
            Change(PartitionChange {
                isr: Some(vec![BrokerId(1), BrokerId(2)]),
                leader: Some(BrokerId(2)),
                replicas: Some(vec![BrokerId(2), BrokerId(1)]),
                ..change()
            }),
            "0105020000000701020304050607081112131415161704030009030000000100000002010400000002020903000000020000\
             0001",
        ),
        (
            Change(PartitionChange { leader: Some(BrokerId(-1)), ..change() }),
            "0105020000000701020304050607081112131415161704010104ffffffff",
        ),
        (Change(change()), "010502000000070102030405060708111213141516170400"),
        (RemoveTopic { topic_id: id(4) }, "0109000102030405060708111213141516170400"),
        (
            Config {
                resource: ConfigResource::Topic(TopicName::parse("orders").unwrap()),
                name: "retention.ms".to_owned(),
                value: Some("1000".to_owned()),
            },
            "01040002076f72646572730d726574656e74696f6e2e6d73053130303000",
        ),
        (
            Config {
                resource: ConfigResource::Broker(None),
                name: "log.cleaner.threads".to_owned(),
                value: None,
            },
            "0104000401146c6f672e636c65616e65722e746872656164730000",
        ),
        (
            Config {
                resource: ConfigResource::Broker(Some(BrokerId(1))),
                name: "log.cleaner.threads".to_owned(),
                value: Some("2".to_owned()),
            },
            "010400040231146c6f672e636c65616e65722e74687265616473023200",
        ),
        (
            Config {
                resource: ConfigResource::ClientMetrics("m".to_owned()),
                name: "interval.ms".to_owned(),
                value: Some("200".to_owned()),
            },
            "01040010026d0c696e74657276616c2e6d730432303000",
        ),
        (
            Config {
                resource: ConfigResource::Group("g".to_owned()),
                name: "consumer.session.timeout.ms".to_owned(),
                value: Some("50000".to_owned()),
            },
            "0104002002671c636f6e73756d65722e73657373696f6e2e74696d656f75742e6d7306353030303000",
        ),
        (
            FeatureLevel { name: "metadata.version".to_owned(), level: 30 },
            "010c00116d657461646174612e76657273696f6e001e00",
        ),
        (
            ClientQuota {
                entity: entity(&[("client-id", None), ("user", Some("alice"))]),
                key: "producer_byte_rate".to_owned(),
                value: Some(QuotaValue::new(1024.5)),
            },
            "010e00030a636c69656e742d69640000057573657206616c696365001370726f64756365725f627974655f72617465409002\
             00000000000000",
        ),
        (
            ClientQuota {
                entity: entity(&[("ip", Some("::1"))]),
                key: "connection_creation_rate".to_owned(),
                value: None,
            },
            "010e0002036970043a3a310019636f6e6e656374696f6e5f6372656174696f6e5f7261746500000000000000000100",
        ),
        (
            MetadataRecord::ScramCredential {
                user: "alice".to_owned(),
                mechanism: ScramMechanism::Sha512,
                credential: ScramCredential {
                    salt: vec![1, 2, 3],
                    stored_key: vec![4, 5],
                    server_key: vec![6],
                    iterations: 8192,
                },
            },
            "010b0006616c696365020401020303040502060000200000",
        ),
        (
            RemoveScramCredential { user: "alice".to_owned(), mechanism: ScramMechanism::Sha256 },
            "01160006616c6963650100",
        ),
        (
            ProducerIds { broker_id: BrokerId(1), broker_epoch: 77, next_producer_id: ProducerId(3000) },
            "010f0000000001000000000000004d0000000000000bb800",
        ),
        (BeginTransaction { name: Some("start".to_owned()) }, "011700010006067374617274"),
        (BeginTransaction { name: None }, "01170000"),
        (EndTransaction, "01180000"),
        (AbortTransaction { reason: Some("why".to_owned()) }, "01190001000404776879"),
        (AbortTransaction { reason: None }, "01190000"),
        (NoOp, "01140000"),
    ]
}

#[test]
fn records_are_written_and_read_as_kafka_has_them() {
    for (record, bytes) in golden() {
        let bytes = hex(bytes);
        assert_eq!(encode(&record), bytes, "{record:?}");
        assert_eq!(decode(&bytes), Ok(record));
    }
}

#[test]
fn older_versions_are_read() {
    let brokers = [
        "0100000000000101020304050607081112131415161702000000000000004d020a504c41494e544558540a6c6f63616c686f\
             73742384000000010372310100",
        "0100010000000101020304050607081112131415161702000000000000004d020a504c41494e544558540a6c6f63616c686f\
             7374238400000001037231010000",
        "010002000000010001020304050607081112131415161702000000000000004d020a504c41494e544558540a6c6f63616c68\
             6f7374238400000001037231010000",
        "010003000000010001020304050607081112131415161702000000000000004d020a504c41494e544558540a6c6f63616c68\
             6f737423840000000103723101000100110201020304050607081112131415161703",
    ];
    for (version, bytes) in brokers.iter().enumerate() {
        let record = MetadataRecord::RegisterBroker(broker(version));
        assert_eq!(decode(&hex(bytes)), Ok(record), "version {version}");
    }
    let partitions = [
        "0103000000000701020304050607081112131415161704030000000100000002020000000101010000000100000005000000\
             0600",
        "0103010000000701020304050607081112131415161704030000000100000002020000000101010000000100000005000000\
             0603010203040506070811121314151617030102030405060708111213141516170500",
    ];
    for (version, bytes) in partitions.iter().enumerate() {
        let record = MetadataRecord::Partition(partition(version));
        assert_eq!(decode(&hex(bytes)), Ok(record), "version {version}");
    }
    let unchanged = BrokerRegistrationChange { broker_id: BrokerId(1), broker_epoch: 77, fenced: 0 };
    assert_eq!(decode(&hex("01110000000001000000000000004d00")), Ok(unchanged));
}

#[test]
fn fields_that_we_have_no_place_for_are_passed_over() {
    // In controlled shutdown, with a feature and a cordoned directory.
    let rich = "010004000000010101020304050607081112131415161702000000000000004d0102116d657461646174612e76657273696f\
             6e0001001e000000010101110201020304050607081112131415161703";
    let expected = RegisterBroker {
        endpoints: Vec::new(),
        rack: None,
        fenced: false,
        log_dirs: Vec::new(),
        ..broker(4)
    };
    assert_eq!(decode(&hex(rich)), Ok(MetadataRecord::RegisterBroker(expected)));
    let rich = "01110300000001000000000000004d0300010101010102110201020304050607081112131415161703";
    let expected = BrokerRegistrationChange { broker_id: BrokerId(1), broker_epoch: 77, fenced: 1 };
    assert_eq!(decode(&hex(rich)), Ok(expected));
    // Replicas being moved, eligible leaders.
    let rich = "0103020000000701020304050607081112131415161704030000000100000002020000000102000000020200000003000000\
             0100000005000000060301020304050607081112131415161703010203040506070811121314151617050300010101050200\
             00000102050200000002";
    assert_eq!(decode(&hex(rich)), Ok(MetadataRecord::Partition(partition(2))));
    let rich = "0105020000000701020304050607081112131415161704070005020000000103010104050200000003050100060502000000\
             010705020000000208110201020304050607081112131415161703";
    let expected = PartitionChange { isr: Some(vec![BrokerId(1)]), ..change() };
    assert_eq!(decode(&hex(rich)), Ok(MetadataRecord::PartitionChange(expected)));
}

#[test]
fn what_would_change_the_image_unseen_is_an_error() {
    let remove_acl = hex("011300010203040506070811121314151617040000");
    assert_eq!(decode(&remove_acl), Err(MetadataRecordError::Type(19)));
    let broker_logger = hex("0104000802780c696e74657276616c2e6d73023200");
    let unknown = MetadataRecordError::Resource { resource_type: 8, name: "x".to_owned() };
    assert_eq!(decode(&broker_logger), Err(unknown));
    let unknown = MetadataRecordError::Mechanism(3);
    assert_eq!(decode(&hex("01160006616c6963650300")), Err(unknown));
    let newer = MetadataRecordError::Version { record_type: 20, version: 1 };
    assert_eq!(decode(&[1, 20, 1, 0]), Err(newer));
    assert_eq!(decode(&[0, 20, 0, 0]), Err(MetadataRecordError::FrameVersion(0)));
    assert_eq!(decode(&[]), Err(MetadataRecordError::Frame(FieldError::Truncated)));
    let left = MetadataRecordError::Field { record_type: 20, source: FieldError::LeftOver(1) };
    assert_eq!(decode(&[1, 20, 0, 0, 0]), Err(left));
}

#[test]
fn a_topic_name_that_could_leave_its_directory_is_an_error() {
    let name = b"../x";
    let value = [&[1, 2, 0, 5], &name[..], &[9; 16], &[0]].concat();
    assert!(matches!(decode(&value), Err(MetadataRecordError::TopicName(_))));
}

proptest! {
    #[test]
    fn any_bytes_are_a_record_or_an_error(record_type in 0_u8..30, version in 0_u8..5, body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let value = [&[1, record_type, version], &body[..]].concat();
        let (allocated, _) = counting_allocator::allocated_by(|| decode(&value));
        prop_assert!(allocated < 64 * 1024, "{allocated} bytes");
    }

    #[test]
    fn changed_records_are_a_record_or_an_error(which in 0_usize..23, at in 0_usize..100, byte in any::<u8>()) {
        let mut value = hex(golden()[which].1);
        let at = at % value.len();
        value[at] = byte;
        let (allocated, _) = counting_allocator::allocated_by(|| decode(&value));
        prop_assert!(allocated < 64 * 1024, "{allocated} bytes");
    }
}
