//! Latencies, kept one by one: a few ten thousand fit, and no bucket rounds them.

use std::time::Duration;

#[derive(Clone, Debug, Default)]
pub struct Quantiles {
    sorted: Vec<Duration>,
}

impl Quantiles {
    pub fn of(mut latencies: Vec<Duration>) -> Quantiles {
        latencies.sort_unstable();
        Quantiles { sorted: latencies }
    }

    /// The latency that `part` (0 to 1) of all do not exceed; zero if there is none. In ms.
    pub fn at_ms(&self, part: f64) -> f64 {
        let rank = (part * self.sorted.len() as f64).ceil() as usize;
        self.sorted.get(rank.saturating_sub(1)).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    }

    pub fn average_ms(&self) -> f64 {
        let sum: Duration = self.sorted.iter().sum();
        sum.as_secs_f64() * 1e3 / self.sorted.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_latency_that_was_measured() {
        let latencies = Quantiles::of((1..=1000).rev().map(Duration::from_millis).collect());
        assert_eq!(latencies.at_ms(0.5), 500.0);
        assert_eq!(latencies.at_ms(0.999), 999.0);
        assert_eq!(latencies.at_ms(1.0), 1000.0);
        assert_eq!(latencies.average_ms(), 500.5);
        assert_eq!(Quantiles::default().at_ms(0.5), 0.0);
    }
}
