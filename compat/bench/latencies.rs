//! Latencies of single requests, and what share of them took how long.

use std::time::Duration;

/// Every latency of a run; four bytes each.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    micros: Vec<u32>,
}

impl Latencies {
    pub fn with_capacity(count: usize) -> Latencies {
        Latencies { micros: Vec::with_capacity(count) }
    }

    pub fn add(&mut self, latency: Duration) {
        self.micros.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
    }

    pub fn count(&self) -> usize {
        self.micros.len()
    }

    /// What `share` of them (0 to 1) did not exceed; 0 without any.
    pub fn quantile_ms(&mut self, share: f64) -> f64 {
        let last = self.micros.len().saturating_sub(1);
        if self.micros.is_empty() {
            return 0.0;
        }
        let at = (last as f64 * share).round() as usize;
        f64::from(*self.micros.select_nth_unstable(at).1) / 1e3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_latency_that_was_measured() {
        let mut latencies = Latencies::default();
        (1..=100).rev().map(Duration::from_millis).for_each(|latency| latencies.add(latency));
        assert_eq!((latencies.quantile_ms(0.0), latencies.quantile_ms(1.0)), (1.0, 100.0));
        assert_eq!(latencies.quantile_ms(0.5), 51.0);
        assert_eq!(Latencies::default().quantile_ms(0.99), 0.0);
    }
}
