use gracchus_base::LeaderEpoch;
use gracchus_base::metadata_record::{MetadataRecord, PartitionRecord};
use gracchus_wire::messages::Uuid;
use gracchus_wire::response::{self, Response};

use super::*;

fn by_name(name: &'static str) -> MetadataRequestTopic {
    MetadataRequestTopic::default().with_name(Some(messages::TopicName(StrBytes::from_static_str(name))))
}

fn by_id(id: u128) -> MetadataRequestTopic {
    MetadataRequestTopic::default().with_name(None).with_topic_id(Uuid::from_u128(id))
}

fn names(names: &[&'static str]) -> Asked {
    Asked::Names(names.iter().map(|name| StrBytes::from_static_str(name)).collect())
}

#[test]
fn traps_15_an_empty_list_is_all_topics_in_version_0_only() {
    assert_eq!(Asked::read(0, Some(&[])), Ok(Asked::All));
    assert_eq!(Asked::read(1, Some(&[])), Ok(names(&[])));
    assert_eq!(Asked::read(1, None), Ok(Asked::All));
}

#[test]
fn traps_16_ids_work_from_version_12() {
    for version in [10, 11] {
        assert_eq!(Asked::read(version, Some(&[by_id(0)])), Err(ErrorCode::InvalidRequest));
        assert_eq!(Asked::read(version, Some(&[by_id(7)])), Err(ErrorCode::InvalidRequest));
        let both = by_name("a").with_topic_id(Uuid::from_u128(7));
        assert_eq!(Asked::read(version, Some(&[both])), Err(ErrorCode::InvalidRequest));
    }
    let seven = TopicId(7_u128.to_be_bytes());
    assert_eq!(Asked::read(12, Some(&[by_id(7), by_id(7)])), Ok(Asked::Ids(vec![seven])));
    assert_eq!(Asked::read(12, Some(&[by_name("a"), by_id(7)])), Ok(Asked::Ids(vec![seven])));
    assert_eq!(Asked::read(12, Some(&[by_name("a"), by_id(0)])), Err(ErrorCode::InvalidRequest));
}

#[test]
fn a_name_that_is_asked_for_twice_is_answered_once() {
    assert_eq!(Asked::read(9, Some(&[by_name("b"), by_name("a"), by_name("b")])), Ok(names(&["b", "a"])));
}

#[test]
fn traps_19_operations_that_were_not_asked_for_are_the_smallest_number() {
    assert_eq!(authorized_operations(false, TOPIC_OPERATIONS), i32::MIN);
    // As Kafka 4.3.1 answers without an authorizer.
    assert_eq!(authorized_operations(true, TOPIC_OPERATIONS), 3576);
    assert_eq!(authorized_operations(true, CLUSTER_OPERATIONS), 8096);
}

#[test]
fn topics_that_are_not_there_say_why() {
    let unknown = unknown_name(StrBytes::from_static_str("__consumer_offsets"), 1);
    assert_eq!((unknown.error_code, unknown.is_internal), (3, true));
    assert_eq!(unknown_name(StrBytes::from_static_str("b ad"), 1).error_code, 17);
    assert_eq!(unknown_name(StrBytes::from_static_str(""), 1).error_code, 17);
    let unknown = unknown_id(TopicId([7; 16]));
    assert_eq!(
        (unknown.error_code, unknown.name, unknown.topic_authorized_operations),
        (100, None, i32::MIN)
    );
}

#[test]
fn a_request_that_is_refused_can_be_answered_in_every_version() {
    for version in 0..=13 {
        let topics = vec![by_name("a"), by_id(0)];
        let refused =
            refuse(&MetadataRequest::default().with_topics(Some(topics)), ErrorCode::InvalidRequest);
        assert!(refused.topics.iter().all(|topic| topic.error_code == 42));
        response::encode(version, 1, &Response::Metadata(refused)).unwrap();
    }
}

#[test]
fn traps_22_a_leader_that_cannot_lead_is_not_named() {
    let id = TopicId([1; 16]);
    let brokers = [1, 2].map(gracchus_base::BrokerId).to_vec();
    let record = PartitionRecord {
        topic_id: id,
        partition: PartitionIndex(0),
        replicas: brokers.clone(),
        isr: brokers.clone(),
        leader: brokers[0],
        leader_epoch: LeaderEpoch(5),
        partition_epoch: 0,
        directories: Vec::new(),
    };
    let mut image = MetadataImage::default();
    let name = TopicName::parse("a").unwrap();
    image.apply(&MetadataRecord::Topic { name, topic_id: id }, &mut Vec::new()).unwrap();
    image.apply(&MetadataRecord::Partition(record), &mut Vec::new()).unwrap();
    let partition = image.partition(id, PartitionIndex(0)).unwrap();
    let describe =
        |live: i32| PartitionDescription::new(PartitionIndex(0), partition, |broker| broker.0 == live);
    let all = vec![BrokerId(1), BrokerId(2)];
    let expected = PartitionDescription {
        index: 0,
        leader: BrokerId(1),
        leader_epoch: 5,
        replicas: all.clone(),
        isr: all,
        offline: vec![BrokerId(2)],
    };
    assert_eq!(describe(1), expected);
    let leaderless = PartitionDescription { leader: BrokerId(-1), offline: vec![BrokerId(1)], ..expected };
    assert_eq!(describe(2), leaderless);
}
