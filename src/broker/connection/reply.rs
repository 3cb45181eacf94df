//! What goes back to a client: bytes, and pieces of files that are sent without passing through user space.

use std::future::Future;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use bytes::Bytes;
pub use gracchus_log::FileRange;
use rustix::fs::sendfile;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// One response frame, in parts.
#[derive(Debug)]
pub enum Reply {
    /// A frame in memory.
    Bytes(Bytes),
    /// A Fetch response.
    Parts(Vec<Part>),
    /// No answer: `acks=0` (TRAPS 38).
    None,
    /// Close the connection, because Kafka does: `reason` goes to the log.
    Close { reason: String },
}

/// A part of a frame.
#[derive(Debug)]
pub enum Part {
    Bytes(Bytes),
    File(FileRange),
}

/// Sends the parts in order. It fails if the client takes nothing for `stall_max`, however long it takes in all.
pub async fn send(stream: &mut TcpStream, parts: Vec<Part>, stall_max: Duration) -> io::Result<()> {
    for part in parts {
        match part {
            Part::Bytes(bytes) => send_bytes(stream, &bytes, stall_max).await?,
            Part::File(range) => match range.as_fd() {
                Some(fd) => send_file(stream, fd, &range, stall_max).await?,
                None => send_bytes(stream, &range.read_all()?, stall_max).await?,
            },
        }
    }
    Ok(())
}

/// Sends bytes, as [`send`] does.
pub async fn send_bytes(stream: &mut TcpStream, mut bytes: &[u8], stall_max: Duration) -> io::Result<()> {
    while !bytes.is_empty() {
        match within(stall_max, stream.write(bytes)).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            sent => bytes = bytes.get(sent..).unwrap_or_default(),
        }
    }
    Ok(())
}

/// Sends a range of a file from the page cache.
async fn send_file(
    stream: &TcpStream,
    file: BorrowedFd<'_>,
    range: &FileRange,
    stall_max: Duration,
) -> io::Result<()> {
    let mut position = range.position;
    let end = position + u64::from(range.len);
    while position < end {
        let left = usize::try_from(end - position).unwrap_or(usize::MAX);
        let sending = stream.async_io(Interest::WRITABLE, || {
            let mut at = position;
            sendfile(stream, file, Some(&mut at), left).map_err(io::Error::from)
        });
        let sent = within(stall_max, sending).await?;
        if sent == 0 {
            // The frame's length is on the wire already; only closing tells the client that it is short.
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a segment is shorter than its view"));
        }
        position += sent as u64;
    }
    Ok(())
}

async fn within<T>(stall_max: Duration, io: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(stall_max, io).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
