//! What a goal is, and whether results meet it. A goal that lacks a figure is not measured: nothing is assumed.
//!
//! Goals as data are in `rows.rs`.

use crate::report::units;
use crate::results::{Metric, Results, Spread};
use crate::subject::Subject;

/// Of the flushed limit, where the disk cannot do what the table asks for.
const OF_DISK: f64 = 0.75;
/// The workload whose limit stands for the disk where the limit servers, which know no topics, cannot be a subject.
const DISK_WORKLOAD: &str = "replay-900k";
/// Medians that differ by no more than this are taken for equal when a curve must be flat.
const NOISE: f64 = 0.10;

/// One thing to reach in a workload.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    pub subject: Subject,
    /// `""` if the workload has one part.
    pub part: &'static str,
    pub metric: Metric,
    pub bound: Bound,
}

/// What a median is held against: rates must not be lower, everything else must not be higher.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// A number that may be reached.
    Number(f64),
    /// A number that must not be reached.
    Under(f64),
    /// A multiple of the reference's median.
    Reference(f64),
    /// A multiple of the reference's median or a number, whichever is easier to meet.
    ReferenceOrNumber(f64, f64),
    /// A rate: the smaller of a multiple of the reference's and 0.75 of the flushed limit's.
    ReferenceOrDisk(f64),
    /// A multiple of the limit's median, of the same durability.
    Limit(f64),
    /// A multiple of the flushed limit's median, asked for only where the disk is the limit: where 0.75 of the flushed limit
    /// is less than the rate that this `ReferenceOrDisk` asks for.
    WhereDiskIsTheLimit { factor: f64, rate: Metric, of_reference: f64 },
    /// A multiple of the same subject's median in another part.
    Part(f64, &'static str),
    /// Parts of growing size, each held against the first.
    FlatOver(&'static [&'static str]),
    /// Parts that follow each other in time, at least so many: the last third is held against the first.
    NoDrift(usize),
}

/// What the results say of a goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Met,
    NotMet,
    NotMeasured,
    /// It holds only where the disk is the limit, and it is not.
    DoesNotApply,
}

/// A verdict with its figures, as far as they were measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    pub verdict: Verdict,
    pub measured: Option<Spread>,
    /// What the bound comes to, in the metric's unit.
    pub bound: Option<f64>,
}

/// A workload's name and all that was measured, to find figures in.
#[derive(Clone, Copy, Debug)]
struct Figures<'a> {
    workload: &'a str,
    results: &'a Results,
}

impl Goal {
    pub const fn new(subject: Subject, part: &'static str, metric: Metric, bound: Bound) -> Goal {
        Goal { subject, part, metric, bound }
    }

    /// Holds the goal of `workload` against what was measured.
    pub fn evaluate(&self, workload: &str, results: &Results) -> Outcome {
        let figures = Figures { workload, results };
        match self.bound {
            Bound::FlatOver(parts) => self.flat_over(figures, parts),
            Bound::NoDrift(parts_min) => self.no_drift(figures, parts_min),
            _ => self.compare(figures),
        }
    }

    fn compare(&self, figures: Figures<'_>) -> Outcome {
        let measured = figures.spread(self.part, self.subject, self.metric);
        let bound = self.value(figures);
        let verdict = match (self.applies(figures), measured, bound) {
            (Some(false), ..) => Verdict::DoesNotApply,
            (Some(true), Some(spread), Some(bound)) => verdict(self.holds(spread.median, bound)),
            _ => Verdict::NotMeasured,
        };
        Outcome { verdict, measured, bound }
    }

    fn holds(&self, median: f64, bound: f64) -> bool {
        match self.bound {
            Bound::Under(_) => median < bound,
            _ if self.metric.is_rate() => median >= bound,
            _ => median <= bound,
        }
    }

    /// What the bound comes to; `None` if a figure that it needs was not measured.
    fn value(&self, figures: Figures<'_>) -> Option<f64> {
        let reference = || figures.median(self.part, Subject::Reference, self.metric);
        match self.bound {
            Bound::Number(number) | Bound::Under(number) => Some(number),
            Bound::Reference(factor) => Some(factor * reference()?),
            Bound::ReferenceOrNumber(factor, number) => Some((factor * reference()?).max(number)),
            Bound::ReferenceOrDisk(factor) => {
                let of_disk = OF_DISK * figures.limit(Subject::LimitFlushed, self.metric)?;
                Some((factor * reference()?).min(of_disk))
            }
            Bound::Limit(factor) => Some(factor * figures.limit(self.limit(), self.metric)?),
            Bound::WhereDiskIsTheLimit { factor, .. } => {
                Some(factor * figures.limit(Subject::LimitFlushed, self.metric)?)
            }
            Bound::Part(factor, part) => Some(factor * figures.median(part, self.subject, self.metric)?),
            Bound::FlatOver(_) | Bound::NoDrift(_) => None,
        }
    }

    const fn limit(&self) -> Subject {
        if matches!(self.subject, Subject::Relaxed) { Subject::LimitRelaxed } else { Subject::LimitFlushed }
    }

    /// Whether the disk is the limit, if that is asked; `None` if that was not measured.
    fn applies(&self, figures: Figures<'_>) -> Option<bool> {
        let Bound::WhereDiskIsTheLimit { rate, of_reference, .. } = self.bound else { return Some(true) };
        let asked = of_reference * figures.median(self.part, Subject::Reference, rate)?;
        Some(OF_DISK * figures.limit(Subject::LimitFlushed, rate)? < asked)
    }

    fn flat_over(&self, figures: Figures<'_>, parts: &[&str]) -> Outcome {
        let all: Option<Vec<Spread>> =
            parts.iter().map(|part| figures.spread(part, self.subject, self.metric)).collect();
        let Some([first, later @ ..]) = all.as_deref() else { return NOTHING };
        self.against_first(*first, later)
    }

    fn no_drift(&self, figures: Figures<'_>, parts_min: usize) -> Outcome {
        let mut parts = figures.results.parts(figures.workload);
        parts.retain(|part| figures.spread(part, self.subject, self.metric).is_some());
        if parts.len() < parts_min.max(3) {
            return NOTHING;
        }
        let third = parts.len() / 3;
        let (first, last) = (&parts[..third], &parts[parts.len() - third..]);
        let together =
            |parts| figures.results.spread_of_parts(figures.workload, parts, self.subject, self.metric);
        let (Some(first), Some(last)) = (together(first), together(last)) else { return NOTHING };
        self.against_first(first, &[last])
    }

    /// The worst of `later` must not be worse than `first` by more than the noise.
    fn against_first(&self, first: Spread, later: &[Spread]) -> Outcome {
        let by_median = |a: &&Spread, b: &&Spread| a.median.total_cmp(&b.median);
        let worst = match self.metric.is_rate() {
            true => later.iter().min_by(by_median),
            false => later.iter().max_by(by_median),
        };
        let flat = later.iter().all(|spread| !self.is_worse(first, *spread));
        let verdict = if worst.is_some() { verdict(flat) } else { Verdict::NotMeasured };
        Outcome { verdict, measured: worst.copied(), bound: Some(first.median) }
    }

    /// Worse in every round, and by more than the noise.
    fn is_worse(&self, first: Spread, later: Spread) -> bool {
        if self.metric.is_rate() {
            later.most < first.least && later.median < first.median * (1.0 - NOISE)
        } else {
            later.least > first.most && later.median > first.median * (1.0 + NOISE)
        }
    }

    /// The goal in words, without the name of the subject.
    pub fn text(&self) -> String {
        let than = if self.metric.is_rate() { "at least" } else { "at most" };
        let unit = self.metric.unit();
        match self.bound {
            Bound::Number(bound) => format!("{than} {} {unit}", plain(bound)),
            Bound::Under(bound) => format!("under {} {unit}", plain(bound)),
            Bound::Reference(factor) => format!("{than} {}Kafka's", times(factor)),
            Bound::ReferenceOrNumber(factor, number) => {
                format!("{than} {}Kafka's or {number} {unit}, whichever is more", times(factor))
            }
            Bound::ReferenceOrDisk(factor) => {
                format!("{than} {}Kafka's, or {OF_DISK} × the flushed limit's if that is less", times(factor))
            }
            Bound::Limit(factor) => format!("{than} {}the limit's", times(factor)),
            Bound::WhereDiskIsTheLimit { factor, .. } => {
                format!("{than} {}the flushed limit's where the disk is the limit", times(factor))
            }
            Bound::Part(factor, part) => format!("{than} {}that of “{part}”", times(factor)),
            Bound::FlatOver(_) => format!("flat, no size worse than the first in every round {}", noise()),
            Bound::NoDrift(_) => {
                format!("no drift, the last third not worse than the first throughout {}", noise())
            }
        }
    }

    /// The figure that the bound comes to, where it is not in the text already.
    pub fn bound_text(&self, outcome: &Outcome) -> Option<String> {
        let told = matches!(self.bound, Bound::Number(_) | Bound::Under(_));
        outcome
            .bound
            .filter(|_| !told)
            .map(|bound| format!("{} {}", units::number(bound), self.metric.unit()))
    }
}

const NOTHING: Outcome = Outcome { verdict: Verdict::NotMeasured, measured: None, bound: None };

const fn verdict(holds: bool) -> Verdict {
    if holds { Verdict::Met } else { Verdict::NotMet }
}

fn noise() -> String {
    format!("and by more than {:.0} %", NOISE * 100.0)
}

/// A number that people chose has few digits.
fn plain(number: f64) -> String {
    if number < 1_000.0 { number.to_string() } else { units::number(number) }
}

fn times(factor: f64) -> String {
    if factor == 1.0 { String::new() } else { format!("{factor} × ") }
}

impl Figures<'_> {
    fn spread(&self, part: &str, subject: Subject, metric: Metric) -> Option<Spread> {
        self.results.spread(self.workload, part, subject, metric)
    }

    fn median(&self, part: &str, subject: Subject, metric: Metric) -> Option<f64> {
        self.spread(part, subject, metric).map(|spread| spread.median)
    }

    /// The limit of this workload, or of the one that stands for the disk: bytes are comparable between workloads of one
    /// machine, requests are not.
    fn limit(&self, limit: Subject, metric: Metric) -> Option<f64> {
        let of_bytes = matches!(metric, Metric::MegabytesPerSecond | Metric::CpuSecondsPerGigabyte);
        let machine = |workload| self.results.provenance.get(workload).map(|run| &run.machine);
        let comparable = of_bytes && machine(self.workload) == machine(DISK_WORKLOAD);
        let disk = || self.results.spread(DISK_WORKLOAD, "", limit, metric).filter(|_| comparable);
        self.spread("", limit, metric).or_else(disk).map(|spread| spread.median)
    }
}

#[cfg(test)]
mod tests;
