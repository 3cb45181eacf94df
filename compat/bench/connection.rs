//! A connection with one request in flight, and waiting for when the next is due.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::BenchError;

/// How long an answer may take.
pub const SILENCE: Duration = Duration::from_secs(60);

/// A blocking connection.
#[derive(Debug)]
pub struct Connection(TcpStream);

impl Connection {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Result<Connection, BenchError> {
        let stream = TcpStream::connect_timeout(&address, SILENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE))?;
        Ok(Connection(stream))
    }

    /// Sends a whole frame and reads the answer, without its length.
    pub fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>, BenchError> {
        self.0.write_all(request)?;
        let mut length = [0; 4];
        self.0.read_exact(&mut length)?;
        let mut answer = vec![0; u32::from_be_bytes(length) as usize];
        self.0.read_exact(&mut answer)?;
        Ok(answer)
    }
}

/// Stays off the processor until then.
pub fn wait_for(due: Instant) {
    while let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        thread::park_timeout(left);
    }
}
