//! Cuts the bytes of a connection into frames: a 4-byte length, then that many bytes (TRAPS 12).
//!
//! Memory grows as bytes arrive: the length a client claims reserves nothing but what the budget grants at a time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::admission::{Grant, RequestBudget};

/// Buffer of a connection that has nothing half-read.
const IDLE_BUFFER_BYTES: usize = 4 * 1024;
/// How long a client may stop in the middle of a frame: what has come of it takes memory from others.
const STALL_MAX: Duration = Duration::from_secs(30);
/// A frame's length field.
const LENGTH_BYTES: usize = 4;

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
                && self.buffer.len() >= LENGTH_BYTES + grant.covered()
            {
                self.budget.extend(grant, *length).await;
            }
            self.reserve();
            if self.read(stream).await? == 0 {
                let idle = self.body.is_none() && self.buffer.is_empty();
                return Err(if idle { FrameError::Closed } else { FrameError::ClosedInFrame });
            }
        }
    }

    async fn read(&mut self, stream: &mut TcpStream) -> Result<usize, FrameError> {
        let between_frames = self.buffer.is_empty();
        let read = stream.read_buf(&mut self.buffer);
        if between_frames {
            return Ok(read.await?);
        }
        Ok(timeout(STALL_MAX, read).await.map_err(|_| FrameError::Stalled)??)
    }

    /// Waits until the client has closed the connection. Of what it sends meanwhile a little is read ahead; if it sends
    /// more this never ends. Safe to cancel.
    pub async fn hung_up(&mut self, stream: &TcpStream) {
        while self.buffer.len() < IDLE_BUFFER_BYTES {
            if stream.readable().await.is_err() {
                return;
            }
            // Only now: a client that waits for an answer costs no buffer.
            self.buffer.reserve(IDLE_BUFFER_BYTES);
            match stream.try_read_buf(&mut self.buffer) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
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
        bytes::Buf::advance(&mut bytes, LENGTH_BYTES);
        let grant = self.body.take().map(|(_, grant)| grant);
        if self.buffer.is_empty() {
            // Nothing half-read: an idle connection holds no buffer that a large frame once needed.
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

    /// Makes room for the next read: what was granted of the frame and is not there yet.
    fn reserve(&mut self) {
        let room = match &self.body {
            Some((length, grant)) => LENGTH_BYTES + (*length).min(grant.covered()),
            None => IDLE_BUFFER_BYTES,
        };
        self.buffer.reserve(room.saturating_sub(self.buffer.len()).max(1));
    }
}
