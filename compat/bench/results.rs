//! What was measured, and what several rounds of it say together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
}

impl Results {
    /// The rounds of one metric of one subject; `None` if it was not measured.
    pub fn spread(&self, workload: &str, part: &str, subject: Subject, metric: Metric) -> Option<Spread> {
        let matching = self
            .samples
            .iter()
            .filter(|s| s.workload == workload && s.part == part && s.subject == subject)
            .filter_map(|s| s.values.get(&metric).copied());
        Spread::of(matching.collect())
    }
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
