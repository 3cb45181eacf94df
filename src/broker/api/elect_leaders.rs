//! ElectLeaders (key 43): a leader for each partition that is named, or for all (KIP-183, KIP-460).

use gracchus_base::ErrorCode;
use gracchus_state::controller::{self, AdminError, Election};
use gracchus_state::image::MetadataImage;
use gracchus_wire::messages::{
    self, ElectLeadersRequest, ElectLeadersResponse,
    elect_leaders_request::TopicPartitions,
    elect_leaders_response::{PartitionResult, ReplicaElectionResult},
};

use super::RequestContext;
use super::topic_result::Words;

/// From this version on a request says what kind of election is meant (KIP-460).
const ELECTION_TYPE: i16 = 1;

pub fn handle(ctx: &RequestContext, request: &ElectLeadersRequest) -> ElectLeadersResponse {
    let election = election(ctx.version(), request);
    let whole = election.as_ref().map_or_else(|error| error.code, |_| ErrorCode::None);
    let image = ctx.node.image();
    match &request.topic_partitions {
        // As in Kafka, where nobody looks at anything else in such a request.
        Some(topics) if topics.is_empty() => ElectLeadersResponse::default(),
        Some(topics) => {
            let results = named(&image, &election, topics);
            ElectLeadersResponse::default()
                .with_error_code(whole.code())
                .with_replica_election_results(results)
        }
        None => {
            let results = election.map(|election| all(&image, election)).unwrap_or_default();
            ElectLeadersResponse::default()
                .with_error_code(whole.code())
                .with_replica_election_results(results)
        }
    }
}

/// What is asked for; Kafka finds that there is no time, before it looks at it.
fn election(version: i16, request: &ElectLeadersRequest) -> Result<Election, AdminError> {
    if request.timeout_ms <= 0 {
        return Err(AdminError::bare(ErrorCode::RequestTimedOut));
    }
    match request.election_type {
        _ if version < ELECTION_TYPE => Ok(Election::Preferred),
        0 => Ok(Election::Preferred),
        1 => Ok(Election::Unclean),
        other => {
            let message = Some(format!("Unknown election type {other}"));
            Err(AdminError { code: ErrorCode::InvalidRequest, message })
        }
    }
}

fn named(
    image: &MetadataImage,
    election: &Result<Election, AdminError>,
    topics: &[TopicPartitions],
) -> Vec<ReplicaElectionResult> {
    let mut words = Words::new();
    let topics = topics.iter().map(|asked| {
        let partitions = asked.partitions.iter().map(|index| {
            let outcome = election
                .clone()
                .and_then(|election| controller::elect_leader(image, &asked.topic, *index, election));
            let (code, message) = words.code_and_message(&outcome);
            result(*index, code, message)
        });
        let partitions = partitions.collect();
        ReplicaElectionResult::default().with_topic(asked.topic.clone()).with_partition_result(partitions)
    });
    topics.collect()
}

/// Every topic, with those of its partitions whose leader is not who it is to be.
fn all(image: &MetadataImage, election: Election) -> Vec<ReplicaElectionResult> {
    let mut words = Words::new();
    let topics = image.topics().map(|topic| {
        let partitions = topic.partitions().filter_map(|(index, _)| {
            let outcome = controller::elect_leader(image, topic.name().as_str(), index.get(), election);
            let needed = !matches!(&outcome, Err(AdminError { code: ErrorCode::ElectionNotNeeded, .. }));
            needed.then(|| {
                let (code, message) = words.code_and_message(&outcome);
                result(index.get(), code, message)
            })
        });
        let partitions = partitions.collect();
        ReplicaElectionResult::default()
            .with_topic(messages::topic_name(topic.name()))
            .with_partition_result(partitions)
    });
    topics.collect()
}

fn result(index: i32, code: i16, message: Option<messages::StrBytes>) -> PartitionResult {
    PartitionResult::default().with_partition_id(index).with_error_code(code).with_error_message(message)
}
