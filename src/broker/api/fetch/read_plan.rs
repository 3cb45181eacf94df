//! One round of reading the partitions of a Fetch request.

use std::sync::Arc;

use gracchus_base::{ErrorCode, LeaderEpoch, Offset};
use gracchus_state::fetch_session::{FetchTarget, PartitionAnswer, PlannedRead, Slot};
use gracchus_state::partition::FetchPosition;

use super::super::RequestContext;
use crate::connection::reply::FileRange;
use crate::partition::{Partition, PartitionView, Topic};
use crate::read::{self, Access, Isolation, RangeLimits, Unread};
use crate::topics::Topics;
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
#[derive(Default)]
pub struct ReadPlan {
    pub reads: Vec<PlannedRead>,
    /// In the order of `reads`.
    partitions: Vec<Result<Arc<Partition>, ErrorCode>>,
    /// Others of the same session have nothing to tell, and wake the poll when they have.
    has_sleepers: bool,
}

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
    /// The client has everything that may be read.
    is_at_end: bool,
    /// The poll is woken when the partition changes.
    is_watched: bool,
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

/// Only with [`Access::Cached`]: the disk would have to be waited for.
#[derive(Debug)]
pub struct NotCached;

impl ReadPlan {
    /// Finds the partitions.
    pub fn resolve(ctx: &RequestContext, reads: Vec<PlannedRead>, has_sleepers: bool) -> Self {
        let mut topics = LastTopic { topics: &ctx.node.topics, last: None };
        let partitions = reads.iter().map(|read| topics.find(&read.target)).collect();
        Self { reads, partitions, has_sleepers }
    }

    /// Notes what a round has begun to watch.
    pub fn watched(&mut self, round: &Round) {
        for (planned, read) in self.reads.iter_mut().zip(&round.reads) {
            planned.is_watched = read.is_watched;
        }
    }

    /// Notes what is not watched any more, because it has changed.
    pub fn changed(&mut self, slots: &[Slot]) {
        for slot in slots {
            if let Ok(at) = self.reads.binary_search_by_key(slot, |read| read.slot) {
                self.reads[at].is_watched = false;
            }
        }
    }

    /// Reads every partition as it is now, and has `watch` woken when one changes of which the client has everything.
    pub fn read(
        &self,
        limits: Limits,
        watch: Option<&Arc<Poll>>,
        access: Access,
    ) -> Result<Round, NotCached> {
        let mut round = Round {
            reads: Vec::with_capacity(self.reads.len()),
            isolation: limits.isolation,
            bytes: 0,
            urgent: false,
            waits: self.has_sleepers,
        };
        for (planned, partition) in self.reads.iter().zip(&self.partitions) {
            match partition {
                Ok(partition) => {
                    let left = RangeLimits {
                        bytes_max: limits.bytes_max.saturating_sub(round.bytes),
                        min_one: round.bytes == 0,
                    };
                    let one = One { partition, planned, isolation: limits.isolation, left, access };
                    round.push(one.read(watch)?);
                }
                Err(error) => round.push_missing(PartitionRead::failed(planned.slot, *error)),
            }
        }
        Ok(round)
    }
}

/// Finds topics by name. Requests name all partitions of a topic in a row, so the last one is looked at first.
struct LastTopic<'a> {
    topics: &'a Topics,
    last: Option<Arc<Topic>>,
}

impl LastTopic<'_> {
    fn find(&mut self, target: &FetchTarget) -> Result<Arc<Partition>, ErrorCode> {
        target.check_topic(|name| {
            if self.last.as_ref().is_none_or(|last| last.name != *name) {
                self.last = self.topics.by_name(name.as_str());
            }
            self.last.as_ref().map(|topic| topic.id)
        })?;
        let partition = self.last.as_ref().and_then(|topic| topic.partition(target.key.partition));
        partition.ok_or(ErrorCode::UnknownTopicOrPartition)
    }
}

/// One partition that is read.
struct One<'a> {
    partition: &'a Partition,
    planned: &'a PlannedRead,
    isolation: Isolation,
    left: RangeLimits,
    access: Access,
}

impl One<'_> {
    fn read(&self, watch: Option<&Arc<Poll>>) -> Result<PartitionRead, NotCached> {
        let mut read = self.read_once()?;
        read.is_watched = self.planned.is_watched;
        if let Some(poll) = watch.filter(|_| read.is_at_end && !read.is_watched) {
            self.partition.waiters.register(poll, self.planned.slot);
            // It may have changed before it was watched.
            read = PartitionRead { is_watched: true, ..self.read_once()? };
        }
        Ok(read)
    }

    fn read_once(&self) -> Result<PartitionRead, NotCached> {
        let view = self.partition.view();
        let read = match &view {
            Some(view) => self.read_view(view),
            None => Err(ErrorCode::NotLeaderOrFollower.into()),
        };
        read.or_else(|unread| match unread {
            Unread::NotCached => Err(NotCached),
            Unread::Refused(error) => {
                let epoch = view.map(|view| view.leader_epoch);
                Ok(PartitionRead { leader_epoch: epoch, ..PartitionRead::failed(self.planned.slot, error) })
            }
        })
    }

    fn read_view(&self, view: &PartitionView) -> Result<PartitionRead, Unread> {
        let ask = &self.planned.target.ask;
        view.check_usable(ask.current_leader_epoch)?;
        let mut read = PartitionRead {
            slot: self.planned.slot,
            error: ErrorCode::None,
            leader_epoch: None,
            high_watermark: view.high_watermark.offset,
            last_stable: view.last_stable,
            log_start: view.log_start,
            diverging: None,
            range: None,
            is_at_end: ask.fetch_offset >= view.end_for(self.isolation),
            is_watched: false,
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
        let bytes_max = u32::try_from(ask.max_bytes).unwrap_or(0).min(self.left.bytes_max);
        let limits = RangeLimits { bytes_max, ..self.left };
        read.range = read::range(view, ask.fetch_offset, self.isolation, limits, self.access)?;
        Ok(read)
    }
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
            is_at_end: false,
            is_watched: false,
        }
    }

    /// Bytes of records.
    pub fn records_len(&self) -> u32 {
        self.range.as_ref().map_or(0, |range| range.len)
    }
}

impl Round {
    fn push(&mut self, read: PartitionRead) {
        // What is left out counts, as in Kafka: else a client that asks for so much would wait for it in vain.
        let asked = read.range.as_ref().map_or(0, |range| range.len.saturating_add(range.left_out));
        self.bytes = self.bytes.saturating_add(asked);
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
            is_watched: read.is_watched,
            is_at_end: read.is_at_end,
        };
        self.reads.iter().map(|read| (read.slot, answer(read))).collect()
    }
}
