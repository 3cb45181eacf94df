//! Seeded schedules: clients that keep sessions see what they would see if each of their requests named everything, and
//! what is not read because it sleeps is what they know already.

use std::collections::{BTreeMap, BTreeSet};

use gracchus_base::limits::FETCH_SESSION_EVICTION_MS;
use gracchus_base::{Entropy, Monotonic};

use super::*;
use crate::partition::dice::{Dice, seeds};

const PARTITIONS: i32 = 6;
const CLIENTS: usize = 3;

/// One partition of the broker: what a full fetch would say of it.
#[derive(Clone, Copy)]
struct Partition {
    error: ErrorCode,
    high_watermark: i64,
    log_start: i64,
}

/// All partitions belong to one topic, which may come into being later than the clients that ask for it.
struct World {
    topic_exists: bool,
    partitions: Vec<Partition>,
}

const TOPIC: TopicId = TopicId([9; 16]);

fn topic_name() -> TopicName {
    TopicName::parse("t").unwrap()
}

impl World {
    /// Answers which partition is another now.
    fn change(&mut self, dice: &mut Dice) -> i32 {
        self.topic_exists |= dice.chance(20);
        let index = dice.below(PARTITIONS as usize);
        let partition = &mut self.partitions[index];
        match dice.below(10) {
            0..5 => partition.high_watermark += dice.below(10) as i64,
            5..7 => partition.log_start = partition.log_start.midpoint(partition.high_watermark),
            7 => partition.error = ErrorCode::NotLeaderOrFollower,
            _ => partition.error = ErrorCode::None,
        }
        index as i32
    }

    /// What is to be said to one who asks this, whether in a session or not.
    fn answer(&self, target: &FetchTarget) -> PartitionAnswer {
        let partition = self.partitions[target.key.partition.0 as usize];
        let topic = target.check_topic(|_| self.topic_exists.then_some(TOPIC));
        let error = topic.err().unwrap_or(partition.error);
        if error != ErrorCode::None {
            return PartitionAnswer {
                error,
                high_watermark: Offset(-1),
                log_start_offset: Offset(-1),
                has_records: false,
                has_preferred_replica: false,
                is_diverging: false,
                is_watched: false,
                is_at_end: false,
            };
        }
        PartitionAnswer {
            error,
            high_watermark: Offset(partition.high_watermark),
            log_start_offset: Offset(partition.log_start),
            has_records: target.ask.fetch_offset < Offset(partition.high_watermark),
            has_preferred_replica: false,
            is_diverging: false,
            is_watched: false,
            is_at_end: target.ask.fetch_offset >= Offset(partition.high_watermark),
        }
    }

    fn resolve(&self, id: TopicId) -> Option<TopicName> {
        (self.topic_exists && id == TOPIC).then(topic_name)
    }
}

/// A request as it is on the wire.
struct Request {
    id: FetchSessionId,
    epoch: i32,
    uses_topic_ids: bool,
    targets: Vec<FetchTarget>,
    forgotten: Vec<PartitionKey>,
}

/// An answer as it is on the wire.
struct Response {
    error: ErrorCode,
    id: FetchSessionId,
    partitions: Vec<(PartitionKey, PartitionAnswer)>,
    /// What was read, answered or not: for the test only.
    read: Vec<(FetchTarget, PartitionAnswer)>,
}

impl Response {
    fn error(error: ErrorCode) -> Self {
        Self { error, id: FetchSessionId::NONE, partitions: Vec::new(), read: Vec::new() }
    }
}

/// What a driver does, in small.
struct Server {
    cache: FetchSessionCache,
    sessions: BTreeMap<FetchSessionId, FetchSession>,
    entropy: Entropy,
    now: Monotonic,
    partitions_max: usize,
    /// What is watched for which session, and under which slot.
    watches: BTreeMap<(i32, FetchSessionId), Slot>,
    /// What changed of it since the session's last request.
    changed: BTreeMap<FetchSessionId, Vec<Slot>>,
}

impl Server {
    fn new(seed: u64, dice: &mut Dice) -> Self {
        let limits = FetchSessionLimits {
            sessions_max: 1 + dice.below(3),
            partitions_max: 4 + dice.below(15),
            eviction_ms: FETCH_SESSION_EVICTION_MS,
        };
        Self {
            cache: FetchSessionCache::new(limits),
            sessions: BTreeMap::new(),
            entropy: Entropy::seeded(!seed),
            now: Monotonic(0),
            partitions_max: 2 + dice.below(8),
            watches: BTreeMap::new(),
            changed: BTreeMap::new(),
        }
    }

    /// A partition has changed: whoever watches it is told, once.
    fn changed(&mut self, partition: i32) {
        for id in self.sessions.keys() {
            if let Some(slot) = self.watches.remove(&(partition, *id)) {
                self.changed.entry(*id).or_default().push(slot);
            }
        }
    }

    /// Watches what was read, as a driver does that looks once more after it began to.
    fn watch(&mut self, id: FetchSessionId, plan: &[PlannedRead], answers: &mut [(Slot, PartitionAnswer)]) {
        for (planned, (slot, answer)) in plan.iter().zip(answers) {
            let partition = planned.target.key.partition.0;
            assert!(!planned.is_watched || self.watches.get(&(partition, id)) == Some(slot));
            if answer.is_at_end && !self.entropy.next_u64().is_multiple_of(4) {
                self.watches.insert((partition, id), *slot);
            }
            answer.is_watched = self.watches.get(&(partition, id)) == Some(slot);
        }
    }

    fn fetch(&mut self, request: &Request, world: &World, budget: usize) -> Response {
        match classify(request.id, request.epoch) {
            FetchKind::Full { close } => self.full(close, true, request, world, budget),
            FetchKind::Sessionless { close } => self.full(close, false, request, world, budget),
            FetchKind::Incremental { id, .. } => self.incremental(id, request, world, budget),
        }
    }

    fn full(
        &mut self,
        close: Option<FetchSessionId>,
        may_create: bool,
        request: &Request,
        world: &World,
        budget: usize,
    ) -> Response {
        if let Some(id) = close {
            self.remove(id);
        }
        let plan = full_plan(request.targets.clone());
        let answers = read(&plan, world, budget);
        let mut id = None;
        if may_create && plan.len() <= self.partitions_max {
            let created = self.cache.create(plan.len(), false, self.now, || self.entropy.next_u64());
            for evicted in created.evicted {
                assert!(self.sessions.remove(&evicted).is_some());
            }
            id = created.id;
        }
        if let Some(id) = id {
            let session = FetchSession::create(id, request.uses_topic_ids, &plan, &answers);
            assert!(self.sessions.insert(id, session).is_none());
        }
        respond(id.unwrap_or_default(), &plan, &answers, &vec![true; answers.len()])
    }

    fn incremental(
        &mut self,
        id: FetchSessionId,
        request: &Request,
        world: &World,
        budget: usize,
    ) -> Response {
        let Some(session) = self.sessions.get_mut(&id) else {
            return Response::error(ErrorCode::FetchSessionIdNotFound);
        };
        let asked = IncrementalFetch {
            epoch: request.epoch,
            uses_topic_ids: request.uses_topic_ids,
            reads_committed: false,
            targets: &request.targets,
            forgotten: &request.forgotten,
            partitions_max: self.partitions_max,
        };
        session.changed(self.changed.remove(&id).unwrap_or_default());
        let begun = session.begin(&asked, |id| world.resolve(id));
        let size = session.len();
        match begun {
            Err(error) => {
                if error.ends_session() {
                    self.remove(id);
                }
                Response::error(error.code())
            }
            Ok(Begun::Emptied) => self.full(Some(id), false, request, world, budget),
            Ok(Begun::Read(plan)) => {
                if let Err(error) = self.cache.touch(id, size, self.now) {
                    self.sessions.remove(&id);
                    return Response::error(error);
                }
                let mut answers = read(&plan.reads, world, budget);
                self.watch(id, &plan.reads, &mut answers);
                let session = self.sessions.get_mut(&id).expect("it was touched");
                let included = session.finish(plan.epoch, &answers).expect("no request overtook it");
                respond(id, &plan.reads, &answers, &included)
            }
        }
    }

    fn remove(&mut self, id: FetchSessionId) {
        assert_eq!(self.cache.remove(id), self.sessions.remove(&id).is_some());
    }

    fn check(&self) {
        let counters = self.cache.counters();
        assert_eq!(counters.sessions, self.sessions.len());
        assert_eq!(counters.partitions, self.sessions.values().map(FetchSession::len).sum::<usize>());
    }
}

/// Reads in order; only the first `budget` partitions that have records get any.
fn read(plan: &[PlannedRead], world: &World, mut budget: usize) -> Vec<(Slot, PartitionAnswer)> {
    let answer = |planned: &PlannedRead| {
        let mut answer = world.answer(&planned.target);
        answer.has_records &= budget > 0;
        budget -= usize::from(answer.has_records);
        (planned.slot, answer)
    };
    plan.iter().map(answer).collect()
}

fn respond(
    id: FetchSessionId,
    plan: &[PlannedRead],
    answers: &[(Slot, PartitionAnswer)],
    included: &[bool],
) -> Response {
    let told = plan.iter().zip(answers).zip(included).filter(|(_, included)| **included);
    Response {
        error: ErrorCode::None,
        id,
        partitions: told.map(|((read, (_, answer)), _)| (read.target.key.clone(), *answer)).collect(),
        read: plan.iter().zip(answers).map(|(read, (_, answer))| (read.target.clone(), *answer)).collect(),
    }
}

/// A consumer as Kafka's `FetchSessionHandler` is one.
struct Client {
    uses_topic_ids: bool,
    wanted: BTreeMap<i32, i64>,
    id: FetchSessionId,
    epoch: i32,
    /// What the session was last asked for.
    asked: BTreeMap<i32, i64>,
    /// What the answers said so far: error, high watermark, log start.
    view: BTreeMap<i32, (ErrorCode, Offset, Offset)>,
}

impl Client {
    fn new(dice: &mut Dice) -> Self {
        Self {
            uses_topic_ids: dice.chance(50),
            wanted: BTreeMap::from([(dice.below(PARTITIONS as usize) as i32, 0)]),
            id: FetchSessionId::NONE,
            epoch: 0,
            asked: BTreeMap::new(),
            view: BTreeMap::new(),
        }
    }

    fn change_wishes(&mut self, dice: &mut Dice) {
        let partition = dice.below(PARTITIONS as usize) as i32;
        match dice.below(10) {
            0..3 => drop(self.wanted.insert(partition, 0)),
            3 if self.wanted.len() > 1 || dice.chance(30) => drop(self.wanted.remove(&partition)),
            _ => {}
        }
    }

    fn target(&self, partition: i32, offset: i64, world: &World) -> FetchTarget {
        let ask = FetchAsk {
            fetch_offset: Offset(offset),
            max_bytes: 1000,
            log_start_offset: Offset(-1),
            current_leader_epoch: LeaderEpoch::NONE,
            last_fetched_epoch: LeaderEpoch::NONE,
        };
        if self.uses_topic_ids {
            FetchTarget::by_id(TOPIC, world.resolve(TOPIC), PartitionIndex(partition), ask)
        } else {
            FetchTarget::by_name(topic_name(), PartitionIndex(partition), ask)
        }
    }

    fn request(&mut self, world: &World) -> Request {
        let incremental = self.epoch > 0;
        let is_news = |p: &i32, offset: &i64| !incremental || self.asked.get(p) != Some(offset);
        let news = self.wanted.iter().filter(|(p, offset)| is_news(p, offset));
        let targets = news.map(|(p, offset)| self.target(*p, *offset, world)).collect();
        let gone = self.asked.keys().filter(|p| incremental && !self.wanted.contains_key(p));
        let forgotten: Vec<_> = gone.map(|p| self.target(*p, 0, world).key).collect();
        self.asked = self.wanted.clone();
        let uses_topic_ids = self.uses_topic_ids;
        Request { id: self.id, epoch: self.epoch, uses_topic_ids, targets, forgotten }
    }

    /// Takes in an answer. An error, or none, makes the next request a full one that closes the session.
    fn take_in(&mut self, response: &Response) {
        if response.error != ErrorCode::None {
            self.epoch = 0;
            return;
        }
        if self.epoch == 0 || response.id == FetchSessionId::NONE {
            self.view.clear();
        }
        self.view.retain(|p, _| self.wanted.contains_key(p));
        for (key, answer) in &response.partitions {
            let p = key.partition.0;
            self.view.insert(p, (answer.error, answer.high_watermark, answer.log_start_offset));
            if answer.has_records {
                self.wanted.insert(p, answer.high_watermark.0);
            }
        }
        self.id = response.id;
        self.epoch = if response.id == FetchSessionId::NONE { 0 } else { next_epoch(self.epoch) };
    }
}

/// Everything that was read and is news reached the client, and nothing else did; what was not read is no news.
fn check_answer(
    client: &Client,
    before: &BTreeMap<i32, (ErrorCode, Offset, Offset)>,
    response: &Response,
    world: &World,
) {
    let answered: BTreeSet<_> = response.partitions.iter().map(|(key, _)| key.partition.0).collect();
    assert_eq!(answered.len(), response.partitions.len(), "a partition is answered twice");
    let read: BTreeSet<_> = response.read.iter().map(|(target, _)| target.key.partition.0).collect();
    for (p, offset) in client.asked.iter().filter(|(p, _)| !read.contains(p)) {
        let truth = world.answer(&client.target(*p, *offset, world));
        let full = (truth.error, truth.high_watermark, truth.log_start_offset);
        assert_eq!(client.view.get(p), Some(&full), "partition {p} sleeps");
        assert!(truth.error.is_ok() && !truth.has_records, "partition {p} sleeps");
    }
    for (target, truth) in &response.read {
        let p = target.key.partition.0;
        let full = (truth.error, truth.high_watermark, truth.log_start_offset);
        assert_eq!(client.view.get(&p), Some(&full), "partition {p}");
        assert!(!truth.has_records || answered.contains(&p), "records of {p} were read and not answered");
        let is_news = before.get(&p) != Some(&full) || truth.has_records || truth.error != ErrorCode::None;
        let is_full = response.partitions.len() == client.asked.len();
        assert!(is_news || is_full || !answered.contains(&p), "partition {p} was answered without need");
    }
}

fn round(client: &mut Client, server: &mut Server, world: &World, dice: &mut Dice) {
    client.change_wishes(dice);
    let before = client.view.clone();
    let mut request = client.request(world);
    let is_incremental = request.epoch > 0;
    if is_incremental && dice.chance(5) {
        request.epoch += 1 + dice.below(3) as i32;
        let refused = server.fetch(&request, world, 1).error;
        let known = if server.sessions.contains_key(&request.id) {
            ErrorCode::InvalidFetchSessionEpoch
        } else {
            ErrorCode::FetchSessionIdNotFound
        };
        assert_eq!(refused, known);
        client.epoch = 0;
        return;
    }
    let response = server.fetch(&request, world, dice.below(3));
    server.check();
    if dice.chance(5) {
        client.epoch = 0;
        return;
    }
    client.take_in(&response);
    if response.error == ErrorCode::None && !client.asked.is_empty() {
        check_answer(client, &before, &response, world);
    } else if response.error != ErrorCode::None {
        assert!(is_incremental && response.error == ErrorCode::FetchSessionIdNotFound);
    }
}

#[test]
fn clients_with_sessions_see_what_full_fetches_would_tell_them() {
    for seed in seeds(2000) {
        let mut dice = Dice::new(seed);
        let fresh = Partition { error: ErrorCode::None, high_watermark: 0, log_start: 0 };
        let mut world = World { topic_exists: dice.chance(50), partitions: vec![fresh; PARTITIONS as usize] };
        let mut server = Server::new(seed, &mut dice);
        let mut clients: [Client; CLIENTS] = std::array::from_fn(|_| Client::new(&mut dice));
        for _ in 0..60 {
            server.changed(world.change(&mut dice));
            server.now = server.now.plus_ms(dice.below(60_000) as i64);
            let client = dice.below(CLIENTS);
            round(&mut clients[client], &mut server, &world, &mut dice);
        }
    }
}
