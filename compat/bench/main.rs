//! Measures this broker beside Apache Kafka 4.3.1 and beside the limit of the machine, in one interleaved run, and
//! writes `docs/BENCHMARKS.md` with its charts.
//!
//! `cargo run --release -p compat-bench -- --help`

#![expect(unsafe_code, reason = "librdkafka and the counters of the system are C")]

mod client;
mod commands;
mod crowd;
mod due;
mod free_memory;
mod guards;
mod histogram;
mod limit;
mod machine;
mod meter;
mod process_usage;
mod protocol_client;
mod provenance;
mod replay;
mod report;
mod results;
mod run;
mod subject;
mod workload;
mod workloads;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use compat_harness::{Jars, StartError};
use report::ReportArguments;

/// Why a run ended without a result.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error("{0}")]
    Failed(String),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("the results' file: {0}")]
    Json(#[from] serde_json::Error),
    #[error("librdkafka: {0}")]
    Client(#[from] rdkafka::error::KafkaError),
}

const ABOUT: &str = "Measures the broker beside Apache Kafka and beside the machine's own limit";
const EXAMPLES: &str = "\
Each workload starts its subjects on empty directories, runs a round of each that is not kept, then the rounds that
are, in turn (A B C A B C ...). Figures go to stderr, samples into the results' file; a workload that is run again
replaces its own samples there. A round fails if a record is refused or not stored; then its workload has no samples
any more, the next one goes on, and the run ends with exit code 1 and a line for each that failed.

At full size a run takes one to two hours, of which `soak` takes 21 minutes; each workload says at its end how long it
took. The machine should do nothing else meanwhile.

Examples:
  compat-bench                                           everything, at full size (one to two hours)
  compat-bench --only client-produce --rounds 1          some workloads, one round of each that is kept
  compat-bench --only client --scale 0.1 --subject reference --subject flushed

Environment:
  GRACCHUS_BIN   the broker to measure; otherwise the one beside this program, built first if it is stale
  COMPAT_LIBS    a folder with the reference's jars; otherwise Maven fetches them
  TMPDIR         where the brokers keep their data: some 25 GB, on the disk that is to be measured";

#[derive(Debug, Parser)]
#[command(about = ABOUT, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<commands::Command>,
    /// Run only the workloads whose names begin so (several times)
    #[arg(long)]
    only: Vec<String>,
    /// Run only these subjects: reference, relaxed, flushed, limit-relaxed, limit-flushed (several times)
    #[arg(long)]
    subject: Vec<String>,
    /// Rounds that are kept, instead of each workload's own number
    #[arg(long)]
    rounds: Option<u32>,
    /// Part of the full size, to try things out
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Where the samples are kept
    #[arg(long, default_value = "target/bench-results.json")]
    results: PathBuf,
    /// Write the report once the run has ended
    #[arg(long)]
    write: bool,
    /// List the workloads and end
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), BenchError> {
    if let Some(command) = arguments.command {
        return command.run();
    }
    let mut workloads = workload::all();
    if !arguments.only.is_empty() {
        workloads.retain(|workload| arguments.only.iter().any(|name| workload.name.starts_with(name)));
    }
    if arguments.list {
        for workload in workloads {
            println!("{}: {}", workload.name, workload.about);
        }
        return Ok(());
    }
    if workloads.is_empty() {
        return Err(BenchError::Failed("no workload has such a name; --list shows them".into()));
    }
    guards::refuse_debug_builds()?;
    guards::warn_if_busy()?;
    let jars = Jars::find_or_fetch().map_err(BenchError::Failed)?;
    let plan = run::Plan {
        workloads,
        scale: arguments.scale,
        rounds: arguments.rounds,
        subjects: arguments
            .subject
            .iter()
            .map(|name| subject::Subject::parse(name))
            .collect::<Result<_, _>>()?,
    };
    let failed = run::run(&plan, &jars, &arguments.results)?;
    if arguments.write {
        ReportArguments::of(&arguments.results).run(&workload::all())?;
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(BenchError::Failed(format!("{} workloads failed\n{}", failed.len(), failed.join("\n"))))
}
