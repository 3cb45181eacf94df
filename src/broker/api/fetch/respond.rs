//! From the outcome of a round to the frame: headers that are encoded, with ranges of files in between.

use gracchus_base::{ErrorCode, TopicId};
use gracchus_state::fetch_session::{FetchSessionId, PlannedRead, TopicKey};
use gracchus_wire::fetch::{self, FetchPartition, FetchPiece, FetchResponse, FetchTopic};

use super::super::RequestContext;
use super::read_plan::{PartitionRead, Round};
use crate::connection::reply::{FileRange, Part, Reply};

/// An answer that is an error alone.
pub fn failed(ctx: &RequestContext, error: ErrorCode, session: FetchSessionId) -> Reply {
    frame(ctx, response(error, session, Vec::new()), Vec::new())
}

/// The answer of a round; `told` says which reads of the plan go in.
pub fn answer(
    ctx: &RequestContext,
    session: FetchSessionId,
    plan: &[PlannedRead],
    round: Round,
    told: impl Fn(usize) -> bool,
) -> Reply {
    let mut topics: Vec<FetchTopic> = Vec::new();
    let mut ranges: Vec<Vec<Option<FileRange>>> = Vec::new();
    let mut key_before: Option<&TopicKey> = None;
    for (at, (planned, read)) in plan.iter().zip(round.reads).enumerate() {
        if !told(at) {
            continue;
        }
        // Neighbours of one topic share its entry, as in Kafka.
        if key_before != Some(&planned.target.key.topic) {
            topics.push(topic(planned));
            ranges.push(Vec::new());
            key_before = Some(&planned.target.key.topic);
        }
        if let (Some(topic), Some(ranges)) = (topics.last_mut(), ranges.last_mut()) {
            topic.partitions.push(partition(planned, &read));
            ranges.push(read.range);
        }
    }
    frame(ctx, response(ErrorCode::None, session, topics), ranges)
}

fn topic(planned: &PlannedRead) -> FetchTopic {
    let target = &planned.target;
    let topic_id = match target.key.topic {
        TopicKey::Id(id) => id,
        TopicKey::Name(_) => TopicId::ZERO,
    };
    let name = target.name.as_ref().map_or_else(String::new, |name| name.as_str().to_owned());
    FetchTopic { name: name.into(), topic_id, partitions: Vec::new() }
}

fn partition(planned: &PlannedRead, read: &PartitionRead) -> FetchPartition {
    let mut partition = FetchPartition::failed(planned.target.key.partition, read.error);
    if !read.error.is_ok() {
        return partition;
    }
    partition.high_watermark = read.high_watermark;
    partition.last_stable_offset = read.last_stable;
    partition.log_start_offset = read.log_start;
    partition.diverging_epoch = read.diverging;
    partition.records_len = read.records_len() as usize;
    partition
}

fn response(error: ErrorCode, session: FetchSessionId, topics: Vec<FetchTopic>) -> FetchResponse {
    FetchResponse { throttle_time_ms: 0, error, session_id: session.0, topics, node_endpoints: Vec::new() }
}

/// Puts the files' ranges into the holes.
fn frame(ctx: &RequestContext, response: FetchResponse, mut ranges: Vec<Vec<Option<FileRange>>>) -> Reply {
    let encoded = match fetch::encode(ctx.version(), ctx.header.correlation_id, &response) {
        Ok(encoded) => encoded,
        Err(error) => {
            return Reply::Close { reason: format!("the Fetch response could not be encoded: {error}") };
        }
    };
    let mut take = |topic: usize, partition: usize| ranges.get_mut(topic)?.get_mut(partition)?.take();
    let parts = encoded.pieces.into_iter().filter_map(|piece| match piece {
        FetchPiece::Bytes(bytes) => Some(Part::Bytes(bytes)),
        FetchPiece::Records { topic, partition, .. } => take(topic, partition).map(Part::File),
    });
    Reply::Parts(parts.collect())
}
