use gracchus_base::metadata_record::PartitionChange;

use super::super::{Election, elect_leader};
use super::*;

/// Topic "t" with one partition on brokers 1 and 2, which `leader` leads.
fn cluster(leader: i32) -> Cluster {
    let mut cluster = Cluster::new(2, 0);
    cluster.create(assigned("t", &[(0, &[1, 2])])).unwrap();
    let (topic_id, partition) = (cluster.image().topic("t").unwrap().id(), PartitionIndex(0));
    let leader = Some(BrokerId(leader));
    let change = PartitionChange { topic_id, partition, isr: None, leader, replicas: None };
    cluster.commit(vec![MetadataRecord::PartitionChange(change)]);
    cluster
}

fn code(cluster: &Cluster, election: Election) -> ErrorCode {
    refused(elect_leader(cluster.image(), "t", 0, election)).0
}

#[test]
fn an_election_is_not_needed_where_the_leader_is_who_it_is_to_be() {
    let cluster = cluster(1);
    assert_eq!(code(&cluster, Election::Preferred), ErrorCode::ElectionNotNeeded);
    assert_eq!(code(&cluster, Election::Unclean), ErrorCode::ElectionNotNeeded);
}

#[test]
fn whoever_leads_is_enough_unless_the_first_replica_is_preferred() {
    let cluster = cluster(2);
    assert_eq!(code(&cluster, Election::Preferred), ErrorCode::PreferredLeaderNotAvailable);
    assert_eq!(code(&cluster, Election::Unclean), ErrorCode::ElectionNotNeeded);
}

#[test]
fn where_nobody_leads_there_is_nobody_to_elect() {
    let cluster = cluster(-1);
    assert_eq!(code(&cluster, Election::Preferred), ErrorCode::PreferredLeaderNotAvailable);
    assert_eq!(code(&cluster, Election::Unclean), ErrorCode::EligibleLeadersNotAvailable);
}

#[test]
fn what_is_not_there_has_no_leader() {
    let cluster = cluster(1);
    for (topic, index, message) in [
        ("nope", 0, "No such topic as nope"),
        ("t", 1, "No such partition as t-1"),
        ("t", -1, "No such partition as t--1"),
    ] {
        for election in [Election::Preferred, Election::Unclean] {
            let refused = refused(elect_leader(cluster.image(), topic, index, election));
            assert_eq!(refused, (ErrorCode::UnknownTopicOrPartition, message.to_owned()));
        }
    }
}
