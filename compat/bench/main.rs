//! Measures this broker beside Apache Kafka 4.3.1 and beside the limit of the machine, in one interleaved run, and
//! writes `docs/BENCHMARKS.md` with its charts.
//!
//! `cargo run --release -p compat-bench -- --help`

mod limit;
mod machine;
mod process_usage;
mod provenance;
mod report;
mod results;
mod run;
mod subject;
mod workload;
mod workloads;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
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

#[derive(Debug, Parser)]
#[command(
    about = "Measures the broker beside Apache Kafka and beside the machine's own limit",
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
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

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Write docs/BENCHMARKS.md and its charts from what runs have kept
    Report(ReportArguments),
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
    if let Some(Command::Report(report)) = arguments.command {
        return report.run(&workload::all());
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
    run::run(&plan, &jars, &arguments.results)?;
    if arguments.write {
        ReportArguments::of(&arguments.results).run(&workload::all())?;
    }
    Ok(())
}
