use std::collections::BTreeMap;

use super::*;
use crate::machine::Machine;
use crate::provenance::Provenance;
use crate::results::{Metric, Sample};
use crate::subject::Subject;

/// Three rounds of made-up figures; a part of every chart has some.
pub fn made_up() -> Results {
    let mut results = Results::default();
    let mut add = |workload: &str, part: &str, subject: Subject, metric: Metric, median: f64| {
        for (round, factor) in [(1, 0.9), (2, 1.0), (3, 1.2)] {
            let values = BTreeMap::from([(metric, median * factor)]);
            let (workload, part) = (workload.to_owned(), part.to_owned());
            results.samples.push(Sample { workload, part, subject, round, values });
        }
    };
    for (subject, size) in Subject::ALL.iter().zip([3.1, 1.2, 2.0, 0.4, 0.7]) {
        for workload in ["client-produce-1k", "flush-messages-1", "replay-16k", "replay-one-record"] {
            add(workload, "", *subject, Metric::MegabytesPerSecond, 400.0 / size);
            add(workload, "", *subject, Metric::RequestsPerSecond, 40_000.0 / size);
            add(workload, "", *subject, Metric::CpuSecondsPerGigabyte, size);
            add(workload, "", *subject, Metric::CpuMicrosPerRequest, 50.0 * size);
            add(workload, "", *subject, Metric::LatencyP50Ms, 0.1 * size);
            add(workload, "", *subject, Metric::LatencyP99Ms, 3.0 * size);
            add(workload, "", *subject, Metric::LatencyP999Ms, 40.0 * size * size);
        }
    }
    for (subject, size) in Subject::BROKERS.iter().zip([3.1, 1.2, 2.0]) {
        add("client-produce-compressed", "zstd", *subject, Metric::MegabytesPerSecond, 90.0 / size);
        for (part, more) in [("0", 1.0), ("1", 1.1), ("5", 1.3), ("20", 1.2)] {
            let part = format!("produce, {part} GB");
            add("growth", &part, *subject, Metric::MegabytesPerSecond, 90_000.0 / size / more);
            add("growth", &part, *subject, Metric::LatencyP99Ms, 0.01 * size * more);
        }
        for minute in 1..=10 {
            add("soak", &format!("minute {minute}"), *subject, Metric::MemoryMegabytes, 300.0 * size);
        }
    }
    results
}

fn report(results: &Results, notes: &str) -> String {
    let (charts, notes) = (chart::all(results), Notes::parse(notes));
    let workloads = crate::workload::all();
    markdown(Sources { results, workloads: &workloads, notes: &notes }, &charts)
}

fn section<'a>(report: &'a str, name: &str) -> &'a str {
    let (_, after) = report.split_once(&format!("\n## {name}\n")).expect("the section");
    after.split("\n## ").next().unwrap_or_default()
}

#[test]
fn every_row_has_a_workload_and_every_workload_a_row_in_the_same_order() {
    let mut of_rows: Vec<&str> = ROWS.iter().map(|row| row.workload).collect();
    // Two rows may show two sides of one workload.
    of_rows.dedup();
    let names: Vec<&str> = crate::workload::all().iter().map(|workload| workload.name).collect();
    assert_eq!(of_rows, names);
}

#[test]
fn every_row_is_there_even_if_nothing_was_measured() {
    let report = report(&Results::default(), "");
    assert!(report.contains("- nothing is measured yet"));
    for row in ROWS {
        let line = report.lines().find(|line| line.starts_with(&format!("| [{}]", row.title)));
        assert!(line.is_some_and(|line| line.ends_with("| not measured |")), "{}: {line:?}", row.title);
        assert!(section(&report, row.workload).contains("Not measured."), "{}", row.workload);
    }
    assert!(!report.contains(".svg"));
    assert!(!report.contains("**met**"));
}

#[test]
fn every_workload_has_something_to_reach() {
    for workload in crate::workload::all() {
        assert!(ROWS.iter().any(|row| row.workload == workload.name), "{}", workload.name);
    }
}

#[test]
fn figures_stand_beside_their_goals() {
    let report = report(&made_up(), "");
    let produce = section(&report, "client-produce-1k");
    assert!(produce.contains("3 rounds of each."));
    assert!(produce.contains("| Apache Kafka 4.3.1, unflushed | Gracchus, relaxed | Gracchus, flushed |"));
    let line = produce.lines().find(|line| line.starts_with("| throughput, MB/s |")).expect("a line");
    assert!(line.contains("| 129 (116–155) | 333 (300–400) | 200 (180–240) |"), "{line}");
    assert!(line.contains("relaxed: at least 1.4 × Kafka's (181 MB/s): **met**"), "{line}");
    let line = produce.lines().find(|line| line.starts_with("| CPU per GB")).expect("a line");
    assert!(line.contains("relaxed: at most 1.1 CPU s/GB: **not met**"), "{line}");
    assert!(produce.contains("| peak memory, MB | not measured |"), "a goal without figures has its line");
    assert!(section(&report, "flush-messages-1").contains("| Apache Kafka 4.3.1, flushed |"));
}

#[test]
fn the_summary_has_ratios_and_counts_what_is_met() {
    let report = report(&made_up(), "");
    let line = report.lines().find(|line| line.contains("](#replay-one-record)")).expect("a line");
    let figures = "| 12,903 requests/s | 20,000 requests/s | 1.55 | 33,333 requests/s | 2.58 |";
    assert!(line.contains(figures), "{line}");
    assert!(line.ends_with("| **not met**: 4 of 4 |"), "{line}");
}

#[test]
fn notes_stand_in_the_section_of_their_workload() {
    let told = report(&made_up(), "## client-produce-1k\n\nThe profile says: copies.\n");
    assert!(section(&told, "client-produce-1k").trim_end().ends_with("The profile says: copies."));
    let nothing = section(&told, "replay-16k").trim_end().to_owned();
    assert!(nothing.ends_with("Nothing is noted yet about what is not met here."));
}

#[test]
fn a_run_is_described_once_and_smaller_ones_say_so() {
    let provenance = Provenance {
        date: "2001-02-03".into(),
        commit: Some("abc123".into()),
        changed: false,
        program_given: false,
        scale: 1.0,
        load: Some(0.5),
        machine: Machine { cores: Some(2), ..Machine::default() },
    };
    let mut results = made_up();
    for name in ["client-produce-1k", "flush-messages-1", "replay-16k", "replay-one-record", "soak"] {
        results.provenance.insert(name.into(), provenance.clone());
    }
    results.provenance.insert("growth".into(), Provenance { scale: 0.1, load: Some(2.5), ..provenance });
    let report = report(&results, "");
    let full = "- client-produce-1k, flush-messages-1, replay-16k, replay-one-record, soak: 2001-02-03, commit abc123; \
                2 cores, memory not known, kernel not known, disk not known\n";
    assert!(report.contains(full));
    assert!(report.contains("- growth: 2001-02-03, commit abc123, 0.1 of the full size; 2 cores"));
    assert!(report.contains("- client-produce-compressed: where and when is not recorded\n"));
    let growth = section(&report, "growth");
    assert!(growth.contains("3 rounds of each, at 0.1 of the full size."));
    assert!(growth.contains("The machine was busy: a load of 2.5 on 2 cores before it began."));
    assert!(!section(&report, "soak").contains("busy"));
}

#[test]
fn the_same_results_give_the_same_report() {
    let once = report(&made_up(), "");
    assert_eq!(once, report(&made_up(), ""));
    let again: Results =
        serde_json::from_slice(&serde_json::to_vec(&made_up()).expect("JSON")).expect("results");
    assert_eq!(once, report(&again, ""));
}

#[test]
fn a_chart_without_figures_any_more_is_removed() {
    let docs = tempfile::tempdir().expect("a folder");
    let arguments =
        ReportArguments { results: docs.path().join("results.json"), docs: docs.path().to_owned() };
    assert!(arguments.run(&[]).is_err(), "there are no results");
    let write = |results: &Results| {
        fs::write(&arguments.results, serde_json::to_vec(results).expect("JSON")).expect("the results");
        arguments.run(&[]).expect("a report");
    };
    write(&made_up());
    let exists = |name: &str| docs.path().join(FOLDER).join(name).exists();
    assert!(
        chart::NAMES.iter().all(|name| exists(&format!("{name}.svg"))),
        "made-up figures draw all charts"
    );
    write(&Results::default());
    assert!(!exists("latency.svg"));
    assert!(docs.path().join("BENCHMARKS.md").exists());
}
