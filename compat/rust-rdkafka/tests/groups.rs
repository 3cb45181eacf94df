//! Consumer groups whose members come, die and return: assignments move, and with commits after processing nothing
//! is lost and nothing is read twice.

use compat_harness::{Broker, wait_until};
use rdkafka::consumer::Consumer;

use crate::support::{LIMIT, broker, create_topic, produce_numbered, reader};
use crate::worker::Worker;

const PARTITIONS: i32 = 4;
const ROUND: u64 = 400;

/// A topic, and members that read it.
struct Group {
    broker: Broker,
    strategy: &'static str,
    /// How many records there are so far.
    produced: u64,
    /// Members that were killed: what they read counts.
    dead: Vec<Worker>,
    live: Vec<Worker>,
}

impl Group {
    fn new(strategy: &'static str) -> Group {
        let broker = broker();
        create_topic(&broker, "work", PARTITIONS, &[]);
        Group { broker, strategy, produced: 0, dead: Vec::new(), live: Vec::new() }
    }

    fn add(&mut self, settings: &[(&str, &str)]) {
        let mut all = vec![("partition.assignment.strategy", self.strategy), ("session.timeout.ms", "2000")];
        all.extend_from_slice(settings);
        self.live.push(Worker::start(&self.broker, "workers", "work", &all));
    }

    fn kill_first(&mut self) {
        let worker = self.live.remove(0);
        worker.kill();
        self.dead.push(worker);
    }

    fn story(&self) -> String {
        let stories = self.dead.iter().chain(&self.live).map(Worker::story);
        let numbered = stories.enumerate().map(|(at, story)| format!("--- worker {at}\n{story}"));
        numbered.collect::<String>() + "--- broker\n" + &self.broker.log()
    }

    /// Waits until each partition belongs to exactly one live member and each member has its fair part.
    fn settle(&self) {
        let settled = wait_until(LIMIT, || {
            let held: Vec<Vec<i64>> = self.live.iter().map(Worker::partitions).collect();
            let mut all = held.concat();
            all.sort_unstable();
            let least = PARTITIONS as usize / self.live.len();
            let fair = held.iter().all(|part| part.len() >= least && part.len() <= least + 1);
            (fair && all == (0..i64::from(PARTITIONS)).collect::<Vec<_>>()).then_some(())
        });
        assert!(settled.is_some(), "the group did not settle\n{}", self.story());
    }

    /// Produces a round of records, waits until all are committed, and checks that each was read once.
    fn round(&mut self) {
        produce_numbered(&self.broker, "work", PARTITIONS, self.produced..self.produced + ROUND);
        self.produced += ROUND;
        let records = |word: &str| -> Vec<(i64, i64)> {
            let mut all: Vec<_> = self.dead.iter().chain(&self.live).flat_map(|w| w.records(word)).collect();
            all.sort_unstable();
            all
        };
        let done = wait_until(LIMIT, || (records("done").len() as u64 >= self.produced).then_some(()));
        assert!(done.is_some(), "{} of {}\n{}", records("done").len(), self.produced, self.story());
        let each = self.produced as i64 / i64::from(PARTITIONS);
        let expected: Vec<(i64, i64)> =
            (0..i64::from(PARTITIONS)).flat_map(|p| (0..each).map(move |offset| (p, offset))).collect();
        assert_eq!(records("read"), expected, "lost or read twice\n{}", self.story());
        assert_eq!(records("done"), expected, "committed otherwise than read\n{}", self.story());
    }
}

fn members_come_and_go(strategy: &'static str) {
    let mut group = Group::new(strategy);
    (0..3).for_each(|_| group.add(&[]));
    group.settle();
    group.round();
    group.kill_first();
    group.settle();
    group.round();
    group.add(&[]);
    group.settle();
    group.round();
}

#[test]
fn with_range_a_killed_and_an_added_member_cost_no_record() {
    members_come_and_go("range");
}

#[test]
fn with_roundrobin_a_killed_and_an_added_member_cost_no_record() {
    members_come_and_go("roundrobin");
}

#[test]
fn with_cooperative_sticky_a_killed_and_an_added_member_cost_no_record() {
    members_come_and_go("cooperative-sticky");
}

#[test]
fn a_static_member_that_returns_within_its_session_causes_no_rebalance() {
    let mut group = Group::new("range");
    let settings = |name| [("group.instance.id", name), ("session.timeout.ms", "30000")];
    group.add(&settings("one"));
    group.add(&settings("two"));
    group.settle();
    group.round();
    let (had, before) = (group.live[0].partitions(), group.live[1].rebalances());
    group.kill_first();
    group.add(&settings("one"));
    group.settle();
    group.round();
    assert_eq!(group.live[1].partitions(), had, "it gets what it had\n{}", group.story());
    assert_eq!(group.live[0].rebalances(), before, "the other one notices nothing\n{}", group.story());
}

#[test]
fn a_member_that_idles_takes_over_when_another_dies() {
    let mut group = Group::new("range");
    (0..5).for_each(|_| group.add(&[]));
    let members = || {
        let listed =
            reader(&group.broker, "work", PARTITIONS).fetch_group_list(Some("workers"), LIMIT).ok()?;
        let found = listed.groups().first()?;
        (found.state() == "Stable" && found.members().len() == 5).then_some(())
    };
    assert!(wait_until(LIMIT, members).is_some(), "five members\n{}", group.story());
    let busy = wait_until(LIMIT, || group.live.iter().position(|worker| !worker.partitions().is_empty()));
    let busy = busy.expect("someone has a partition");
    group.live.swap(0, busy);
    group.kill_first();
    group.settle();
    group.round();
}
