//! A broker process, ours or the reference, in a temporary directory on a free port.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::process::Signal;
use crate::{Jars, Process, Stream, binary, probe, reference};

/// The reference takes 3 s on an idle machine of two cores; others may be busy.
const START_LIMIT: Duration = Duration::from_secs(90);
const STOP_LIMIT: Duration = Duration::from_secs(60);
/// Part of the last start-up line of ours, before the address it listens on.
const LISTENING: &str = "listening on ";
/// The reference's last start-up line.
const REFERENCE_STARTED: &str = "Kafka Server started";

/// Which broker.
#[derive(Clone, Debug)]
pub enum Kind {
    Gracchus,
    Reference(Jars),
}

/// Why a broker could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{0}")]
    Missing(String),
    #[error("the broker is not ready: {0}")]
    NotReady(String),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A running broker. Dropping it kills the process and removes its directory.
#[derive(Debug)]
pub struct Broker {
    kind: Kind,
    settings: Vec<(String, String)>,
    address: SocketAddr,
    /// Before `home`: a process that still runs would write into the directory while it is being removed.
    process: Process,
    home: TempDir,
    start_took: Duration,
}

impl Broker {
    /// Starts a broker on an empty directory; returns once it answers ApiVersions.
    pub fn start(kind: Kind, settings: &[(&str, &str)]) -> Result<Broker, StartError> {
        let home = tempfile::Builder::new().prefix("gracchus-compat-").tempdir()?;
        let settings: Vec<_> =
            settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let (process, address, start_took) = launch(&kind, home.path(), address, &settings)?;
        Ok(Broker { kind, settings, address, process, home, start_took })
    }

    /// What `COMPAT_SUBJECT=reference` turns into the reference, so that the tests can be tested themselves.
    pub fn subject_kind() -> Result<Kind, StartError> {
        match std::env::var("COMPAT_SUBJECT").as_deref() {
            Ok("reference") => Ok(Kind::Reference(Jars::find_or_fetch().map_err(StartError::Missing)?)),
            _ => Ok(Kind::Gracchus),
        }
    }

    pub fn address(&self) -> String {
        self.address.to_string()
    }

    pub const fn socket_address(&self) -> SocketAddr {
        self.address
    }

    pub fn is_reference(&self) -> bool {
        matches!(self.kind, Kind::Reference(_))
    }

    /// The directory that holds the partitions.
    pub fn data_dir(&self) -> PathBuf {
        data_dir(self.home.path())
    }

    /// From exec to the first answered ApiVersions, of the latest start.
    pub fn start_took(&self) -> Duration {
        self.start_took
    }

    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// What the broker wrote since its latest start.
    pub fn log(&self) -> String {
        format!("{}{}", self.process.text(Stream::Stdout), self.process.text(Stream::Stderr))
    }

    /// SIGKILL; returns when the process is gone.
    pub fn kill(&self) {
        self.process.signal(Signal::KILL);
        self.process.wait(STOP_LIMIT);
    }

    /// SIGTERM; returns how it ended and how long that took, or `None` if it did not end.
    pub fn stop(&self) -> Option<(ExitStatus, Duration)> {
        let asked = Instant::now();
        self.process.signal(Signal::TERM);
        let status = self.process.wait(STOP_LIMIT)?;
        Some((status, asked.elapsed()))
    }

    /// Starts it again on the same directory and port; kills it first if it still runs.
    pub fn restart(&mut self) -> Result<(), StartError> {
        self.kill();
        let (process, _, start_took) = launch(&self.kind, self.home.path(), self.address, &self.settings)?;
        (self.process, self.start_took) = (process, start_took);
        Ok(())
    }
}

fn data_dir(home: &Path) -> PathBuf {
    home.join("data")
}

fn launch(
    kind: &Kind,
    home: &Path,
    mut address: SocketAddr,
    settings: &[(String, String)],
) -> Result<(Process, SocketAddr, Duration), StartError> {
    let process = match kind {
        Kind::Gracchus => {
            let process = spawn_gracchus(home, address, settings)?;
            address = listening_address(&process)?;
            process
        }
        Kind::Reference(jars) => {
            if address.port() == 0 {
                address.set_port(reference::free_port()?);
            }
            let process = reference::spawn(jars, home, &data_dir(home), address.port(), settings)?;
            match process.wait_for(Stream::Stderr, REFERENCE_STARTED, 0, START_LIMIT) {
                Some(_) => process,
                None => return Err(not_ready(&process, REFERENCE_STARTED)),
            }
        }
    };
    probe::api_versions(address, START_LIMIT).map_err(|e| not_ready(&process, &e.to_string()))?;
    // From the broker's own exec: finding the binary and formatting the reference's directory came before.
    let took = process.started().elapsed();
    Ok((process, address, took))
}

fn spawn_gracchus(
    home: &Path,
    address: SocketAddr,
    settings: &[(String, String)],
) -> Result<Process, StartError> {
    let binary = binary::gracchus().map_err(StartError::Missing)?;
    let mut command = Command::new(binary);
    command.arg("--listen").arg(address.to_string()).arg("--data-dir").arg(data_dir(home));
    for (name, value) in settings {
        command.arg("--set").arg(format!("{name}={value}"));
    }
    command.env("RUST_LOG", "info").current_dir(home);
    Ok(Process::spawn(&mut command, b"")?)
}

fn listening_address(process: &Process) -> Result<SocketAddr, StartError> {
    let behind = process.wait_for(Stream::Stderr, LISTENING, 0, START_LIMIT);
    let behind = behind.ok_or_else(|| not_ready(process, LISTENING))?;
    // The rest of the line may still be on its way; the start time follows the address on it.
    process.wait_for(Stream::Stderr, "\n", behind, START_LIMIT);
    let text = process.text(Stream::Stderr);
    let rest = text.get(behind..).unwrap_or_default();
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':')).unwrap_or(rest.len());
    let address = rest.get(..end).unwrap_or_default().trim_end_matches(['.', ':']);
    address.parse().map_err(|e| not_ready(process, &format!("{address:?}: {e}")))
}

fn not_ready(process: &Process, what: &str) -> StartError {
    let log = format!("{}{}", process.text(Stream::Stdout), process.text(Stream::Stderr));
    let tail: Vec<&str> = log.lines().rev().take(15).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    StartError::NotReady(format!("{what}; its last lines:\n{}", tail.join("\n")))
}
