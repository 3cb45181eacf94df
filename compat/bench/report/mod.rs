//! Turns the results' file into `docs/BENCHMARKS.md` and its charts. Whatever the file does not hold is said to be not
//! measured; nothing here measures, and the same results always give the same report.

mod chart;
mod goals;
mod notes;
mod rows;
mod series;
mod summary;
mod tables;
mod units;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::BenchError;
use crate::results::Results;
use crate::workload::Workload;
use chart::Chart;
use notes::Notes;
use rows::ROWS;
use tables::Sources;

/// The folder of the charts and the notes, below that of the docs.
const FOLDER: &str = "benchmarks";

const HEAD: &str = "\
# Benchmarks

Gracchus beside Apache Kafka 4.3.1 and beside what the machine can do at all: the same client, the same commands, the same machine, \
rounds that alternate (A B A B …). A figure is the median of the rounds, with the least and the most of them in parentheses. \
MB are 10⁶ bytes of records; CPU and memory are those of the broker's process.

**Durability.** *Flushed* is the default: a record is on the disk before it is acknowledged. *Relaxed* \
(`log.flush.before.ack=false`) acknowledges from the page cache, as Apache Kafka does (*unflushed*). The *limit* is a server that \
does nothing but read the socket, check CRC32C, write, flush if it is the flushed one, and answer. Where the disk is the limit, a \
flushed goal is the smaller of what it says and 0.75 of the flushed limit.

Written by `cargo run --release -p compat-bench -- report` from the results of a run \
(`cargo run --release -p compat-bench`, one to two hours; `--only` takes some workloads). What is said about rows that are not met stands in \
[benchmarks/notes.md](benchmarks/notes.md).
";

/// What the report is made of and where it goes.
#[derive(Clone, Debug, clap::Args)]
pub struct ReportArguments {
    /// Where a run kept its samples
    #[arg(long, default_value = "target/bench-results.json")]
    results: PathBuf,
    /// Folder that receives BENCHMARKS.md and benchmarks/*.svg, and holds benchmarks/notes.md
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs"))]
    docs: PathBuf,
}

impl ReportArguments {
    /// Into the docs of this repository.
    pub fn of(results: &Path) -> ReportArguments {
        let docs = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs"));
        ReportArguments { results: results.to_owned(), docs }
    }

    /// Writes the report.
    pub fn run(&self, workloads: &[Workload]) -> Result<(), BenchError> {
        if !self.results.exists() {
            let path = self.results.display();
            return Err(BenchError::Failed(format!("there are no results in {path}: run the bench first")));
        }
        let results = crate::run::load(&self.results)?;
        let folder = self.docs.join(FOLDER);
        let notes = Notes::parse(&read_if_there(&folder.join("notes.md"))?);
        warn(&results, &notes);
        fs::create_dir_all(&folder)?;
        let charts = chart::all(&results);
        write_charts(&charts, &folder)?;
        let sources = Sources { results: &results, workloads, notes: &notes };
        fs::write(self.docs.join("BENCHMARKS.md"), markdown(sources, &charts))?;
        eprintln!("wrote {} and {} charts", self.docs.join("BENCHMARKS.md").display(), charts.len());
        Ok(())
    }
}

fn read_if_there(path: &Path) -> Result<String, BenchError> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => Ok(read?),
    }
}

/// A chart whose workloads are no longer measured goes, so that the folder holds what the page shows.
fn write_charts(charts: &[Chart], folder: &Path) -> Result<(), BenchError> {
    for name in chart::NAMES {
        let path = folder.join(format!("{name}.svg"));
        match charts.iter().find(|chart| chart.name == *name) {
            Some(chart) => fs::write(path, &chart.svg)?,
            None if path.exists() => fs::remove_file(path)?,
            None => {}
        }
    }
    Ok(())
}

/// What a reader would not notice: goals that name what no workload measures, notes that belong to none.
fn warn(results: &Results, notes: &Notes) {
    let measured = results.workloads();
    for row in ROWS.iter().filter(|row| measured.contains(&row.workload)) {
        for goal in row.goals {
            if goal.evaluate(row.workload, results).verdict == goals::Verdict::NotMeasured {
                eprintln!("warning: {}: no figures for {} ({:?})", row.workload, goal.text(), goal.metric);
            }
        }
    }
    for name in notes.workloads().filter(|name| !ROWS.iter().any(|row| row.workload == *name)) {
        eprintln!("warning: the notes have a section {name:?}, which is no workload");
    }
}

fn markdown(sources: Sources<'_>, charts: &[Chart]) -> String {
    let mut text = format!("{HEAD}\n{}\n## Summary\n\n", summary::runs(sources.results));
    text.push_str(&summary::count(sources.results));
    text.push_str(&format!("\n{}", summary::table(sources.results)));
    for chart in charts {
        text.push_str(&format!("\n![{}]({FOLDER}/{}.svg)\n", chart.title, chart.name));
    }
    for name in sections(sources.results) {
        text.push_str(&format!("\n{}", tables::section(sources, name)));
    }
    text
}

/// The workloads that something is to be reached in, measured or not, then those that were measured beside them.
fn sections(results: &Results) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for name in ROWS.iter().map(|row| row.workload).chain(results.workloads()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests;
