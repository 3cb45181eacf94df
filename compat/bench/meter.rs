//! What it costs a broker to move records: the time, and what its process uses meanwhile.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::BenchError;
use crate::process_usage::ProcessUsage;
use crate::results::Metric;
use crate::subject::Running;

/// A measurement that has begun.
#[derive(Debug)]
pub struct Meter {
    begun: Instant,
    before: ProcessUsage,
}

/// One that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    pub took: Duration,
    /// Of the broker's process.
    pub cpu: Duration,
    /// Most that was resident meanwhile.
    pub memory_peak_bytes: u64,
}

impl Meter {
    pub fn start(running: &Running) -> Result<Meter, BenchError> {
        ProcessUsage::reset_peak(running.pid())?;
        let before = running.usage()?;
        Ok(Meter { begun: Instant::now(), before })
    }

    pub fn stop(&self, running: &Running) -> Result<Cost, BenchError> {
        let took = self.begun.elapsed();
        let after = running.usage()?;
        let cpu = after.cpu.saturating_sub(self.before.cpu);
        Ok(Cost { took, cpu, memory_peak_bytes: after.rss_peak_bytes })
    }
}

impl Cost {
    /// As it is reported, for so many records with so many bytes in their values.
    pub fn values(&self, records: u64, bytes: u64) -> BTreeMap<Metric, f64> {
        let seconds = self.took.as_secs_f64();
        BTreeMap::from([
            (Metric::MegabytesPerSecond, bytes as f64 / 1e6 / seconds),
            (Metric::RecordsPerSecond, records as f64 / seconds),
            (Metric::CpuSecondsPerGigabyte, self.cpu.as_secs_f64() / (bytes as f64 / 1e9)),
            (Metric::MemoryPeakMegabytes, self.memory_peak_bytes as f64 / 1e6),
        ])
    }
}
