//! One ApiVersions conversation over a plain socket: the first thing every client does, so the test of readiness.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// ApiVersions (key 18) version 0, correlation id 7, no client id, behind its length.
const REQUEST: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff];
/// Correlation id 7, error code 0.
const ANSWER: [u8; 6] = [0, 0, 0, 7, 0, 0];

/// Connects, asks for ApiVersions and checks that the answer is a good one.
pub fn api_versions(address: SocketAddr, limit: Duration) -> io::Result<()> {
    let mut socket = TcpStream::connect_timeout(&address, limit)?;
    socket.set_read_timeout(Some(limit))?;
    socket.set_nodelay(true)?;
    socket.write_all(&REQUEST)?;
    let mut head = [0; 10];
    socket.read_exact(&mut head)?;
    match head.get(4..) {
        Some(answer) if answer == ANSWER => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, format!("unexpected answer {head:?}"))),
    }
}
