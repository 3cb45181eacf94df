//! A whole broker on a simulated disk: its threads, its sockets, its clients. Now and then the power fails, in a copy: what
//! the disk would be left with is opened by another broker, and must hold everything that was promised until then.
//!
//! The seed decides what a power cut leaves of unflushed writes; when it comes is up to the machine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicI64, Ordering};

use gracchus_base::{Entropy, ErrorCode};
use gracchus_broker::{Broker, Fs, Options, System};
use gracchus_log::fs::sim::SimDisk;
use gracchus_state::config::{BrokerConfig, Settings};
use gracchus_wire::messages::{
    self as m, FindCoordinatorRequest, ListOffsetsRequest, OffsetCommitRequest, OffsetFetchRequest,
    list_offsets_request as lo, offset_commit_request as oc, offset_fetch_request as of,
};
use tokio::task::JoinSet;

use crate::Client;
use crate::client::topic_name;
use crate::ledger::Producer;

const TOPIC: &str = "written";

/// Partitions, each with a producer of its own.
const PARTITIONS: i32 = 3;

/// Groups, each with a member that commits one offset after the other.
const GROUPS: usize = 3;

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub power_cuts: u32,
    /// Records, commits and topics that were acknowledged until the last power cut.
    pub acknowledged: (u64, u64, u64),
}

/// Everything that clients were promised.
#[derive(Clone)]
struct Promised {
    producers: Vec<Producer>,
    /// The end of each partition, as readers were told.
    ends: Vec<Arc<AtomicI64>>,
    /// The last offset that each group was told is committed; -1 for none.
    commits: Vec<Arc<AtomicI64>>,
    /// Topics that were made one after the other.
    topics: Arc<AtomicI32>,
}

/// The same at one moment.
struct Moment {
    records: Vec<i32>,
    ends: Vec<i64>,
    commits: Vec<i64>,
    topics: i32,
}

/// Power cuts before the broker begins anew on an empty disk, so that there is not ever more to be read.
const POWER_CUTS_EACH: u32 = 25;

/// Topics that are made, so that there are not ever more.
const TOPICS_MAX: i32 = 200;

/// Cuts the power `power_cuts` times.
///
/// # Panics
/// When something is lost, doubled, out of order, or comes back.
pub async fn run(power_cuts: u32, seed: u64) -> Done {
    let chance = Entropy::seeded(seed);
    let mut all = Done::default();
    while all.power_cuts < power_cuts {
        let done = run_on_new_disk(POWER_CUTS_EACH.min(power_cuts - all.power_cuts), &chance).await;
        let (mut sums, news) = (all.acknowledged, done.acknowledged);
        sums = (sums.0 + news.0, sums.1 + news.1, sums.2 + news.2);
        all = Done { power_cuts: all.power_cuts + done.power_cuts, acknowledged: sums };
    }
    all
}

async fn run_on_new_disk(power_cuts: u32, chance: &Entropy) -> Done {
    let disk = SimDisk::new();
    let broker = start(&disk).await;
    let address = broker.addresses()[0];
    let mut client = Client::connect(address).await;
    client.create_topic(TOPIC, PARTITIONS, &[]).await;
    let promised = Promised {
        producers: Producer::for_each(&mut client, TOPIC, PARTITIONS).await,
        ends: (0..PARTITIONS).map(|_| Arc::default()).collect(),
        commits: (0..GROUPS).map(|_| Arc::new(AtomicI64::new(-1))).collect(),
        topics: Arc::default(),
    };
    let mut load = promised.load(address);
    let mut done = Done::default();
    for _ in 0..power_cuts {
        let wait = std::time::Duration::from_millis(chance.next_u64() % 30);
        drop(tokio::time::timeout(wait, std::future::pending::<()>()).await);
        // In this order: what is promised from here on may be there or not.
        let moment = promised.now();
        let left = disk.crash(chance.next_u64());
        promised.check(&left, &moment).await;
        done.power_cuts += 1;
        let sum = |n: &[i64]| n.iter().map(|n| n.max(&0).unsigned_abs()).sum();
        done.acknowledged = (
            moment.records.iter().map(|n| u64::from(n.unsigned_abs())).sum(),
            sum(&moment.commits),
            u64::from(moment.topics.unsigned_abs()),
        );
    }
    load.abort_all();
    while let Some(ended) = load.join_next().await {
        assert!(ended.as_ref().err().is_none_or(|error| error.is_cancelled()), "a client has seen {ended:?}");
    }
    broker.shutdown().await;
    done
}

async fn start(disk: &SimDisk) -> Broker {
    let mut settings = Settings::new();
    settings.insert("listeners".into(), "PLAINTEXT://127.0.0.1:0".into());
    settings.insert("log.dirs".into(), "/data".into());
    settings.insert("offsets.topic.num.partitions".into(), "2".into());
    // Often, so that starts find checkpoints of every age.
    settings.insert("log.flush.offset.checkpoint.interval.ms".into(), "20".into());
    let config = BrokerConfig::from_settings(&settings).expect("settings of a test are right");
    let options =
        Options { config, ephemeral: false, cluster_id: None, system: System::on(Fs::new(disk.clone())) };
    Broker::start(options).await.expect("the broker starts on what a power cut has left")
}

impl Promised {
    fn now(&self) -> Moment {
        let read = |all: &[Arc<AtomicI64>]| all.iter().map(|n| n.load(Ordering::SeqCst)).collect();
        Moment {
            records: self.producers.iter().map(Producer::acknowledged).collect(),
            ends: read(&self.ends),
            commits: read(&self.commits),
            topics: self.topics.load(Ordering::SeqCst),
        }
    }

    /// Clients that go on until they are stopped.
    fn load(&self, address: SocketAddr) -> JoinSet<()> {
        let mut load = JoinSet::new();
        for producer in &self.producers {
            load.spawn(producer.clone().write(address));
        }
        for (partition, end) in (0..).zip(&self.ends) {
            load.spawn(watch_end(address, partition, end.clone()));
        }
        for (group, committed) in self.commits.iter().enumerate() {
            load.spawn(commit(address, group, committed.clone()));
        }
        load.spawn(make_topics(address, self.topics.clone()));
        load
    }

    async fn check(&self, left: &SimDisk, moment: &Moment) {
        let broker = start(left).await;
        let mut client = Client::connect(broker.addresses()[0]).await;
        for (producer, acknowledged) in self.producers.iter().zip(&moment.records) {
            producer.check(&mut client, *acknowledged).await;
        }
        for (partition, shown) in (0..).zip(&moment.ends) {
            let end = end(&mut client, partition).await;
            assert!(end >= *shown, "partition {partition} ends at {end}, readers were shown {shown}");
        }
        for (group, acknowledged) in moment.commits.iter().enumerate() {
            let committed = committed(&mut client, group, *acknowledged).await;
            assert!(committed >= *acknowledged, "group {group} is at {committed}, not {acknowledged}");
        }
        let metadata = client.metadata().await;
        for n in 0..moment.topics {
            let name = Some(topic_name(&made(n)));
            let topic = metadata.topics.iter().find(|topic| topic.name == name);
            assert_eq!(
                topic.map(|topic| (topic.error_code, topic.partitions.len())),
                Some((0, 2)),
                "topic {n}"
            );
        }
        drop(client);
        broker.shutdown().await;
    }
}

/// Asks for the end of a partition again and again; it never moves back.
async fn watch_end(address: SocketAddr, partition: i32, seen: Arc<AtomicI64>) {
    let mut client = Client::connect(address).await;
    loop {
        let end = end(&mut client, partition).await;
        assert!(seen.swap(end, Ordering::SeqCst) <= end, "the end of partition {partition} moved back");
    }
}

async fn end(client: &mut Client, partition: i32) -> i64 {
    let asked = lo::ListOffsetsPartition::default().with_partition_index(partition).with_timestamp(-1);
    let topic = lo::ListOffsetsTopic::default().with_name(topic_name(TOPIC)).with_partitions(vec![asked]);
    let request = ListOffsetsRequest::default().with_replica_id(m::BrokerId(-1));
    let answer = client.call(5, request.with_topics(vec![topic])).await;
    let partition = &answer.topics[0].partitions[0];
    assert_eq!(partition.error_code, 0);
    partition.offset
}

fn made(n: i32) -> String {
    format!("made-{n}")
}

async fn make_topics(address: SocketAddr, count: Arc<AtomicI32>) {
    let mut client = Client::connect(address).await;
    for n in 0..TOPICS_MAX {
        client.create_topic(&made(n), 2, &[]).await;
        count.store(n + 1, Ordering::SeqCst);
    }
}

fn group_id(group: usize) -> m::GroupId {
    m::GroupId(m::StrBytes::from_string(format!("group-{group}")))
}

/// What a client is told while a coordinator is made or loads.
fn is_passing(error: i16) -> bool {
    [ErrorCode::CoordinatorLoadInProgress, ErrorCode::NotCoordinator, ErrorCode::CoordinatorNotAvailable]
        .iter()
        .any(|code| code.code() == error)
}

/// Commits one offset after the other.
async fn commit(address: SocketAddr, group: usize, committed: Arc<AtomicI64>) {
    let mut client = Client::connect(address).await;
    let mut next = 0;
    loop {
        let partition =
            oc::OffsetCommitRequestPartition::default().with_partition_index(0).with_committed_offset(next);
        let topic = oc::OffsetCommitRequestTopic::default().with_name(topic_name(TOPIC));
        let request = OffsetCommitRequest::default()
            .with_group_id(group_id(group))
            .with_generation_id_or_member_epoch(-1)
            .with_topics(vec![topic.with_partitions(vec![partition])]);
        let error = client.call(8, request).await.topics[0].partitions[0].error_code;
        if is_passing(error) {
            let key = m::StrBytes::from_string(format!("group-{group}"));
            client.call(3, FindCoordinatorRequest::default().with_key(key)).await;
            continue;
        }
        assert_eq!(error, 0);
        committed.store(next, Ordering::SeqCst);
        next += 1;
    }
}

/// The committed offset of a group, -1 for none.
async fn committed(client: &mut Client, group: usize, acknowledged: i64) -> i64 {
    loop {
        let topic = of::OffsetFetchRequestTopics::default()
            .with_name(topic_name(TOPIC))
            .with_partition_indexes(vec![0]);
        let asked = of::OffsetFetchRequestGroup::default().with_group_id(group_id(group));
        let request = OffsetFetchRequest::default().with_groups(vec![asked.with_topics(Some(vec![topic]))]);
        let answer = client.call(8, request).await;
        let answer = &answer.groups[0];
        match answer.error_code {
            0 => return answer.topics[0].partitions[0].committed_offset,
            // There may be no coordinator yet, if nothing was committed.
            error if is_passing(error) && acknowledged < 0 => return -1,
            error => assert!(is_passing(error), "error {error}"),
        }
    }
}
