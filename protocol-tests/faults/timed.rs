//! A legitimate client that measures how long it waits.

use std::time::{Duration, Instant};

use crate::ledger::fetch;
use crate::{Client, batch};

/// Its topic, of one partition.
pub const TOPIC: &str = "legitimate";

/// Produce and Fetch requests that are timed before something comes; while it is there as many as there is time for.
const TIMED: usize = 2000;

/// How long it has waited.
#[derive(Default)]
pub struct Timed {
    pub produce: Vec<Duration>,
    pub fetch: Vec<Duration>,
    offset: i64,
}

impl Timed {
    /// Produces a record and fetches it.
    pub async fn once(&mut self, client: &mut Client) {
        let began = Instant::now();
        let answer = client.produce(TOPIC, 0, -1, batch::values(&["x"])).await;
        self.produce.push(began.elapsed());
        let answer = &answer.responses[0].partition_responses[0];
        assert_eq!((answer.error_code, answer.base_offset), (0, self.offset));
        let began = Instant::now();
        assert_eq!(fetch(client, TOPIC, 0, self.offset).await.len(), 1);
        self.fetch.push(began.elapsed());
        self.offset += 1;
    }

    /// The same many times.
    pub async fn often(&mut self, client: &mut Client) {
        for _ in 0..TIMED {
            self.once(client).await;
        }
    }

    /// One that goes on behind what is there, and has not waited yet.
    pub fn anew(&self) -> Self {
        Self { offset: self.offset, ..Self::default() }
    }
}

/// The 99th percentile.
pub fn p99(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() * 99 / 100]
}
