//! A Fetch request from its plan to the round that answers it: reads, waits for a change, and reads again until there is
//! enough or the time is up.

use std::sync::Arc;
use std::time::Duration;

use gracchus_base::{ErrorCode, TopicId, TopicName};
use gracchus_state::fetch_session::{FetchPlan, FetchSessionId, PlannedRead};
use gracchus_wire::messages::FetchRequest;
use tokio::time::{Instant, timeout_at};

use super::super::RequestContext;
use super::read_plan::{Limits, NotCached, ReadPlan, Round};
use crate::read::{Access, Isolation};
use crate::waiters::Poll;

/// What a request reads, and who is woken by what it waits for.
pub struct LongPoll<'a> {
    ctx: &'a RequestContext,
    limits: Limits,
    /// `None`: the client does not wait.
    deadline: Option<Instant>,
    plan: ReadPlan,
    watch: Watch,
}

/// How long partitions are watched of which the client has everything.
enum Watch {
    /// While the request waits; `None` until it does.
    Request(Option<Arc<Poll>>),
    /// As long as the session lives.
    Session { id: FetchSessionId, epoch: i32, poll: Arc<Poll> },
}

impl<'a> LongPoll<'a> {
    /// A request that names all its partitions.
    pub fn of_request(ctx: &'a RequestContext, request: &FetchRequest, reads: Vec<PlannedRead>) -> Self {
        Self::new(ctx, request, ReadPlan::resolve(ctx, reads, false), Watch::Request(None))
    }

    /// A request of a session.
    pub fn of_session(
        ctx: &'a RequestContext,
        request: &FetchRequest,
        id: FetchSessionId,
        plan: FetchPlan,
        poll: Arc<Poll>,
    ) -> Self {
        let watch = Watch::Session { id, epoch: plan.epoch, poll };
        Self::new(ctx, request, ReadPlan::resolve(ctx, plan.reads, plan.has_sleepers), watch)
    }

    fn new(ctx: &'a RequestContext, request: &FetchRequest, plan: ReadPlan, watch: Watch) -> Self {
        let bytes_max = request.max_bytes.clamp(0, ctx.node.config().fetch_max_bytes);
        let limits = Limits {
            bytes_max: bytes_max.unsigned_abs(),
            bytes_min: request.min_bytes.clamp(0, bytes_max).unsigned_abs(),
            isolation: Isolation::from_wire(request.isolation_level),
        };
        let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
        let deadline = (!wait.is_zero()).then(|| Instant::now() + wait);
        Self { ctx, limits, deadline, plan, watch }
    }

    /// The round that is answered, and what it has read.
    ///
    /// # Errors
    /// The code that is answered alone: another request of the session came meanwhile, or the broker stops.
    pub async fn run(mut self) -> Result<(Vec<PlannedRead>, Round), ErrorCode> {
        loop {
            let round = self.read().await?;
            let Some(deadline) = self.deadline.filter(|_| !round.is_enough(self.limits)) else {
                return Ok((self.plan.reads, round));
            };
            let poll = match &mut self.watch {
                // It begins to wait: what changes from here on is seen by the next round, or wakes it.
                Watch::Request(poll @ None) => {
                    *poll = Some(Poll::new());
                    continue;
                }
                Watch::Request(Some(poll)) | Watch::Session { poll, .. } => poll,
            };
            if timeout_at(deadline, poll.changed()).await.is_err() {
                return Ok((self.plan.reads, round));
            }
            self.woken(&round)?;
        }
    }

    /// One round: in place if everything is in memory, else where a disk can be waited for.
    async fn read(&mut self) -> Result<Round, ErrorCode> {
        let (limits, poll) = (self.limits, self.poll());
        if let Ok(round) = self.plan.read(limits, poll.as_ref(), Access::Cached) {
            return Ok(round);
        }
        let plan = std::mem::take(&mut self.plan);
        let read = move || {
            let round = plan.read(limits, poll.as_ref(), Access::Disk);
            (plan, round)
        };
        match self.ctx.node.cold_reads.look_up(read).await {
            Ok((plan, Ok(round))) => {
                self.plan = plan;
                Ok(round)
            }
            Ok((_, Err(NotCached))) | Err(_) => Err(ErrorCode::UnknownServerError),
        }
    }

    fn poll(&self) -> Option<Arc<Poll>> {
        match &self.watch {
            Watch::Request(poll) => poll.clone(),
            Watch::Session { poll, .. } => Some(poll.clone()),
        }
    }

    /// Something has changed since `round`: what is to be read next.
    fn woken(&mut self, round: &Round) -> Result<(), ErrorCode> {
        match &self.watch {
            Watch::Request(poll) => {
                self.plan.watched(round);
                let changed = poll.as_ref().map(|poll| poll.take_changed());
                self.plan.changed(&changed.unwrap_or_default());
            }
            Watch::Session { id, epoch, .. } => {
                let plan = self.ctx.node.fetch_sessions.read_on(*id, *epoch, |id| name_of(self.ctx, id))?;
                self.plan = ReadPlan::resolve(self.ctx, plan.reads, plan.has_sleepers);
            }
        }
        Ok(())
    }
}

/// The topic's name as it is now.
pub fn name_of(ctx: &RequestContext, id: TopicId) -> Option<TopicName> {
    ctx.node.topics.by_id(id).map(|topic| topic.name.clone())
}
