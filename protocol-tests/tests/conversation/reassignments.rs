//! AlterPartitionReassignments and ListPartitionReassignments, where there is one broker.

use gracchus_wire::ApiKey;
use gracchus_wire::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, BrokerId,
    ListPartitionReassignmentsRequest, TopicName,
    alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic},
    list_partition_reassignments_request::ListPartitionReassignmentsTopics,
};

use super::support::*;

const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const REQUEST_TIMED_OUT: i16 = 7;
const INVALID_REPLICA_ASSIGNMENT: i16 = 39;
const NO_REASSIGNMENT_IN_PROGRESS: i16 = 85;

/// A partition, and the brokers that it is to be on.
type Move<'a> = (i32, Option<&'a [i32]>);

fn alter(topics: &[(&TopicName, &[Move<'_>])]) -> AlterPartitionReassignmentsRequest {
    let partition = |(index, replicas): &Move<'_>| {
        let replicas = replicas.map(|ids| ids.iter().map(|id| BrokerId(*id)).collect());
        ReassignablePartition::default().with_partition_index(*index).with_replicas(replicas)
    };
    let topics = topics.iter().map(|(name, partitions)| {
        let partitions = partitions.iter().map(partition).collect();
        ReassignableTopic::default().with_name((*name).clone()).with_partitions(partitions)
    });
    AlterPartitionReassignmentsRequest::default().with_timeout_ms(10_000).with_topics(topics.collect())
}

/// Index, error and message of every partition of the answer, in its order.
fn outcomes(answer: &AlterPartitionReassignmentsResponse) -> Vec<(i32, i16, Option<&str>)> {
    let partitions = answer.responses.iter().flat_map(|topic| &topic.partitions);
    let outcome = partitions.map(|p| (p.partition_index, p.error_code, p.error_message.as_deref()));
    outcome.collect()
}

#[tokio::test]
async fn a_partition_stays_where_it_is_and_moves_nowhere_else() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "stays", 2, &[]).await;
    let before = describe(&mut client, &topic.name).await;
    let unregistered = |id: i32| {
        format!("The manual partition assignment includes broker {id}, but no such broker is registered.")
    };
    let (nine, minus_one) = (unregistered(9), unregistered(-1));
    for version in versions(ApiKey::AlterPartitionReassignments) {
        let asked: [Move<'_>; 8] = [
            (0, Some(&[1])),
            (1, Some(&[])),
            (1, Some(&[9])),
            (1, Some(&[9, 1])),
            (1, Some(&[-1])),
            (1, Some(&[1, 1])),
            (1, None),
            (1, Some(&[1])),
        ];
        let answer = client.call(version, alter(&[(&topic.name, &asked)])).await;
        assert_eq!((answer.error_code, answer.error_message.as_deref()), (0, None));
        let refused = |message| (1, INVALID_REPLICA_ASSIGNMENT, Some(message));
        let expected = [
            (0, 0, None),
            refused("The manual partition assignment includes an empty replica list."),
            refused(&nine),
            refused(&nine),
            refused(&minus_one),
            refused("The manual partition assignment includes the broker 1 more than once."),
            (1, NO_REASSIGNMENT_IN_PROGRESS, None),
            (1, 0, None),
        ];
        assert_eq!(outcomes(&answer), expected, "version {version}");
    }
    assert_eq!(describe(&mut client, &topic.name).await, before);
}

#[tokio::test]
async fn what_is_not_there_does_not_move_and_what_is_does() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "one-of-two", 1, &[]).await;
    let nowhere = topic_name(&unique("nowhere"));
    let no_topic = format!("Unable to find a topic named {}.", nowhere.as_str());
    let no_partition = format!("Unable to find partition {}:1.", topic.name.as_str());
    for version in versions(ApiKey::AlterPartitionReassignments) {
        let asked = alter(&[
            (&nowhere, &[(0, Some(&[1])), (0, None)]),
            (&topic.name, &[(1, None), (0, Some(&[1]))]),
            (&topic_name(""), &[(0, Some(&[1]))]),
        ]);
        let answer = client.call(version, asked).await;
        let names: Vec<_> = answer.responses.iter().map(|topic| topic.name.as_str()).collect();
        assert_eq!(names, [nowhere.as_str(), topic.name.as_str(), ""], "version {version}");
        let unknown = |index, message| (index, UNKNOWN_TOPIC_OR_PARTITION, Some(message));
        let expected = [
            unknown(0, no_topic.as_str()),
            unknown(0, &no_topic),
            unknown(1, &no_partition),
            (0, 0, None),
            unknown(0, "Unable to find a topic named ."),
        ];
        assert_eq!(outcomes(&answer), expected, "version {version}");
    }
}

#[tokio::test]
async fn a_move_that_has_no_time_is_not_looked_at_and_no_move_needs_none() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "no-time", 1, &[]).await;
    for version in versions(ApiKey::AlterPartitionReassignments) {
        for timeout_ms in [0, -1, i32::MIN] {
            let asked = alter(&[(&topic.name, &[(0, Some(&[1])), (9, None)])]).with_timeout_ms(timeout_ms);
            let answer = client.call(version, asked).await;
            assert_eq!((answer.error_code, answer.error_message.as_deref()), (REQUEST_TIMED_OUT, None));
            let late = |index| (index, REQUEST_TIMED_OUT, None);
            assert_eq!(outcomes(&answer), [late(0), late(9)], "version {version}");
            let none = client.call(version, alter(&[]).with_timeout_ms(timeout_ms)).await;
            assert_eq!((none.error_code, none.responses.len()), (0, 0));
        }
    }
}

#[tokio::test]
async fn the_answer_repeats_whether_the_number_of_replicas_may_change() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "factor", 1, &[]).await;
    for allowed in [true, false] {
        let asked = alter(&[(&topic.name, &[(0, Some(&[1]))])]).with_allow_replication_factor_change(allowed);
        let answer = client.call(1, asked).await;
        assert_eq!(
            (answer.allow_replication_factor_change, outcomes(&answer)),
            (allowed, vec![(0, 0, None)])
        );
        let none = client.call(1, alter(&[]).with_allow_replication_factor_change(allowed)).await;
        assert!(none.allow_replication_factor_change, "where there is nothing to allow it is not looked at");
    }
}

#[tokio::test]
async fn nothing_is_on_the_move_whatever_is_asked_for() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "still", 1, &[]).await;
    let listed = |name: &TopicName, indexes: &[i32]| {
        let topic = ListPartitionReassignmentsTopics::default().with_name(name.clone());
        topic.with_partition_indexes(indexes.to_vec())
    };
    for version in versions(ApiKey::ListPartitionReassignments) {
        let some = vec![listed(&topic.name, &[0, 0, 7, -1]), listed(&topic_name("nowhere"), &[0])];
        for topics in [None, Some(vec![]), Some(some)] {
            for timeout_ms in [10_000, 0, -1] {
                let request = ListPartitionReassignmentsRequest::default()
                    .with_timeout_ms(timeout_ms)
                    .with_topics(topics.clone());
                let answer = client.call(version, request).await;
                assert_eq!((answer.error_code, answer.error_message.as_deref()), (0, None));
                assert_eq!(answer.topics, []);
            }
        }
    }
}
