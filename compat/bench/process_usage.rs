//! What a process has used, from `/proc`.

use std::fs;
use std::io;
use std::time::Duration;

/// A reading; the difference of two says what the time between them cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessUsage {
    /// User and system time of all threads, in steps of a clock tick (10 ms).
    pub cpu: Duration,
    /// Resident now.
    pub rss_bytes: u64,
    /// Most that was ever resident; see [`ProcessUsage::reset_peak`].
    pub rss_peak_bytes: u64,
    pub open_files: usize,
}

impl ProcessUsage {
    /// Reads it.
    pub fn of(pid: i32) -> io::Result<ProcessUsage> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        Ok(ProcessUsage {
            cpu: cpu(&fs::read_to_string(format!("/proc/{pid}/stat"))?)?,
            rss_bytes: kib(&status, "VmRSS:") * 1024,
            rss_peak_bytes: kib(&status, "VmHWM:") * 1024,
            open_files: fs::read_dir(format!("/proc/{pid}/fd"))?.count(),
        })
    }

    /// Lets the peak begin again at what is resident now.
    pub fn reset_peak(pid: i32) -> io::Result<()> {
        fs::write(format!("/proc/{pid}/clear_refs"), "5")
    }
}

fn kib(status: &str, field: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Fields 14 and 15 of `stat`: the command's name before them may hold blanks, but ends with the last parenthesis.
fn cpu(stat: &str) -> io::Result<Duration> {
    let broken = || io::Error::other("/proc/PID/stat has another form");
    let (_, fields) = stat.rsplit_once(')').ok_or_else(broken)?;
    let ticks: u64 =
        fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}
