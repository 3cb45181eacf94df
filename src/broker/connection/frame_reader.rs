//! Cuts the bytes of a connection into frames: a 4-byte length, then that many bytes (TRAPS 12).
//!
//! Memory grows as bytes arrive: the length a client claims reserves nothing but what the budget grants at a time.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::ready;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::admission::{Grant, RequestBudget};

/// What one read through the thread's own buffer takes at most. Frames up to this size come through it, several at a
/// time; of larger ones only the beginning does, and the rest is read straight to its place.
const SCRATCH_BYTES: usize = 32 * 1024;
/// Bytes that are read ahead of a client that waits for an answer, to notice when it hangs up.
const AHEAD_BYTES: usize = 4 * 1024;
/// How long a client may stop in the middle of a frame: what has come of it takes memory from others.
const STALL_MAX: Duration = Duration::from_secs(30);
/// A frame's length field.
const LENGTH_BYTES: usize = 4;

thread_local! {
    /// Where a read lands whose size is not known: a connection that waits for a request holds no buffer.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into_boxed_slice());
}

/// A frame with the memory that was granted for it.
#[derive(Debug)]
pub struct Frame {
    pub bytes: Bytes,
    pub grant: Arc<Grant>,
}

/// Why no frame came.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("the client closed the connection")]
    Closed,
    #[error("the client closed the connection in the middle of a frame")]
    ClosedInFrame,
    #[error("frame of {length} bytes, allowed are 0 to {max}")]
    Size { length: i32, max: i32 },
    #[error("nothing more of a frame came for {STALL_MAX:?}")]
    Stalled,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The read half of a connection's state.
#[derive(Debug)]
pub struct FrameReader {
    /// What came and was not taken yet.
    buffer: BytesMut,
    budget: RequestBudget,
    frame_bytes_max: i32,
    /// The length of the frame whose body is being read, and its grant.
    body: Option<(usize, Grant)>,
}

impl FrameReader {
    /// A reader that refuses frames above `frame_bytes_max` (`socket.request.max.bytes`).
    pub fn new(budget: RequestBudget, frame_bytes_max: i32) -> Self {
        Self { buffer: BytesMut::new(), budget, frame_bytes_max, body: None }
    }

    /// The next frame. Safe to cancel: what was read stays in the buffer.
    pub async fn next(&mut self, stream: &mut TcpStream) -> Result<Frame, FrameError> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(frame);
            }
            if self.body.is_none() && self.buffer.len() >= LENGTH_BYTES {
                self.body = Some((self.length()?, Grant::default()));
                continue;
            }
            if let Some((length, grant)) = &mut self.body
                && (self.buffer.len() >= LENGTH_BYTES + grant.covered() || *length <= SCRATCH_BYTES)
                && grant.covered() < *length
            {
                self.budget.extend(grant, *length).await;
            }
            if self.read(stream).await? == 0 {
                let idle = self.body.is_none() && self.buffer.is_empty();
                return Err(if idle { FrameError::Closed } else { FrameError::ClosedInFrame });
            }
        }
    }

    async fn read(&mut self, stream: &mut TcpStream) -> Result<usize, FrameError> {
        if self.buffer.is_empty() {
            return Ok(read_through_scratch(stream, &mut self.buffer, SCRATCH_BYTES).await?);
        }
        let whole = self.body.as_ref().map(|(length, grant)| (*length, LENGTH_BYTES + grant.covered()));
        let read = async {
            match whole {
                Some((length, covered)) if length > SCRATCH_BYTES => {
                    // Room for all that is granted, so that one frame is one piece of memory; not a byte of the next.
                    let room = (LENGTH_BYTES + length).min(covered) - self.buffer.len();
                    self.buffer.reserve(room);
                    (&mut *stream).take(room as u64).read_buf(&mut self.buffer).await
                }
                _ => read_through_scratch(stream, &mut self.buffer, SCRATCH_BYTES).await,
            }
        };
        Ok(timeout(STALL_MAX, read).await.map_err(|_| FrameError::Stalled)??)
    }

    /// Waits until the client has closed the connection. Of what it sends meanwhile a little is read ahead; if it sends
    /// more this never ends. Safe to cancel.
    pub async fn hung_up(&mut self, stream: &mut TcpStream) {
        while self.buffer.len() < AHEAD_BYTES {
            match read_through_scratch(stream, &mut self.buffer, AHEAD_BYTES).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        std::future::pending().await
    }

    /// Takes a whole frame out of the buffer, if there is one.
    fn take(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some((length, _)) = &self.body else { return Ok(None) };
        let whole = LENGTH_BYTES + *length;
        if self.buffer.len() < whole {
            return Ok(None);
        }
        let mut bytes = self.buffer.split_to(whole).freeze();
        bytes.advance(LENGTH_BYTES);
        let grant = self.body.take().map(|(_, grant)| grant);
        if self.buffer.is_empty() {
            // Nothing half-read: an idle connection holds no buffer that a frame once needed.
            self.buffer = BytesMut::new();
        }
        Ok(grant.map(|grant| Frame { bytes, grant: Arc::new(grant) }))
    }

    fn length(&self) -> Result<usize, FrameError> {
        let length = self.buffer.first_chunk().map_or(0, |bytes| i32::from_be_bytes(*bytes));
        if length < 0 || length > self.frame_bytes_max {
            return Err(FrameError::Size { length, max: self.frame_bytes_max });
        }
        usize::try_from(length).map_err(|_| FrameError::Size { length, max: self.frame_bytes_max })
    }
}

/// One read of at most `max` bytes, behind what `buffer` holds. Safe to cancel.
async fn read_through_scratch(
    stream: &mut TcpStream,
    buffer: &mut BytesMut,
    max: usize,
) -> io::Result<usize> {
    poll_fn(|cx| {
        SCRATCH.with_borrow_mut(|scratch| {
            let room = scratch.get_mut(..max).unwrap_or_default();
            let mut read = ReadBuf::new(room);
            ready!(Pin::new(&mut *stream).poll_read(cx, &mut read))?;
            buffer.extend_from_slice(read.filled());
            std::task::Poll::Ready(Ok(read.filled().len()))
        })
    })
    .await
}
