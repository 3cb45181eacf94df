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

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::admission::{FREE_BYTES, Grant, RequestBudget};
use crate::buffer_pool::{Buffer, BufferPool};

/// What one read through the thread's own buffer takes at most. Frames up to this size come through it, several at a
/// time; of larger ones only the beginning does, and the rest is read straight to its place.
const SCRATCH_BYTES: usize = 32 * 1024;
/// What of a large frame has memory before more of it has come: a client that claims a large frame and sends little
/// holds no more than this.
const FIRST_BYTES: usize = 1100 * 1024;
/// Bytes that are read ahead of a client that waits for an answer, to notice when it hangs up.
const AHEAD_BYTES: usize = 4 * 1024;
/// How long a client may stop in the middle of a frame: what has come of it takes memory from others.
pub(super) const STALL_MAX: Duration = Duration::from_secs(30);
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
    /// What came and was not taken yet, but for the body of a large frame.
    buffer: BytesMut,
    /// The frame whose body is being read.
    body: Option<Body>,
    budget: RequestBudget,
    pool: BufferPool,
    frame_bytes_max: i32,
}

/// A frame whose length is known.
#[derive(Debug)]
struct Body {
    length: usize,
    grant: Grant,
    /// Where a large frame is read to, once it has a grant: until then it waits like a small one in the reader's buffer.
    large: Option<Buffer>,
}

impl Body {
    const fn is_large(&self) -> bool {
        self.length > SCRATCH_BYTES
    }

    /// Whether what is granted has come, and is not all of it. `waiting`: bytes in the reader's buffer.
    fn needs_grant(&self, waiting: usize) -> bool {
        let covered = self.grant.covered();
        covered < self.length && self.large.as_ref().map_or(waiting, Buffer::len) >= covered
    }
}

impl FrameReader {
    /// A reader that refuses frames above `frame_bytes_max` (`socket.request.max.bytes`).
    pub fn new(budget: RequestBudget, pool: BufferPool, frame_bytes_max: i32) -> Self {
        Self { buffer: BytesMut::new(), body: None, budget, pool, frame_bytes_max }
    }

    /// The next frame. Safe to cancel: what was read stays here.
    pub async fn next(&mut self, stream: &mut TcpStream) -> Result<Frame, FrameError> {
        loop {
            if self.body.is_none() && self.buffer.len() >= LENGTH_BYTES {
                self.body = Some(self.begin()?);
            }
            if let Some(frame) = self.take() {
                return Ok(frame);
            }
            let waiting = self.buffer.len();
            if let Some(body) = self.body.as_mut().filter(|body| body.needs_grant(waiting)) {
                self.budget.extend(&mut body.grant, body.length).await;
            }
            self.take_memory();
            if self.read(stream).await? == 0 {
                let idle = self.body.is_none() && self.buffer.is_empty();
                return Err(if idle { FrameError::Closed } else { FrameError::ClosedInFrame });
            }
        }
    }

    /// Takes the length off the buffer.
    fn begin(&mut self) -> Result<Body, FrameError> {
        let length = self.buffer.get_i32();
        let size = usize::try_from(length).ok().filter(|_| length <= self.frame_bytes_max);
        let length = size.ok_or(FrameError::Size { length, max: self.frame_bytes_max })?;
        Ok(Body { length, grant: Grant::default(), large: None })
    }

    /// Gives a large frame its memory, and moves there what came of it. Not before the grant: what the pool has is
    /// resident already, and those who wait would hold as much of it as those who read.
    fn take_memory(&mut self) {
        let wants =
            |body: &&mut Body| body.is_large() && body.large.is_none() && body.grant.covered() > FREE_BYTES;
        let Some(body) = self.body.as_mut().filter(wants) else { return };
        let came = self.buffer.split_to(body.length.min(self.buffer.len()));
        let mut large = self.pool.take(body.length.min(FIRST_BYTES));
        large.bytes_mut().extend_from_slice(&came);
        body.large = Some(large);
    }

    async fn read(&mut self, stream: &mut TcpStream) -> Result<usize, FrameError> {
        let Some(body) = &mut self.body else {
            if self.buffer.is_empty() {
                return Ok(read_through_scratch(stream, &mut self.buffer, SCRATCH_BYTES).await?);
            }
            let read = read_through_scratch(stream, &mut self.buffer, SCRATCH_BYTES);
            return Ok(timeout(STALL_MAX, read).await.map_err(|_| FrameError::Stalled)??);
        };
        let read = async {
            match &mut body.large {
                // All that is granted, so that a frame is one piece of memory; not a byte of the next.
                Some(large) => {
                    let room = body.length.min(body.grant.covered()).saturating_sub(large.len());
                    large.bytes_mut().reserve_exact(room);
                    stream.read_buf(&mut large.bytes_mut().limit(room)).await
                }
                None => read_through_scratch(stream, &mut self.buffer, SCRATCH_BYTES).await,
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

    /// The frame, if all of it is there.
    fn take(&mut self) -> Option<Frame> {
        let body = self.body.as_ref()?;
        let came = match &body.large {
            Some(large) => large.len(),
            None if body.is_large() => return None,
            None => self.buffer.len(),
        };
        if came < body.length {
            return None;
        }
        let Body { length, grant, large } = self.body.take()?;
        let bytes = large.map_or_else(|| self.buffer.split_to(length).freeze(), Buffer::freeze);
        if self.buffer.is_empty() {
            // Nothing half-read: an idle connection holds no buffer that a frame once needed.
            self.buffer = BytesMut::new();
        }
        Some(Frame { bytes, grant: Arc::new(grant) })
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
