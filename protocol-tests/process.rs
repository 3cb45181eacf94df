//! The `gracchus` program as a process: built, started, listened to, signalled, and always ended.
//!
//! What must not be here: what a test expects of it.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Resource;
pub use rustix::process::Signal;

/// How long a test waits for something that should come at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// Lines that may wait to be read. One that logs more is taken for one that logs without end, and fails its test.
const LINES_MAX: usize = 100_000;

/// The program, built once per test run: `cargo test` alone does not build another package's binary.
///
/// # Panics
/// When it cannot be built.
pub fn binary() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build)
}

fn build() -> PathBuf {
    let exe = env::current_exe().expect("a running test has a path");
    // target/<profile>/deps/<test>, or target/<profile>/<program>.
    let folder = exe.parent().expect("a folder");
    let profile_dir = folder.parent().filter(|_| folder.ends_with("deps")).unwrap_or(folder);
    let profile = match profile_dir.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    // The same features as `cargo test --workspace` chose, so that no dependency is compiled twice.
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--workspace", "--bin", "gracchus", "--profile", profile, "--target-dir"])
        .arg(profile_dir.parent().unwrap_or(profile_dir))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .status()
        .expect("cargo runs");
    assert!(status.success(), "cargo build: {status}");
    profile_dir.join("gracchus")
}

/// The program in `dir`, with nothing of the caller's environment that it would read.
pub fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(args).current_dir(dir).stdin(Stdio::null());
    let read = |name: &str| name.starts_with("KAFKA_") || matches!(name, "CLUSTER_ID" | "RUST_LOG");
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_str().is_some_and(read)) {
        command.env_remove(name);
    }
    command
}

/// Runs the program to its end, for starts that must fail or only print.
pub fn run(dir: &Path, args: &[&str]) -> Output {
    command(dir, args).output().expect("the program runs")
}

/// Starts the program with its data in `dir`, on a free port, and gives where it listens.
///
/// # Panics
/// When it does not start.
pub fn serve(dir: &Path, settings: &[(&str, &str)]) -> (Process, SocketAddr) {
    serve_from(dir, &["data"], settings, &[])
}

/// As [`serve`], with data directories in `dir`, and with variables of the environment.
///
/// # Panics
/// When it does not start.
pub fn serve_from(
    dir: &Path,
    data_dirs: &[&str],
    settings: &[(&str, &str)],
    environment: &[(&str, &OsStr)],
) -> (Process, SocketAddr) {
    serve_at("127.0.0.1:0", dir, data_dirs, settings, environment)
}

/// As [`serve`], on all interfaces. Gives the port.
///
/// # Panics
/// When it does not start.
pub fn serve_everywhere(dir: &Path, settings: &[(&str, &str)]) -> (Process, u16) {
    let (process, address) = serve_at(":0", dir, &["data"], settings, &[]);
    (process, address.port())
}

fn serve_at(
    listen: &str,
    dir: &Path,
    data_dirs: &[&str],
    settings: &[(&str, &str)],
    environment: &[(&str, &OsStr)],
) -> (Process, SocketAddr) {
    let settings: Vec<String> =
        settings.iter().map(|(name, value)| format!("--set={name}={value}")).collect();
    let mut args = vec!["--listen", listen];
    data_dirs.iter().for_each(|dir| args.extend(["--data-dir", dir]));
    args.extend(settings.iter().map(String::as_str));
    let mut command = command(dir, &args);
    command.envs(environment.iter().copied());
    let mut process = Process::start(command);
    let line = process.wait_for("listening on");
    let address = line.split_once("listening on ").and_then(|(_, rest)| rest.split([';', ',']).next());
    (process, address.and_then(|address| address.parse().ok()).expect("an address in the line"))
}

/// A running program; ended with SIGKILL when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// It may start others, to whom its signals go too.
    is_group: bool,
    lines: Receiver<String>,
    /// There were more than [`LINES_MAX`].
    is_flood: Arc<AtomicBool>,
    /// What it has logged so far.
    pub seen: Vec<String>,
}

impl Process {
    /// Starts it.
    pub fn start(command: Command) -> Self {
        Self::spawn(command, false)
    }

    /// Starts a script: what it starts ends with it.
    pub fn start_group(mut command: Command) -> Self {
        command.process_group(0);
        Self::spawn(command, true)
    }

    fn spawn(mut command: Command, is_group: bool) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the program starts");
        let stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let (sender, lines) = sync_channel(LINES_MAX);
        let is_flood = Arc::new(AtomicBool::new(false));
        let flood = is_flood.clone();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                match sender.try_send(line) {
                    Ok(()) => {}
                    Err(TrySendError::Full(_)) => flood.store(true, Ordering::Relaxed),
                    Err(TrySendError::Disconnected(_)) => return,
                }
            }
        });
        Self { child, is_group, lines, is_flood, seen: Vec::new() }
    }

    /// Waits for the first line with `text` in it.
    ///
    /// # Panics
    /// When the program ends first or takes too long, with what it said.
    pub fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("no line with {text:?}: {:#?}", self.seen),
                Err(RecvTimeoutError::Disconnected) => panic!("it ended without {text:?}: {:#?}", self.seen),
            }
        }
    }

    /// Its number, for tools that look at it from outside.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        self.send(signal).expect("the process is ours and alive");
    }

    fn send(&self, signal: Signal) -> rustix::io::Result<()> {
        let pid = rustix::process::Pid::from_child(&self.child);
        match self.is_group {
            true => rustix::process::kill_process_group(pid, signal),
            false => rustix::process::kill_process(pid, signal),
        }
    }

    /// Lets its files grow no further than that, or as they like: what a full disk does, without a disk.
    pub fn limit_file_bytes(&self, bytes: Option<u64>) {
        self.limit(Resource::Fsize, bytes);
    }

    /// Lets it open no more than so many files and sockets.
    pub fn limit_open_files(&self, files: u64) {
        self.limit(Resource::Nofile, Some(files));
    }

    fn limit(&self, resource: Resource, current: Option<u64>) {
        // The upper limit stays what a child has from this process.
        let maximum = rustix::process::getrlimit(resource).maximum;
        let pid = Some(rustix::process::Pid::from_child(&self.child));
        let limit = rustix::process::Rlimit { current, maximum };
        rustix::process::prlimit(pid, resource, limit).expect("a limit may be lowered and raised again");
    }

    /// Files and sockets that it has open.
    ///
    /// # Panics
    /// When the process has ended.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("it runs").count()
    }

    /// The most memory that was resident since its start.
    ///
    /// # Panics
    /// When the process has ended.
    pub fn memory_peak_bytes(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    /// The memory that is resident.
    ///
    /// # Panics
    /// When the process has ended.
    pub fn memory_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    fn status_bytes(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("a line for the field");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number of kB");
        kib * 1024
    }

    /// Waits for its end and says how long that took.
    ///
    /// # Panics
    /// When it takes too long.
    pub fn wait(&mut self) -> (ExitStatus, Duration) {
        let start = Instant::now();
        // Its stderr closes when it ends, so that nothing has to be polled.
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {:#?}", self.seen),
            }
        }
        (self.child.wait().expect("a child can be waited for"), start.elapsed())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended already, which is what they are for.
        if self.is_group && matches!(self.child.try_wait(), Ok(None)) {
            let _ended = self.send(Signal::KILL).is_err();
        }
        drop(self.child.kill());
        drop(self.child.wait());
        let is_flood = self.is_flood.load(Ordering::Relaxed);
        assert!(!is_flood || thread::panicking(), "it has logged more than {LINES_MAX} lines");
    }
}
