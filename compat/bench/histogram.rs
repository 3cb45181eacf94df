//! Counts durations in buckets whose width grows with the value, so that a percentile is exact to about 1 % at any size.

use std::time::Duration;

/// Buckets between one power of two and the next.
const STEPS: u64 = 64;
const STEPS_LOG2: u32 = STEPS.ilog2();
/// Enough for any `u64` of nanoseconds.
const BUCKETS: usize = (STEPS * (u64::BITS as u64 - STEPS_LOG2 as u64 + 1)) as usize;

/// Durations, by how long they are.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    sum_ns: u128,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: vec![0; BUCKETS], total: 0, sum_ns: 0 }
    }
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let ns = duration.as_nanos() as u64;
        self.counts[bucket(ns)] += 1;
        self.total += 1;
        self.sum_ns += u128::from(ns);
    }

    /// Adds what another one counted.
    pub fn add(&mut self, other: &Histogram) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
        self.sum_ns += other.sum_ns;
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// In milliseconds; 0 if nothing was counted.
    pub fn average_ms(&self) -> f64 {
        if self.total == 0 { 0.0 } else { self.sum_ns as f64 / self.total as f64 / 1e6 }
    }

    /// The duration in milliseconds that `share` (0 to 1) of all do not exceed; 0 if nothing was counted.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let wanted = (share * self.total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return middle(at) / 1e6;
            }
        }
        0.0
    }
}

/// The first 128 buckets hold one value each; of those behind them, 64 share each doubling.
fn bucket(ns: u64) -> usize {
    let shift = (u64::BITS - ns.leading_zeros()).saturating_sub(STEPS_LOG2 + 1);
    (u64::from(shift) * STEPS + (ns >> shift)) as usize
}

/// The value in the middle of a bucket, in nanoseconds.
fn middle(bucket: usize) -> f64 {
    let shift = (bucket as u64 / STEPS).saturating_sub(1);
    let least = (bucket as u64 - shift * STEPS) as f64;
    (least + 0.5) * 2f64.powi(shift as i32) - 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_within_one_percent_of_the_sorted_list() {
        let mut histogram = Histogram::default();
        let mut sorted: Vec<u64> = (0..100_000u64).map(|n| n * n % 1_000_003 * (n % 90 + 1)).collect();
        for ns in &sorted {
            histogram.record(Duration::from_nanos(*ns));
        }
        sorted.sort_unstable();
        for share in [0.01, 0.5, 0.9, 0.99, 0.999, 1.0] {
            let exact = sorted[((share * sorted.len() as f64).ceil() as usize).max(1) - 1] as f64 / 1e6;
            let found = histogram.quantile_ms(share);
            assert!((found - exact).abs() <= exact * 0.01, "{share}: {found} instead of {exact}");
        }
        assert_eq!(histogram.count(), 100_000);
    }

    #[test]
    fn the_longest_duration_has_a_bucket() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::from_nanos(u64::MAX));
        histogram.record(Duration::ZERO);
        assert!(histogram.quantile_ms(1.0) > 1e12);
        assert_eq!(histogram.quantile_ms(0.5), 0.0);
    }

    #[test]
    fn two_added_histograms_count_both() {
        let (mut one, mut other) = (Histogram::default(), Histogram::default());
        one.record(Duration::from_millis(1));
        other.record(Duration::from_millis(3));
        one.add(&other);
        assert_eq!(one.count(), 2);
        assert_eq!(one.average_ms(), 2.0);
    }
}
