//! The machine's own limit: a server that reads Produce frames, checks the CRC32C of their batches, writes them to one
//! file per partition, flushes if asked to (one `fdatasync` for all that waits), and answers. It stores records as a
//! broker must, and does nothing else a broker does.

mod fetch;
mod flusher;
mod frame;
mod server;
mod store;

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use compat_harness::{Process, Stream};
use tempfile::TempDir;

use crate::BenchError;
pub use server::{ServerArguments, serve};

/// What the server prints before its address.
const LISTENING: &str = "listening on ";
const START_LIMIT: Duration = Duration::from_secs(10);

/// The server as a process of its own, so that its CPU can be told from the driver's. Dropping it kills it.
#[derive(Debug)]
pub struct LimitServer {
    address: SocketAddr,
    /// Before `_home`: a process that still runs would write into the directory while it is being removed.
    process: Process,
    _home: TempDir,
}

impl LimitServer {
    /// Starts it on a free port and an empty directory.
    pub fn start(flushed: bool) -> Result<LimitServer, BenchError> {
        let home = tempfile::Builder::new().prefix("gracchus-limit-").tempdir()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("limit-server").arg(home.path());
        if flushed {
            command.arg("--flushed");
        }
        let process = Process::spawn(&mut command, b"")?;
        let address = process
            .wait_for(Stream::Stdout, "\n", 0, START_LIMIT)
            .and_then(|_| process.text(Stream::Stdout).trim().strip_prefix(LISTENING)?.parse().ok())
            .ok_or_else(|| {
                BenchError::Failed(format!("the limit server: {}", process.text(Stream::Stderr)))
            })?;
        Ok(LimitServer { address, process, _home: home })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn pid(&self) -> i32 {
        self.process.pid()
    }
}
