//! EIO from the disk under a running process, by `strace`: nothing is acknowledged that is not there after a restart, and
//! others go on (FAULTS 28, 29).

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gracchus_base::{Entropy, ErrorCode};
use gracchus_log::fs::Fs;
use tokio::task::JoinSet;

use super::tracer::{self, Failed, Tracer};
use super::{PATIENCE, until};
use crate::Client;
use crate::ledger::{IN_FLIGHT, Producer};
use crate::process::{Process, Signal, serve_from};

/// Partitions, each with a producer of its own.
const PARTITIONS: i32 = 24;

/// What fails, in turn: the append, the flush of one log, the flush of many together.
const CALLS: [&str; 3] = ["pwritev", "fdatasync", TOGETHER];

/// Which of a thread's calls fails, at most.
const WHEN_MAX: u64 = 40;

/// The flush of many logs together.
const TOGETHER: &str = "syncfs";

/// How long a call is waited for that may never come.
const CALL_COMES: Duration = Duration::from_secs(3);

/// How long nobody is disturbed before many batches are made to come at once again.
const STOP_AGAIN: Duration = Duration::from_millis(200);

/// What was done.
#[derive(Clone, Debug, Default)]
pub struct Done {
    pub rounds: u32,
    /// Calls that failed, by name.
    pub failed: BTreeMap<&'static str, usize>,
    /// Partitions that went offline, and came back with the next start.
    pub offline: usize,
    /// Batches that were acknowledged and found.
    pub acknowledged: u64,
}

/// Makes calls fail in so many rounds, and at last all calls on one of two data directories.
///
/// # Errors
/// When `strace` is missing, or temporary files are on no file system where many logs are flushed together.
///
/// # Panics
/// When something acknowledged is not there, or a partition goes offline without a reason.
pub async fn run(rounds: u32, seed: u64) -> Result<Done, String> {
    tracer::available()?;
    let dir = std::env::temp_dir();
    if !matches!(Fs::real().file_system(&dir), Ok(Some(_))) {
        return Err(format!("{}: many logs are flushed together on ext4 and XFS only", dir.display()));
    }
    let chance = Entropy::seeded(seed);
    let mut done = Done::default();
    for (_, call) in (0..rounds).zip(CALLS.into_iter().cycle()) {
        let when = 1 + chance.next_u64() % WHEN_MAX;
        let mut load = Load::start(&["data"]).await;
        let failed = match call {
            TOGETHER => load.fail_together().await,
            _ => load.fail_once(call, when).await,
        };
        let refused = load.refused().await;
        // One flush of the file system is that of many logs.
        let failed_most = failed.seen + failed.cut_off;
        assert!(call == TOGETHER || refused.len() <= failed_most, "{call}: {failed:?}, {refused:?}");
        assert!(
            failed.seen == 0 || call == "fdatasync" || !refused.is_empty(),
            "{call}: {failed:?}, and nobody has noticed"
        );
        load.stay_offline(&refused).await;
        *done.failed.entry(call).or_default() += failed.seen;
        done.count(refused.len(), load.restarted(&refused).await);
    }
    let (offline, acknowledged) = one_directory().await;
    done.count(offline, acknowledged);
    Ok(done)
}

/// Everything fails on one of two data directories: its partitions go offline, those of the other go on.
async fn one_directory() -> (usize, u64) {
    let mut load = Load::start(&["data", "other"]).await;
    let there = |producer: &Producer| load.log("other", producer.partition()).exists();
    let concerned: Vec<_> = load.producers.iter().filter(|p| there(p)).map(Producer::partition).collect();
    assert!(!concerned.is_empty() && concerned.len() < load.producers.len(), "{concerned:?}");
    let paths: Vec<_> = concerned.iter().map(|partition| load.log("other", *partition)).collect();
    let tracer = load.trace("pwritev,fdatasync", None, &paths);
    let refused = load.refused().await;
    assert_eq!(refused, concerned, "those, and no others");
    tracer.detach();
    load.stay_offline(&refused).await;
    (refused.len(), load.restarted(&refused).await)
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, failed, offline, acknowledged } = self;
        let failed: Vec<_> = failed.iter().map(|(call, failed)| format!("{failed} {call}")).collect();
        let failed = failed.join(", ");
        write!(
            f,
            "{rounds} processes with EIO ({failed}, whole directories); {offline} partitions offline until the next \
             start; {acknowledged} batches acknowledged and found"
        )
    }
}

impl Done {
    /// Both together.
    pub fn add(&mut self, other: Self) {
        self.rounds += other.rounds;
        self.offline += other.offline;
        self.acknowledged += other.acknowledged;
        for (call, failed) in other.failed {
            *self.failed.entry(call).or_default() += failed;
        }
    }

    fn count(&mut self, offline: usize, acknowledged: u64) {
        self.rounds += 1;
        self.offline += offline;
        self.acknowledged += acknowledged;
    }
}

/// A process, and producers that write to it.
struct Load {
    dir: tempfile::TempDir,
    data_dirs: &'static [&'static str],
    process: Process,
    address: SocketAddr,
    producers: Vec<Producer>,
    writing: JoinSet<(i32, Option<i16>)>,
}

impl Load {
    async fn start(data_dirs: &'static [&'static str]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (process, address) = serve_from(dir.path(), data_dirs, &[], &[]);
        let mut client = Client::connect(address).await;
        client.create_topic("eio", PARTITIONS, &[]).await;
        let producers = Producer::for_each(&mut client, "eio", PARTITIONS).await;
        let mut load = Self { dir, data_dirs, process, address, producers, writing: JoinSet::new() };
        for producer in load.producers.clone() {
            let partition = producer.partition();
            load.writing.spawn(async move { (partition, producer.write_until_refused(address).await) });
        }
        assert!(load.refused().await.is_empty());
        load
    }

    fn log(&self, data_dir: &str, partition: i32) -> PathBuf {
        let dir: &Path = self.dir.path();
        dir.join(format!("{data_dir}/eio-{partition}/00000000000000000000.log"))
    }

    fn trace(&self, calls: &str, when: Option<u64>, paths: &[PathBuf]) -> Tracer {
        Tracer::attach(self.process.id(), self.dir.path().join("strace"), calls, when, paths)
    }

    /// One call of each thread fails, if it comes.
    async fn fail_once(&self, call: &str, when: u64) -> Failed {
        let tracer = self.trace(call, Some(when), &[]);
        until(CALL_COMES, || tracer.injected() > 0).await;
        tracer.detach()
    }

    /// The first flush of many logs together fails, which is made to come: after a stop everybody's batches are there at
    /// once, and nothing else waits to be written (`docs/decisions/005`).
    async fn fail_together(&self) -> Failed {
        let tracer = self.trace(TOGETHER, None, &[]);
        let mut next_stop = Instant::now();
        let came = until(PATIENCE, || {
            if Instant::now() >= next_stop {
                self.process.signal(Signal::STOP);
                rustix::fs::sync();
                self.process.signal(Signal::CONT);
                next_stop = Instant::now() + STOP_AGAIN;
            }
            tracer.injected() > 0
        });
        assert!(came.await, "many logs are not flushed together");
        let failed = tracer.detach();
        assert_eq!(failed.seen, 1, "once it has failed it is not used again");
        failed
    }

    /// Waits until every partition has taken more, or has refused its producer; answers those that have.
    async fn refused(&mut self) -> Vec<i32> {
        let before: BTreeMap<_, _> =
            self.producers.iter().map(|p| (p.partition(), p.acknowledged())).collect();
        let mut refused = Vec::new();
        let (writing, producers) = (&mut self.writing, &self.producers);
        let settled = until(PATIENCE, || {
            while let Some(ended) = writing.try_join_next() {
                let (partition, error) = ended.expect("producers do not panic");
                assert_eq!(error, Some(ErrorCode::KafkaStorageError.code()), "partition {partition}");
                refused.push(partition);
            }
            // More than what may have been on its way when the call failed.
            let moved = |p: &Producer| p.acknowledged() > before[&p.partition()] + 2 * IN_FLIGHT;
            producers.iter().all(|producer| refused.contains(&producer.partition()) || moved(producer))
        });
        assert!(settled.await, "a partition stands still; these are offline: {refused:?}");
        refused.sort_unstable();
        refused
    }

    /// Those that were refused once are refused for ever.
    async fn stay_offline(&self, refused: &[i32]) {
        let mut client = Client::connect(self.address).await;
        for partition in refused {
            for _ in 0..3 {
                let answer = client.produce("eio", *partition, -1, crate::batch::values(&["late"])).await;
                let error = answer.responses[0].partition_responses[0].error_code;
                assert_eq!(error, ErrorCode::KafkaStorageError.code(), "partition {partition}");
            }
        }
    }

    /// Kills it and starts it again: everything that was acknowledged is there, and every partition takes more. Answers
    /// how much was there.
    async fn restarted(mut self, refused: &[i32]) -> u64 {
        self.process.signal(Signal::KILL);
        self.process.wait();
        while let Some(ended) = self.writing.join_next().await {
            let (partition, error) = ended.expect("producers do not panic");
            assert_eq!(error, None, "partition {partition} was refused late; before: {refused:?}");
        }
        let (_process, address) = serve_from(self.dir.path(), self.data_dirs, &[], &[]);
        let mut client = Client::connect(address).await;
        let mut acknowledged = 0;
        for producer in &self.producers {
            let there = producer.check(&mut client, producer.acknowledged()).await;
            assert!(there <= producer.acknowledged() + IN_FLIGHT);
            acknowledged += u64::from(producer.acknowledged().unsigned_abs());
            producer.go_on_from(there);
            let (partition, producer) = (producer.partition(), producer.clone());
            self.writing.spawn(async move { (partition, producer.write_until_refused(address).await) });
        }
        assert!(self.refused().await.is_empty());
        acknowledged
    }
}
