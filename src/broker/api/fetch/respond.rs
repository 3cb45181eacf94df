//! From the outcome of a round to the frame: headers that are encoded, with ranges of files in between.

use gracchus_base::{BrokerId, ErrorCode, LeaderEpoch, PartitionIndex, TopicId};
use gracchus_state::fetch_session::{FetchSessionId, PlannedRead, TopicKey};
use gracchus_wire::fetch::{self, FetchPartition, FetchPiece, FetchResponse, FetchTopic, NodeEndpoint};
use gracchus_wire::messages::{self, FetchRequest, fetch_request};

use super::super::RequestContext;
use super::read_plan::{PartitionRead, Round};
use crate::connection::reply::{FileRange, Part, Reply};
use crate::read::Isolation;

/// An answer that is an error alone.
pub fn failed(ctx: &RequestContext, error: ErrorCode, session: FetchSessionId) -> Reply {
    failed_with(ctx, error, session, Vec::new())
}

/// An answer without records.
pub fn failed_with(
    ctx: &RequestContext,
    error: ErrorCode,
    session: FetchSessionId,
    topics: Vec<FetchTopic>,
) -> Reply {
    frame(ctx, response(error, session, topics, Vec::new()), Vec::new())
}

/// The partitions that a request names and `error` refuses, in its order.
pub fn refused(
    request: &FetchRequest,
    error: impl Fn(&fetch_request::FetchTopic, &fetch_request::FetchPartition) -> Option<ErrorCode>,
) -> Vec<FetchTopic> {
    let mut topics = Vec::new();
    for topic in &request.topics {
        let refused = topic.partitions.iter().filter_map(|partition| {
            let error = error(topic, partition)?;
            Some(failed_partition(PartitionIndex(partition.partition), error))
        });
        let partitions: Vec<_> = refused.collect();
        if !partitions.is_empty() {
            let (name, topic_id) = (topic.topic.0.clone(), messages::topic_id_of(topic.topic_id));
            topics.push(FetchTopic { name, topic_id, partitions });
        }
    }
    topics
}

/// The answer of a round; `told` says which reads of the plan go in, `unplanned` comes behind them.
pub fn answer(
    ctx: &RequestContext,
    session: FetchSessionId,
    plan: &[PlannedRead],
    round: Round,
    told: impl Fn(usize) -> bool,
    unplanned: Vec<FetchTopic>,
) -> Reply {
    let mut topics: Vec<FetchTopic> = Vec::new();
    let mut ranges: Vec<Vec<Option<FileRange>>> = Vec::new();
    let mut key_before: Option<&TopicKey> = None;
    let mut endpoints = Vec::new();
    let isolation = round.isolation;
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
            let mut partition = partition(planned, &read, isolation);
            partition.current_leader = leader_hint(ctx, &read);
            if partition.current_leader.is_some() && endpoints.is_empty() {
                endpoints.push(endpoint(ctx));
            }
            topic.partitions.push(partition);
            ranges.push(read.range);
        }
    }
    topics.extend(unplanned);
    frame(ctx, response(ErrorCode::None, session, topics, endpoints), ranges)
}

/// From this version on a client with an old leader is told the one of today (KIP-951). The schema has the field from
/// version 12 on, Kafka fills it from here on.
const LEADER_HINTS: i16 = 16;

/// The leader, for a client that has an older epoch (TRAPS 69).
fn leader_hint(ctx: &RequestContext, read: &PartitionRead) -> Option<(BrokerId, LeaderEpoch)> {
    let is_stale = matches!(read.error, ErrorCode::FencedLeaderEpoch | ErrorCode::NotLeaderOrFollower);
    let epoch = read.leader_epoch.filter(|_| is_stale && ctx.version() >= LEADER_HINTS)?;
    Some((ctx.node.id, epoch))
}

fn endpoint(ctx: &RequestContext) -> NodeEndpoint {
    let (host, port) = ctx.advertised();
    NodeEndpoint { node_id: ctx.node.id, host: host.into(), port: i32::from(port), rack: None }
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

fn partition(planned: &PlannedRead, read: &PartitionRead, isolation: Isolation) -> FetchPartition {
    let mut partition = failed_partition(planned.target.key.partition, read.error);
    if !read.error.is_ok() {
        return partition;
    }
    partition.high_watermark = read.high_watermark;
    partition.last_stable_offset = read.last_stable;
    partition.log_start_offset = read.log_start;
    partition.diverging_epoch = read.diverging;
    // No transaction can be aborted yet; who reads committed records is told so (TRAPS 33).
    partition.aborted_transactions = (isolation == Isolation::ReadCommitted).then(Vec::new);
    partition.records_len = read.records_len() as usize;
    partition
}

fn failed_partition(index: PartitionIndex, error: ErrorCode) -> FetchPartition {
    let mut partition = FetchPartition::failed(index, error);
    // Kafka's way to say that a topic is not there has an empty list where other errors have none.
    let is_missing = matches!(error, ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId);
    partition.aborted_transactions = is_missing.then(Vec::new);
    partition
}

fn response(
    error: ErrorCode,
    session: FetchSessionId,
    topics: Vec<FetchTopic>,
    node_endpoints: Vec<NodeEndpoint>,
) -> FetchResponse {
    FetchResponse { throttle_time_ms: 0, error, session_id: session.0, topics, node_endpoints }
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
