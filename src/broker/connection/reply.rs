//! What goes back to a client: bytes, and pieces of files that are sent without passing through user space.

use bytes::Bytes;
pub use gracchus_log::FileRange;
use rustix::fs::sendfile;
use std::io;
use std::os::fd::BorrowedFd;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::TcpStream;

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

/// Sends the parts in order.
pub async fn send(stream: &mut TcpStream, parts: Vec<Part>) -> io::Result<()> {
    for part in parts {
        match part {
            Part::Bytes(bytes) => stream.write_all(&bytes).await?,
            Part::File(range) => match range.as_fd() {
                Some(fd) => send_file(stream, fd, &range).await?,
                None => stream.write_all(&range.read_all()?).await?,
            },
        }
    }
    Ok(())
}

/// Sends a range of a file from the page cache.
async fn send_file(stream: &TcpStream, file: BorrowedFd<'_>, range: &FileRange) -> io::Result<()> {
    let mut position = range.position;
    let end = position + u64::from(range.len);
    while position < end {
        let left = usize::try_from(end - position).unwrap_or(usize::MAX);
        let sent = stream
            .async_io(Interest::WRITABLE, || {
                let mut at = position;
                sendfile(stream, file, Some(&mut at), left).map_err(io::Error::from)
            })
            .await?;
        if sent == 0 {
            // The frame's length is on the wire already; only closing tells the client that it is short.
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a segment is shorter than its view"));
        }
        position += sent as u64;
    }
    Ok(())
}
