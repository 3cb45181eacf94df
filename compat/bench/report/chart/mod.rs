//! The charts: which there are, and what each is drawn from.

mod bars;
mod curves;
mod latency;
mod scale;
mod svg;

use std::collections::BTreeSet;

use crate::report::rows::ROWS;
use crate::report::series;
use crate::report::tables::REFERENCE_FLUSHES_IN;
use crate::results::{Metric, Results, Spread};
use crate::subject::Subject;
use bars::{Bars, Group};
use curves::{Curves, Panel};
use latency::{Latency, Quantiles};

/// One file.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    pub name: &'static str,
    pub title: &'static str,
    pub svg: String,
}

/// All that may be written; one without figures is not.
pub const NAMES: &[&str] = &["throughput", "requests", "cpu", "cpu-requests", "latency", "growth", "soak"];

/// Those that there are figures for.
pub fn all(results: &Results) -> Vec<Chart> {
    let mb = Metric::MegabytesPerSecond;
    let requests = Metric::RequestsPerSecond;
    let charts = [
        bars(results, "throughput", "Throughput, MB/s", mb, &[mb, Metric::RecordsPerSecond]),
        bars(
            results,
            "cpu",
            "CPU seconds per GB",
            Metric::CpuSecondsPerGigabyte,
            &[mb, Metric::RecordsPerSecond],
        ),
        bars(results, "requests", "Requests a second", requests, &[requests]),
        bars(results, "cpu-requests", "CPU per request, µs", Metric::CpuMicrosPerRequest, &[requests]),
        latency(results),
        curves(results, "growth", "While a partition grows"),
        curves(results, "soak", "Ten minutes under load"),
    ];
    charts.into_iter().flatten().collect()
}

/// The subjects of a chart and how its legend calls them, in the order of tables.
fn legend(subjects: impl Iterator<Item = Subject>) -> Vec<(Subject, &'static str)> {
    let subjects: BTreeSet<Subject> = subjects.collect();
    let name = |subject| match subject {
        Subject::Reference => "Apache Kafka 4.3.1, unflushed",
        _ => subject.label(),
    };
    subjects.into_iter().map(|subject| (subject, name(subject))).collect()
}

fn group_name(workload: &str, part: &str) -> String {
    match part {
        "" if workload == REFERENCE_FLUSHES_IN => format!("{workload} (Kafka flushes)"),
        "" => workload.to_owned(),
        part => format!("{workload}, {part}"),
    }
}

/// Each subject's figure in a part.
fn measured(results: &Results, workload: &str, part: &str, metric: Metric) -> Vec<(Subject, Spread)> {
    let figure = |subject| Some((subject, results.spread(workload, part, subject, metric)?));
    results.subjects(workload).into_iter().filter_map(figure).collect()
}

/// One quantity in all workloads whose headline is one of `headlines`.
fn bars(
    results: &Results,
    name: &'static str,
    title: &'static str,
    metric: Metric,
    headlines: &[Metric],
) -> Option<Chart> {
    let mut groups = Vec::new();
    for row in ROWS
        .iter()
        .filter(|row| headlines.contains(&row.headline.1) && series::counts(row.workload).is_none())
    {
        for part in results.parts(row.workload) {
            let bars = measured(results, row.workload, part, metric);
            if !bars.is_empty() {
                groups.push(Group { name: group_name(row.workload, part), bars });
            }
        }
    }
    let subjects = groups.iter().flat_map(|group| &group.bars).map(|(subject, _)| *subject);
    let legend = legend(subjects);
    let about = "Medians of the rounds, with the range.";
    (!groups.is_empty()).then(|| Chart { name, title, svg: Bars { title, about, groups }.draw(&legend) })
}

fn latency(results: &Results) -> Option<Chart> {
    let title = "Latency";
    let mut groups = Vec::new();
    for workload in results.workloads().into_iter().filter(|workload| series::counts(workload).is_none()) {
        for part in results.parts(workload) {
            let line = |subject| quantiles(results, workload, part, subject).map(|line| (subject, line));
            let lines: Vec<_> = results.subjects(workload).into_iter().filter_map(line).collect();
            if !lines.is_empty() {
                groups.push(latency::Group { name: group_name(workload, part), lines });
            }
        }
    }
    let legend = legend(groups.iter().flat_map(|group| &group.lines).map(|(subject, _)| *subject));
    let about = "Circle p50, square p99, stroke p99.9: medians of the rounds.";
    let svg = Latency { title, about, groups }.draw(&legend)?;
    Some(Chart { name: "latency", title, svg })
}

/// A line needs two points.
fn quantiles(results: &Results, workload: &str, part: &str, subject: Subject) -> Option<Quantiles> {
    let median = |metric| results.spread(workload, part, subject, metric).map(|spread| spread.median);
    let p99 = median(Metric::LatencyP99Ms);
    let (p50, p999) = (median(Metric::LatencyP50Ms), median(Metric::LatencyP999Ms));
    (p99.is_some() && (p50.is_some() || p999.is_some())).then_some(Quantiles { p50, p99, p999 })
}

fn curves(results: &Results, name: &'static str, title: &'static str) -> Option<Chart> {
    let across = series::counts(name)?;
    let panels = panels(results, name);
    let legend = legend(panels.iter().flat_map(|panel| &panel.curves).map(|(subject, _)| *subject));
    let about = "Medians of the rounds, with the range.";
    let curves = Curves { title, about, across, panels };
    (!curves.panels.is_empty()).then(|| Chart { name, title, svg: curves.draw(&legend) })
}

/// A panel for each quantity of each thing that was measured in all parts.
fn panels(results: &Results, workload: &str) -> Vec<Panel> {
    let mut panels: Vec<Panel> = Vec::new();
    for part in results.parts(workload) {
        let Some((thing, position)) = series::position(part) else { continue };
        for metric in results.metrics(workload, part) {
            let thing = if thing.is_empty() { String::new() } else { format!("{thing}: ") };
            let name = format!("{thing}{}, {}", metric.name(), metric.unit());
            let place = panels.iter().position(|panel| panel.name == name).unwrap_or_else(|| {
                panels.push(Panel { name, curves: Vec::new() });
                panels.len() - 1
            });
            for (subject, spread) in measured(results, workload, part, metric) {
                panels[place].add(subject, (position, spread));
            }
        }
    }
    panels
}

impl Panel {
    fn add(&mut self, subject: Subject, point: (f64, Spread)) {
        match self.curves.iter_mut().find(|(one, _)| *one == subject) {
            Some((_, points)) => points.push(point),
            None => self.curves.push((subject, vec![point])),
        }
    }
}

#[cfg(test)]
mod tests;
