//! One case over one connection: what is sent, and what becomes of it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a broker may be silent before it counts as waiting for more.
pub const SILENCE: Duration = Duration::from_secs(3);

/// ApiVersions version 0 without a client id. Sent behind every case: its answer shows that the connection is open, and
/// that there was no answer to the case if it comes first.
const PROBE: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0x50, 0x52, 0x4f, 0x42, 0xff, 0xff];
const PROBE_ID: [u8; 4] = [0x50, 0x52, 0x4f, 0x42];

/// What a client sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// An answer, without its length.
    Answered(Vec<u8>),
    /// An answer, and then the connection was closed, or was silent.
    AnsweredOnly(Vec<u8>),
    /// Nothing; the request behind it was answered.
    Skipped,
    Closed,
    /// Nothing for [`SILENCE`].
    Silent,
}

/// Sends a frame and then a probe over a connection of its own.
///
/// # Errors
/// When the broker does not accept a connection: it is gone.
pub fn exchange(address: SocketAddr, frame: &[u8]) -> io::Result<Seen> {
    let mut stream = TcpStream::connect_timeout(&address, SILENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    // A broker that refuses the first bytes closes before the last are written: what it said is still read.
    let sent = [frame, &PROBE].concat();
    let written = stream.write_all(&sent);
    let first = match read_frame(&mut stream) {
        Ok(first) => first,
        Err(error) if is_silence(&error) && written.is_ok() => return Ok(Seen::Silent),
        Err(_) => return Ok(Seen::Closed),
    };
    if first.starts_with(&PROBE_ID) {
        return Ok(Seen::Skipped);
    }
    Ok(match read_frame(&mut stream) {
        Ok(second) if second.starts_with(&PROBE_ID) => Seen::Answered(first),
        _ => Seen::AnsweredOnly(first),
    })
}

fn read_frame(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(i32::from_be_bytes(length)).map_err(io::Error::other)?;
    let mut frame = Vec::new();
    stream.take(length as u64).read_to_end(&mut frame)?;
    if frame.len() == length { Ok(frame) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
