//! What the protocol tests share: a broker in this process, and a client that speaks frames.
//!
//! Nothing here knows what an answer should be; that is the tests' business.

pub mod batch;
pub mod broker_simulation;
pub mod client;
pub mod crash_points;
pub mod faults;
pub mod fuzz;
pub mod jumping_clock;
pub mod kill_loop;
pub mod ledger;
pub mod mutants;
pub mod power_cuts;
pub mod process;
pub mod seeds;
pub mod soak;
pub mod typed;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use gracchus_broker::{Broker, MemoryUsage, Options, System};
use gracchus_state::config::{BrokerConfig, Settings};
use tempfile::TempDir;

pub use client::Client;

use jumping_clock::JumpingClock;

/// A broker in this process, on a free port and in a directory of its own.
pub struct TestBroker {
    broker: Option<Broker>,
    dir: TempDir,
    settings: Settings,
    clock: JumpingClock,
}

impl TestBroker {
    /// A broker with the defaults, except that groups do not wait for more members.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with settings on top.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut all = Settings::new();
        all.insert("listeners".into(), "PLAINTEXT://127.0.0.1:0".into());
        all.insert("log.dirs".into(), dir.path().display().to_string());
        all.insert("group.initial.rebalance.delay.ms".into(), "0".into());
        all.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut broker = Self { broker: None, dir, settings: all, clock: JumpingClock::new() };
        broker.boot().await;
        broker
    }

    /// Stops it in good order and starts it again on its data, on another port.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.boot().await;
    }

    /// Stops it in good order; the data stays until this is dropped.
    pub async fn stop(&mut self) {
        if let Some(broker) = self.broker.take() {
            broker.shutdown().await;
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.broker.as_ref().expect("the broker runs").addresses()[0]
    }

    /// Where it listens, in the order of the listeners.
    pub fn addresses(&self) -> &[SocketAddr] {
        self.broker.as_ref().expect("the broker runs").addresses()
    }

    /// Sets its time of day forward by so many milliseconds, or back.
    pub fn jump(&self, by_ms: i64) {
        self.clock.jump(by_ms);
    }

    /// What it holds for its clients.
    pub fn memory(&self) -> MemoryUsage {
        self.broker.as_ref().expect("the broker runs").memory()
    }

    /// Waits until what it holds is as expected.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn until_memory(&self, expected: impl Fn(&MemoryUsage) -> bool) -> MemoryUsage {
        let mut looks = tokio::time::interval(Duration::from_millis(10));
        for _ in 0..2000 {
            looks.tick().await;
            let memory = self.memory();
            if expected(&memory) {
                return memory;
            }
        }
        panic!("not as expected: {}", self.memory());
    }

    /// Its data directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A new connection to it.
    pub async fn client(&self) -> Client {
        Client::connect(self.address()).await
    }

    async fn boot(&mut self) {
        let config = BrokerConfig::from_settings(&self.settings).expect("settings of a test are right");
        let system = System { clock: self.clock.handle(), ..System::real() };
        let options = Options { config, ephemeral: false, cluster_id: None, system };
        self.broker = Some(Broker::start(options).await.expect("the broker starts"));
    }
}
