use super::super::{NewPartitions, create_partitions};
use super::*;

fn increase(topic: &str, count: i32, assignments: Option<&[&[i32]]>) -> NewPartitions {
    let assignments = assignments.map(|lists| lists.iter().map(|list| ids(list)).collect());
    NewPartitions { topic: topic.to_owned(), count, assignments }
}

fn decide(cluster: &Cluster, new: NewPartitions) -> Result<Vec<MetadataRecord>, AdminError> {
    create_partitions(cluster.image(), &[new], &mut directory).pop().unwrap().result
}

/// Topic "t" with 3 partitions of one replica.
fn cluster() -> Cluster {
    let mut cluster = Cluster::new(2, 1);
    cluster.create(new_topic("t", 3, 1)).unwrap();
    cluster
}

#[test]
fn partitions_are_added_after_those_that_are_there() {
    let mut cluster = cluster();
    cluster.commit(decide(&cluster, increase("t", 5, None)).unwrap());
    cluster.commit(decide(&cluster, increase("t", 6, Some(&[&[2]]))).unwrap());
    let topic = cluster.image().topic("t").unwrap();
    assert_eq!(topic.partition_count(), 6);
    assert_eq!(topic.partition(PartitionIndex(5)).unwrap().leader(), Some(BrokerId(2)));
    let leaders: Vec<_> = topic.partitions().take(5).map(|(_, p)| p.leader()).collect();
    assert!(leaders.windows(2).all(|pair| pair[0] != pair[1]), "{leaders:?}");
}

#[test]
fn a_count_that_is_no_increase_is_refused_with_kafkas_words() {
    let cluster = cluster();
    for (count, message) in [
        (2, "The topic t currently has 3 partition(s); 2 would not be an increase."),
        (3, "Topic already has 3 partition(s)."),
        (-1, "The topic t currently has 3 partition(s); -1 would not be an increase."),
        (i32::MIN, "The topic t currently has 3 partition(s); -2147483648 would not be an increase."),
    ] {
        let refused = refused(decide(&cluster, increase("t", count, None)));
        assert_eq!(refused, (ErrorCode::InvalidPartitions, message.to_owned()));
    }
    let refused = refused(decide(&cluster, increase("nope", 4, None)));
    assert_eq!(refused, (ErrorCode::UnknownTopicOrPartition, String::new()));
}

#[test]
fn named_assignments_must_fit_the_new_partitions() {
    let cluster = cluster();
    let cases: [(i32, &[&[i32]], &str); 6] = [
        (5, &[&[1]], "Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified."),
        (
            4,
            &[&[1], &[1]],
            "Attempted to add 1 additional partition(s), but only 2 assignment(s) were specified.",
        ),
        (4, &[&[7]], "The manual partition assignment includes broker 7, but no such broker is registered."),
        (4, &[&[1, 1]], "The manual partition assignment includes the broker 1 more than once."),
        (
            4,
            &[&[1, 2]],
            "The manual partition assignment includes a partition with 2 replica(s), but this is not consistent \
             with previous partitions, which have 1 replica(s).",
        ),
        (
            4,
            &[&[3]],
            "All brokers specified in the manual partition assignment for partition 3 are fenced or in controlled \
             shutdown.",
        ),
    ];
    for (count, lists, message) in cases {
        let refused = refused(decide(&cluster, increase("t", count, Some(lists))));
        assert_eq!(refused, (ErrorCode::InvalidReplicaAssignment, message.to_owned()));
    }
}

#[test]
fn new_partitions_are_bounded_over_the_whole_request() {
    let mut cluster = cluster();
    cluster.create(new_topic("u", 1, 1)).unwrap();
    let new = [increase("t", 10_003, None), increase("u", 2, None), increase("t2", i32::MAX, None)];
    let outcomes = create_partitions(cluster.image(), &new, &mut directory);
    assert_eq!(outcomes[0].result.as_ref().map(Vec::len), Ok(10_002));
    assert_eq!(refused(outcomes[1].result.clone()).0, ErrorCode::PolicyViolation);
    let huge = refused(decide(&cluster, increase("t", i32::MAX, None)));
    assert_eq!(huge.0, ErrorCode::PolicyViolation);
}

#[test]
fn a_topic_that_stands_twice_in_a_request_is_refused_once() {
    let cluster = cluster();
    let new = [increase("t", 4, None), increase("t", 5, None)];
    let outcomes = create_partitions(cluster.image(), &new, &mut directory);
    let [outcome] = &outcomes[..] else { panic!("{outcomes:?}") };
    let expected = (ErrorCode::InvalidRequest, "Duplicate topic name.".to_owned());
    assert_eq!(refused(outcome.result.clone()), expected);
}
