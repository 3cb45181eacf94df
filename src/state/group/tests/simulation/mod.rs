//! Random schedules against the machine: clients that join, work, crash and come back, appends that fail, a broker that
//! restarts from the records written so far. What must hold is checked after every step (`checks`).
//!
//! A failing seed is printed; `GRACCHUS_SEED=n` runs that one, `GRACCHUS_SEEDS=n` runs as many.

mod checks;
mod client;

use std::collections::{BTreeMap, VecDeque};

use gracchus_base::group_record::GroupRecord;
use gracchus_base::{Entropy, ErrorCode, Monotonic, Timestamp, TopicId};

use crate::group::*;
use checks::Checks;
use client::Client;

/// Schedules that an ordinary test run tries.
const SEEDS: u64 = 1_500;

const STEPS: usize = 150;

#[test]
fn no_schedule_breaks_a_promise() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    match number("GRACCHUS_SEED") {
        Some(seed) => World::new(seed).run(),
        None => (0..number("GRACCHUS_SEEDS").unwrap_or(SEEDS)).for_each(|seed| World::new(seed).run()),
    }
}

/// Prints the seed when its schedule panics.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failing seed: GRACCHUS_SEED={}", self.0);
        }
    }
}

/// A request that has no answer yet.
#[derive(Debug, PartialEq, Eq)]
struct Waiting {
    /// The client that sent it; `None` for an administrator.
    from: Option<usize>,
    /// What it commits, if it does.
    commit: Option<CommitOffsets>,
}

struct World {
    _seed: Seed,
    entropy: Entropy,
    config: GroupConfig,
    coordinator: Coordinator,
    now: i64,
    log: Vec<GroupRecord>,
    held: VecDeque<Append>,
    clients: Vec<Client>,
    waiting: BTreeMap<Token, Waiting>,
    next_token: u64,
    next_uuid: u64,
    next_offset: i64,
    checks: Checks,
}

impl World {
    fn new(seed: u64) -> Self {
        let entropy = Entropy::seeded(seed);
        let mut config = GroupConfig { offsets_retention_ms: 20_000, ..GroupConfig::default() };
        config.group_initial_rebalance_delay_ms = [0, 3_000][(entropy.next_u64() % 2) as usize];
        config.group_max_size = [3, i32::MAX, i32::MAX][(entropy.next_u64() % 3) as usize];
        config.tombstones_per_append_max = [1, 2, 1000][(entropy.next_u64() % 3) as usize];
        let clients = (0..2 + entropy.next_u64() % 5).map(|n| Client::new(n, &entropy)).collect();
        Self {
            _seed: Seed(seed),
            coordinator: Coordinator::new(config.clone()),
            entropy,
            config,
            now: 0,
            log: Vec::new(),
            held: VecDeque::new(),
            clients,
            waiting: BTreeMap::new(),
            next_token: 0,
            next_uuid: 0,
            next_offset: 0,
            checks: Checks::default(),
        }
    }

    fn run(mut self) {
        for _ in 0..STEPS {
            self.random_step();
            self.checks.verify(&self.coordinator, &self.log);
        }
        self.wind_down();
    }

    /// A number below `n`.
    fn below(&self, n: u64) -> u64 {
        self.entropy.next_u64() % n
    }

    fn random_step(&mut self) {
        match self.below(100) {
            0..=54 => self.client_acts(),
            55..=74 => self.settle_one(),
            75..=87 => {
                let ms = [1, 500, 3_000, 7_000, 30_000][self.below(5) as usize];
                self.advance(ms);
            }
            88..=94 => self.administrator_acts(),
            95..=96 => self.restart(),
            _ => {
                let (now, wall) = self.times();
                let effects = self.coordinator.expire_offsets(now, wall);
                self.checks.expired(&self.coordinator, &effects);
                self.perform(effects);
            }
        }
    }

    fn times(&self) -> (Monotonic, Timestamp) {
        (Monotonic(self.now), Timestamp(1_700_000_000_000 + self.now))
    }

    fn send(&mut self, from: Option<usize>, request: Request) -> Token {
        self.next_token += 1;
        let token = Token(self.next_token);
        let commit = match &request {
            Request::CommitOffsets(commit) => Some(commit.clone()),
            _ => None,
        };
        self.waiting.insert(token, Waiting { from, commit });
        if let Some(client) = from {
            self.clients[client].sent(token, &request);
        }
        let (now, wall) = self.times();
        let next = &mut self.next_uuid;
        let effects = self.coordinator.handle(now, wall, token, request, &mut || {
            *next += 1;
            format!("{next}")
        });
        self.perform(effects);
        token
    }

    fn perform(&mut self, effects: Effects) {
        for append in &effects.appends {
            self.checks.decided(append);
        }
        self.held.extend(effects.appends);
        for (token, reply) in effects.replies {
            let waiting = self.waiting.remove(&token).unwrap_or_else(|| panic!("{token:?} answered twice"));
            if let Some(commit) = waiting.commit {
                self.checks.committed(&commit, &reply, &self.log);
            }
            if let Some(client) = waiting.from {
                let client = &mut self.clients[client];
                self.checks.told(client, &reply);
                if client.answered(token, reply) {
                    self.checks.owns(client);
                }
            }
        }
    }

    fn client_acts(&mut self) {
        let n = self.below(self.clients.len() as u64) as usize;
        self.next_offset += 1;
        if let Some(request) = self.clients[n].act(&self.entropy, self.next_offset) {
            self.send(Some(n), request);
        }
    }

    fn settle_one(&mut self) {
        let Some(append) = self.held.pop_front() else { return };
        let result = if self.below(5) == 0 { Err(ErrorCode::NotEnoughReplicas) } else { Ok(()) };
        if result.is_ok() {
            self.log.extend(append.records);
        }
        let (now, wall) = self.times();
        let effects = self.coordinator.appended(append.token, result, now, wall);
        self.perform(effects);
    }

    /// Lets time pass; every deadline is met at its moment, and nothing happens between deadlines.
    fn advance(&mut self, ms: i64) {
        let end = self.now + ms;
        loop {
            let next = self.coordinator.next_deadline().map_or(end, |at| at.0.min(end));
            if next > self.now + 1 {
                self.now = next - 1;
                let (now, wall) = self.times();
                assert_eq!(self.coordinator.tick(now, wall), Effects::default(), "nothing was due");
            }
            self.now = self.now.max(next);
            let (now, wall) = self.times();
            let effects = self.coordinator.tick(now, wall);
            self.perform(effects);
            assert!(self.coordinator.next_deadline().is_none_or(|at| at > now), "a deadline was missed");
            if self.now >= end {
                return;
            }
        }
    }

    fn administrator_acts(&mut self) {
        let group = client::group(self.below(2));
        match self.below(5) {
            0 => {
                let ids = vec![group, client::group(self.below(2))];
                self.send(None, Request::DeleteGroups(ids));
            }
            1 => {
                let topics = vec![("t".to_owned(), client::partitions().collect())];
                self.send(None, Request::DeleteOffsets(DeleteOffsets { group, topics }));
            }
            2 => {
                let (now, wall) = self.times();
                let effects = self.coordinator.topics_deleted(&[("t".to_owned(), TopicId::ZERO)], now, wall);
                self.perform(effects);
            }
            3 => {
                self.send(None, Request::FetchOffsets(FetchOffsets { group, topics: None }));
            }
            _ => {
                self.next_offset += 1;
                let commit = client::commit(group, "", None, -1, self.below(4) as i32, self.next_offset);
                self.send(None, Request::CommitOffsets(commit));
            }
        }
    }

    /// The broker dies: of what was being appended a part is in the log, and nobody is answered.
    fn restart(&mut self) {
        for _ in 0..self.below(self.held.len() as u64 + 1) {
            self.log.extend(self.held.pop_front().into_iter().flat_map(|append| append.records));
        }
        self.held.clear();
        for (token, waiting) in std::mem::take(&mut self.waiting) {
            if let Some(client) = waiting.from {
                self.clients[client].disconnected(token);
            }
        }
        self.coordinator = Coordinator::new(self.config.clone());
        for record in &self.log {
            self.coordinator.replay(record.clone());
        }
        self.checks.restarted(&self.log);
        let (now, wall) = self.times();
        let effects = self.coordinator.loaded(now, wall);
        self.perform(effects);
    }

    /// Nobody sends anything any more: every request that waits is answered, and everything can be deleted.
    fn wind_down(mut self) {
        self.settle_all();
        self.advance(600_000);
        self.settle_all();
        assert_eq!(self.waiting, BTreeMap::new(), "answered once time has passed");
        assert_eq!(self.coordinator.usage().members, 0, "no member without a session");
        self.checks.verify(&self.coordinator, &self.log);
        self.send(None, Request::DeleteGroups(vec![client::group(0), client::group(1)]));
        self.settle_all();
        assert_eq!(self.coordinator.usage(), Usage::default(), "nothing is left behind");
        assert_eq!(self.coordinator.next_deadline(), None);
    }

    fn settle_all(&mut self) {
        while let Some(append) = self.held.pop_front() {
            self.log.extend(append.records);
            let (now, wall) = self.times();
            let effects = self.coordinator.appended(append.token, Ok(()), now, wall);
            self.perform(effects);
        }
    }
}
