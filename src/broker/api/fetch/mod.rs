//! Fetch (key 1): plans reads from the published views, waits for more if the client wants to, and answers with ranges
//! of files that are sent without being read here.

mod long_poll;
mod read_plan;
mod respond;

use gracchus_base::{ErrorCode, LeaderEpoch, Offset, PartitionIndex, TopicName};
use gracchus_state::fetch_session::{
    Begun, FetchAsk, FetchKind, FetchSessionId, FetchTarget, IncrementalFetch, PartitionKey, TopicKey,
    classify, full_plan,
};
use gracchus_wire::fetch;
use gracchus_wire::messages::{
    self, FetchRequest,
    fetch_request::{FetchPartition, FetchTopic, ForgottenTopic},
};

use self::long_poll::{LongPoll, name_of};
use super::RequestContext;
use crate::connection::reply::Reply;
use crate::read::Isolation;

/// From this version on topics are named by id (KIP-516).
const BY_TOPIC_ID: i16 = 13;
/// From this version on `replica_state` carries the replica id (KIP-903).
const REPLICA_STATE: i16 = 15;

pub async fn handle(ctx: &RequestContext, request: FetchRequest) -> Reply {
    let version = ctx.version();
    let replica =
        if version >= REPLICA_STATE { request.replica_state.replica_id } else { request.replica_id };
    let id = FetchSessionId(request.session_id);
    if !Isolation::is_known(request.isolation_level) {
        let error = ErrorCode::UnknownServerError;
        // Who names topics by id can do with one error for all, as in Kafka; below 7 there is no such field.
        let named = respond::refused(&request, |_, _| (version < BY_TOPIC_ID).then_some(error));
        return respond::failed_with(ctx, error, id, named);
    }
    if replica.0 >= 0 {
        // There are no followers yet; a client that claims to be one gets nothing (CVE-2018-1288).
        let refused =
            respond::refused(&request, |topic, partition| Some(not_a_replica(ctx, topic, partition)));
        return respond::failed_with(ctx, ErrorCode::None, FetchSessionId::NONE, refused);
    }
    match classify(id, request.session_epoch) {
        FetchKind::Sessionless { close } => full(ctx, &request, close, false).await,
        FetchKind::Full { close } => full(ctx, &request, close, true).await,
        FetchKind::Incremental { id, epoch } => incremental(ctx, &request, id, epoch).await,
    }
}

/// A request that names all its partitions.
async fn full(
    ctx: &RequestContext,
    request: &FetchRequest,
    close: Option<FetchSessionId>,
    keep: bool,
) -> Reply {
    if let Some(id) = close {
        ctx.node.fetch_sessions.close(id);
    }
    let reads = full_plan(targets(ctx, request));
    let (reads, round) = match LongPoll::of_request(ctx, request, reads).run().await {
        Ok(done) => done,
        Err(error) => return respond::failed(ctx, error, FetchSessionId::NONE),
    };
    let id = if keep {
        ctx.node.fetch_sessions.create(ctx.version() >= BY_TOPIC_ID, &reads, &round.answers())
    } else {
        FetchSessionId::NONE
    };
    respond::answer(ctx, id, &reads, round, |_| true, illegal(ctx, request))
}

/// A request of a session: it names what changed, and is told what changed.
async fn incremental(ctx: &RequestContext, request: &FetchRequest, id: FetchSessionId, epoch: i32) -> Reply {
    let targets = targets(ctx, request);
    let forgotten = forgotten(ctx, request);
    let incremental = IncrementalFetch {
        epoch,
        uses_topic_ids: ctx.version() >= BY_TOPIC_ID,
        reads_committed: Isolation::from_wire(request.isolation_level) == Isolation::ReadCommitted,
        targets: &targets,
        forgotten: &forgotten,
        partitions_max: gracchus_base::limits::FETCH_SESSION_PARTITIONS_MAX,
    };
    let sessions = &ctx.node.fetch_sessions;
    match sessions.begin(id, &incremental, |id| name_of(ctx, id)) {
        Err(error) => respond::failed(ctx, error, FetchSessionId::NONE),
        Ok((Begun::Emptied, _)) => match LongPoll::of_request(ctx, request, full_plan(targets)).run().await {
            Ok((reads, round)) => {
                respond::answer(ctx, FetchSessionId::NONE, &reads, round, |_| true, illegal(ctx, request))
            }
            Err(error) => respond::failed(ctx, error, FetchSessionId::NONE),
        },
        Ok((Begun::Read(plan), poll)) => {
            let epoch = plan.epoch;
            let outcome = LongPoll::of_session(ctx, request, id, plan, poll)
                .run()
                .await
                .and_then(|(reads, round)| Ok((sessions.finish(id, epoch, &round.answers())?, reads, round)));
            match outcome {
                Ok((told, reads, round)) => {
                    let told = |at| told.get(at) == Some(&true);
                    respond::answer(ctx, id, &reads, round, told, illegal(ctx, request))
                }
                Err(error) => respond::failed(ctx, error, id),
            }
        }
    }
}

/// What a replica is told that this broker does not know: as Kafka does, after what is not there at all.
fn not_a_replica(ctx: &RequestContext, topic: &FetchTopic, partition: &FetchPartition) -> ErrorCode {
    let by_id = ctx.version() >= BY_TOPIC_ID;
    let topics = &ctx.node.topics;
    let id = messages::topic_id_of(topic.topic_id);
    let found = if by_id { topics.by_id(id) } else { topics.by_name(&topic.topic) };
    match found {
        None if by_id => ErrorCode::UnknownTopicId,
        Some(topic) if topic.partition(PartitionIndex(partition.partition)).is_some() => {
            ErrorCode::NotLeaderOrFollower
        }
        _ => ErrorCode::UnknownTopicOrPartition,
    }
}

/// Partitions of names that no topic can have. They are answered and not planned: a session must not keep them.
fn illegal(ctx: &RequestContext, request: &FetchRequest) -> Vec<fetch::FetchTopic> {
    respond::refused(request, |topic, _| {
        let is_illegal = ctx.version() < BY_TOPIC_ID && TopicName::parse(&topic.topic).is_err();
        is_illegal.then_some(ErrorCode::UnknownTopicOrPartition)
    })
}

fn targets(ctx: &RequestContext, request: &FetchRequest) -> Vec<FetchTarget> {
    let mut targets = Vec::new();
    for topic in &request.topics {
        let id = messages::topic_id_of(topic.topic_id);
        let by_id = ctx.version() >= BY_TOPIC_ID;
        let name = if by_id { name_of(ctx, id) } else { None };
        for partition in &topic.partitions {
            let ask = FetchAsk {
                fetch_offset: Offset(partition.fetch_offset),
                max_bytes: partition.partition_max_bytes,
                log_start_offset: Offset(partition.log_start_offset),
                // Kafka takes every negative epoch of this request for none.
                current_leader_epoch: LeaderEpoch(partition.current_leader_epoch.max(-1)),
                last_fetched_epoch: LeaderEpoch(partition.last_fetched_epoch.max(-1)),
            };
            let index = PartitionIndex(partition.partition);
            if by_id {
                targets.push(FetchTarget::by_id(id, name.clone(), index, ask));
            } else if let Ok(name) = TopicName::parse(&topic.topic) {
                targets.push(FetchTarget::by_name(name, index, ask));
            }
        }
    }
    targets
}

fn forgotten(ctx: &RequestContext, request: &FetchRequest) -> Vec<PartitionKey> {
    let key = |topic: &ForgottenTopic| {
        if ctx.version() >= BY_TOPIC_ID {
            return Some(TopicKey::Id(messages::topic_id_of(topic.topic_id)));
        }
        TopicName::parse(&topic.topic).ok().map(TopicKey::Name)
    };
    let of_topic = |topic: &ForgottenTopic| {
        let key = key(topic);
        let partitions = topic.partitions.clone().into_iter();
        partitions.filter_map(move |index| {
            key.clone().map(|topic| PartitionKey { topic, partition: PartitionIndex(index) })
        })
    };
    request.forgotten_topics_data.iter().flat_map(of_topic).collect()
}
