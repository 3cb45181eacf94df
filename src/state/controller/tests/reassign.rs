use super::super::reassign_partition;
use super::*;

/// Topic "t" with 2 partitions, each on brokers 1 and 2, where 3 is one more.
fn cluster() -> Cluster {
    let mut cluster = Cluster::new(3, 0);
    cluster.create(assigned("t", &[(0, &[1, 2]), (1, &[2, 1])])).unwrap();
    cluster
}

fn decide(
    cluster: &Cluster,
    topic: &str,
    index: i32,
    replicas: Option<&[i32]>,
) -> Result<(), (ErrorCode, String)> {
    let replicas = replicas.map(ids);
    let decided = reassign_partition(cluster.image(), topic, index, replicas.as_deref());
    decided.map_err(|error| refused(Err::<(), _>(error)))
}

#[test]
fn a_partition_can_be_where_it_is() {
    let cluster = cluster();
    assert_eq!(decide(&cluster, "t", 0, Some(&[1, 2])), Ok(()));
    assert_eq!(decide(&cluster, "t", 1, Some(&[2, 1])), Ok(()));
}

#[test]
fn a_partition_is_not_moved_while_nothing_replicates() {
    let cluster = cluster();
    for replicas in [&[2, 1][..], &[1], &[1, 3], &[1, 2, 3]] {
        let message = "Partition t:0 cannot be moved: there is no replication yet.".to_owned();
        let refused = Err((ErrorCode::InvalidReplicaAssignment, message));
        assert_eq!(decide(&cluster, "t", 0, Some(replicas)), refused, "{replicas:?}");
    }
}

#[test]
fn replicas_that_cannot_be_are_refused_before_it_is_seen_that_they_are_others() {
    let cluster = cluster();
    for (replicas, message) in [
        (&[][..], "The manual partition assignment includes an empty replica list."),
        (&[1, 9], "The manual partition assignment includes broker 9, but no such broker is registered."),
        (&[3, 3], "The manual partition assignment includes the broker 3 more than once."),
    ] {
        let refused = Err((ErrorCode::InvalidReplicaAssignment, message.to_owned()));
        assert_eq!(decide(&cluster, "t", 0, Some(replicas)), refused);
    }
}

#[test]
fn what_is_not_there_is_not_moved_nor_called_back() {
    let cluster = cluster();
    for replicas in [None, Some(&[1][..])] {
        let refused = |message: &str| Err((ErrorCode::UnknownTopicOrPartition, message.to_owned()));
        assert_eq!(decide(&cluster, "nope", 0, replicas), refused("Unable to find a topic named nope."));
        assert_eq!(decide(&cluster, "t", 2, replicas), refused("Unable to find partition t:2."));
        assert_eq!(decide(&cluster, "t", -1, replicas), refused("Unable to find partition t:-1."));
    }
    let nothing_moves = Err((ErrorCode::NoReassignmentInProgress, String::new()));
    assert_eq!(decide(&cluster, "t", 0, None), nothing_moves);
}
