//! DeleteTopics (key 20): by name, or from version 6 on by id.

use gracchus_base::{ErrorCode, TopicId};
use gracchus_state::controller::{self, AdminError, DeleteTopic};
use gracchus_wire::messages::{
    self, DeleteTopicsRequest, DeleteTopicsResponse, StrBytes, delete_topics_response::DeletableTopicResult,
};

use super::RequestContext;
use super::topic_result::code_and_message;

/// From this version on topics are named by name or id.
const BY_TOPIC_ID: i16 = 6;
/// From this version on there is an error code for brokers that delete nothing.
const DELETION_DISABLED: i16 = 3;

pub async fn handle(ctx: &RequestContext, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let topics = topics_of(ctx.version(), &request);
    let outcome = if !ctx.node.config().delete_topic_enable {
        Err(if ctx.version() >= DELETION_DISABLED {
            ErrorCode::TopicDeletionDisabled
        } else {
            ErrorCode::InvalidRequest
        })
    } else if request.timeout_ms <= 0 && topics.iter().any(names_one) {
        // Kafka finds that there is no time, before it looks for the first of them.
        Err(ErrorCode::RequestTimedOut)
    } else {
        delete(ctx, topics.clone()).await
    };
    let results = outcome.unwrap_or_else(|code| {
        let refuse = |topic: DeleteTopic| {
            let message = None;
            respond(topic.name, topic.id, &Err(AdminError { code, message }))
        };
        topics.into_iter().map(refuse).collect()
    });
    DeleteTopicsResponse::default().with_responses(results)
}

fn topics_of(version: i16, request: &DeleteTopicsRequest) -> Vec<DeleteTopic> {
    if version < BY_TOPIC_ID {
        let by_name =
            |name: &messages::TopicName| DeleteTopic { name: Some(name.to_string()), id: TopicId::ZERO };
        return request.topic_names.iter().map(by_name).collect();
    }
    let topics = request.topics.iter().map(|topic| DeleteTopic {
        name: topic.name.as_ref().map(|name| name.to_string()),
        id: messages::topic_id_of(topic.topic_id),
    });
    topics.collect()
}

/// Whether it says which topic: by one of the two.
fn names_one(topic: &DeleteTopic) -> bool {
    topic.name.is_some() == topic.id.is_zero()
}

async fn delete(
    ctx: &RequestContext,
    topics: Vec<DeleteTopic>,
) -> Result<Vec<DeletableTopicResult>, ErrorCode> {
    let change = ctx.node.controller.change(move |image| {
        let mut records = Vec::new();
        let results = controller::delete_topics(image, &topics).into_iter().map(|outcome| {
            let result = outcome.result.map(|of_topic| records.extend(of_topic)).map_err(with_words);
            respond(outcome.name, outcome.id, &result)
        });
        let results = results.collect();
        (records, results)
    });
    change.await
}

/// In this API, unlike in others, Kafka sends the words of these codes.
fn with_words(error: AdminError) -> AdminError {
    let words = match error.code {
        ErrorCode::UnknownTopicOrPartition => "This server does not host this topic-partition.",
        ErrorCode::UnknownTopicId => "This server does not host this topic ID.",
        _ => return error,
    };
    AdminError { message: error.message.or_else(|| Some(words.to_owned())), ..error }
}

fn respond(name: Option<String>, id: TopicId, result: &Result<(), AdminError>) -> DeletableTopicResult {
    let (code, message) = code_and_message(result);
    DeletableTopicResult::default()
        .with_name(name.map(|name| messages::TopicName(StrBytes::from_string(name))))
        .with_topic_id(messages::topic_id(id))
        .with_error_code(code)
        .with_error_message(message)
}

#[cfg(test)]
mod tests {
    use gracchus_wire::messages::Uuid;
    use gracchus_wire::messages::delete_topics_request::DeleteTopicState;
    use gracchus_wire::response::{self, Response};

    use super::*;

    #[test]
    fn topics_are_named_as_the_version_has_it() {
        let a = messages::TopicName("a".into());
        let request = DeleteTopicsRequest::default().with_topic_names(vec![a.clone()]).with_topics(vec![
            DeleteTopicState::default().with_name(None).with_topic_id(Uuid::from_u128(7)),
            DeleteTopicState::default().with_name(Some(a)),
        ]);
        let by_name = DeleteTopic { name: Some("a".to_owned()), id: TopicId::ZERO };
        let by_id = DeleteTopic { name: None, id: TopicId(7_u128.to_be_bytes()) };
        assert_eq!(topics_of(5, &request), vec![by_name.clone()]);
        assert_eq!(topics_of(6, &request), vec![by_id, by_name]);
    }

    #[test]
    fn every_version_can_tell_what_was_deleted_and_what_was_not() {
        for version in 1..=6 {
            let error = with_words(AdminError::bare(ErrorCode::UnknownTopicOrPartition));
            assert!(error.message.is_some());
            let deleted = respond(Some("a".to_owned()), TopicId([1; 16]), &Ok(()));
            let missing = respond(Some("b".to_owned()), TopicId::ZERO, &Err(error));
            let response = DeleteTopicsResponse::default().with_responses(vec![deleted, missing]);
            response::encode(version, 1, &Response::DeleteTopics(response)).unwrap();
        }
    }
}
