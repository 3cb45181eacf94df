//! AlterPartitionReassignments (key 45): partitions that are to move to other brokers, or to stay (KIP-455).

use gracchus_base::{BrokerId, ErrorCode};
use gracchus_state::controller::{self, AdminError};
use gracchus_state::image::MetadataImage;
use gracchus_wire::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse,
    alter_partition_reassignments_request::ReassignablePartition,
    alter_partition_reassignments_response::{ReassignablePartitionResponse, ReassignableTopicResponse},
};

use super::RequestContext;
use super::topic_result::Words;

pub fn handle(
    ctx: &RequestContext,
    request: &AlterPartitionReassignmentsRequest,
) -> AlterPartitionReassignmentsResponse {
    if request.topics.is_empty() {
        // As in Kafka, where nobody looks at anything else in such a request.
        return AlterPartitionReassignmentsResponse::default().with_error_message(None);
    }
    // Kafka finds that there is no time, before it does anything.
    let error = if request.timeout_ms > 0 { ErrorCode::None } else { ErrorCode::RequestTimedOut };
    let image = ctx.node.image();
    let mut words = Words::new();
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            let outcome = if error.is_ok() {
                reassign(&image, &topic.name, partition)
            } else {
                Err(AdminError::bare(error))
            };
            let (code, message) = words.code_and_message(&outcome);
            ReassignablePartitionResponse::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(code)
                .with_error_message(message)
        });
        let partitions = partitions.collect();
        ReassignableTopicResponse::default().with_name(topic.name.clone()).with_partitions(partitions)
    });
    AlterPartitionReassignmentsResponse::default()
        .with_error_code(error.code())
        .with_error_message(None)
        .with_allow_replication_factor_change(request.allow_replication_factor_change)
        .with_responses(topics.collect())
}

fn reassign(image: &MetadataImage, topic: &str, partition: &ReassignablePartition) -> Result<(), AdminError> {
    let replicas = partition.replicas.as_ref();
    let replicas: Option<Vec<BrokerId>> =
        replicas.map(|replicas| replicas.iter().map(|id| BrokerId(id.0)).collect());
    controller::reassign_partition(image, topic, partition.partition_index, replicas.as_deref())
}
