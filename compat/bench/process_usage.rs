//! What a process has used, from `/proc`.

use std::fs;
use std::io;
use std::time::Duration;

/// A reading; the difference of two says what the time between them cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessUsage {
    /// User and system time of all threads, also of those that have ended.
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
            cpu: cpu(pid)?,
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

/// The process' own CPU clock: `/proc/PID/stat` has the same, but in ticks of 10 ms.
fn cpu(pid: i32) -> io::Result<Duration> {
    let mut clock: libc::clockid_t = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both only write what they are given a pointer to.
    let (found, read) = unsafe {
        let found = libc::clock_getcpuclockid(pid, &mut clock);
        (found, if found == 0 { libc::clock_gettime(clock, &mut time) } else { -1 })
    };
    match (found, read) {
        (0, 0) => Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32)),
        (0, _) => Err(io::Error::last_os_error()),
        (code, _) => Err(io::Error::from_raw_os_error(code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_adds_to_the_cpu_time_of_the_process() {
        let pid = rustix::process::getpid().as_raw_pid();
        let before = ProcessUsage::of(pid).unwrap();
        let mut sum = 0u64;
        let worked = loop {
            sum = std::hint::black_box(sum.wrapping_add(1));
            if sum.is_multiple_of(1_000_000) {
                let worked = ProcessUsage::of(pid).unwrap().cpu - before.cpu;
                if worked > Duration::from_millis(2) {
                    break worked;
                }
            }
        };
        assert!(worked < Duration::from_secs(60));
        assert!(before.rss_bytes > 0 && before.open_files > 2);
    }
}
