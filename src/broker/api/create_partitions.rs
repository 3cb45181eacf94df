//! CreatePartitions (key 37): more partitions for topics that exist.

use std::sync::Arc;

use gracchus_base::{BrokerId, ErrorCode, TopicId};
use gracchus_state::controller::{self, AdminError, NewPartitions};
use gracchus_wire::messages::{
    self, CreatePartitionsRequest, CreatePartitionsResponse, StrBytes,
    create_partitions_request::CreatePartitionsTopic,
    create_partitions_response::CreatePartitionsTopicResult,
};

use super::RequestContext;
use super::topic_result::code_and_message;

pub async fn handle(ctx: &RequestContext, request: CreatePartitionsRequest) -> CreatePartitionsResponse {
    let topics: Vec<NewPartitions> = request.topics.into_iter().map(new_partitions).collect();
    let names: Vec<String> = topics.iter().map(|new| new.topic.clone()).collect();
    // Kafka finds that there is no time, before it does anything.
    let outcome = if request.timeout_ms > 0 {
        create(ctx, topics, request.validate_only).await
    } else {
        Err(ErrorCode::RequestTimedOut)
    };
    let results = outcome.unwrap_or_else(|code| {
        let refuse = |name| respond(name, &Err(AdminError::bare(code)));
        names.into_iter().map(refuse).collect()
    });
    CreatePartitionsResponse::default().with_results(results)
}

fn new_partitions(topic: CreatePartitionsTopic) -> NewPartitions {
    let assignments = topic.assignments.map(|assignments| {
        let replicas = assignments.into_iter().map(|assignment| assignment.broker_ids);
        replicas.map(|ids| ids.into_iter().map(|id| BrokerId(id.0)).collect()).collect()
    });
    NewPartitions { topic: topic.name.to_string(), count: topic.count, assignments }
}

async fn create(
    ctx: &RequestContext,
    topics: Vec<NewPartitions>,
    validate_only: bool,
) -> Result<Vec<CreatePartitionsTopicResult>, ErrorCode> {
    let dirs = Arc::clone(&ctx.node.data_dirs);
    let change = ctx.node.controller.change(move |image| {
        // Placing counts partitions, so that it is left out where none will be made.
        let mut directory_of = |_| if validate_only { TopicId::ZERO } else { dirs.place() };
        let decided = controller::create_partitions(image, &topics, &mut directory_of);
        let mut records = Vec::new();
        let results = decided.into_iter().map(|outcome| {
            let result = outcome.result.map(|of_topic| records.extend(of_topic));
            respond(outcome.topic, &result)
        });
        let results = results.collect();
        (if validate_only { Vec::new() } else { records }, results)
    });
    change.await
}

fn respond(topic: String, result: &Result<(), AdminError>) -> CreatePartitionsTopicResult {
    let (code, message) = code_and_message(result);
    CreatePartitionsTopicResult::default()
        .with_name(messages::TopicName(StrBytes::from_string(topic)))
        .with_error_code(code)
        .with_error_message(message)
}
