//! A thousand groups that commit all the time.

mod member;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use gracchus_wire::messages::{DeleteGroupsRequest, GroupId};
use gracchus_wire::{ApiKey, Request, Response};

use self::member::{HEARTBEAT, Member, OFFSET_COMMIT, find_coordinator, form_group};
use crate::BenchError;
use crate::crowd::{Answers, Crowd};
use crate::histogram::Histogram;
use crate::process_usage::ProcessUsage;
use crate::protocol_client::{self, CORRELATION_ID_AT, ProtocolClient, check, text, unexpected};
use crate::results::{Measured, Metric};
use crate::subject::{Running, Subject};
use crate::workload::{Context, Workload};

pub const WORKLOADS: &[Workload] = &[Workload {
    name: "groups-1000",
    about: "1,000 classic groups of 2 members, each on its own connection, each committing one offset every 100 ms and \
            beating every 3 s, for 15 s; raw protocol; latency from when the commit was due",
    subjects: Subject::BROKERS,
    // Groups are formed one after the other; nobody else is to be waited for.
    settings: &[("group.initial.rebalance.delay.ms", "0")],
    warm_up: true,
    round,
    rounds: 3,
}];

const GROUPS: u64 = 1_000;
/// 20,000 commits a second: this thread needs about a third of a core for them, and both brokers keep up on the rest of two.
const COMMIT_EVERY: Duration = Duration::from_millis(100);
/// Every so many commits a heartbeat: each 3 s.
const COMMITS_A_HEARTBEAT: u64 = 30;
const SETTLE: Duration = Duration::from_secs(2);
const MEASURE_SECS: f64 = 15.0;
/// How long after its end the last commits of a run may be answered.
const DRAIN_LIMIT: Duration = Duration::from_secs(30);
const DELETE_GROUPS: i16 = 2;

fn round(running: &mut Running, context: &Context) -> Result<Measured, BenchError> {
    let topic = format!("groups-{}", context.round);
    let mut client = ProtocolClient::connect(running.address())?;
    client.create_topic(&topic, 2, &[])?;
    find_coordinator(&mut client, &topic)?;
    let groups: Vec<_> = (0..context.scaled(GROUPS)).map(|group| format!("{topic}-{group}")).collect();
    let mut members = Vec::new();
    for group in &groups {
        members.extend(form_group(running.address(), group, &topic)?);
    }
    let measure = Duration::from_secs_f64((MEASURE_SECS * context.scale).max(2.0));
    let mut committers = Committers::new(members)?;
    committers.run(SETTLE)?;
    let (before, begun) = (running.usage()?, Instant::now());
    let latencies = committers.run(measure)?;
    let (after, took) = (running.usage()?, begun.elapsed());
    committers.leave()?;
    delete_groups(&mut client, &groups)?;
    client.delete_topic(&topic)?;
    Ok(vec![(String::new(), values(before, after, took, &latencies))])
}

fn values(
    before: ProcessUsage,
    after: ProcessUsage,
    took: Duration,
    latencies: &Histogram,
) -> BTreeMap<Metric, f64> {
    let cpu = (after.cpu - before.cpu).as_secs_f64();
    let commits = latencies.count() as f64;
    BTreeMap::from([
        (Metric::CpuPercent, cpu / took.as_secs_f64() * 100.0),
        (Metric::CpuMicrosPerRequest, cpu * 1e6 / commits),
        (Metric::RequestsPerSecond, commits / took.as_secs_f64()),
        (Metric::LatencyP50Ms, latencies.quantile_ms(0.5)),
        (Metric::LatencyP99Ms, latencies.quantile_ms(0.99)),
    ])
}

fn delete_groups(client: &mut ProtocolClient, groups: &[String]) -> Result<(), BenchError> {
    let names = groups.iter().map(|group| GroupId(text(group)));
    let request = DeleteGroupsRequest::default().with_groups_names(names.collect());
    match client.ask(DELETE_GROUPS, &Request::DeleteGroups(request))? {
        Response::DeleteGroups(answer) => {
            answer.results.iter().try_for_each(|result| check("DeleteGroups", result.error_code))
        }
        other => Err(unexpected(&other)),
    }
}

/// All members, driven by this thread.
struct Committers {
    crowd: Crowd,
    answers: Answers,
    members: Vec<Committer>,
    /// What good answers to the commit of either partition and to a heartbeat look like.
    good: [Good; 3],
}

struct Committer {
    commit: BytesMut,
    offset_at: usize,
    heartbeat: Bytes,
    leave: Bytes,
    commits: u64,
    /// Answers come in this order.
    under_way: VecDeque<Asked>,
    /// When commits were due that wait for the one under way.
    owed: VecDeque<Instant>,
}

#[derive(Clone, Copy)]
enum Asked {
    Heartbeat,
    Commit { due: Instant },
}

impl Committers {
    fn new(members: Vec<Member>) -> Result<Committers, BenchError> {
        let (mut streams, mut committers) = (Vec::new(), Vec::new());
        for (partition, member) in [0, 1].into_iter().cycle().zip(members) {
            let (commit, offset_at) = member.commit_frame(partition)?;
            committers.push(Committer {
                commit,
                offset_at,
                heartbeat: member.heartbeat_frame()?,
                leave: member.leave_frame()?,
                commits: 0,
                under_way: VecDeque::new(),
                owed: VecDeque::new(),
            });
            streams.push(member.into_stream());
        }
        let commit = || Good::of(ApiKey::OffsetCommit, OFFSET_COMMIT);
        let good = [commit(), commit(), Good::of(ApiKey::Heartbeat, HEARTBEAT)];
        Ok(Committers { crowd: Crowd::new(streams)?, answers: Answers::default(), members: committers, good })
    }

    /// Lets every member commit in its turn for that long, and waits for the last answer. A broker that does not keep
    /// up is given the same commits and more time, which the rate tells.
    fn run(&mut self, duration: Duration) -> Result<Histogram, BenchError> {
        let begun = Instant::now();
        let end = begun + duration;
        let members = self.members.len() as u64;
        let step = COMMIT_EVERY / members as u32;
        let total = (duration.as_nanos() / step.as_nanos()) as u64;
        let mut latencies = Histogram::default();
        let mut next = 0;
        while latencies.count() < total {
            let now = Instant::now();
            if now > end + DRAIN_LIMIT {
                return Err(BenchError::Failed("commits were not answered".into()));
            }
            while next < total && begun + step * next as u32 <= now {
                self.commit_due((next % members) as usize, begun + step * next as u32)?;
                next += 1;
            }
            let until = if next < total { begun + step * next as u32 } else { end + DRAIN_LIMIT };
            self.turn(until, &mut latencies)?;
        }
        Ok(latencies)
    }

    fn turn(&mut self, until: Instant, latencies: &mut Histogram) -> Result<(), BenchError> {
        let mut answers = std::mem::take(&mut self.answers);
        self.crowd.turn(until, &mut answers)?;
        for (member, frame) in answers.iter() {
            match self.members[member].under_way.pop_front() {
                Some(Asked::Commit { due }) => {
                    latencies.record(due.elapsed());
                    self.good[member % 2].check(frame)?;
                }
                Some(Asked::Heartbeat) => self.good[2].check(frame)?,
                None => return Err(BenchError::Failed("an answer that nobody asked for".into())),
            }
            if self.members[member].under_way.is_empty()
                && let Some(due) = self.members[member].owed.pop_front()
            {
                self.commit(member, due)?;
            }
        }
        self.answers = answers;
        Ok(())
    }

    fn commit_due(&mut self, member: usize, due: Instant) -> Result<(), BenchError> {
        if self.members[member].under_way.is_empty() {
            return self.commit(member, due);
        }
        self.members[member].owed.push_back(due);
        Ok(())
    }

    fn commit(&mut self, place: usize, due: Instant) -> Result<(), BenchError> {
        let member = &mut self.members[place];
        // Not all members in the same moment.
        if (member.commits + place as u64).is_multiple_of(COMMITS_A_HEARTBEAT) {
            member.under_way.push_back(Asked::Heartbeat);
            self.crowd.send(place, &member.heartbeat)?;
        }
        member.commits += 1;
        let correlation_id = member.commits as u32;
        member.commit[CORRELATION_ID_AT..][..4].copy_from_slice(&correlation_id.to_be_bytes());
        member.commit[member.offset_at..][..8].copy_from_slice(&member.commits.to_be_bytes());
        member.under_way.push_back(Asked::Commit { due });
        Ok(self.crowd.send(place, &member.commit)?)
    }

    /// Lets all members leave, so that their groups can be deleted.
    fn leave(mut self) -> Result<(), BenchError> {
        for (place, member) in self.members.iter().enumerate() {
            self.crowd.send(place, &member.leave)?;
        }
        let mut left = 0;
        let limit = Instant::now() + DRAIN_LIMIT;
        while left < self.members.len() && Instant::now() < limit {
            self.crowd.turn(limit, &mut self.answers)?;
            left += self.answers.iter().count();
        }
        Ok(())
    }
}

/// What a good answer looks like behind its correlation id: the first is decoded, later ones are compared with it.
struct Good {
    api: ApiKey,
    version: i16,
    answer: Vec<u8>,
}

impl Good {
    const fn of(api: ApiKey, version: i16) -> Good {
        Good { api, version, answer: Vec::new() }
    }

    fn check(&mut self, frame: &[u8]) -> Result<(), BenchError> {
        let behind_id = frame.get(4..).unwrap_or_default();
        if behind_id == self.answer {
            return Ok(());
        }
        match protocol_client::decode(self.api, self.version, Bytes::copy_from_slice(frame))?.1 {
            Response::OffsetCommit(answer) => {
                let partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
                partitions.map(|one| one.error_code).try_for_each(|code| check("OffsetCommit", code))?;
            }
            Response::Heartbeat(answer) => check("Heartbeat", answer.error_code)?,
            other => return Err(unexpected(&other)),
        }
        self.answer = behind_id.to_vec();
        Ok(())
    }
}
