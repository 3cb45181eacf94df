//! What the program does besides a run: replays against a broker that is there already, and serves as the limit.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Subcommand;

use crate::BenchError;
use crate::histogram::Histogram;
use crate::limit::{self, ServerArguments};
use crate::process_usage::ProcessUsage;
use crate::protocol_client::ProtocolClient;
use crate::replay::frame::BatchShape;
use crate::replay::{Amount, FetchReplay, ProduceReplay, Wanted};
use crate::report::ReportArguments;
use crate::workload;

#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Write docs/BENCHMARKS.md and its charts from what runs have kept
    Report(ReportArguments),
    /// Replay Produce requests against a broker that runs already, for profiling
    Replay(ProduceArguments),
    /// Replay Fetch requests against a broker that runs already, for profiling
    FetchReplay(FetchArguments),
    /// The machine's own limit as a server; started by the runs
    #[command(hide = true)]
    LimitServer(ServerArguments),
}

#[derive(Clone, Debug, clap::Args)]
pub struct ProduceArguments {
    #[command(flatten)]
    target: Target,
    /// Bytes of a batch, filled with records of 1 KB
    #[arg(long, default_value_t = 16384)]
    batch_bytes: usize,
    /// Instead: one record of so many bytes
    #[arg(long)]
    one_record: Option<usize>,
    #[arg(long, default_value_t = 6)]
    connections: usize,
    #[arg(long, default_value_t = 5)]
    in_flight: usize,
    /// Requests a second over all connections, instead of as many as are answered
    #[arg(long)]
    rate: Option<f64>,
}

#[derive(Clone, Debug, clap::Args)]
pub struct FetchArguments {
    #[command(flatten)]
    target: Target,
    /// What the topic is filled with if it is empty, in 10^6 bytes
    #[arg(long, default_value_t = 2000)]
    megabytes: u64,
    /// Bytes of a batch it is filled with
    #[arg(long, default_value_t = 65536)]
    batch_bytes: usize,
    #[arg(long, default_value_t = 2)]
    connections: usize,
    /// Most bytes of a partition in an answer
    #[arg(long, default_value_t = 1024 * 1024)]
    partition_bytes: i32,
}

/// What is replayed against.
#[derive(Clone, Debug, clap::Args)]
struct Target {
    #[arg(long, default_value = "127.0.0.1:9092")]
    address: SocketAddr,
    /// Its process, to show its CPU
    #[arg(long)]
    pid: Option<i32>,
    /// A topic that stays, made if it is not there; else one is made and deleted again
    #[arg(long)]
    topic: Option<String>,
    #[arg(long, default_value_t = 6)]
    partitions: usize,
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// What listens there is a limit server, which has no topics
    #[arg(long, hide = true)]
    limit: bool,
}

impl Command {
    pub fn run(self) -> Result<(), BenchError> {
        match self {
            Command::Report(arguments) => arguments.run(&workload::all()),
            Command::Replay(arguments) => arguments.run(),
            Command::FetchReplay(arguments) => arguments.run(),
            Command::LimitServer(arguments) => Ok(limit::serve(arguments)?),
        }
    }
}

impl ProduceArguments {
    fn run(&self) -> Result<(), BenchError> {
        let batch =
            self.one_record.map_or_else(|| BatchShape::of_bytes(self.batch_bytes), BatchShape::one_record);
        let replay = ProduceReplay {
            batch,
            partitions: self.target.partitions,
            connections: self.connections,
            in_flight: self.in_flight,
            amount: Amount::Time(self.target.time()),
            rate: self.rate,
        };
        self.target.with_topic(|topic, _| {
            let before = self.target.cpu()?;
            let done = replay.run(self.target.address, topic)?;
            let cpu = self.target.cpu()?.zip(before).map(|(after, before)| after - before);
            show(done.took, done.requests, done.bytes, &done.latencies);
            show_cpu(cpu, done.took, done.requests, done.bytes);
            Ok(())
        })
    }
}

impl FetchArguments {
    fn run(&self) -> Result<(), BenchError> {
        let batch = BatchShape::of_bytes(self.batch_bytes);
        let requests = self.megabytes * 1_000_000 / self.batch_bytes as u64;
        let fill = ProduceReplay::of_requests(batch, self.target.partitions, requests);
        let wanted = Wanted { partition_bytes: self.partition_bytes, ..Wanted::default() };
        let replay = FetchReplay { connections: self.connections, time: self.target.time(), wanted };
        self.target.with_topic(|topic, mut end_offsets| {
            if end_offsets.iter().all(|end| *end == 0) {
                end_offsets = fill.run(self.target.address, topic)?.end_offsets;
                eprintln!("filled: the partitions end at {end_offsets:?}");
            }
            let before = self.target.cpu()?;
            let done = replay.run(self.target.address, topic, &end_offsets)?;
            let cpu = self.target.cpu()?.zip(before).map(|(after, before)| after - before);
            show(done.took, done.latencies.count(), done.bytes, &done.latencies);
            show_cpu(cpu, done.took, done.latencies.count(), done.bytes);
            Ok(())
        })
    }
}

impl Target {
    fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    fn cpu(&self) -> Result<Option<Duration>, BenchError> {
        Ok(self.pid.map(ProcessUsage::of).transpose()?.map(|usage| usage.cpu))
    }

    /// Runs `measure` with a topic and the end offsets of its partitions.
    fn with_topic(
        &self,
        measure: impl FnOnce(&str, Vec<i64>) -> Result<(), BenchError>,
    ) -> Result<(), BenchError> {
        let own = format!("replay-{}", std::process::id());
        let topic = self.topic.as_deref().unwrap_or(&own);
        let mut client = ProtocolClient::connect(self.address)?;
        if self.limit {
            measure(topic, vec![0; self.partitions])?;
            return client.delete_topic(topic);
        }
        let partitions = self.partitions as i32;
        if self.topic.is_none() || client.end_offsets(topic, partitions).is_err() {
            client.create_topic_with_leaders(topic, partitions, &[])?;
        }
        let measured = measure(topic, client.end_offsets(topic, partitions)?);
        if self.topic.is_none() {
            client.delete_topic(topic)?;
        }
        measured
    }
}

fn show(took: Duration, requests: u64, bytes: u64, latencies: &Histogram) {
    let (seconds, megabytes) = (took.as_secs_f64(), bytes as f64 / 1e6);
    println!("{:.0} requests/s, {:.1} MB/s", requests as f64 / seconds, megabytes / seconds);
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| latencies.quantile_ms(share));
    println!(
        "latency ms: average {:.3}, p50 {p50:.3}, p99 {p99:.3}, p99.9 {p999:.3}",
        latencies.average_ms()
    );
}

fn show_cpu(cpu: Option<Duration>, took: Duration, requests: u64, bytes: u64) {
    if let Some(cpu) = cpu.as_ref().map(Duration::as_secs_f64) {
        let (each, gigabyte) = (cpu * 1e6 / requests as f64, cpu * 1e9 / bytes as f64);
        let share = 100.0 * cpu / took.as_secs_f64();
        println!("CPU: {each:.1} us a request, {gigabyte:.2} s/GB, {share:.0} % of a core");
    }
}
