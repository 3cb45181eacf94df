//! The first page: one line for each row that there is to reach, and where the figures come from.

use crate::provenance::Provenance;
use crate::report::goals::Verdict;
use crate::report::rows::{ROWS, Row};
use crate::report::units::number;
use crate::results::Results;
use crate::subject::Subject;

/// One line a row: figures of the row's headline, and how many of its goals are met.
pub fn table(results: &Results) -> String {
    let mut text = String::from(
        "| | Kafka 4.3.1 | Gracchus, flushed | ratio | Gracchus, relaxed | ratio | to reach | result |\n\
         |---|---:|---:|---:|---:|---:|---|---|\n",
    );
    for row in ROWS {
        let title = match row.headline.0 {
            "" => format!("[{}](#{})", row.title, row.workload),
            part => format!("[{}](#{}) (figures: {part})", row.title, row.workload),
        };
        let cells = [
            title,
            figure(row, results, Subject::Reference),
            figure(row, results, Subject::Flushed),
            ratio(row, results, Subject::Flushed),
            figure(row, results, Subject::Relaxed),
            ratio(row, results, Subject::Relaxed),
            row.reach.to_owned(),
            Tally::of(row, results).text(),
        ];
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text
}

fn median(row: &Row, results: &Results, subject: Subject) -> Option<f64> {
    let (part, metric) = row.headline;
    results.spread(row.workload, part, subject, metric).map(|spread| spread.median)
}

fn figure(row: &Row, results: &Results, subject: Subject) -> String {
    match median(row, results, subject) {
        Some(median) => format!("{} {}", number(median), row.headline.1.unit()),
        None => "not measured".into(),
    }
}

fn ratio(row: &Row, results: &Results, subject: Subject) -> String {
    match (median(row, results, subject), median(row, results, Subject::Reference)) {
        (Some(ours), Some(theirs)) if theirs > 0.0 => number(ours / theirs),
        _ => String::new(),
    }
}

/// The verdicts on the goals of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub met: usize,
    pub not_met: usize,
    pub not_measured: usize,
}

impl Tally {
    /// Of one row; a goal that does not apply is left out.
    pub fn of(row: &Row, results: &Results) -> Tally {
        let mut tally = Tally::default();
        for goal in row.goals {
            match goal.evaluate(row.workload, results).verdict {
                Verdict::Met => tally.met += 1,
                Verdict::NotMet => tally.not_met += 1,
                Verdict::NotMeasured => tally.not_measured += 1,
                Verdict::DoesNotApply => {}
            }
        }
        tally
    }

    /// A row is met if all of its goals are; one that misses a figure is neither met nor, for that, missed.
    pub const fn verdict(self) -> Verdict {
        match self {
            Tally { not_met: 0, not_measured: 0, .. } => Verdict::Met,
            Tally { not_met: 0, .. } => Verdict::NotMeasured,
            _ => Verdict::NotMet,
        }
    }

    fn text(self) -> String {
        let Tally { met, not_met, not_measured } = self;
        match (met, not_met, not_measured) {
            (_, 0, 0) => "**met**".into(),
            (0, 0, _) => "not measured".into(),
            (_, 0, _) => format!("{met} met, {not_measured} not measured"),
            (_, _, 0) => format!("**not met**: {not_met} of {}", met + not_met),
            _ => format!("**not met**: {not_met}; {met} met, {not_measured} not measured"),
        }
    }
}

/// How many rows are met, in a sentence.
pub fn count(results: &Results) -> String {
    let verdicts: Vec<Verdict> = ROWS.iter().map(|row| Tally::of(row, results).verdict()).collect();
    let count = |wanted| verdicts.iter().filter(|verdict| **verdict == wanted).count();
    format!(
        "{} rows: {} met, {} not met, {} not or not fully measured. Ratios are to Kafka's figure: of \
         rates more is better, of everything else less.\n",
        ROWS.len(),
        count(Verdict::Met),
        count(Verdict::NotMet),
        count(Verdict::NotMeasured)
    )
}

/// One line for each run that the figures come from.
pub fn runs(results: &Results) -> String {
    let mut runs: Vec<(&Provenance, Vec<&str>)> = Vec::new();
    let mut unknown = Vec::new();
    for name in results.workloads() {
        let Some(provenance) = results.provenance.get(name) else {
            unknown.push(name);
            continue;
        };
        match runs.iter_mut().find(|(run, _)| run.is_same_run(provenance)) {
            Some((_, workloads)) => workloads.push(name),
            None => runs.push((provenance, vec![name])),
        }
    }
    let several = runs.len() > 1 || !unknown.is_empty();
    let mut text = String::new();
    for (run, workloads) in runs {
        let of = if several { format!("{}: ", workloads.join(", ")) } else { String::new() };
        text.push_str(&format!("- {of}{}\n", run.text()));
    }
    if !unknown.is_empty() {
        text.push_str(&format!("- {}: where and when is not recorded\n", unknown.join(", ")));
    }
    if text.is_empty() { "- nothing is measured yet\n".into() } else { text }
}

impl Provenance {
    /// The load before a workload differs within a run as well.
    fn is_same_run(&self, other: &Provenance) -> bool {
        Provenance { load: None, ..self.clone() } == Provenance { load: None, ..other.clone() }
    }

    fn text(&self) -> String {
        let commit = match (&self.commit, self.changed) {
            (Some(commit), false) => format!("commit {commit}"),
            (Some(commit), true) => format!("commit {commit} with changes"),
            (None, _) => "commit not recorded".into(),
        };
        let program = if self.program_given { ", a broker built apart from it" } else { "" };
        let scale =
            if self.scale == 1.0 { String::new() } else { format!(", {} of the full size", self.scale) };
        format!("{}, {commit}{program}{scale}; {}", self.date, self.machine.text())
    }
}
