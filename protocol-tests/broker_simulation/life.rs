//! One life of the broker: it starts on what the last one has left, is checked, serves, and ends.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gracchus_base::Entropy;
use gracchus_broker::{Broker, Execution, Fs, Options, System};
use gracchus_log::fs::sim::{Fault, Op, SimDisk};
use gracchus_state::config::{BrokerConfig, Settings};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::client::Client;
use super::clock::SimClock;
use super::history::History;
use super::producer::{PARTITIONS, PRODUCERS, TOPIC};
use super::{admin, committer, judge, member, producer, reader};

/// Groups of members, and of clients that are none.
const MEMBER_GROUPS: [&str; 2] = ["shared", "other"];
const MEMBERS: usize = 3;
const FREE_GROUP: &str = "free";

/// How long the first topic may take, in a life without trouble.
const TOPIC_IS_MADE: Duration = Duration::from_secs(60);

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// In good order.
    Closed,
    /// The process is gone; the disk has what was written.
    Killed,
    /// The power fails at an operation of the disk, so many after the start began.
    PowerCut { at_op: u64 },
}

impl End {
    pub(super) fn drawn(chance: &Entropy) -> Self {
        match chance.next_u64() % 8 {
            0 => Self::Closed,
            1 => Self::Killed,
            // While it starts, or soon after.
            2 => Self::PowerCut { at_op: chance.next_u64() % 60 },
            _ => Self::PowerCut { at_op: chance.next_u64() % 1500 },
        }
    }

    pub(super) fn is_power_cut(self) -> bool {
        matches!(self, Self::PowerCut { .. })
    }
}

/// Where clients stand that go on from life to life.
#[derive(Default)]
pub(super) struct Positions {
    producers: [Mutex<producer::Position>; PRODUCERS],
    readers: [Mutex<i64>; PARTITIONS as usize],
}

/// What a life is made of.
pub(super) struct Life<'a> {
    pub disk: &'a SimDisk,
    pub chance: &'a Entropy,
    pub clock: &'a SimClock,
    pub history: &'a Arc<History>,
    pub positions: &'a Arc<Positions>,
    /// What the broker logs.
    pub log: &'a mut String,
    pub number: u64,
}

impl Life<'_> {
    /// Lives. In the last life there is no trouble, and everything must get on.
    pub(super) fn live(&mut self, end: End, is_last: bool) -> Result<(), String> {
        let logged = Logged::default();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(logged.clone())
            .with_ansi(false)
            .without_time()
            .with_max_level(tracing::Level::INFO)
            .finish();
        let outcome = tracing::subscriber::with_default(subscriber, || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .map_err(|error| error.to_string())?;
            runtime.block_on(async {
                self.clock.begin_life();
                let lived = self.serve(end, is_last).await;
                self.clock.end_life();
                lived
            })
            // Whatever still runs ends here with the runtime, in the middle of what it does.
        });
        *self.log = logged.text();
        outcome?;
        if self.log.contains("panicked") {
            return Err("the broker panicked".to_owned());
        }
        self.history.violation().map_or(Ok(()), Err)
    }

    async fn serve(&self, end: End, is_last: bool) -> Result<(), String> {
        self.history.saw(|| format!("LIFE {}: {end:?}", self.number));
        let trouble = self.plan_trouble(end, is_last);
        let broker = match self.start().await {
            Ok(broker) => broker,
            Err(_) if trouble => return Ok(()),
            Err(error) => return Err(format!("the broker does not start: {error}")),
        };
        let client = Client {
            connection: broker.connect(),
            chance: Entropy::seeded(self.chance.next_u64()),
            history: self.history.clone(),
        };
        // A failed flush of the metadata log refuses every change until the next start.
        let made = async {
            while !admin::create(&client, TOPIC, PARTITIONS).await && !self.is_over() {
                client.rest(100).await;
            }
        };
        if timeout(TOPIC_IS_MADE, made).await.is_err() && is_last {
            return Err("the topic is not made".to_owned());
        }
        judge::check(&client).await;
        let mut clients = JoinSet::new();
        self.let_loose(&client, &mut clients);
        let life_ms = if is_last { 6_000 } else { 2000 + self.chance.next_u64() % 12_000 };
        let _ended = timeout(Duration::from_millis(life_ms), self.watch(&client)).await.is_err();
        if is_last {
            self.all_got_on().await?;
        }
        clients.abort_all();
        while clients
            .join_next()
            .await
            .is_some_and(|ended| ended.is_ok() || ended.is_err_and(|e| e.is_cancelled()))
        {}
        if end == End::Closed {
            drop(client);
            broker.shutdown().await;
        }
        Ok(())
    }

    /// Waits for the end of the life, while the time of day jumps now and then.
    async fn watch(&self, client: &Client) {
        while !self.is_over() {
            sleep(Duration::from_millis(20)).await;
            if client.below(100) == 0 {
                self.clock.jump();
                client.history.saw(|| "the time of day jumps".to_owned());
            }
        }
    }

    /// The power is off, or something does not hold.
    fn is_over(&self) -> bool {
        self.disk.is_dead() || self.history.violation().is_some()
    }

    async fn start(&self) -> Result<Broker, gracchus_broker::StartError> {
        let mut settings = Settings::new();
        for (name, value) in [
            ("log.dirs", "/data"),
            ("num.log.shards", "2"),
            ("offsets.topic.num.partitions", "2"),
            ("group.initial.rebalance.delay.ms", "0"),
            ("log.index.interval.bytes", "300"),
            // Often, so that starts find checkpoints of every age.
            ("log.flush.offset.checkpoint.interval.ms", "500"),
        ] {
            settings.insert(name.into(), value.into());
        }
        let mut config = BrokerConfig::from_settings(&settings).expect("settings of a test are right");
        // Smaller than a setting may be, so that a life sees several segments.
        config.topic_defaults.segment_bytes = 4000;
        // Clients need no socket.
        config.listeners.clear();
        let entropy = Entropy::seeded(self.chance.next_u64());
        let system = System {
            fs: Fs::new(self.disk.clone()),
            clock: self.clock.handle(),
            execution: Execution::Tasks(Entropy::seeded(self.chance.next_u64())),
            entropy,
        };
        Broker::start(Options { config, ephemeral: false, cluster_id: None, system }).await
    }

    /// Decides what will go wrong in this life; answers whether the start may fail of it.
    fn plan_trouble(&self, end: End, is_last: bool) -> bool {
        if is_last {
            return false;
        }
        let begins = self.disk.ops();
        let cut = if let End::PowerCut { at_op } = end { Some(begins + at_op) } else { None };
        let draw = |end: u64| begins + self.chance.next_u64() % end;
        let failing_flush = self.chance.next_u64().is_multiple_of(4).then(|| draw(1500));
        let failing_write = self.chance.next_u64().is_multiple_of(6).then(|| draw(1500));
        let full = self.chance.next_u64().is_multiple_of(4).then(|| draw(1500));
        let full = full.map(|from| from..from + self.chance.next_u64() % 60);
        self.disk.fail(move |n, op, _| {
            let is_flush = matches!(op, Op::SyncData | Op::SyncFs);
            if Some(n) == cut {
                Some(Fault::PowerCut)
            } else if failing_flush.is_some_and(|at| (at..at + 3).contains(&n) && is_flush)
                || failing_write == Some(n) && op == Op::Write
            {
                Some(Fault::Io)
            } else if full.as_ref().is_some_and(|full| full.contains(&n))
                && matches!(op, Op::Write | Op::Create)
            {
                Some(Fault::NoSpace { after: 0 })
            } else {
                None
            }
        });
        true
    }

    fn let_loose(&self, client: &Client, clients: &mut JoinSet<()>) {
        for n in 0..PRODUCERS {
            let (client, positions) = (client.another(), self.positions.clone());
            clients.spawn(async move { producer::write(client, n, &positions.producers[n]).await });
        }
        for partition in 0..PARTITIONS {
            let (client, positions) = (client.another(), self.positions.clone());
            let at = partition as usize;
            clients.spawn(async move { reader::read_on(client, partition, &positions.readers[at]).await });
        }
        for group in MEMBER_GROUPS {
            for _ in 0..MEMBERS {
                clients.spawn(member::take_part(client.another(), group));
            }
        }
        clients.spawn(committer::commit_on(client.another(), FREE_GROUP));
        clients.spawn(admin::make_and_delete(client.another(), self.number));
    }

    /// In a life without trouble every client gets something done.
    async fn all_got_on(&self) -> Result<(), String> {
        let told = self.history.told();
        let waiting = (0..PRODUCERS).find(|n| told.producers.get(n).is_none_or(|sent| sent.acknowledged < 0));
        match waiting {
            Some(producer) => Err(format!("nothing of producer {producer} was ever acknowledged")),
            None => Ok(()),
        }
    }
}

/// What a broker logs, in memory.
#[derive(Clone, Debug, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Logged {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Logged {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
