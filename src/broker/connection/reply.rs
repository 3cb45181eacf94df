//! What goes back to a client: bytes, and pieces of files that are sent without passing through user space.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use bytes::Bytes;
pub use gracchus_log::FileRange;
use rustix::fs::sendfile;
use rustix::net::{SendFlags, send as send_now};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::cold_reads::ColdReads;

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

/// A range that is shorter is copied into the frame: cheaper than a `sendfile` and the packet it makes.
const COPIED_BYTES_MAX: u32 = 16 * 1024;

/// What is gathered before it is sent.
const GATHERED_BYTES_MAX: usize = 64 * 1024;

/// What is sent of a file before it is asked again whether the next bytes are in memory.
const WINDOW_BYTES: u32 = 1024 * 1024;

/// Sends the parts in order. It fails if the client takes nothing for `stall_max`, however long it takes in all. Never
/// waits for a disk itself: what is not in memory is read into it by `cold` first.
pub async fn send(
    stream: &TcpStream,
    parts: Vec<Part>,
    stall_max: Duration,
    cold: &ColdReads,
) -> io::Result<()> {
    let mut sending = Sending { stream, stall_max, cold, gathered: Vec::new() };
    for part in parts {
        match part {
            Part::Bytes(bytes) => sending.bytes(&bytes).await?,
            Part::File(range) if range.len <= COPIED_BYTES_MAX => sending.copy(range).await?,
            Part::File(range) => sending.file(range).await?,
        }
    }
    sending.flush(SendFlags::empty()).await
}

/// Sends bytes, as [`send`] does.
pub async fn send_bytes(stream: &TcpStream, bytes: &[u8], stall_max: Duration) -> io::Result<()> {
    send_with(stream, bytes, SendFlags::empty(), stall_max).await
}

async fn send_with(
    stream: &TcpStream,
    mut bytes: &[u8],
    flags: SendFlags,
    stall_max: Duration,
) -> io::Result<()> {
    while !bytes.is_empty() {
        let sending = stream.async_io(Interest::WRITABLE, || {
            send_now(stream, bytes, flags | SendFlags::NOSIGNAL).map_err(io::Error::from)
        });
        match within(stall_max, sending).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            sent => bytes = bytes.get(sent..).unwrap_or_default(),
        }
    }
    Ok(())
}

/// A frame that is being sent: small things are gathered, so that a client is not woken for each.
struct Sending<'a> {
    stream: &'a TcpStream,
    stall_max: Duration,
    cold: &'a ColdReads,
    gathered: Vec<u8>,
}

impl Sending<'_> {
    async fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= GATHERED_BYTES_MAX { self.flush(SendFlags::empty()).await } else { Ok(()) }
    }

    async fn copy(&mut self, range: FileRange) -> io::Result<()> {
        let bytes = match range.read_cached()? {
            Some(bytes) => bytes,
            None => self.cold.run(move || range.read_all()).await??,
        };
        self.bytes(&bytes).await
    }

    async fn file(&mut self, range: FileRange) -> io::Result<()> {
        // The header shares a packet with the first records.
        self.flush(SendFlags::MORE).await?;
        let mut done = 0;
        while done < range.len {
            let window = range.part(done, WINDOW_BYTES);
            if !window.is_cached() {
                let window = window.clone();
                self.cold.run(move || window.load()).await??;
            }
            match window.as_fd() {
                Some(fd) => send_file(self.stream, fd, &window, self.stall_max).await?,
                None => send_bytes(self.stream, &window.read_all()?, self.stall_max).await?,
            }
            done += window.len;
        }
        Ok(())
    }

    async fn flush(&mut self, flags: SendFlags) -> io::Result<()> {
        send_with(self.stream, &self.gathered, flags, self.stall_max).await?;
        self.gathered.clear();
        Ok(())
    }
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
