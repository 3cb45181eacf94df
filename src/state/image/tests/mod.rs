//! What the image does with records, and what it costs.

mod loader;
mod memory;

use gracchus_base::metadata_record::{
    ConfigResource, Endpoint, MetadataRecord, PartitionChange, PartitionRecord, RegisterBroker,
};
use gracchus_base::{BrokerId, LeaderEpoch, PartitionIndex, ProducerId, TopicId, TopicName};

use super::{Change, ImageError, MetadataImage, Partition};

pub(crate) const BROKER: BrokerId = BrokerId(1);
const DIRECTORY: TopicId = TopicId([9; 16]);

pub(crate) fn name(text: &str) -> TopicName {
    TopicName::parse(text).unwrap()
}

pub(crate) fn id(n: u32) -> TopicId {
    TopicId(u128::from(n).to_le_bytes())
}

fn topic(text: &str, n: u32) -> MetadataRecord {
    MetadataRecord::Topic { name: name(text), topic_id: id(n) }
}

fn partition(topic: u32, index: i32, replicas: &[i32]) -> MetadataRecord {
    let replicas: Vec<_> = replicas.iter().map(|b| BrokerId(*b)).collect();
    MetadataRecord::Partition(PartitionRecord {
        topic_id: id(topic),
        partition: PartitionIndex(index),
        isr: replicas.clone(),
        leader: replicas.first().copied().unwrap_or(BrokerId(-1)),
        leader_epoch: LeaderEpoch(0),
        partition_epoch: 0,
        directories: vec![DIRECTORY; replicas.len()],
        replicas,
    })
}

fn unchanged(topic: u32, index: i32) -> PartitionChange {
    let partition = PartitionIndex(index);
    PartitionChange { topic_id: id(topic), partition, isr: None, leader: None, replicas: None }
}

fn config(resource: &ConfigResource, name: &str, value: Option<&str>) -> MetadataRecord {
    MetadataRecord::Config {
        resource: resource.clone(),
        name: name.to_owned(),
        value: value.map(str::to_owned),
    }
}

pub(crate) fn broker(n: i32, fenced: bool) -> RegisterBroker {
    let port = 9092;
    let endpoint =
        Endpoint { name: "PLAINTEXT".into(), host: "127.0.0.1".into(), port, security_protocol: 0 };
    RegisterBroker {
        broker_id: BrokerId(n),
        incarnation_id: TopicId([n as u8; 16]),
        broker_epoch: 7,
        endpoints: vec![endpoint],
        rack: None,
        fenced,
        log_dirs: vec![DIRECTORY],
    }
}

fn image(records: &[MetadataRecord]) -> MetadataImage {
    let mut image = MetadataImage::default();
    for record in records {
        image.apply(record, &mut Vec::new()).unwrap();
    }
    image
}

fn brokers(of: impl Iterator<Item = BrokerId>) -> Vec<i32> {
    of.map(BrokerId::get).collect()
}

#[test]
fn a_topic_is_found_by_name_and_by_id_until_it_is_removed() {
    let mut image = image(&[topic("a", 1), partition(1, 0, &[1]), partition(1, 1, &[1])]);
    assert_eq!(image.topic("a"), image.topic_by_id(id(1)));
    assert_eq!((image.topic_count(), image.partition_count()), (1, 2));
    let mut changes = Vec::new();
    image.apply(&MetadataRecord::RemoveTopic { topic_id: id(1) }, &mut changes).unwrap();
    assert!(image.topic("a").is_none() && image.topic_by_id(id(1)).is_none());
    assert_eq!((image.topic_count(), image.partition_count()), (0, 0));
    let [Change::TopicDeleted(topic)] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!((topic.name().as_str(), topic.partition_count()), ("a", 2));
}

#[test]
fn traps_22_a_partition_without_a_leader_has_none_and_keeps_its_epoch_counting() {
    let mut image = image(&[topic("a", 1), partition(1, 0, &[1])]);
    let change = PartitionChange { leader: Some(BrokerId(-1)), ..unchanged(1, 0) };
    image.apply(&MetadataRecord::PartitionChange(change), &mut Vec::new()).unwrap();
    let partition = image.partition(id(1), PartitionIndex(0)).unwrap();
    assert_eq!((partition.leader(), partition.leader_epoch()), (None, LeaderEpoch(1)));
}

#[test]
fn a_named_leader_raises_the_leader_epoch_and_every_change_the_partition_epoch() {
    let mut image = image(&[topic("a", 1), partition(1, 0, &[1, 2, 3])]);
    let shrink = PartitionChange { isr: Some(vec![BrokerId(2), BrokerId(1)]), ..unchanged(1, 0) };
    let same_leader = PartitionChange { leader: Some(BROKER), ..unchanged(1, 0) };
    let mut changes = Vec::new();
    image.apply(&MetadataRecord::PartitionChange(shrink), &mut changes).unwrap();
    let partition = image.partition(id(1), PartitionIndex(0)).unwrap();
    assert_eq!((partition.leader_epoch(), partition.partition_epoch()), (LeaderEpoch(0), 1));
    assert_eq!(brokers(partition.isr()), [2, 1]);
    image.apply(&MetadataRecord::PartitionChange(same_leader), &mut changes).unwrap();
    let partition = image.partition(id(1), PartitionIndex(0)).unwrap();
    assert_eq!((partition.leader_epoch(), partition.partition_epoch()), (LeaderEpoch(1), 2));
    assert_eq!(partition.leader(), Some(BROKER));
    assert_eq!(changes, vec![Change::PartitionChanged(id(1), PartitionIndex(0)); 2]);
}

#[test]
fn new_replicas_keep_the_directories_of_those_that_stay() {
    let mut image = image(&[topic("a", 1), partition(1, 0, &[1])]);
    let change = PartitionChange { replicas: Some(vec![BrokerId(2), BROKER]), ..unchanged(1, 0) };
    image.apply(&MetadataRecord::PartitionChange(change), &mut Vec::new()).unwrap();
    let partition = image.partition(id(1), PartitionIndex(0)).unwrap();
    assert_eq!(brokers(partition.replicas()), [2, 1]);
    assert_eq!(brokers(partition.isr()), [1]);
    assert_eq!(partition.directory(BROKER), Some(DIRECTORY));
    assert_eq!(partition.directory(BrokerId(2)), Some(TopicId::ZERO));
    assert_eq!(partition.directory(BrokerId(3)), None);
}

#[test]
fn partitions_of_a_large_topic_are_found_and_paged_over_chunks() {
    let mut records = vec![topic("a", 1)];
    records.extend((0..100).map(|i| partition(1, i, &[1, 2])));
    let image = image(&records);
    let topic = image.topic("a").unwrap();
    assert_eq!(topic.partition_count(), 100);
    let page: Vec<i32> = topic.partitions_from(PartitionIndex(63)).take(3).map(|(i, _)| i.get()).collect();
    assert_eq!(page, [63, 64, 65]);
    assert_eq!(topic.partitions().count(), 100);
    assert!(topic.partition(PartitionIndex(100)).is_none() && topic.partition(PartitionIndex(-1)).is_none());
}

#[test]
fn a_change_is_not_seen_through_an_older_clone() {
    let mut image = image(&[topic("a", 1), partition(1, 0, &[1])]);
    let published = image.clone();
    let change = PartitionChange { leader: Some(BROKER), ..unchanged(1, 0) };
    image.apply(&MetadataRecord::PartitionChange(change), &mut Vec::new()).unwrap();
    let epoch =
        |image: &MetadataImage| image.partition(id(1), PartitionIndex(0)).map(Partition::leader_epoch);
    assert_eq!(epoch(&published), Some(LeaderEpoch(0)));
    assert_eq!(epoch(&image), Some(LeaderEpoch(1)));
}

#[test]
fn traps_67_topics_are_paged_in_the_order_of_their_names() {
    let image = image(&[topic("b", 1), topic("a.c", 2), topic("a", 3), topic("c", 4)]);
    let names = |from| image.topics_from(from).map(|t| t.name().to_string()).collect::<Vec<_>>();
    assert_eq!(names(""), ["a", "a.c", "b", "c"]);
    assert_eq!(names("a.c"), ["a.c", "b", "c"]);
    assert_eq!(names("a.d"), ["b", "c"]);
    assert_eq!(image.topics().count(), 4);
}

#[test]
fn traps_63_a_colliding_name_is_found_and_others_are_not() {
    let image = image(&[topic("a.b_c.d", 1), topic("plain", 2), topic("a.b", 3), topic("_x", 4)]);
    let found = |text| image.colliding_name(&name(text)).map(TopicName::as_str);
    assert_eq!(found("a_b.c_d"), Some("a.b_c.d"));
    assert_eq!(found("a.b_c_d"), Some("a.b_c.d"));
    assert_eq!(found("a_b"), Some("a.b"));
    assert_eq!(found(".x"), Some("_x"));
    for free in ["a.b_c.d", "a.b", "a_b_c", "plain", "a-b", "a.b.", "x", "a__b"] {
        assert_eq!(found(free), None, "{free}");
    }
}

#[test]
fn settings_are_kept_by_resource_and_go_with_their_topic() {
    let on_topic = ConfigResource::Topic(name("a"));
    let on_all = ConfigResource::Broker(None);
    let mut image = image(&[
        topic("a", 1),
        config(&on_topic, "retention.ms", Some("5")),
        config(&on_topic, "cleanup.policy", Some("compact")),
        config(&on_topic, "retention.ms", Some("6")),
        config(&on_all, "retention.ms", Some("7")),
    ]);
    let values = image.topic_configs(&name("a"));
    assert_eq!(values.iter().collect::<Vec<_>>(), [("cleanup.policy", "compact"), ("retention.ms", "6")]);
    assert_eq!((values.get("retention.ms"), values.get("other")), (Some("6"), None));
    image.apply(&config(&on_all, "retention.ms", None), &mut Vec::new()).unwrap();
    assert!(image.configs(&on_all).is_empty());
    image.apply(&MetadataRecord::RemoveTopic { topic_id: id(1) }, &mut Vec::new()).unwrap();
    assert!(image.topic_configs(&name("a")).is_empty());
    assert_eq!(image.configured().count(), 0);
}

#[test]
fn a_broker_is_live_while_it_is_not_fenced() {
    let mut image = image(&[MetadataRecord::RegisterBroker(broker(1, true))]);
    assert!(!image.is_live(BROKER));
    let unfence = |epoch| MetadataRecord::BrokerRegistrationChange {
        broker_id: BROKER,
        broker_epoch: epoch,
        fenced: -1,
    };
    assert_eq!(image.apply(&unfence(6), &mut Vec::new()), Err(ImageError::UnknownBroker(BROKER)));
    image.apply(&unfence(7), &mut Vec::new()).unwrap();
    assert!(image.is_live(BROKER));
    assert_eq!(image.live_brokers().count(), 1);
}

#[test]
fn features_at_level_zero_are_not_finalized() {
    let level = |level| MetadataRecord::FeatureLevel { name: "metadata.version".into(), level };
    let mut image = image(&[level(30)]);
    assert_eq!(image.feature("metadata.version"), Some(30));
    image.apply(&level(0), &mut Vec::new()).unwrap();
    assert_eq!(image.features().count(), 0);
}

#[test]
fn records_that_do_not_fit_are_refused_and_change_nothing() {
    let taken = |next| MetadataRecord::ProducerIds {
        broker_id: BROKER,
        broker_epoch: 7,
        next_producer_id: ProducerId(next),
    };
    let mut image = image(&[topic("a", 1), partition(1, 0, &[1]), taken(1000)]);
    let before = image.clone();
    let (topic_1, topic_2, second) = (id(1), id(2), PartitionIndex(2));
    let cases = [
        (topic("a", 2), ImageError::TopicExists { name: name("a"), id: topic_2 }),
        (topic("b", 1), ImageError::TopicExists { name: name("b"), id: topic_1 }),
        (partition(2, 0, &[1]), ImageError::UnknownTopic(topic_2)),
        (partition(1, 2, &[1]), ImageError::PartitionGap { topic: topic_1, partition: second, count: 1 }),
        (partition(1, 2, &[]), ImageError::NoReplicas { topic: topic_1, partition: second }),
        (
            MetadataRecord::PartitionChange(unchanged(1, 2)),
            ImageError::UnknownPartition { topic: topic_1, partition: second },
        ),
        (MetadataRecord::RemoveTopic { topic_id: topic_2 }, ImageError::UnknownTopic(topic_2)),
        (taken(999), ImageError::ProducerIdsGoBack { from: ProducerId(1000), to: ProducerId(999) }),
        (MetadataRecord::EndTransaction, ImageError::TransactionOutOfTurn),
    ];
    for (record, error) in cases {
        let mut changes = Vec::new();
        assert_eq!(image.apply(&record, &mut changes), Err(error));
        assert!(changes.is_empty());
        assert_eq!(image, before);
    }
}
