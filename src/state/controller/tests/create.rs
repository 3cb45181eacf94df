use gracchus_base::ErrorCode;
use gracchus_base::metadata_record::MetadataRecord;

use super::super::consumer_offsets_topic;
use super::*;
use crate::image::tests::name;

fn refusal(cluster: &mut Cluster, topic: NewTopic) -> (ErrorCode, String) {
    refused(cluster.create(topic))
}

#[test]
fn a_topic_is_one_change_of_topic_settings_and_partitions() {
    let mut cluster = Cluster::new(1, 0);
    let topic = NewTopic { num_partitions: 2, ..with_configs("a", &[("retention.ms", Some("5"))]) };
    let created = cluster.create(topic).unwrap();
    assert_eq!((created.num_partitions, created.replication_factor), (2, 1));
    let kinds = created.records.iter().map(|record| match record {
        MetadataRecord::BeginTransaction { .. } => "begin",
        MetadataRecord::Topic { .. } => "topic",
        MetadataRecord::Config { .. } => "config",
        MetadataRecord::Partition(_) => "partition",
        MetadataRecord::EndTransaction => "end",
        _ => "other",
    });
    assert_eq!(kinds.collect::<Vec<_>>(), ["begin", "topic", "config", "partition", "partition", "end"]);
    let topic = cluster.image().topic("a").unwrap();
    assert_eq!(topic.id(), created.id);
    for (_, partition) in topic.partitions() {
        assert_eq!((partition.leader(), partition.leader_epoch()), (Some(BrokerId(1)), LeaderEpoch(0)));
        assert_eq!(partition.directory(BrokerId(1)), Some(directory(BrokerId(1))));
    }
    assert_eq!(cluster.image().topic_configs(&name("a")).get("retention.ms"), Some("5"));
}

#[test]
fn traps_63_minus_one_is_the_default_and_other_counts_must_be_positive() {
    let mut cluster = Cluster::new(1, 0);
    let created = cluster.create(new_topic("a", -1, -1)).unwrap();
    assert_eq!((created.num_partitions, created.replication_factor), (1, 1));
    let factor = "Replication factor must be larger than 0, or -1 to use the default value.";
    let partitions = "Number of partitions was set to an invalid non-positive value.";
    for bad in [0, -2] {
        let refused = refusal(&mut cluster, new_topic("b", 1, bad));
        assert_eq!(refused, (ErrorCode::InvalidReplicationFactor, factor.to_owned()));
        let refused = refusal(&mut cluster, new_topic("b", bad.into(), 1));
        assert_eq!(refused, (ErrorCode::InvalidPartitions, partitions.to_owned()));
    }
}

#[test]
fn traps_63_names_are_checked_and_must_not_collide() {
    let mut cluster = Cluster::new(1, 0);
    cluster.create(new_topic("a.b", 1, 1)).unwrap();
    let long = "x".repeat(250);
    let too_long =
        format!("Topic name is invalid: the length of '{long}' is longer than the max allowed length 249");
    let characters = "Topic name is invalid: 'a/b' contains one or more characters other than ASCII \
                      alphanumerics, '.', '_' and '-'";
    for (text, message) in [
        ("", "Topic name is invalid: the empty string is not allowed"),
        (".", "Topic name is invalid: '.' is not allowed"),
        ("..", "Topic name is invalid: '..' is not allowed"),
        ("a/b", characters),
        (&long, &too_long),
        ("a_b", "Topic 'a_b' collides with existing topic: a.b"),
    ] {
        let refused = refusal(&mut cluster, new_topic(text, 1, 1));
        assert_eq!(refused, (ErrorCode::InvalidTopicException, message.to_owned()), "{text}");
    }
    let refused = refusal(&mut cluster, new_topic("a.b", 1, 1));
    assert_eq!(refused, (ErrorCode::TopicAlreadyExists, "Topic 'a.b' already exists.".to_owned()));
    let refused = refusal(&mut cluster, new_topic("__cluster_metadata", 1, 1));
    let message = "Creation of internal topic __cluster_metadata is prohibited.";
    assert_eq!(refused, (ErrorCode::InvalidRequest, message.to_owned()));
}

#[test]
fn a_name_that_stands_twice_in_a_request_is_refused_once_and_others_are_not() {
    let cluster = Cluster::new(1, 0);
    let topics = ["a", "b", "a"].map(|name| new_topic(name, 1, 1));
    let [(a, first), (b, second)] = &cluster.decide_create(&topics)[..] else { panic!("two names") };
    assert_eq!((a.as_str(), b.as_str()), ("a", "b"));
    assert_eq!(refused(first.clone()), (ErrorCode::InvalidRequest, "Duplicate topic name.".to_owned()));
    assert!(second.is_ok());
}

#[test]
fn a_request_for_too_many_partitions_is_refused_as_a_whole() {
    let cluster = Cluster::new(1, 0);
    let outcomes = cluster.decide_create(&[new_topic("a", 9_999, 1), new_topic("b", 2, 1)]);
    assert_eq!(outcomes.len(), 2);
    for (_, result) in outcomes {
        let message = "Excessively large number of partitions per request.".to_owned();
        assert_eq!(refused(result), (ErrorCode::PolicyViolation, message));
    }
    let outcomes = cluster.decide_create(&[new_topic("a", i32::MAX, 1), new_topic("b", i32::MAX, 1)]);
    assert!(outcomes.iter().all(|(_, result)| result.is_err()));
    assert!(cluster.decide_create(&[new_topic("a", 10_000, 1)])[0].1.is_ok());
}

#[test]
fn a_topic_needs_as_many_brokers_as_replicas_and_one_that_lives() {
    let mut cluster = Cluster::new(1, 1);
    let refused = refusal(&mut cluster, new_topic("a", 1, 3));
    let message = "Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be \
                   reached because only 2 broker(s) are registered or some brokers have all their log directories \
                   cordoned.";
    assert_eq!(refused, (ErrorCode::InvalidReplicationFactor, message.to_owned()));
    let refused = refusal(&mut Cluster::new(0, 1), new_topic("a", 1, 1));
    let message = "Unable to replicate the partition 1 time(s): All brokers are currently fenced, or have all \
                   their log directories cordoned.";
    assert_eq!(refused, (ErrorCode::InvalidReplicationFactor, message.to_owned()));
    cluster.create(new_topic("a", 1, 2)).unwrap();
    let (_, partition) = cluster.image().topic("a").unwrap().partitions().next().unwrap();
    assert_eq!(partition.replicas().collect::<Vec<_>>(), ids(&[1, 2]));
    assert_eq!(partition.isr().collect::<Vec<_>>(), ids(&[1]));
}

#[test]
fn leaders_and_followers_are_spread_evenly() {
    let mut cluster = Cluster::new(3, 0);
    cluster.create(new_topic("a", 12, 2)).unwrap();
    let topic = cluster.image().topic("a").unwrap();
    for broker in ids(&[1, 2, 3]) {
        let led = topic.partitions().filter(|(_, p)| p.leader() == Some(broker)).count();
        let held = topic.partitions().filter(|(_, p)| p.replicas().any(|b| b == broker)).count();
        assert_eq!((led, held), (4, 8), "{broker}");
    }
}

#[test]
fn named_assignments_are_checked_as_kafka_checks_them() {
    let mut cluster = Cluster::new(2, 1);
    cluster.create(assigned("ok", &[(1, &[2]), (0, &[3, 1][1..])])).unwrap();
    let leaders = cluster.image().topic("ok").unwrap().partitions().map(|(_, p)| p.leader());
    assert_eq!(leaders.collect::<Vec<_>>(), [Some(BrokerId(1)), Some(BrokerId(2))]);
    let gap = "partitions should be a consecutive 0-based integer sequence";
    let unknown = "The manual partition assignment includes broker 7, but no such broker is registered.";
    type Assignments = [(i32, &'static [i32])];
    let cases: [(&Assignments, &str); 8] = [
        (&[(0, &[1]), (2, &[1])], gap),
        (&[(1, &[1])], gap),
        (&[(0, &[7])], unknown),
        (&[(0, &[1, 1])], "The manual partition assignment includes the broker 1 more than once."),
        (&[(0, &[1]), (1, &[])], "The manual partition assignment includes an empty replica list."),
        (
            &[(0, &[1]), (1, &[1, 2])],
            "The manual partition assignment includes a partition with 2 replica(s), but this is not consistent \
             with previous partitions, which have 1 replica(s).",
        ),
        (&[(0, &[1]), (0, &[2])], "Found multiple manual partition assignments for partition 0"),
        (
            &[(0, &[3])],
            "All brokers specified in the manual partition assignment for partition 0 are fenced or in controlled \
             shutdown.",
        ),
    ];
    for (assignments, message) in cases {
        let refused = refusal(&mut cluster, assigned("bad", assignments));
        assert_eq!(refused, (ErrorCode::InvalidReplicaAssignment, message.to_owned()));
    }
}

#[test]
fn a_named_assignment_leaves_no_counts_to_give() {
    let mut cluster = Cluster::new(1, 0);
    let topic = assigned("a", &[(0, &[1])]);
    let refused = refusal(&mut cluster, NewTopic { replication_factor: 1, ..topic.clone() });
    let message = "A manual partition assignment was specified, but replication factor was not set to -1.";
    assert_eq!(refused, (ErrorCode::InvalidRequest, message.to_owned()));
    let refused = refusal(&mut cluster, NewTopic { num_partitions: 1, ..topic });
    let message = "A manual partition assignment was specified, but numPartitions was not set to -1.";
    assert_eq!(refused, (ErrorCode::InvalidRequest, message.to_owned()));
}

#[test]
fn settings_of_a_new_topic_are_checked_before_its_counts() {
    let mut cluster = Cluster::new(1, 0);
    for (configs, message) in [
        (&[("foo", Some("bar"))][..], "Unknown topic config name: foo"),
        (
            &[("retention.ms", Some("abc"))],
            "Invalid value abc for configuration retention.ms: Not a number of type LONG",
        ),
        (
            &[("retention.ms", None), ("segment.ms", None)],
            "Null value not supported for topic configs: retention.ms,segment.ms",
        ),
    ] {
        let topic = NewTopic { replication_factor: 3, ..with_configs("a", configs) };
        let refused = refusal(&mut cluster, topic);
        assert_eq!(refused, (ErrorCode::InvalidConfig, message.to_owned()));
    }
}

#[test]
fn the_offsets_topic_is_made_as_kafka_makes_it() {
    let mut cluster = Cluster::new(1, 0);
    let created = cluster.create(consumer_offsets_topic(&cluster.broker)).unwrap();
    assert_eq!((created.num_partitions, created.replication_factor), (50, 1));
    assert!(created.name.is_internal());
    let configs = cluster.image().topic_configs(&created.name);
    let expected =
        [("cleanup.policy", "compact"), ("compression.type", "producer"), ("segment.bytes", "104857600")];
    assert_eq!(configs.iter().collect::<Vec<_>>(), expected);
}
