//! What the program does besides a run: replays against a broker that is there already, and serves as the limit.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Subcommand;

use crate::BenchError;
use crate::control::Control;
use crate::limit::{self, ServerArguments};
use crate::process_usage::ProcessUsage;
use crate::replay::frame::BatchShape;
use crate::replay::{Amount, Outcome, ProduceReplay};

#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Replay Produce requests against a broker that runs already, for profiling
    Replay(ReplayArguments),
    /// The machine's own limit as a server; started by the runs
    #[command(hide = true)]
    LimitServer(ServerArguments),
}

#[derive(Clone, Debug, clap::Args)]
pub struct ReplayArguments {
    #[arg(long, default_value = "127.0.0.1:9092")]
    address: SocketAddr,
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
    #[arg(long, default_value_t = 6)]
    partitions: usize,
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Requests a second over all connections, instead of as many as are answered
    #[arg(long)]
    rate: Option<f64>,
    /// The broker's process, to show its CPU
    #[arg(long)]
    pid: Option<i32>,
    /// What listens there has no topics: it is the limit server
    #[arg(long)]
    no_topic: bool,
}

impl Command {
    pub fn run(self) -> Result<(), BenchError> {
        match self {
            Command::Replay(arguments) => arguments.run(),
            Command::LimitServer(arguments) => Ok(limit::serve(arguments)?),
        }
    }
}

impl ReplayArguments {
    fn run(&self) -> Result<(), BenchError> {
        let batch =
            self.one_record.map_or_else(|| BatchShape::of_bytes(self.batch_bytes), BatchShape::one_record);
        let replay = ProduceReplay {
            batch,
            partitions: self.partitions,
            connections: self.connections,
            in_flight: self.in_flight,
            amount: Amount::Time(Duration::from_secs_f64(self.seconds)),
            rate: self.rate,
        };
        let topic = format!("replay-{}", std::process::id());
        let mut control = if self.no_topic { None } else { Some(Control::connect(self.address)?) };
        if let Some(control) = &mut control {
            control.create_topic(&topic, self.partitions as i32, &[])?;
        }
        let usage = || self.pid.map(ProcessUsage::of).transpose();
        let before = usage()?;
        let outcome = replay.run(self.address, &topic)?;
        let cpu = usage()?.zip(before).map(|(after, before)| after.cpu - before.cpu);
        show(&outcome, cpu);
        match &mut control {
            Some(control) => control.delete_topic(&topic),
            None => Ok(()),
        }
    }
}

fn show(outcome: &Outcome, cpu: Option<Duration>) {
    let seconds = outcome.took.as_secs_f64();
    let (requests, bytes) = (outcome.requests as f64, outcome.bytes as f64);
    println!("{:.0} requests/s, {:.1} MB/s", requests / seconds, bytes / seconds / 1e6);
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| outcome.latencies.quantile_ms(share));
    println!(
        "latency ms: average {:.3}, p50 {p50:.3}, p99 {p99:.3}, p99.9 {p999:.3}",
        outcome.latencies.average_ms()
    );
    if let Some(cpu) = cpu.as_ref().map(Duration::as_secs_f64) {
        let (each, gigabyte) = (cpu * 1e6 / requests, cpu * 1e9 / bytes);
        println!("CPU: {each:.1} us a request, {gigabyte:.2} s/GB, {:.0} % of a core", 100.0 * cpu / seconds);
    }
}
