//! One child process: its output is captured as it comes, and it is ended by its pid, never by a name.

use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub use rustix::process::Signal;
use rustix::process::{Pid, WaitId, WaitIdOptions, kill_process, waitid};

/// Which of the two output streams is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// What a process left behind.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub stdout: String,
    pub stderr: String,
    /// `None`: ended by a signal, or by us because its time was up.
    pub code: Option<i32>,
    pub timed_out: bool,
    pub took: Duration,
}

/// A running (or ended) child. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    shared: Arc<Shared>,
    pid: Pid,
    started: Instant,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    child: Child,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    streams_open: u8,
    exit: Option<ExitStatus>,
}

impl Process {
    /// Starts `command` with both outputs captured, feeds it `stdin` and closes that.
    pub fn spawn(command: &mut Command, stdin: &[u8]) -> io::Result<Process> {
        let started = Instant::now();
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let pid = Pid::from_child(&child);
        let (input, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let state = State { child, stdout: Vec::new(), stderr: Vec::new(), streams_open: 2, exit: None };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        capture(&shared, Stream::Stdout, out);
        capture(&shared, Stream::Stderr, err);
        feed(input, stdin);
        reap(&shared, pid);
        Ok(Process { shared, pid, started })
    }

    /// Runs `command` to its end; after `limit` it is killed.
    pub fn run(command: &mut Command, stdin: &[u8], limit: Duration) -> io::Result<Outcome> {
        Ok(Process::spawn(command, stdin)?.finish(limit))
    }

    /// Waits up to `limit` for the end, kills if there is none, and returns everything that was written.
    pub fn finish(self, limit: Duration) -> Outcome {
        let exit = self.wait(limit);
        let took = self.started.elapsed();
        if exit.is_none() {
            self.signal(Signal::KILL);
            self.wait(Duration::from_secs(5));
        }
        Outcome {
            stdout: self.text(Stream::Stdout),
            stderr: self.text(Stream::Stderr),
            code: exit.and_then(|status| status.code()),
            timed_out: exit.is_none(),
            took,
        }
    }

    pub fn pid(&self) -> i32 {
        self.pid.as_raw_pid()
    }

    /// Just before it was started.
    pub const fn started(&self) -> Instant {
        self.started
    }

    /// Everything written to `stream` so far.
    pub fn text(&self, stream: Stream) -> String {
        String::from_utf8_lossy(self.shared.lock().bytes(stream)).into_owned()
    }

    /// Waits for the process to exit and for both its outputs to be read to the end.
    pub fn wait(&self, limit: Duration) -> Option<ExitStatus> {
        self.shared.wait(limit, |state| state.exit.filter(|_| state.streams_open == 0))
    }

    /// Waits until `stream` holds `text` at or after byte `from`; returns the position behind it.
    /// `None`: the time is up, or the process ended without writing it.
    pub fn wait_for(&self, stream: Stream, text: &str, from: usize, limit: Duration) -> Option<usize> {
        let found = self.shared.wait(limit, |state| match find(state.bytes(stream), text.as_bytes(), from) {
            Some(at) => Some(Some(at + text.len())),
            None => (state.exit.is_some() && state.streams_open == 0).then_some(None),
        });
        found.flatten()
    }

    /// Sends a signal unless the process has already ended.
    pub fn signal(&self, signal: Signal) {
        // The child is reaped under this lock, so its pid cannot have been given to someone else.
        let state = self.shared.lock();
        if state.exit.is_none() {
            // It may have ended a moment ago: then there is nothing to do.
            kill_process(self.pid, signal).ok();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        self.wait(Duration::from_secs(5));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn wait<T>(&self, limit: Duration, condition: impl Fn(&State) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + limit;
        let mut state = self.lock();
        loop {
            if let Some(value) = condition(&state) {
                return Some(value);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl State {
    fn bytes(&self, stream: Stream) -> &Vec<u8> {
        match stream {
            Stream::Stdout => &self.stdout,
            Stream::Stderr => &self.stderr,
        }
    }
}

fn find(haystack: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let rest = haystack.get(from..)?;
    rest.windows(needle.len().max(1)).position(|window| window == needle).map(|at| from + at)
}

fn capture(shared: &Arc<Shared>, stream: Stream, source: Option<impl Read + Send + 'static>) {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        if let Some(mut source) = source {
            while let Ok(count @ 1..) = source.read(&mut buffer) {
                let bytes = buffer.get(..count).unwrap_or_default();
                shared.update(|state| match stream {
                    Stream::Stdout => state.stdout.extend_from_slice(bytes),
                    Stream::Stderr => state.stderr.extend_from_slice(bytes),
                });
            }
        }
        shared.update(|state| state.streams_open -= 1);
    });
}

fn feed(input: Option<impl Write + Send + 'static>, bytes: &[u8]) {
    let bytes = bytes.to_vec();
    thread::spawn(move || {
        if let Some(mut input) = input {
            // A tool that ends before it has read everything closes the pipe: not our concern.
            input.write_all(&bytes).ok();
        }
    });
}

fn reap(shared: &Arc<Shared>, pid: Pid) {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        // First wait without taking the status, then take it under the lock that `signal` holds.
        waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).ok();
        shared.update(|state| state.exit = state.child.wait().ok());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    #[test]
    fn stdin_goes_in_and_both_outputs_come_out() {
        let mut command = Command::new("sh");
        command.args(["-c", "cat; echo oops >&2; exit 3"]);
        let outcome = Process::run(&mut command, b"hello\n", SOON).unwrap();
        assert_eq!(
            (outcome.stdout.as_str(), outcome.stderr.as_str(), outcome.code),
            ("hello\n", "oops\n", Some(3))
        );
    }

    #[test]
    fn a_process_that_takes_too_long_is_killed() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo begun; exec tail -f /dev/null"]);
        let process = Process::spawn(&mut command, b"").unwrap();
        assert_eq!(process.wait_for(Stream::Stdout, "begun", 0, SOON), Some(5));
        let outcome = process.finish(Duration::from_millis(1));
        assert!(outcome.timed_out);
        assert_eq!(outcome.code, None);
    }

    #[test]
    fn waiting_for_a_line_ends_with_the_process() {
        let process = Process::spawn(&mut Command::new("true"), b"").unwrap();
        assert_eq!(process.wait_for(Stream::Stdout, "never", 0, SOON), None);
    }
}
