//! Fetch (key 1): plans reads from the published views, waits for more if the client wants to, and answers with ranges
//! of files that are sent without being read here.

mod read_plan;
mod respond;

use std::sync::Arc;
use std::time::Duration;

use gracchus_base::{ErrorCode, LeaderEpoch, Offset, PartitionIndex, TopicName};
use gracchus_state::fetch_session::{
    Begun, FetchAsk, FetchKind, FetchSessionId, FetchTarget, IncrementalFetch, PartitionKey, PlannedRead,
    TopicKey, classify, full_plan,
};
use gracchus_wire::messages::{self, FetchRequest, fetch_request::ForgottenTopic};
use tokio::time::{Instant, timeout_at};

use self::read_plan::{Limits, ReadPlan, Round};
use super::RequestContext;
use crate::connection::reply::Reply;
use crate::waiters::Poll;

/// From this version on topics are named by id (KIP-516).
const BY_TOPIC_ID: i16 = 13;
/// From this version on `replica_state` carries the replica id (KIP-903).
const REPLICA_STATE: i16 = 15;

pub async fn handle(ctx: &RequestContext, request: FetchRequest) -> Reply {
    let version = ctx.version();
    let replica =
        if version >= REPLICA_STATE { request.replica_state.replica_id } else { request.replica_id };
    if replica.0 >= 0 {
        // There are no followers yet; a client that claims to be one is refused (CVE-2018-1288).
        return respond::failed(ctx, ErrorCode::ClusterAuthorizationFailed, FetchSessionId::NONE);
    }
    let id = FetchSessionId(request.session_id);
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
    let plan = full_plan(targets(ctx, request));
    let round = read(ctx, request, &plan).await;
    let answers = round.answers();
    let id = if keep {
        ctx.node.fetch_sessions.create(ctx.version() >= BY_TOPIC_ID, &plan, &answers)
    } else {
        FetchSessionId::NONE
    };
    respond::answer(ctx, id, &plan, round, |_| true)
}

/// A request of a session: it names what changed, and is told what changed.
async fn incremental(ctx: &RequestContext, request: &FetchRequest, id: FetchSessionId, epoch: i32) -> Reply {
    let targets = targets(ctx, request);
    let forgotten = forgotten(ctx, request);
    let incremental = IncrementalFetch {
        epoch,
        uses_topic_ids: ctx.version() >= BY_TOPIC_ID,
        targets: &targets,
        forgotten: &forgotten,
        partitions_max: gracchus_base::limits::FETCH_SESSION_PARTITIONS_MAX,
    };
    let resolve = |id| ctx.node.topics.by_id(id).map(|topic| topic.name.clone());
    match ctx.node.fetch_sessions.begin(id, &incremental, resolve) {
        Err(error) => respond::failed(ctx, error, FetchSessionId::NONE),
        Ok(Begun::Emptied) => {
            let plan = full_plan(targets);
            let round = read(ctx, request, &plan).await;
            respond::answer(ctx, FetchSessionId::NONE, &plan, round, |_| true)
        }
        Ok(Begun::Read(plan)) => {
            let round = read(ctx, request, &plan.reads).await;
            match ctx.node.fetch_sessions.finish(id, plan.epoch, &round.answers()) {
                Ok(told) => respond::answer(ctx, id, &plan.reads, round, |at| told.get(at) == Some(&true)),
                Err(error) => respond::failed(ctx, error, id),
            }
        }
    }
}

/// Reads the plan, again after every change of a partition in it, until there is enough to answer or the time is up.
async fn read(ctx: &RequestContext, request: &FetchRequest, reads: &[PlannedRead]) -> Round {
    let config = ctx.node.config();
    let bytes_max = request.max_bytes.clamp(0, config.fetch_max_bytes);
    let limits = Limits {
        bytes_max: bytes_max.unsigned_abs(),
        bytes_min: request.min_bytes.clamp(0, bytes_max).unsigned_abs(),
        isolation: crate::read::Isolation::from_wire(request.isolation_level),
    };
    let plan = ReadPlan::resolve(ctx, reads);
    let round = plan.read(reads, limits);
    if request.max_wait_ms <= 0 || round.is_enough(limits) {
        return round;
    }
    let deadline = Instant::now() + Duration::from_millis(u64::from(request.max_wait_ms.unsigned_abs()));
    loop {
        let poll = Arc::new(Poll::default());
        plan.watch(&poll);
        let round = plan.read(reads, limits);
        if round.is_enough(limits) || timeout_at(deadline, poll.changed()).await.is_err() {
            return round;
        }
    }
}

fn targets(ctx: &RequestContext, request: &FetchRequest) -> Vec<FetchTarget> {
    let mut targets = Vec::new();
    for topic in &request.topics {
        let id = messages::topic_id_of(topic.topic_id);
        let by_id = ctx.version() >= BY_TOPIC_ID;
        let name = if by_id { ctx.node.topics.by_id(id).map(|topic| topic.name.clone()) } else { None };
        for partition in &topic.partitions {
            let ask = FetchAsk {
                fetch_offset: Offset(partition.fetch_offset),
                max_bytes: partition.partition_max_bytes,
                log_start_offset: Offset(partition.log_start_offset),
                current_leader_epoch: LeaderEpoch(partition.current_leader_epoch),
                last_fetched_epoch: LeaderEpoch(partition.last_fetched_epoch),
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
