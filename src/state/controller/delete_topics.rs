//! Deleting topics, by name or by id. Internal topics can be deleted like others, as in Kafka.

use std::collections::BTreeMap;
use std::sync::Arc;

use gracchus_base::metadata_record::MetadataRecord;
use gracchus_base::{ErrorCode, TopicId};

use super::{AdminError, distinct, duplicate_topic};
use crate::image::{MetadataImage, Topic};

/// A topic as a request names it: by one of the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteTopic {
    pub name: Option<String>,
    /// Zero if the name says which.
    pub id: TopicId,
}

/// What becomes of one topic of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteOutcome {
    /// `None` where only an id was given and there is no such topic.
    pub name: Option<String>,
    /// Zero where only a name was given and there is no such topic.
    pub id: TopicId,
    /// One change.
    pub result: Result<Vec<MetadataRecord>, AdminError>,
}

/// Decides about each topic on its own. There is one outcome for each name and each id, in the order in which they first
/// stand in the request. What stands there twice, also once by name and once by id, is refused.
pub fn delete_topics(image: &MetadataImage, topics: &[DeleteTopic]) -> Vec<DeleteOutcome> {
    let distinct = distinct(topics, |topic| (&topic.name, topic.id));
    let found: Vec<_> = distinct.iter().map(|(topic, repeated)| find(image, topic, *repeated)).collect();
    let mut given = BTreeMap::new();
    for topic in found.iter().flatten() {
        *given.entry(topic.id()).or_insert(0_usize) += 1;
    }
    let decide = |((asked, _), found): ((&DeleteTopic, bool), Result<&Arc<Topic>, AdminError>)| match found {
        Err(error) => DeleteOutcome { name: asked.name.clone(), id: asked.id, result: Err(error) },
        Ok(topic) => {
            let by_both = given.get(&topic.id()).is_some_and(|count| *count > 1);
            let records = vec![MetadataRecord::RemoveTopic { topic_id: topic.id() }];
            let result = if by_both { Err(given_by_both()) } else { Ok(records) };
            DeleteOutcome { name: Some(topic.name().to_string()), id: topic.id(), result }
        }
    };
    distinct.into_iter().zip(found).map(decide).collect()
}

/// The topic, if it exists (TRAPS 26) and is asked for once.
fn find<'a>(
    image: &'a MetadataImage,
    asked: &DeleteTopic,
    repeated: bool,
) -> Result<&'a Arc<Topic>, AdminError> {
    let refuse = |message| Err(AdminError::new(ErrorCode::InvalidRequest, message));
    match &asked.name {
        None if asked.id.is_zero() => refuse("Neither topic name nor id were specified."),
        Some(_) if !asked.id.is_zero() => refuse("You may not specify both topic name and topic id."),
        None if repeated => refuse("Duplicate topic id."),
        Some(_) if repeated => Err(duplicate_topic()),
        None => image.topic_by_id(asked.id).ok_or(AdminError::bare(ErrorCode::UnknownTopicId)),
        Some(name) => image.topic(name).ok_or(AdminError::bare(ErrorCode::UnknownTopicOrPartition)),
    }
}

fn given_by_both() -> AdminError {
    let message = "The provided topic name maps to an ID that was already supplied.";
    AdminError::new(ErrorCode::InvalidRequest, message)
}
