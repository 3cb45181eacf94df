//! Thousands of connections that come and go, while a legitimate client measures how long it waits.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use gracchus_wire::Request;
use gracchus_wire::messages::ApiVersionsRequest;
use tokio::task::JoinSet;

use super::timed::{TOPIC, Timed, p99};
use super::{PATIENCE, until};
use crate::Client;
use crate::process::{Process, serve};

/// Connections that are open at a time.
const AT_A_TIME: usize = 200;

/// What may be resident more than before the crowd: what the allocator keeps.
const GROWN_BYTES_MAX: u64 = 4 << 20;

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    pub connections: usize,
    pub took: Duration,
    /// The 99th percentile of Produce and Fetch without the crowd, and with it.
    pub produce_p99: [Duration; 2],
    pub fetch_p99: [Duration; 2],
    /// Resident memory before the crowd, at most, and after it.
    pub memory_bytes: [u64; 3],
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connections, took, produce_p99, fetch_p99, memory_bytes } = self;
        let [produce, fetch] = [produce_p99, fetch_p99].map(|p99| p99.map(|time| time.as_micros()));
        let [before, peak, after] = memory_bytes.map(|bytes| bytes >> 10);
        write!(
            f,
            "{connections} connections came and went in {:.1} s; p99 of Produce {} us before and {} us meanwhile, of \
             Fetch {} us and {} us; {before} KiB resident before, at most {peak}, {after} after",
            took.as_secs_f64(),
            produce[0],
            produce[1],
            fetch[0],
            fetch[1],
        )
    }
}

/// Opens and closes so many connections.
///
/// # Panics
/// When a client is not served, or memory does not come back.
pub async fn run(connections: usize) -> Done {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (process, address) = serve(dir.path(), &[]);
    let mut client = Client::connect(address).await;
    client.create_topic(TOPIC, 1, &[]).await;
    // What a first crowd takes for good is not counted.
    crowd(address, AT_A_TIME * 4).await;
    let mut timed = Timed::default();
    timed.often(&mut client).await;
    let (produce_before, fetch_before) = (p99(&mut timed.produce), p99(&mut timed.fetch));
    let before = process.memory_bytes();

    let began = Instant::now();
    let coming = tokio::spawn(crowd(address, connections));
    let mut with_crowd = timed.anew();
    while !coming.is_finished() {
        with_crowd.once(&mut client).await;
    }
    coming.await.expect("everyone in the crowd is served");
    let took = began.elapsed();
    let peak = process.memory_peak_bytes();
    let is_back = || process.memory_bytes() <= before + GROWN_BYTES_MAX;
    let came_back = until(PATIENCE, is_back).await;
    assert!(came_back, "{} bytes, {before} before", process.memory_bytes());
    assert!(until(PATIENCE, || files_are_back(&process)).await, "{} files", process.open_files());
    Done {
        connections,
        took,
        produce_p99: [produce_before, p99(&mut with_crowd.produce)],
        fetch_p99: [fetch_before, p99(&mut with_crowd.fetch)],
        memory_bytes: [before, peak, process.memory_bytes()],
    }
}

/// The crowd has left no sockets.
fn files_are_back(process: &Process) -> bool {
    process.open_files() < AT_A_TIME
}

/// Opens and closes connections: two of three ask something first, of those one hangs up without the answer.
async fn crowd(address: SocketAddr, connections: usize) {
    let mut open = JoinSet::new();
    for n in 0..connections {
        if open.len() >= AT_A_TIME {
            open.join_next().await.expect("some are open").expect("it was served");
        }
        open.spawn(async move {
            let mut one = Client::connect(address).await;
            if n % 3 > 0 {
                one.send(0, &Request::ApiVersions(ApiVersionsRequest::default())).await;
            }
            if n % 3 > 1 {
                assert!(one.receive_raw().await.is_some(), "an answer");
            }
        });
    }
    while let Some(one) = open.join_next().await {
        one.expect("it was served");
    }
}
