//! `strace`, attached to a running process to make some of its system calls fail.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::process::{Process, Signal};

/// Says what is missing, if something is.
pub fn available() -> Result<(), String> {
    let found = Command::new("strace").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match found {
        Ok(status) if status.success() => Ok(()),
        _ => Err("strace is not there: install the package `strace`".to_owned()),
    }
}

/// How many calls have failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Those that are in the log.
    pub seen: usize,
    /// Those that were under way at the end: any of them may have failed, too.
    pub cut_off: usize,
}

/// An attached `strace`; detached when dropped, too.
pub struct Tracer {
    strace: Process,
    log: PathBuf,
}

impl Tracer {
    /// Attaches to all threads of a process. `calls` (with commas) fail with EIO as `when` says, only those on `paths` if
    /// there are some.
    pub fn attach(pid: u32, log: PathBuf, calls: &str, when: Option<u64>, paths: &[PathBuf]) -> Self {
        let when = when.map(|n| format!(":when={n}")).unwrap_or_default();
        let mut command = Command::new("strace");
        command.args(["-f", "-p", &pid.to_string(), "-o"]).arg(&log);
        command.args(["-e", &format!("trace={calls}"), "-e", &format!("inject={calls}:error=EIO{when}")]);
        for path in paths {
            command.arg("-P").arg(path);
        }
        let mut strace = Process::start(command);
        strace.wait_for("attached");
        Self { strace, log }
    }

    /// Calls that have failed so far.
    pub fn injected(&self) -> usize {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().filter(|line| line.contains("(INJECTED)")).count()
    }

    /// Lets the process go on undisturbed.
    pub fn detach(mut self) -> Failed {
        self.strace.signal(Signal::TERM);
        self.strace.wait();
        Failed { seen: self.injected(), cut_off: self.unfinished() }
    }

    /// Threads that were in a call when the log ended.
    fn unfinished(&self) -> usize {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let mut last: BTreeMap<&str, bool> = BTreeMap::new();
        for line in log.lines() {
            if let Some((thread, call)) = line.split_once(' ') {
                last.insert(thread, !call.contains(" = "));
            }
        }
        last.values().filter(|unfinished| **unfinished).count()
    }
}
