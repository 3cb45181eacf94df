//! One round of reading the partitions of a Fetch request.

use std::sync::Arc;

use gracchus_base::{ErrorCode, LeaderEpoch, Offset};
use gracchus_state::fetch_session::{FetchTarget, PartitionAnswer, PlannedRead, Slot};
use gracchus_state::partition::FetchPosition;

use super::super::RequestContext;
use crate::connection::reply::FileRange;
use crate::partition::{Partition, PartitionView};
use crate::read::{self, Isolation};
use crate::waiters::Poll;

/// What a request allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Records over all partitions; the first batch that is found is returned even if it is larger (KIP-74, TRAPS 29).
    pub bytes_max: u32,
    /// Answer once there is so much.
    pub bytes_min: u32,
    pub isolation: Isolation,
}

/// The partitions of a request, found once.
pub struct ReadPlan(Vec<Result<Arc<Partition>, ErrorCode>>);

/// What one partition has for the client.
#[derive(Debug)]
pub struct PartitionRead {
    pub slot: Slot,
    pub error: ErrorCode,
    /// The leader, told to a client that knows an older one (KIP-951, TRAPS 69).
    pub leader_epoch: Option<LeaderEpoch>,
    /// -1 with an error.
    pub high_watermark: Offset,
    pub last_stable: Offset,
    pub log_start: Offset,
    pub diverging: Option<(LeaderEpoch, Offset)>,
    pub range: Option<FileRange>,
}

/// The outcome of reading all partitions once, in the order of the plan.
#[derive(Debug)]
pub struct Round {
    pub reads: Vec<PartitionRead>,
    pub isolation: Isolation,
    bytes: u32,
    /// An error or a diverging epoch: the client must hear of it at once (TRAPS 30).
    urgent: bool,
    /// Some partition exists and can be waited for.
    waits: bool,
}

impl ReadPlan {
    /// Finds the partitions.
    pub fn resolve(ctx: &RequestContext, reads: &[PlannedRead]) -> Self {
        Self(reads.iter().map(|read| find(ctx, &read.target)).collect())
    }

    /// Has `poll` woken when any of the partitions changes.
    pub fn watch(&self, poll: &Arc<Poll>) {
        self.0.iter().flatten().for_each(|partition| partition.waiters.register(poll));
    }

    /// Reads every partition as it is now.
    pub fn read(&self, reads: &[PlannedRead], limits: Limits) -> Round {
        let mut round = Round {
            reads: Vec::with_capacity(reads.len()),
            isolation: limits.isolation,
            bytes: 0,
            urgent: false,
            waits: false,
        };
        for (planned, partition) in reads.iter().zip(&self.0) {
            let left = limits.bytes_max.saturating_sub(round.bytes);
            let min_one = round.bytes == 0;
            match partition {
                Ok(partition) => {
                    let view = partition.view();
                    let read = match &view {
                        Some(view) => read_one(view, planned, limits.isolation, left, min_one),
                        None => Err(ErrorCode::NotLeaderOrFollower),
                    };
                    round.push(read.unwrap_or_else(|error| {
                        let epoch = view.map(|view| view.leader_epoch);
                        PartitionRead { leader_epoch: epoch, ..PartitionRead::failed(planned.slot, error) }
                    }));
                }
                Err(error) => round.push_missing(PartitionRead::failed(planned.slot, *error)),
            }
        }
        round
    }
}

fn find(ctx: &RequestContext, target: &FetchTarget) -> Result<Arc<Partition>, ErrorCode> {
    let name = target.check_topic(|name| ctx.node.topics.by_name(name.as_str()).map(|topic| topic.id))?;
    let topic = ctx.node.topics.by_name(name.as_str()).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    topic.partition(target.key.partition).ok_or(ErrorCode::UnknownTopicOrPartition)
}

fn read_one(
    view: &PartitionView,
    planned: &PlannedRead,
    isolation: Isolation,
    bytes_left: u32,
    min_one: bool,
) -> Result<PartitionRead, ErrorCode> {
    let ask = &planned.target.ask;
    view.check_usable(ask.current_leader_epoch)?;
    let mut read = PartitionRead {
        slot: planned.slot,
        error: ErrorCode::None,
        leader_epoch: None,
        high_watermark: view.high_watermark.offset,
        last_stable: view.last_stable,
        log_start: view.log_start,
        diverging: None,
        range: None,
    };
    if ask.last_fetched_epoch != LeaderEpoch::NONE {
        let end = view.high_watermark.offset;
        match view.epochs.fetch_position(ask.last_fetched_epoch, ask.fetch_offset, view.log_start, end)? {
            FetchPosition::Valid => {}
            FetchPosition::Diverging { epoch, end_offset } => {
                read.diverging = Some((epoch, end_offset));
                return Ok(read);
            }
        }
    }
    let bytes_max = u32::try_from(ask.max_bytes).unwrap_or(0).min(bytes_left);
    read.range = read::range(view, ask.fetch_offset, isolation, bytes_max, min_one)?;
    Ok(read)
}

impl PartitionRead {
    fn failed(slot: Slot, error: ErrorCode) -> Self {
        let none = Offset(-1);
        Self {
            slot,
            error,
            leader_epoch: None,
            high_watermark: none,
            last_stable: none,
            log_start: none,
            diverging: None,
            range: None,
        }
    }

    /// Bytes of records.
    pub fn records_len(&self) -> u32 {
        self.range.as_ref().map_or(0, |range| range.len)
    }
}

impl Round {
    fn push(&mut self, read: PartitionRead) {
        self.bytes = self.bytes.saturating_add(read.records_len());
        self.urgent |= !read.error.is_ok() || read.diverging.is_some();
        self.waits = true;
        self.reads.push(read);
    }

    /// A partition that is not here. It does not end the wait for others, as in Kafka: a client that has not heard of a
    /// deleted topic would ask again and again without a pause.
    fn push_missing(&mut self, read: PartitionRead) {
        self.urgent |= read.error == ErrorCode::InconsistentTopicId;
        self.reads.push(read);
    }

    /// Whether the client is answered now.
    pub fn is_enough(&self, limits: Limits) -> bool {
        self.urgent || !self.waits || self.bytes >= limits.bytes_min
    }

    /// What sessions compare with what they told before.
    pub fn answers(&self) -> Vec<(Slot, PartitionAnswer)> {
        let answer = |read: &PartitionRead| PartitionAnswer {
            error: read.error,
            high_watermark: read.high_watermark,
            log_start_offset: read.log_start,
            has_records: read.range.is_some(),
            has_preferred_replica: false,
            is_diverging: read.diverging.is_some(),
        };
        self.reads.iter().map(|read| (read.slot, answer(read))).collect()
    }
}
