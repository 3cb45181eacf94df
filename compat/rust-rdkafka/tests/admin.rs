//! Topics and their settings, through librdkafka's admin client.

use rdkafka::admin::{AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use crate::support::{
    LIMIT, admin, block_on, broker, create_topic, options, produce_numbered, read_all, reader,
};

#[test]
fn a_topic_is_created_once_and_deleted_once() {
    let broker = broker();
    create_topic(&broker, "topic", 2, &[]);
    let admin = admin(&broker);
    let again = NewTopic::new("topic", 2, TopicReplication::Fixed(1));
    let result = block_on(admin.create_topics(&[again], &options())).unwrap();
    assert_eq!(result, [Err(("topic".to_owned(), RDKafkaErrorCode::TopicAlreadyExists))]);
    assert_eq!(block_on(admin.delete_topics(&["topic"], &options())).unwrap(), [Ok("topic".to_owned())]);
    let gone = block_on(admin.delete_topics(&["topic"], &options())).unwrap();
    assert_eq!(gone, [Err(("topic".to_owned(), RDKafkaErrorCode::UnknownTopicOrPartition))]);
}

#[test]
fn a_topic_that_cannot_be_is_refused_with_kafkas_code() {
    let broker = broker();
    let admin = admin(&broker);
    let one = || TopicReplication::Fixed(1);
    let long = "x".repeat(250);
    let cases = [
        (NewTopic::new("a/b", 1, one()), RDKafkaErrorCode::InvalidTopic),
        (NewTopic::new("..", 1, one()), RDKafkaErrorCode::InvalidTopic),
        (NewTopic::new(&long, 1, one()), RDKafkaErrorCode::InvalidTopic),
        (NewTopic::new("rf", 1, TopicReplication::Fixed(5)), RDKafkaErrorCode::InvalidReplicationFactor),
        (NewTopic::new("config", 1, one()).set("retention.ms", "soon"), RDKafkaErrorCode::InvalidConfig),
        (NewTopic::new("config", 1, one()).set("no.such.setting", "1"), RDKafkaErrorCode::InvalidConfig),
    ];
    for (topic, code) in cases {
        let name = topic.name.to_owned();
        let result = block_on(admin.create_topics(&[topic], &options())).unwrap();
        assert_eq!(result, [Err((name, code))]);
    }
}

#[test]
fn settings_are_described_and_altered() {
    let broker = broker();
    create_topic(&broker, "settings", 1, &[("retention.ms", "7200000")]);
    let admin = admin(&broker);
    let topic = ResourceSpecifier::Topic("settings");
    let value = |name: &str| {
        let mut described = block_on(admin.describe_configs([&topic], &options())).unwrap();
        let resource = described.remove(0).unwrap();
        resource.get(name).map(|entry| (entry.value.clone().unwrap_or_default(), entry.is_default))
    };
    assert_eq!(value("retention.ms"), Some(("7200000".to_owned(), false)));
    assert_eq!(value("cleanup.policy"), Some(("delete".to_owned(), true)));
    let change = AlterConfig::new(topic).set("segment.bytes", "2097152");
    let altered = block_on(admin.alter_configs(&[change], &options())).unwrap();
    assert!(altered.iter().all(Result::is_ok), "{altered:?}");
    let now = compat_harness::wait_until(LIMIT, || {
        (value("segment.bytes") == Some(("2097152".to_owned(), false))).then_some(())
    });
    assert!(now.is_some());
    // AlterConfigs replaces the whole set.
    assert_eq!(value("retention.ms"), Some(("604800000".to_owned(), true)));
}

#[test]
fn partitions_are_added_and_never_taken_away() {
    let broker = broker();
    create_topic(&broker, "wide", 2, &[]);
    let admin = admin(&broker);
    let grow =
        |count| block_on(admin.create_partitions(&[NewPartitions::new("wide", count)], &options())).unwrap();
    assert_eq!(grow(5), [Ok("wide".to_owned())]);
    let too_few = RDKafkaErrorCode::InvalidPartitions;
    assert_eq!(grow(3), [Err(("wide".to_owned(), too_few))]);
    let grown = compat_harness::wait_until(LIMIT, || {
        let metadata = admin.inner().fetch_metadata(Some("wide"), LIMIT).ok()?;
        let partitions = metadata.topics().first()?.partitions();
        (partitions.len() == 5 && partitions.iter().all(|p| p.leader() >= 0)).then_some(())
    });
    assert!(grown.is_some());
    produce_numbered(&broker, "wide", 5, 0..50);
    assert_eq!(read_all(&broker, "wide", 5).len(), 50);
}

#[test]
fn deleted_records_are_not_read_again() {
    let broker = broker();
    create_topic(&broker, "cut", 1, &[]);
    produce_numbered(&broker, "cut", 1, 0..100);
    let mut before = TopicPartitionList::new();
    before.add_partition_offset("cut", 0, Offset::Offset(40)).unwrap();
    let cut = block_on(admin(&broker).delete_records(&before, &options())).unwrap();
    assert_eq!(cut.find_partition("cut", 0).unwrap().offset(), Offset::Offset(40));
    assert_eq!(reader(&broker, "cut", 1).fetch_watermarks("cut", 0, LIMIT).unwrap(), (40, 100));
    let got = read_all(&broker, "cut", 1);
    assert_eq!((got.len(), got[0].offset), (60, 40));
}

#[test]
fn metadata_names_the_broker_that_was_asked() {
    let broker = broker();
    create_topic(&broker, "where", 3, &[]);
    let metadata = admin(&broker).inner().fetch_metadata(Some("where"), LIMIT).unwrap();
    let [only] = metadata.brokers() else { panic!("one broker") };
    assert_eq!(format!("{}:{}", only.host(), only.port()), broker.address());
    let partitions = metadata.topics()[0].partitions();
    assert_eq!(partitions.len(), 3);
    for partition in partitions {
        assert_eq!(
            (partition.leader(), partition.replicas(), partition.isr()),
            (only.id(), &[only.id()][..], &[only.id()][..])
        );
    }
}
