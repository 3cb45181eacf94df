//! The section of one workload: how it is run, its figures with the goals beside them, and what people noted.

use std::collections::BTreeSet;

use crate::report::goals::{Bound, Goal, Outcome, Verdict};
use crate::report::notes::Notes;
use crate::report::rows::{ROWS, Row};
use crate::report::series;
use crate::report::units;
use crate::results::{Metric, Results};
use crate::subject::Subject;
use crate::workload::Workload;

/// The one workload in which the reference flushes as well.
pub const REFERENCE_FLUSHES_IN: &str = "flush-messages-1";

/// Everything a section is made of.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    pub results: &'a Results,
    pub workloads: &'a [Workload],
    pub notes: &'a Notes,
}

/// A line of a table: a part and a metric, or a goal that looks at all parts at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line<'a> {
    part: &'a str,
    metric: Metric,
    over_all_parts: bool,
}

/// How a workload's table calls a subject: always with its durability mode.
pub fn label(subject: Subject, workload: &str) -> String {
    match subject {
        Subject::Reference if workload == REFERENCE_FLUSHES_IN => format!("{}, flushed", subject.label()),
        Subject::Reference => format!("{}, unflushed", subject.label()),
        _ => subject.label().to_owned(),
    }
}

/// Those who have to be in a table even if nothing was measured.
fn subjects(sources: Sources<'_>, name: &str) -> Vec<Subject> {
    let planned = sources.workloads.iter().filter(|workload| workload.name == name);
    let mut subjects: BTreeSet<Subject> = planned.flat_map(|workload| workload.subjects).copied().collect();
    subjects.extend(sources.results.subjects(name));
    if subjects.is_empty() {
        subjects.extend(Subject::DEFAULTS);
    }
    subjects.into_iter().collect()
}

fn goals(name: &str) -> Vec<&'static Goal> {
    ROWS.iter().filter(|row| row.workload == name).flat_map(|row| row.goals).collect()
}

fn is_over_all_parts(goal: &Goal) -> bool {
    matches!(goal.bound, Bound::FlatOver(_) | Bound::NoDrift(_))
}

/// The section of the workload of that name.
pub fn section(sources: Sources<'_>, name: &str) -> String {
    let mut text = format!("## {name}\n\n");
    let titles: Vec<&str> =
        ROWS.iter().filter(|row| row.workload == name).map(|row: &Row| row.title).collect();
    if !titles.is_empty() {
        text.push_str(&format!("**{}.**\n", titles.join(". ")));
    }
    if let Some(workload) = sources.workloads.iter().find(|workload| workload.name == name) {
        text.push_str(&format!("How: {}.\n", workload.about.trim_end_matches('.')));
        if !workload.settings.is_empty() {
            let settings: Vec<_> =
                workload.settings.iter().map(|(key, value)| format!("`{key}={value}`")).collect();
            text.push_str(&format!("All brokers run with {}.\n", settings.join(", ")));
        }
    }
    text.push_str(&rounds(sources.results, name));
    text.push_str(&busy(sources.results, name));
    text.push_str(&format!("\n{}", table(sources, name)));
    text.push_str(&note(sources, name));
    text
}

fn rounds(results: &Results, name: &str) -> String {
    let of_subject = |subject| {
        let samples = results.of(name).filter(move |sample| sample.subject == subject);
        samples.map(|sample| sample.round).collect::<BTreeSet<_>>().len()
    };
    let rounds: Vec<usize> = results.subjects(name).into_iter().map(of_subject).collect();
    let scale = results.provenance.get(name).map_or(1.0, |provenance| provenance.scale);
    let size = if scale == 1.0 { String::new() } else { format!(", at {scale} of the full size") };
    match (rounds.iter().min(), rounds.iter().max()) {
        (Some(1), Some(1)) => format!("One round of each{size}.\n"),
        (Some(least), Some(most)) if least == most => format!("{most} rounds of each{size}.\n"),
        (Some(least), Some(most)) => format!("{least} to {most} rounds of each{size}.\n"),
        _ => "Not measured.\n".into(),
    }
}

/// Figures of a machine that had something else to do are not worth as much.
fn busy(results: &Results, name: &str) -> String {
    let load = results.provenance.get(name).and_then(|run| run.load.zip(run.machine.cores));
    match load.filter(|(load, cores)| *load > *cores as f64) {
        Some((load, cores)) => {
            format!("The machine was busy: a load of {load} on {cores} cores before it began.\n")
        }
        None => String::new(),
    }
}

fn table(sources: Sources<'_>, name: &str) -> String {
    let (subjects, goals) = (subjects(sources, name), goals(name));
    let mut text = String::from("| |");
    for subject in &subjects {
        text.push_str(&format!(" {} |", label(*subject, name)));
    }
    text.push_str(" goal |\n|---|");
    text.push_str(&"---:|".repeat(subjects.len()));
    text.push_str("---|\n");
    for line in lines(sources.results, name, &goals) {
        text.push_str(&format!("| {} |", line.title()));
        for subject in &subjects {
            text.push_str(&format!(" {} |", line.cell(sources.results, name, *subject)));
        }
        let beside = goals.iter().filter(|goal| line.is_of(goal));
        let beside: Vec<String> = beside.map(|goal| goal_text(goal, name, sources.results)).collect();
        text.push_str(&format!(" {} |\n", beside.join("<br>")));
    }
    text
}

/// What was measured, in its order; then what a goal asks for and nobody measured.
fn lines<'a>(results: &'a Results, name: &'a str, goals: &[&'static Goal]) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    for part in results.parts(name) {
        let metrics = results.metrics(name, part).into_iter();
        lines.extend(metrics.map(|metric| Line { part, metric, over_all_parts: false }));
    }
    for goal in goals {
        let line = Line { part: goal.part, metric: goal.metric, over_all_parts: is_over_all_parts(goal) };
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if series::counts(name).is_some() {
        // What is to be compared stands below each other: one thing and one quantity over all sizes or minutes.
        let thing = |line: &Line<'a>| series::position(line.part).map_or(line.part, |(thing, _)| thing);
        let things: Vec<_> = lines.iter().map(thing).collect();
        lines.sort_by_key(|line| (things.iter().position(|one| *one == thing(line)), line.metric));
    }
    lines
}

impl Line<'_> {
    fn title(&self) -> String {
        let metric = format!("{}, {}", self.metric.name(), self.metric.unit());
        match (self.over_all_parts, self.part) {
            (true, "") => format!("all parts: {metric}"),
            (true, part) => format!("{part}, all parts: {metric}"),
            (_, "") => metric,
            (_, part) => format!("{part}: {metric}"),
        }
    }

    fn cell(&self, results: &Results, name: &str, subject: Subject) -> String {
        if self.over_all_parts {
            return String::new();
        }
        let measured = results.spread(name, self.part, subject, self.metric);
        measured.map_or_else(|| "not measured".into(), units::spread)
    }

    fn is_of(&self, goal: &Goal) -> bool {
        (goal.part, goal.metric) == (self.part, self.metric) && is_over_all_parts(goal) == self.over_all_parts
    }
}

fn goal_text(goal: &Goal, name: &str, results: &Results) -> String {
    let outcome = goal.evaluate(name, results);
    let mode = if goal.subject == Subject::Relaxed { "relaxed" } else { "flushed" };
    format!("{mode}: {}{}: {}", goal.text(), figures(goal, &outcome), outcome.verdict.text())
}

/// What the words of a goal come to, in parentheses.
fn figures(goal: &Goal, outcome: &Outcome) -> String {
    match (goal.bound_text(outcome), outcome.measured) {
        (Some(first), Some(worst)) if is_over_all_parts(goal) => {
            format!(" (first {first}, worst {})", units::number(worst.median))
        }
        (Some(bound), _) => format!(" ({bound})"),
        (None, _) => String::new(),
    }
}

impl Verdict {
    /// As tables write it.
    pub const fn text(self) -> &'static str {
        match self {
            Verdict::Met => "**met**",
            Verdict::NotMet => "**not met**",
            Verdict::NotMeasured => "not measured",
            Verdict::DoesNotApply => "does not apply, the disk is not the limit",
        }
    }
}

fn note(sources: Sources<'_>, name: &str) -> String {
    let missed =
        goals(name).iter().any(|goal| goal.evaluate(name, sources.results).verdict == Verdict::NotMet);
    match sources.notes.of(name) {
        Some(note) => format!("\n{note}\n"),
        None if missed => "\nNothing is noted yet about what is not met here.\n".into(),
        None => String::new(),
    }
}
