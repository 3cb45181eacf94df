use gracchus_base::ProducerId;
use gracchus_base::metadata_record::ConfigResource;

use super::super::{
    BrokerStart, ProducerIdsExhausted, allocate_producer_ids, bootstrap_records, bump_leader_epochs,
    register_broker, unfence_broker,
};
use super::*;

#[test]
fn the_first_records_are_one_change_with_the_features_kafka_names() {
    let mut cluster = Cluster::new(0, 0);
    cluster.commit(bootstrap_records(1));
    let begin = MetadataRecord::BeginTransaction { name: Some("Bootstrap records".to_owned()) };
    assert_eq!(cluster.log.first(), Some(&begin));
    let features: Vec<_> = cluster.image().features().collect();
    assert_eq!(features, [("eligible.leader.replicas.version", 1), ("metadata.version", 30)]);
    let defaults = cluster.image().configs(&ConfigResource::Broker(None));
    assert_eq!(defaults.get("min.insync.replicas"), Some("1"));
}

#[test]
fn a_broker_registers_fenced_with_its_offset_as_epoch_and_is_unfenced_once() {
    let mut cluster = Cluster::new(0, 0);
    cluster.commit(bootstrap_records(1));
    let start = BrokerStart {
        broker_id: BrokerId(1),
        incarnation_id: TopicId([3; 16]),
        endpoints: Vec::new(),
        rack: None,
        log_dirs: Vec::new(),
    };
    let offset = Offset(cluster.log.len() as i64);
    assert_eq!(unfence_broker(cluster.image(), BrokerId(1)), None);
    cluster.commit(vec![register_broker(start, offset)]);
    assert!(!cluster.image().is_live(BrokerId(1)));
    cluster.commit(vec![unfence_broker(cluster.image(), BrokerId(1)).unwrap()]);
    assert!(cluster.image().is_live(BrokerId(1)));
    assert_eq!(cluster.image().broker(BrokerId(1)).unwrap().broker_epoch, offset.get());
    assert_eq!(unfence_broker(cluster.image(), BrokerId(1)), None);
}

#[test]
fn a_start_raises_the_leader_epochs_of_partitions_with_data_in_one_change() {
    let mut cluster = Cluster::new(1, 0);
    let a = cluster.create(new_topic("a", 3, 1)).unwrap().id;
    let gone = (TopicId([5; 16]), PartitionIndex(0));
    let with_data = [(a, PartitionIndex(0)), (a, PartitionIndex(2)), gone, (a, PartitionIndex(3))];
    let records = bump_leader_epochs(cluster.image(), with_data);
    assert_eq!(records.len(), 4);
    cluster.commit(records);
    let epochs = cluster.image().topic("a").unwrap().partitions().map(|(_, p)| p.leader_epoch().get());
    assert_eq!(epochs.collect::<Vec<_>>(), [1, 0, 1]);
    assert_eq!(bump_leader_epochs(cluster.image(), []), []);
}

#[test]
fn traps_24_a_topic_made_again_starts_at_epoch_zero_under_another_id() {
    let mut cluster = Cluster::new(1, 0);
    let first = cluster.create(new_topic("a", 1, 1)).unwrap().id;
    cluster.commit(bump_leader_epochs(cluster.image(), [(first, PartitionIndex(0))]));
    cluster.commit(vec![MetadataRecord::RemoveTopic { topic_id: first }]);
    let second = cluster.create(new_topic("a", 1, 1)).unwrap().id;
    assert_ne!(first, second);
    let partition = cluster.image().partition(second, PartitionIndex(0)).unwrap();
    assert_eq!(partition.leader_epoch(), LeaderEpoch(0));
}

#[test]
fn producer_ids_come_in_blocks_that_never_overlap_and_end() {
    let mut cluster = Cluster::new(1, 0);
    for first in [0, 1000] {
        let block = allocate_producer_ids(cluster.image(), BrokerId(1), 7).unwrap();
        assert_eq!((block.first, block.last), (ProducerId(first), ProducerId(first + 999)));
        cluster.commit(vec![block.record]);
    }
    let next_producer_id = ProducerId(i64::MAX - 999);
    cluster.commit(vec![MetadataRecord::ProducerIds {
        broker_id: BrokerId(1),
        broker_epoch: 7,
        next_producer_id,
    }]);
    let exhausted = allocate_producer_ids(cluster.image(), BrokerId(1), 7);
    assert_eq!(exhausted, Err(ProducerIdsExhausted));
}
