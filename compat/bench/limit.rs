//! The machine's own limit: a server that reads Produce frames, checks the CRC32C of their batches, writes them to one
//! file per partition, flushes if asked to (one `fdatasync` for all that waits), and answers. It stores records as a
//! broker must, and does nothing else a broker does.

use std::net::SocketAddr;

use crate::BenchError;

/// The server as a process of its own, so that its CPU can be told from the driver's. Dropping it kills it.
#[derive(Debug)]
pub struct LimitServer {}

impl LimitServer {
    /// Starts it on a free port and an empty directory.
    pub fn start(_flushed: bool) -> Result<LimitServer, BenchError> {
        Err(BenchError::Failed("the limit server is not written yet".into()))
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    pub fn pid(&self) -> i32 {
        0
    }
}
