//! What goes back to a client: bytes, and pieces of files that are sent without passing through user space.

#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use bytes::Bytes;
pub use gracchus_log::FileRange;
use rustix::fs::sendfile;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::patience::Patience;
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

impl Reply {
    /// Memory that it takes until it is sent.
    pub fn memory_bytes(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Parts(parts) => {
                let (mut headers, mut copied) = (0, 0);
                for part in parts {
                    match part {
                        Part::Bytes(bytes) => headers += bytes.len(),
                        Part::File(range) if range.len <= COPIED_BYTES_MAX => copied += range.len as usize,
                        Part::File(_) => {}
                    }
                }
                headers + copied.min(GATHERED_BYTES_MAX)
            }
            Self::None | Self::Close { .. } => 0,
        }
    }
}

/// A range that is shorter is copied into the frame: cheaper than a `sendfile` and the packet it makes.
const COPIED_BYTES_MAX: u32 = 16 * 1024;

/// What is gathered before it is sent.
const GATHERED_BYTES_MAX: usize = 64 * 1024;

/// What is sent of a file before it is asked again whether the next bytes are in memory.
const WINDOW_BYTES: u32 = 1024 * 1024;

/// What is read from the disk at a time, and as much again is asked for behind it: a flush waits behind that.
const LOADED_BYTES: u32 = 256 * 1024;

/// How long that answer holds: a slow client takes its time, and memory may go to others meanwhile.
const CACHED_FOR: Duration = Duration::from_secs(1);

/// Sends the parts in order. It fails if the client takes nothing for too long, however long it takes in all. Never
/// waits for a disk itself: what is not in memory is read into it by `cold` first.
pub async fn send(
    stream: &mut TcpStream,
    parts: Vec<Part>,
    patience: Patience<'_>,
    cold: &ColdReads,
) -> io::Result<()> {
    let mut sending = Sending { stream, patience, cold, gathered: Vec::new() };
    for part in parts {
        match part {
            Part::Bytes(bytes) => sending.bytes(&bytes).await?,
            Part::File(range) if range.len <= COPIED_BYTES_MAX => sending.copy(range).await?,
            Part::File(range) => sending.file(range).await?,
        }
    }
    sending.flush().await
}

/// Sends bytes, as [`send`] does.
pub async fn send_bytes(
    stream: &mut TcpStream,
    mut bytes: &[u8],
    patience: &mut Patience<'_>,
) -> io::Result<()> {
    while !bytes.is_empty() {
        match patience.within(stream.write(bytes)).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            sent => {
                patience.taken(sent);
                bytes = bytes.get(sent..).unwrap_or_default();
            }
        }
    }
    Ok(())
}

/// A frame that is being sent: small things are gathered, so that a client is not woken for each.
struct Sending<'a> {
    stream: &'a mut TcpStream,
    patience: Patience<'a>,
    cold: &'a ColdReads,
    gathered: Vec<u8>,
}

impl Sending<'_> {
    async fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= GATHERED_BYTES_MAX { self.flush().await } else { Ok(()) }
    }

    async fn copy(&mut self, range: FileRange) -> io::Result<()> {
        let bytes = match range.read_cached()? {
            Some(bytes) => bytes,
            None => self.cold.load(move || range.read_all()).await??,
        };
        self.bytes(&bytes).await
    }

    async fn file(&mut self, range: FileRange) -> io::Result<()> {
        self.flush().await?;
        let mut done = 0;
        while done < range.len {
            let mut window = range.part(done, WINDOW_BYTES);
            if !window.is_cached() {
                window = range.part(done, LOADED_BYTES);
                let window = window.clone();
                self.cold.load(move || window.load()).await??;
            }
            done += match window.as_fd() {
                Some(fd) => send_file(self.stream, fd, &window, &mut self.patience).await?,
                None => {
                    send_bytes(self.stream, &window.read_all()?, &mut self.patience).await?;
                    window.len
                }
            };
        }
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        send_bytes(self.stream, &self.gathered, &mut self.patience).await?;
        self.gathered.clear();
        Ok(())
    }
}

/// Sends a range of a file from the page cache, or as much of it as can be sent while it is sure to be there. Returns how
/// much that was.
async fn send_file(
    stream: &TcpStream,
    file: BorrowedFd<'_>,
    range: &FileRange,
    patience: &mut Patience<'_>,
) -> io::Result<u32> {
    let began = Instant::now();
    let mut done = 0;
    while done < range.len && (done == 0 || began.elapsed() < CACHED_FOR) {
        let sending = stream.async_io(Interest::WRITABLE, || {
            let mut at = range.position + u64::from(done);
            sendfile(stream, file, Some(&mut at), (range.len - done) as usize).map_err(io::Error::from)
        });
        let sent = patience.within(sending).await?;
        patience.taken(sent);
        if sent == 0 {
            // The frame's length is on the wire already; only closing tells the client that it is short.
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a segment is shorter than its view"));
        }
        done += u32::try_from(sent).unwrap_or(range.len);
    }
    Ok(done)
}
