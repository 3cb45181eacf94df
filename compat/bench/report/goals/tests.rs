use std::collections::BTreeMap;

use super::*;
use crate::machine::Machine;
use crate::provenance::Provenance;
use crate::results::Metric::{CpuPercent, CpuSecondsPerGigabyte, LatencyP99Ms, MegabytesPerSecond};
use crate::results::Sample;
use crate::subject::Subject::{Flushed, LimitFlushed, LimitRelaxed, Reference, Relaxed};

type Figure = (Subject, &'static str, Metric, f64);

const RATE: Metric = MegabytesPerSecond;
const COST: Metric = CpuSecondsPerGigabyte;

/// Three rounds around each median, in the workload `w` unless the part says `workload/part`.
fn results(figures: &[(Subject, &str, Metric, f64)]) -> Results {
    let mut results = Results::default();
    for (subject, part, metric, median) in figures {
        let (workload, part) = part.split_once('/').unwrap_or(("w", part));
        for (round, factor) in [(1, 0.99), (2, 1.0), (3, 1.01)] {
            let values = BTreeMap::from([(*metric, median * factor)]);
            let (workload, part) = (workload.to_owned(), part.to_owned());
            results.samples.push(Sample { workload, part, subject: *subject, round, values });
        }
    }
    results
}

fn verdict_of(goal: Goal, figures: &[(Subject, &str, Metric, f64)]) -> Verdict {
    goal.evaluate("w", &results(figures)).verdict
}

#[test]
fn a_number_may_be_reached_but_not_passed() {
    let cost = Goal::new(Relaxed, "", COST, Bound::Number(1.1));
    assert_eq!(verdict_of(cost, &[(Relaxed, "", COST, 1.1)]), Verdict::Met);
    assert_eq!(verdict_of(cost, &[(Relaxed, "", COST, 1.11)]), Verdict::NotMet);
    let rate = Goal::new(Relaxed, "", RATE, Bound::Number(100.0));
    assert_eq!(verdict_of(rate, &[(Relaxed, "", RATE, 100.0)]), Verdict::Met);
    assert_eq!(verdict_of(rate, &[(Relaxed, "", RATE, 99.0)]), Verdict::NotMet);
}

#[test]
fn what_is_to_stay_under_a_number_may_not_reach_it() {
    let goal = Goal::new(Flushed, "", LatencyP99Ms, Bound::Under(2.0));
    assert_eq!(verdict_of(goal, &[(Flushed, "", LatencyP99Ms, 1.99)]), Verdict::Met);
    assert_eq!(verdict_of(goal, &[(Flushed, "", LatencyP99Ms, 2.0)]), Verdict::NotMet);
}

#[test]
fn a_rate_is_to_be_above_and_a_cost_below_a_multiple_of_the_references() {
    let rate = Goal::new(Flushed, "", RATE, Bound::Reference(1.2));
    let with = |ours| verdict_of(rate, &[(Reference, "", RATE, 100.0), (Flushed, "", RATE, ours)]);
    assert_eq!((with(121.0), with(119.0)), (Verdict::Met, Verdict::NotMet));
    let cost = Goal::new(Flushed, "", COST, Bound::Reference(0.75));
    let with = |ours| verdict_of(cost, &[(Reference, "", COST, 2.0), (Flushed, "", COST, ours)]);
    assert_eq!((with(1.49), with(1.51)), (Verdict::Met, Verdict::NotMet));
}

#[test]
fn the_easier_of_the_references_figure_and_a_number_counts() {
    let goal = Goal::new(Flushed, "", LatencyP99Ms, Bound::ReferenceOrNumber(1.0, 25.0));
    let with = |theirs, ours| {
        verdict_of(goal, &[(Reference, "", LatencyP99Ms, theirs), (Flushed, "", LatencyP99Ms, ours)])
    };
    assert_eq!((with(3.0, 24.0), with(3.0, 26.0)), (Verdict::Met, Verdict::NotMet));
    assert_eq!((with(40.0, 39.0), with(40.0, 41.0)), (Verdict::Met, Verdict::NotMet));
}

#[test]
fn a_flushed_rate_has_to_reach_the_smaller_of_the_ratio_and_the_disk() {
    let goal = Goal::new(Flushed, "", RATE, Bound::ReferenceOrDisk(3.0));
    let with = |limit, ours| {
        let figures =
            [(Reference, "", RATE, 100.0), (LimitFlushed, "", RATE, limit), (Flushed, "", RATE, ours)];
        verdict_of(goal, &figures)
    };
    assert_eq!((with(1_000.0, 301.0), with(1_000.0, 299.0)), (Verdict::Met, Verdict::NotMet));
    assert_eq!((with(200.0, 151.0), with(200.0, 149.0)), (Verdict::Met, Verdict::NotMet));
}

#[test]
fn bytes_have_the_disks_limit_from_elsewhere_and_requests_do_not() {
    let requests = Metric::RequestsPerSecond;
    for (metric, expected) in [(RATE, Verdict::Met), (requests, Verdict::NotMeasured)] {
        let goal = Goal::new(Flushed, "", metric, Bound::ReferenceOrDisk(3.0));
        let elsewhere = (LimitFlushed, "replay-900k/", metric, 200.0);
        let figures = [(Reference, "", metric, 100.0), elsewhere, (Flushed, "", metric, 160.0)];
        assert_eq!(verdict_of(goal, &figures), expected);
    }
}

#[test]
fn the_disk_of_another_machine_is_no_limit() {
    let elsewhere = (LimitFlushed, "replay-900k/", RATE, 200.0);
    let mut results = results(&[(Reference, "", RATE, 100.0), elsewhere, (Flushed, "", RATE, 160.0)]);
    let goal = Goal::new(Flushed, "", RATE, Bound::ReferenceOrDisk(3.0));
    for (workload, cores) in [("w", 2), ("replay-900k", 2)] {
        results.provenance.insert(workload.into(), on_a_machine_of(cores));
    }
    assert_eq!(goal.evaluate("w", &results).verdict, Verdict::Met);
    results.provenance.insert("w".into(), on_a_machine_of(4));
    assert_eq!(goal.evaluate("w", &results).verdict, Verdict::NotMeasured);
}

fn on_a_machine_of(cores: usize) -> Provenance {
    let machine = Machine { cores: Some(cores), ..Machine::default() };
    let date = "2001-02-03".into();
    Provenance { date, commit: None, changed: false, program_given: false, scale: 1.0, load: None, machine }
}

#[test]
fn the_limit_is_that_of_the_same_durability() {
    let with = |subject, ours| {
        let goal = Goal::new(subject, "", RATE, Bound::Limit(0.75));
        let figures =
            [(LimitRelaxed, "", RATE, 1_000.0), (LimitFlushed, "", RATE, 400.0), (subject, "", RATE, ours)];
        verdict_of(goal, &figures)
    };
    assert_eq!((with(Relaxed, 751.0), with(Relaxed, 749.0)), (Verdict::Met, Verdict::NotMet));
    assert_eq!((with(Flushed, 301.0), with(Flushed, 299.0)), (Verdict::Met, Verdict::NotMet));
}

#[test]
fn the_cpu_of_the_limit_counts_only_where_the_disk_is_the_limit() {
    let bound = Bound::WhereDiskIsTheLimit { factor: 1.5, rate: RATE, of_reference: 3.0 };
    let goal = Goal::new(Flushed, "", COST, bound);
    let with = |limit_rate, ours| {
        let rates = [(Reference, "", RATE, 100.0), (LimitFlushed, "", RATE, limit_rate)];
        let costs = [(LimitFlushed, "", COST, 2.0), (Flushed, "", COST, ours)];
        verdict_of(goal, &[rates, costs].concat())
    };
    assert_eq!((with(200.0, 2.9), with(200.0, 3.1)), (Verdict::Met, Verdict::NotMet));
    assert_eq!(with(1_000.0, 3.1), Verdict::DoesNotApply);
}

#[test]
fn a_part_is_held_against_another_of_the_same_subject() {
    let goal = Goal::new(Flushed, "beside", LatencyP99Ms, Bound::Part(1.5, "alone"));
    let with = |ours| {
        let alone = [(Flushed, "alone", LatencyP99Ms, 2.0), (Reference, "alone", LatencyP99Ms, 9.0)];
        verdict_of(goal, &[&alone[..], &[(Flushed, "beside", LatencyP99Ms, ours)]].concat())
    };
    assert_eq!((with(2.9), with(3.1)), (Verdict::Met, Verdict::NotMet));
}

#[test]
fn a_curve_is_flat_while_no_later_part_is_worse_than_the_noise() {
    let flat = |metric, values: [f64; 3]| {
        let goal = Goal::new(Flushed, "", metric, Bound::FlatOver(&["0 GB", "1 GB", "5 GB"]));
        let parts = ["0 GB", "1 GB", "5 GB"].into_iter().zip(values);
        let figures: Vec<_> = parts.map(|(part, value)| (Flushed, part, metric, value)).collect();
        goal.evaluate("w", &results(&figures))
    };
    assert_eq!(flat(RATE, [100.0, 95.0, 120.0]).verdict, Verdict::Met);
    let slower = flat(RATE, [100.0, 80.0, 120.0]);
    assert_eq!((slower.verdict, slower.bound), (Verdict::NotMet, Some(100.0)));
    assert_eq!(slower.measured.map(|spread| spread.median), Some(80.0), "the worst is shown");
    assert_eq!(flat(COST, [1.0, 0.5, 1.05]).verdict, Verdict::Met);
    assert_eq!(flat(COST, [1.0, 0.5, 1.2]).verdict, Verdict::NotMet);
}

#[test]
fn drift_is_seen_between_the_first_third_and_the_last() {
    let drift = |metric, values: &[f64]| {
        let goal = Goal::new(Flushed, "", metric, Bound::NoDrift(6));
        let names: Vec<String> = (1..=values.len()).map(|minute| format!("minute {minute}")).collect();
        let parts = names.iter().zip(values);
        let figures: Vec<_> = parts.map(|(name, value)| (Flushed, name.as_str(), metric, *value)).collect();
        verdict_of(goal, &figures)
    };
    assert_eq!(drift(CpuPercent, &[9.0, 10.0, 30.0, 30.0, 10.0, 10.0]), Verdict::Met);
    assert_eq!(drift(CpuPercent, &[9.0, 10.0, 10.0, 10.0, 13.0, 14.0]), Verdict::NotMet);
    assert_eq!(drift(RATE, &[9.0, 10.0, 10.0, 10.0, 13.0, 14.0]), Verdict::Met);
    assert_eq!(drift(RATE, &[13.0, 14.0, 10.0, 10.0, 9.0, 10.0]), Verdict::NotMet);
    assert_eq!(drift(RATE, &[13.0, 14.0, 10.0, 10.0, 9.0]), Verdict::NotMeasured, "too short a time");
}

#[test]
fn without_a_figure_that_it_needs_a_goal_is_not_measured() {
    let lacking: &[(Bound, &[Figure])] = &[
        (Bound::Number(1.0), &[(Reference, "", RATE, 2.0)]),
        (Bound::Reference(1.0), &[(Flushed, "", RATE, 2.0)]),
        (Bound::ReferenceOrNumber(1.0, 1.0), &[(Flushed, "", RATE, 2.0)]),
        (Bound::ReferenceOrDisk(1.0), &[(Flushed, "", RATE, 2.0), (Reference, "", RATE, 1.0)]),
        (Bound::Limit(1.0), &[(Flushed, "", RATE, 2.0), (LimitRelaxed, "", RATE, 1.0)]),
        (Bound::Part(1.0, "other"), &[(Flushed, "", RATE, 2.0), (Reference, "other", RATE, 1.0)]),
        (Bound::FlatOver(&["", "later"]), &[(Flushed, "", RATE, 2.0)]),
        (
            Bound::WhereDiskIsTheLimit { factor: 1.5, rate: RATE, of_reference: 1.0 },
            &[(Flushed, "", RATE, 2.0), (LimitFlushed, "", RATE, 1.0)],
        ),
    ];
    for (bound, figures) in lacking {
        let goal = Goal::new(Flushed, "", RATE, *bound);
        assert_eq!(verdict_of(goal, figures), Verdict::NotMeasured, "{bound:?}");
    }
}

#[test]
fn goals_are_put_into_words() {
    let text = |metric, bound| Goal::new(Flushed, "", metric, bound).text();
    assert_eq!(text(Metric::OpenFiles, Bound::Under(1_100.0)), "under 1,100 files");
    assert_eq!(text(RATE, Bound::Reference(1.0)), "at least Kafka's");
    assert_eq!(
        text(RATE, Bound::ReferenceOrDisk(1.2)),
        "at least 1.2 × Kafka's, or 0.75 × the flushed limit's if that is less"
    );
    assert_eq!(text(COST, Bound::Limit(1.5)), "at most 1.5 × the limit's");
}
