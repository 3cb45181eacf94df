//! What was measured, and what several rounds of it say together.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::provenance::Provenance;
use crate::subject::Subject;

/// A quantity with its unit, as tables print it. Lower is better unless the name says a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Metric {
    /// 10^6 bytes of records a second.
    MegabytesPerSecond,
    RecordsPerSecond,
    RequestsPerSecond,
    /// CPU seconds of the broker's process for 10^9 bytes of records.
    CpuSecondsPerGigabyte,
    CpuMicrosPerRequest,
    /// CPU of the broker's process, in percent of one core.
    CpuPercent,
    LatencyAverageMs,
    LatencyP50Ms,
    LatencyP99Ms,
    LatencyP999Ms,
    /// Wall-clock time of the one thing that is measured.
    TookMs,
    /// Resident, 10^6 bytes.
    MemoryMegabytes,
    MemoryPeakMegabytes,
    /// What one more of the things measured adds to what is resident, 10^3 bytes.
    KilobytesEach,
    OpenFiles,
}

/// One round of one subject in one workload. A workload with several parts names them (`""` if there is one part).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sample {
    pub workload: String,
    pub part: String,
    pub subject: Subject,
    pub round: u32,
    pub values: BTreeMap<Metric, f64>,
}

/// What one round measured: a part's name and its values.
pub type Measured = Vec<(String, BTreeMap<Metric, f64>)>;

/// The rounds of one metric: median, least and most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Spread {
    /// `None` without values.
    pub fn of(mut values: Vec<f64>) -> Option<Spread> {
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let upper = *values.get(middle)?;
        let lower = if values.len().is_multiple_of(2) { *values.get(middle - 1)? } else { upper };
        Some(Spread { median: (lower + upper) / 2.0, least, most })
    }
}

/// Everything that was measured, in the order of the rounds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Results {
    pub samples: Vec<Sample>,
    /// Where the samples of each workload come from.
    #[serde(default)]
    pub provenance: BTreeMap<String, Provenance>,
}

impl Results {
    /// Drops what is known of a workload.
    pub fn forget(&mut self, workload: &str) {
        self.samples.retain(|sample| sample.workload != workload);
        self.provenance.remove(workload);
    }

    /// Adds what a run of a workload has measured.
    pub fn add(&mut self, workload: &str, samples: Vec<Sample>, provenance: Provenance) {
        self.samples.extend(samples);
        self.provenance.insert(workload.to_owned(), provenance);
    }

    /// The rounds of one metric of one subject; `None` if it was not measured.
    pub fn spread(&self, workload: &str, part: &str, subject: Subject, metric: Metric) -> Option<Spread> {
        self.spread_of_parts(workload, &[part], subject, metric)
    }

    /// The rounds of several parts together.
    pub fn spread_of_parts(
        &self,
        workload: &str,
        parts: &[&str],
        subject: Subject,
        metric: Metric,
    ) -> Option<Spread> {
        let of_subject = self.of(workload).filter(|s| s.subject == subject);
        let of_parts = of_subject.filter(|s| parts.contains(&s.part.as_str()));
        Spread::of(of_parts.filter_map(|s| s.values.get(&metric).copied()).collect())
    }

    /// All samples of a workload.
    pub fn of<'a>(&'a self, workload: &'a str) -> impl Iterator<Item = &'a Sample> {
        self.samples.iter().filter(move |sample| sample.workload == workload)
    }

    /// The parts of a workload, in the order in which they were first measured.
    pub fn parts(&self, workload: &str) -> Vec<&str> {
        in_order(self.samples.iter().filter(|s| s.workload == workload).map(|s| s.part.as_str()))
    }

    /// The workloads with samples, in the order in which they were first measured.
    pub fn workloads(&self) -> Vec<&str> {
        in_order(self.samples.iter().map(|sample| sample.workload.as_str()))
    }

    /// The subjects of a workload, in the order of tables.
    pub fn subjects(&self, workload: &str) -> Vec<Subject> {
        let measured: BTreeSet<_> = self.of(workload).map(|sample| sample.subject).collect();
        measured.into_iter().collect()
    }

    /// The metrics of a part of a workload, in the order of tables.
    pub fn metrics(&self, workload: &str, part: &str) -> Vec<Metric> {
        let of_part = self.of(workload).filter(|sample| sample.part == part);
        let measured: BTreeSet<_> = of_part.flat_map(|sample| sample.values.keys().copied()).collect();
        measured.into_iter().collect()
    }
}

/// Each name once.
fn in_order<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        let spread = Spread::of(vec![4.0, 1.0, 3.0, 2.0]);
        assert_eq!(spread, Some(Spread { median: 2.5, least: 1.0, most: 4.0 }));
        assert_eq!(Spread::of(Vec::new()), None);
    }
}
