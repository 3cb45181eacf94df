//! DescribeQuorum (key 55): who votes on metadata, and how far each has come (KIP-595, KIP-836). The quorum is this broker.

use gracchus_base::{ErrorCode, TopicName};
use gracchus_state::controller::AdminError;
use gracchus_wire::messages::{
    BrokerId, DescribeQuorumRequest, DescribeQuorumResponse,
    describe_quorum_request::TopicData as Asked,
    describe_quorum_response::{Node, PartitionData, ReplicaState, TopicData},
};

use super::RequestContext;
use super::topic_result::Words;

pub fn handle(ctx: &RequestContext, request: &DescribeQuorumRequest) -> DescribeQuorumResponse {
    let answer = DescribeQuorumResponse::default().with_error_message(None);
    if !asks_for_metadata(&request.topics) {
        return answer.with_topics(refused(&request.topics));
    }
    let topic = TopicData::default()
        .with_topic_name(request.topics[0].topic_name.clone())
        .with_partitions(vec![metadata_partition(ctx)]);
    // The controller takes no connections of its own: it is a node without listeners.
    let node = Node::default().with_node_id(BrokerId(ctx.node.id.0));
    answer.with_topics(vec![topic]).with_nodes(vec![node])
}

/// As in Kafka the metadata partition is described to who asks for it alone and once.
fn asks_for_metadata(topics: &[Asked]) -> bool {
    let [topic] = topics else { return false };
    let [partition] = topic.partitions.as_slice() else { return false };
    topic.topic_name.as_str() == TopicName::cluster_metadata().as_str() && partition.partition_index == 0
}

fn metadata_partition(ctx: &RequestContext) -> PartitionData {
    // What is in the image is committed, and nothing else is in the log of the only voter.
    let (last, epoch) = ctx.node.image().applied();
    let end = last.plus(1).0;
    let now = ctx.node.clock.now().0;
    let voter = ReplicaState::default()
        .with_replica_id(BrokerId(ctx.node.id.0))
        .with_log_end_offset(end)
        .with_last_fetch_timestamp(now)
        .with_last_caught_up_timestamp(now);
    PartitionData::default()
        .with_error_message(None)
        .with_leader_id(BrokerId(ctx.node.id.0))
        .with_leader_epoch(epoch.0)
        .with_high_watermark(end)
        .with_current_voters(vec![voter])
}

fn refused(topics: &[Asked]) -> Vec<TopicData> {
    let mut words = Words::new();
    let message = Some("This server does not host this topic-partition.".to_owned());
    let unknown = Err::<(), _>(AdminError { code: ErrorCode::UnknownTopicOrPartition, message });
    let topics = topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            let (code, message) = words.code_and_message(&unknown);
            PartitionData::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(code)
                .with_error_message(message)
        });
        let partitions = partitions.collect();
        TopicData::default().with_topic_name(topic.topic_name.clone()).with_partitions(partitions)
    });
    topics.collect()
}
