//! A broker process that is killed again and again while producers write to it.

use std::time::{Duration, Instant};

use gracchus_base::Entropy;
use tokio::task::JoinSet;

use crate::Client;
use crate::ledger::{IN_FLIGHT, Producer};
use crate::process::{Signal, serve};

/// Partitions, each with a producer of its own.
const PARTITIONS: i32 = 4;

/// How long a round lasts at most before the process is killed.
const ROUND_MAX_MS: u64 = 400;

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub kills: u32,
    /// Batches that were acknowledged.
    pub acknowledged: u64,
    /// Of the starts after a kill.
    pub slowest_start: Duration,
}

/// Kills the broker `kills` times, at moments that the seed decides; after each start every acknowledged batch must be
/// there, once, in order, at its offset.
///
/// # Panics
/// When something is lost, doubled or out of order.
pub async fn run(kills: u32, seed: u64) -> Done {
    let chance = Entropy::seeded(seed);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (mut process, mut address) = serve(dir.path(), &[]);
    let mut client = Client::connect(address).await;
    client.create_topic("killed", PARTITIONS, &[]).await;
    let producers = Producer::for_each(&mut client, "killed", PARTITIONS).await;
    let mut done = Done::default();
    for _ in 0..kills {
        let mut writing = JoinSet::new();
        producers.iter().for_each(|producer| drop(writing.spawn(producer.clone().write(address))));
        let round = Duration::from_millis(5 + chance.next_u64() % ROUND_MAX_MS);
        drop(tokio::time::timeout(round, std::future::pending::<()>()).await);
        process.signal(Signal::KILL);
        process.wait();
        writing.join_all().await;
        let began = Instant::now();
        (process, address) = serve(dir.path(), &[]);
        done.slowest_start = done.slowest_start.max(began.elapsed());
        done.kills += 1;
        let mut client = Client::connect(address).await;
        for producer in &producers {
            let acknowledged = producer.acknowledged();
            let there = producer.check(&mut client, acknowledged).await;
            assert!(there <= acknowledged + IN_FLIGHT, "{there} of {acknowledged}");
            producer.go_on_from(there);
        }
    }
    done.acknowledged =
        producers.iter().map(|producer| u64::from(producer.acknowledged().unsigned_abs())).sum();
    done
}
