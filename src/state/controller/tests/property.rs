//! Random requests of all kinds against one cluster; the image is checked after each.

use gracchus_base::TopicName;
use gracchus_base::metadata_record::ConfigResource;
use proptest::prelude::*;

use super::super::{
    AlterOperation, ConfigOperation, ConfigTarget, DeleteTopic, IncrementalAlterConfigs, NewPartitions,
    allocate_producer_ids, bump_leader_epochs, create_partitions, delete_topics, incremental_alter_configs,
};
use super::*;
use crate::image::Change;

const NAMES: [&str; 6] = ["a", "a.b", "a_b", "a.b.c", "..", "__consumer_offsets"];

#[derive(Clone, Debug)]
enum Request {
    Create { names: Vec<usize>, partitions: i32, factor: i16 },
    Assign { name: usize, replicas: Vec<Vec<i32>> },
    Delete { name: usize },
    Increase { name: usize, count: i32 },
    Alter { name: usize, operation: i8, value: String },
    Bump { partition: i32 },
    ProducerIds,
}

fn request() -> impl Strategy<Value = Request> {
    let name = 0..NAMES.len();
    prop_oneof![
        (prop::collection::vec(name.clone(), 1..4), -2..70, -1..5_i16)
            .prop_map(|(names, partitions, factor)| Request::Create { names, partitions, factor }),
        (name.clone(), prop::collection::vec(prop::collection::vec(1..6, 0..3), 1..3))
            .prop_map(|(name, replicas)| Request::Assign { name, replicas }),
        name.clone().prop_map(|name| Request::Delete { name }),
        (name.clone(), 0..100).prop_map(|(name, count)| Request::Increase { name, count }),
        (name, -1..5_i8, "(delete|compact|x)(,delete)?")
            .prop_map(|(name, operation, value)| Request::Alter { name, operation, value }),
        (0..70).prop_map(|partition| Request::Bump { partition }),
        Just(Request::ProducerIds),
    ]
}

/// The changes that a request comes to, those that were refused left out.
fn decide(cluster: &Cluster, request: Request) -> Vec<Vec<MetadataRecord>> {
    let image = cluster.image();
    match request {
        Request::Create { names, partitions, factor } => {
            let topics: Vec<_> = names.iter().map(|n| new_topic(NAMES[*n], partitions, factor)).collect();
            let outcomes = cluster.decide_create(&topics);
            outcomes.into_iter().filter_map(|(_, result)| Some(result.ok()?.records)).collect()
        }
        Request::Assign { name, replicas } => {
            let assignments: Vec<_> =
                replicas.iter().enumerate().map(|(i, replicas)| (i as i32, &replicas[..])).collect();
            let outcomes = cluster.decide_create(&[assigned(NAMES[name], &assignments)]);
            outcomes.into_iter().filter_map(|(_, result)| Some(result.ok()?.records)).collect()
        }
        Request::Delete { name } => {
            let topic = DeleteTopic { name: Some(NAMES[name].to_owned()), id: TopicId::ZERO };
            delete_topics(image, &[topic]).into_iter().filter_map(|o| o.result.ok()).collect()
        }
        Request::Increase { name, count } => {
            let new = NewPartitions { topic: NAMES[name].to_owned(), count, assignments: None };
            create_partitions(image, &[new], &mut directory)
                .into_iter()
                .filter_map(|o| o.result.ok())
                .collect()
        }
        Request::Alter { name, operation, value } => {
            let target = ConfigTarget { resource_type: 2, resource_name: NAMES[name].to_owned() };
            let operation = AlterOperation::from_code(operation);
            let name = "cleanup.policy".to_owned();
            let operations = vec![ConfigOperation { name, operation, value: Some(value) }];
            let requests = [IncrementalAlterConfigs { target, operations }];
            incremental_alter_configs(image, &cluster.broker, &requests).into_iter().flatten().collect()
        }
        Request::Bump { partition } => {
            let all = image.topics().map(|topic| (topic.id(), PartitionIndex(partition)));
            vec![bump_leader_epochs(image, all)]
        }
        Request::ProducerIds => {
            vec![vec![allocate_producer_ids(image, BrokerId(1), 7).unwrap().record]]
        }
    }
}

fn check(image: &MetadataImage) {
    let mut partitions = 0;
    for topic in image.topics() {
        assert_eq!(image.topic_by_id(topic.id()), Some(topic));
        assert_eq!(image.topic(topic.name().as_str()), Some(topic));
        assert!(topic.partition_count() > 0);
        let indexes: Vec<i32> = topic.partitions().map(|(index, _)| index.get()).collect();
        assert_eq!(indexes, (0..topic.partition_count()).collect::<Vec<_>>());
        for (_, partition) in topic.partitions() {
            let replicas: Vec<_> = partition.replicas().collect();
            assert!(partition.isr().all(|broker| replicas.contains(&broker) && image.is_live(broker)));
            assert!(partition.isr().any(|broker| Some(broker) == partition.leader()));
            let mut distinct = replicas.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), replicas.len());
            assert!(replicas.iter().all(|broker| partition.directory(*broker) == Some(directory(*broker))));
            partitions += 1;
        }
    }
    assert_eq!(image.topics().count(), image.topic_count());
    assert_eq!(partitions, image.partition_count());
    for (resource, values) in image.configured() {
        let ConfigResource::Topic(name) = resource else { panic!("{resource:?}") };
        assert!(image.topic(name.as_str()).is_some() && !values.is_empty());
    }
}

/// Epochs of one topic id and producer ids only grow (TRAPS 24).
fn check_growth(before: &MetadataImage, after: &MetadataImage) {
    assert!(before.next_producer_id() <= after.next_producer_id());
    for topic in before.topics() {
        let Some(now) = after.topic_by_id(topic.id()) else { continue };
        assert_eq!(topic.name(), now.name());
        for (index, partition) in topic.partitions() {
            let now = now.partition(index).unwrap();
            assert!(partition.leader_epoch() <= now.leader_epoch());
            assert!(partition.partition_epoch() <= now.partition_epoch());
            assert_eq!(partition == now, partition.partition_epoch() == now.partition_epoch());
        }
    }
}

proptest! {
    #[test]
    fn any_requests_keep_the_image_whole_and_its_log_replays_to_the_same(
        requests in prop::collection::vec(request(), 1..25)
    ) {
        let mut cluster = Cluster::new(3, 1);
        let mut names: std::collections::BTreeSet<TopicName> = Default::default();
        for request in requests {
            for change in decide(&cluster, request) {
                let before = cluster.image().clone();
                cluster.commit(change);
                check(cluster.image());
                check_growth(&before, cluster.image());
                for change in cluster.loader.take_changes() {
                    match change {
                        Change::TopicCreated(id) => {
                            names.insert(cluster.image().topic_by_id(id).unwrap().name().clone());
                        }
                        Change::TopicDeleted(topic) => {
                            names.remove(topic.name());
                        }
                        _ => {}
                    }
                }
                let now: Vec<_> = cluster.image().topics().map(|topic| topic.name()).collect();
                prop_assert_eq!(names.iter().collect::<Vec<_>>(), now);
            }
        }
        let mut replayed = ImageLoader::default();
        for (offset, record) in (0..).zip(&cluster.log) {
            replayed.apply(Offset(offset), LeaderEpoch(1), record.clone()).unwrap();
        }
        prop_assert_eq!(replayed.image(), cluster.image());
    }
}
