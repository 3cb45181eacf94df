//! Runs workloads: all subjects at once, round by round (A B C A B C …), so that what the machine does meanwhile hits
//! all of them alike.

use std::fs;
use std::path::Path;
use std::time::Instant;

use compat_harness::Jars;

use crate::BenchError;
use crate::provenance::Provenance;
use crate::results::{Results, Sample};
use crate::subject::{Running, Subject};
use crate::workload::{Context, Workload};

/// What of the table to run, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    pub workloads: Vec<Workload>,
    pub scale: f64,
    /// Instead of each workload's own number.
    pub rounds: Option<u32>,
    /// Only these; empty: all that a workload names.
    pub subjects: Vec<Subject>,
}

/// Runs the plan; after each workload the samples replace that workload's old ones in `file`, so that a run which is cut
/// off loses one workload at most. One that fails loses its old samples too, which would pass for new ones, and the next
/// one goes on; returns why, a line for each that failed.
pub fn run(plan: &Plan, jars: &Jars, file: &Path) -> Result<Vec<String>, BenchError> {
    let mut results = load(file)?;
    let mut context = Context { jars: jars.clone(), round: 0, is_warm_up: true, scale: plan.scale };
    let mut failed = Vec::new();
    for workload in &plan.workloads {
        eprintln!("{}: {}", workload.name, workload.about);
        let (begun, provenance) = (Instant::now(), Provenance::now(plan.scale));
        results.forget(workload.name);
        match run_one(plan, workload, &mut context) {
            Ok(samples) => results.add(workload.name, samples, provenance),
            Err(error) => {
                let line = format!("{}: {error}", workload.name);
                eprintln!("  failed: {line}");
                failed.push(line);
            }
        }
        fs::write(file, serde_json::to_vec_pretty(&results)?)?;
        eprintln!("  {:.0} s", begun.elapsed().as_secs_f64());
    }
    Ok(failed)
}

/// What earlier runs left in `file`.
pub fn load(file: &Path) -> Result<Results, BenchError> {
    Ok(if file.exists() { serde_json::from_slice(&fs::read(file)?)? } else { Results::default() })
}

fn run_one(plan: &Plan, workload: &Workload, context: &mut Context) -> Result<Vec<Sample>, BenchError> {
    let wanted = |subject: &&Subject| plan.subjects.is_empty() || plan.subjects.contains(subject);
    let mut subjects = Vec::new();
    for subject in workload.subjects.iter().filter(wanted) {
        subjects.push(Running::start(*subject, &context.jars, workload.settings)?);
    }
    let mut samples = Vec::new();
    let first = if workload.warm_up { 0 } else { 1 };
    for round in first..=plan.rounds.unwrap_or(workload.rounds) {
        context.is_warm_up = round == 0;
        for running in &mut subjects {
            context.round += 1;
            let measured = (workload.round)(running, context)?;
            // What one subject left in the page cache must not be written back at the expense of the next.
            rustix::fs::sync();
            for (part, values) in measured {
                let kept = if round == 0 { "warm-up" } else { "kept" };
                eprintln!("  {kept} {round} {} {part} {values:?}", running.subject().label());
                let (workload, subject) = (workload.name.to_owned(), running.subject());
                if round > 0 {
                    samples.push(Sample { workload, part, subject, round, values });
                }
            }
        }
    }
    // Nor must what is removed with their directories, which is much after thousands of partitions.
    drop(subjects);
    rustix::fs::sync();
    Ok(samples)
}
