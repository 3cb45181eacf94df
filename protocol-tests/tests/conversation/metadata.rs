//! Metadata, DescribeTopicPartitions and DescribeCluster: what clients learn of brokers and topics.

use gracchus_wire::ApiKey;
use gracchus_wire::messages::{
    DescribeClusterRequest, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, MetadataRequest,
    TopicName, Uuid,
    describe_topic_partitions_request::{Cursor, TopicRequest},
    metadata_request::MetadataRequestTopic,
};
use protocol_tests::Client;

use super::support::*;

/// Operations that nobody asked for.
const NOT_ASKED: i32 = i32::MIN;

/// Create, alter, describe, cluster action, the two of configs, idempotent write, tokens' creation and description.
const CLUSTER_OPERATIONS: i32 = 0b1_1111_1010_0000;

fn by_name(names: &[&TopicName]) -> MetadataRequest {
    let topic = |name: &&TopicName| MetadataRequestTopic::default().with_name(Some((*name).clone()));
    let topics = names.iter().map(topic).collect();
    MetadataRequest::default().with_topics(Some(topics)).with_allow_auto_topic_creation(true)
}

/// Metadata without creating topics, which versions below 4 cannot say.
fn quiet(version: i16, request: MetadataRequest) -> MetadataRequest {
    request.with_allow_auto_topic_creation(version < 4)
}

fn is_told(answer: &gracchus_wire::messages::MetadataResponse, topic: &Topic) -> bool {
    answer.topics.iter().any(|told| told.name.as_ref() == Some(&topic.name))
}

#[tokio::test]
async fn traps_15_null_and_empty_lists_of_topics() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "listed", 1, &[]).await;
    for version in versions(ApiKey::Metadata) {
        let empty = client.call(version, MetadataRequest::default().with_topics(Some(vec![]))).await;
        assert_eq!(is_told(&empty, &topic), version == 0, "version {version}");
        assert!(version == 0 || empty.topics.is_empty());
        if version >= 1 {
            let null = client.call(version, MetadataRequest::default().with_topics(None)).await;
            assert!(is_told(&null, &topic), "version {version}");
        }
    }
}

#[tokio::test]
async fn every_version_tells_a_topic_by_name() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "told", 2, &[]).await;
    for version in versions(ApiKey::Metadata) {
        let answer = client.call(version, quiet(version, by_name(&[&topic.name]))).await;
        let told = &answer.topics[0];
        assert_eq!((told.error_code, told.name.as_ref()), (0, Some(&topic.name)), "version {version}");
        assert_eq!(told.topic_id, if version >= 10 { topic.id } else { Uuid::nil() });
        assert!(!told.is_internal);
        let mut partitions = told.partitions.clone();
        partitions.sort_by_key(|partition| partition.partition_index);
        for (index, partition) in (0..).zip(&partitions) {
            assert_eq!(
                (partition.error_code, partition.partition_index, partition.leader_id.0),
                (0, index, 1)
            );
            let ids = |nodes: &[gracchus_wire::messages::BrokerId]| {
                nodes.iter().map(|node| node.0).collect::<Vec<_>>()
            };
            assert_eq!((ids(&partition.replica_nodes), ids(&partition.isr_nodes)), (vec![1], vec![1]));
            assert!(partition.offline_replicas.is_empty());
            assert_eq!(partition.leader_epoch, if version >= 7 { 0 } else { -1 }, "TRAPS 22");
        }
        assert_eq!(partitions.len(), 2);
    }
}

#[tokio::test]
async fn traps_16_topic_ids_work_from_version_12_on() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "ids", 1, &[]).await;
    let by_id = |id| MetadataRequestTopic::default().with_name(None).with_topic_id(id);
    for version in [10, 11] {
        let with_id =
            MetadataRequestTopic::default().with_name(Some(topic.name.clone())).with_topic_id(topic.id);
        for asked in [by_id(topic.id), with_id] {
            let request = MetadataRequest::default().with_topics(Some(vec![asked]));
            let answer = client.call(version, request).await;
            assert!(answer.topics.iter().all(|told| told.error_code == 42), "version {version}: {answer:?}");
            assert_eq!(answer.topics.len(), 1);
        }
    }
    for version in [12, 13] {
        let request = MetadataRequest::default().with_topics(Some(vec![by_id(topic.id)]));
        let told = client.call(version, request).await.topics.remove(0);
        assert_eq!((told.error_code, told.name, told.topic_id), (0, Some(topic.name.clone()), topic.id));
        let unknown = Uuid::from_u128(12345);
        let request = MetadataRequest::default().with_topics(Some(vec![by_id(unknown)]));
        let told = client.call(version, request).await.topics.remove(0);
        assert_eq!((told.error_code, told.name, told.topic_id), (100, None, unknown), "TRAPS 26");
    }
}

#[tokio::test]
async fn names_that_no_topic_can_have_are_invalid() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::Metadata) {
        for name in ["..", ".", "", "a/b", "../../etc", "a\0b", "a b", "\u{fc}", &"x".repeat(250)] {
            let name = topic_name(name);
            let answer = client.call(version, by_name(&[&name])).await;
            assert_eq!(
                (answer.topics[0].error_code, answer.topics[0].partitions.len()),
                (17, 0),
                "{name:?} in {version}"
            );
        }
    }
}

#[tokio::test]
async fn traps_18_20_70_brokers_are_told_as_the_client_reaches_them() {
    let (broker, mut client) = start().await;
    let port = i32::from(broker.address().port());
    for version in versions(ApiKey::Metadata) {
        let answer = client.call(version, MetadataRequest::default().with_topics(Some(vec![]))).await;
        let brokers =
            answer.brokers.iter().map(|b| (b.node_id.0, b.host.as_str(), b.port)).collect::<Vec<_>>();
        assert_eq!(brokers, [(1, "127.0.0.1", port)], "version {version}");
        assert_eq!(answer.brokers[0].rack, None);
        assert_eq!(answer.controller_id.0, if version >= 1 { 1 } else { -1 });
        assert_eq!(answer.cluster_id.is_some(), version >= 2, "{:?}", answer.cluster_id);
    }
}

#[tokio::test]
async fn traps_18_every_listener_tells_its_own_address() {
    let settings = [
        ("listeners", "PLAINTEXT://127.0.0.1:0,OUTSIDE://127.0.0.1:0"),
        ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,OUTSIDE:PLAINTEXT"),
        ("inter.broker.listener.name", "PLAINTEXT"),
        ("advertised.listeners", "PLAINTEXT://inside.example:1234,OUTSIDE://outside.example:5678"),
    ];
    let Some((broker, _)) = start_with(&settings).await else { return };
    for (address, told) in
        broker.addresses().iter().zip([("inside.example", 1234), ("outside.example", 5678)])
    {
        let mut client = Client::connect(*address).await;
        let answer = client.metadata().await;
        let brokers = answer.brokers.iter().map(|b| (b.host.as_str(), b.port)).collect::<Vec<_>>();
        assert_eq!(brokers, [told]);
    }
}

#[tokio::test]
async fn traps_19_operations_are_told_to_who_asks() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "operations", 1, &[]).await;
    for version in versions(ApiKey::Metadata) {
        let request = by_name(&[&topic.name]);
        let answer = client.call(version, request.clone()).await;
        assert_eq!(answer.topics[0].topic_authorized_operations, NOT_ASKED);
        assert_eq!(answer.cluster_authorized_operations, NOT_ASKED);
        if version >= 8 {
            let mut request = request.with_include_topic_authorized_operations(true);
            request.include_cluster_authorized_operations = version <= 10;
            let answer = client.call(version, request).await;
            // Read, write, create, delete, alter, describe, and the two of configs.
            assert_eq!(answer.topics[0].topic_authorized_operations, 0b1101_1111_1000);
            let cluster = answer.cluster_authorized_operations;
            assert_eq!(cluster, if version <= 10 { CLUSTER_OPERATIONS } else { NOT_ASKED }, "{cluster:b}");
        }
    }
}

#[tokio::test]
async fn traps_21_topics_are_made_on_demand_only_by_who_names_them_and_allows_it() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::Metadata) {
        let name = topic_name(&unique("demand"));
        if version >= 4 {
            let refused = by_name(&[&name]).with_allow_auto_topic_creation(false);
            assert_eq!(client.call(version, refused).await.topics[0].error_code, 3, "version {version}");
            assert_eq!(describe(&mut client, &name).await.error_code, 3, "nothing was made");
        }
        let first = client.call(version, by_name(&[&name])).await.topics.remove(0);
        assert!([3, 5].contains(&first.error_code), "version {version}: {first:?}");
        let mut code = first.error_code;
        let patience = Patience::new();
        while code != 0 {
            patience.wait();
            code = client.call(version, by_name(&[&name])).await.topics[0].error_code;
            assert!([0, 3, 5].contains(&code), "{code}");
        }
    }
}

#[tokio::test]
async fn traps_21_topics_are_not_made_where_the_broker_forbids_it() {
    let Some((_broker, mut client)) = start_with(&[("auto.create.topics.enable", "false")]).await else {
        return;
    };
    let name = topic_name("forbidden");
    for version in versions(ApiKey::Metadata) {
        assert_eq!(client.call(version, by_name(&[&name])).await.topics[0].error_code, 3);
    }
}

#[tokio::test]
async fn traps_24_a_topic_made_again_has_another_id_and_begins_at_epoch_0() {
    let Some((mut broker, mut client)) = start_with(&[]).await else { return };
    let topic = create(&mut client, "again", 1, &[]).await;
    produced(&mut client, &topic, protocol_tests::batch::values(&["a"])).await;
    broker.restart().await;
    let mut client = broker.client().await;
    let before = describe(&mut client, &topic.name).await;
    assert_eq!(before.topic_id, topic.id);
    assert!(before.partitions[0].leader_epoch > 0);
    super::topics::delete(&mut client, &topic).await;
    let again = create_named(&mut client, &topic.name, 1, &[]).await;
    assert_ne!(again.id, topic.id);
    assert_eq!(describe(&mut client, &topic.name).await.partitions[0].leader_epoch, 0);
    assert_eq!((log_start(&mut client, &again).await, end(&mut client, &again).await), (0, 0));
}

async fn partitions(
    client: &mut Client,
    topics: &[&Topic],
    limit: i32,
    cursor: Option<(&Topic, i32)>,
) -> DescribeTopicPartitionsResponse {
    let topics = topics.iter().map(|topic| TopicRequest::default().with_name(topic.name.clone())).collect();
    let cursor = cursor.map(|(topic, index)| {
        Cursor::default().with_topic_name(topic.name.clone()).with_partition_index(index)
    });
    let request =
        DescribeTopicPartitionsRequest::default().with_topics(topics).with_response_partition_limit(limit);
    client.call(0, request.with_cursor(cursor)).await
}

/// Topic and partition.
type NextPage = (TopicName, i32);

/// Names with their partitions, and where to go on.
fn page(answer: &DescribeTopicPartitionsResponse) -> (Vec<(TopicName, Vec<i32>)>, Option<NextPage>) {
    let topics = answer.topics.iter().map(|topic| {
        let indexes = topic.partitions.iter().map(|partition| partition.partition_index).collect();
        (topic.name.clone().unwrap(), indexes)
    });
    (topics.collect(), answer.next_cursor.as_ref().map(|c| (c.topic_name.clone(), c.partition_index)))
}

#[tokio::test]
async fn traps_67_describe_topic_partitions_pages_with_a_cursor() {
    let (_broker, mut client) = start().await;
    let a = create(&mut client, "page-a", 3, &[]).await;
    let b = create(&mut client, "page-b", 2, &[]).await;
    let both = [&b, &a];
    let all = partitions(&mut client, &both, 2000, None).await;
    assert_eq!(page(&all), (vec![(a.name.clone(), vec![0, 1, 2]), (b.name.clone(), vec![0, 1])], None));
    assert_eq!(all.topics[0].topic_id, a.id);
    let partition = &all.topics[0].partitions[0];
    assert_eq!((partition.leader_id.0, partition.leader_epoch, partition.error_code), (1, 0, 0));
    assert_eq!(
        (&partition.eligible_leader_replicas, &partition.last_known_elr),
        (&Some(vec![]), &Some(vec![]))
    );
    let first = partitions(&mut client, &both, 2, None).await;
    assert_eq!(page(&first), (vec![(a.name.clone(), vec![0, 1])], Some((a.name.clone(), 2))));
    let second = partitions(&mut client, &both, 2, Some((&a, 2))).await;
    assert_eq!(
        page(&second),
        (vec![(a.name.clone(), vec![2]), (b.name.clone(), vec![0])], Some((b.name.clone(), 1)))
    );
    let third = partitions(&mut client, &both, 2, Some((&b, 1))).await;
    assert_eq!(page(&third), (vec![(b.name.clone(), vec![1])], None));
}

#[tokio::test]
async fn traps_67_describe_topic_partitions_tells_unknown_topics_and_refuses_bad_cursors() {
    let (_broker, mut client) = start().await;
    let a = create(&mut client, "cursor", 1, &[]).await;
    for (name, error) in [("no-such-topic", 3), ("..", 17), ("a/b", 17)] {
        let unknown = Topic { name: topic_name(name), id: Uuid::nil() };
        let answer = partitions(&mut client, &[&unknown], 2000, None).await;
        assert_eq!((answer.topics[0].error_code, answer.topics[0].partitions.len()), (error, 0), "{name}");
    }
    let everything = partitions(&mut client, &[], 2000, None).await;
    assert!(everything.topics.iter().any(|topic| topic.topic_id == a.id), "no names mean all");
}

#[tokio::test]
async fn describe_cluster_tells_the_brokers() {
    let (broker, mut client) = start().await;
    let id = client.metadata().await.cluster_id.unwrap();
    for version in versions(ApiKey::DescribeCluster) {
        let answer = client.call(version, DescribeClusterRequest::default()).await;
        assert_eq!((answer.error_code, &answer.cluster_id, answer.controller_id.0), (0, &id, 1));
        let brokers =
            answer.brokers.iter().map(|b| (b.broker_id.0, b.host.as_str(), b.port)).collect::<Vec<_>>();
        assert_eq!(brokers, [(1, "127.0.0.1", i32::from(broker.address().port()))]);
        assert_eq!(answer.cluster_authorized_operations, NOT_ASKED, "TRAPS 19");
        let request = DescribeClusterRequest::default().with_include_cluster_authorized_operations(true);
        assert_eq!(client.call(version, request).await.cluster_authorized_operations, CLUSTER_OPERATIONS);
        if version >= 1 {
            // A broker is asked for controllers.
            let wrong = "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER";
            for (kind, error, message) in [(2, 114, wrong), (9, 115, "Unsupported endpoint type 9")] {
                let answer =
                    client.call(version, DescribeClusterRequest::default().with_endpoint_type(kind)).await;
                let told = (answer.error_code, answer.error_message.as_deref(), answer.endpoint_type);
                assert_eq!(told, (error, Some(message), 1));
            }
        }
    }
}
