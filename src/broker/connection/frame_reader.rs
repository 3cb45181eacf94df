//! Cuts the bytes of a connection into frames: a 4-byte length, then that many bytes (TRAPS 12).
//!
//! Memory grows as bytes arrive: the length a client claims reserves at most [`RESERVE_AHEAD_BYTES`].

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::admission::{Grant, RequestBudget};

/// Buffer of a connection that has nothing half-read.
const IDLE_BUFFER_BYTES: usize = 4 * 1024;
/// How far ahead of the bytes that arrived memory is reserved.
const RESERVE_AHEAD_BYTES: usize = 1024 * 1024;
/// A frame's length field.
const LENGTH_BYTES: usize = 4;

/// A frame with the memory that was granted for it.
#[derive(Debug)]
pub struct Frame {
    pub bytes: Bytes,
    pub grant: Grant,
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
    #[error(transparent)]
    Io(#[from] std::io::Error),
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
                let length = self.length()?;
                self.body = Some((length, self.budget.grant(length).await));
                continue;
            }
            self.reserve();
            if stream.read_buf(&mut self.buffer).await? == 0 {
                let idle = self.body.is_none() && self.buffer.is_empty();
                return Err(if idle { FrameError::Closed } else { FrameError::ClosedInFrame });
            }
        }
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
        Ok(grant.map(|grant| Frame { bytes, grant }))
    }

    fn length(&self) -> Result<usize, FrameError> {
        let length = self.buffer.first_chunk().map_or(0, |bytes| i32::from_be_bytes(*bytes));
        if length < 0 || length > self.frame_bytes_max {
            return Err(FrameError::Size { length, max: self.frame_bytes_max });
        }
        usize::try_from(length).map_err(|_| FrameError::Size { length, max: self.frame_bytes_max })
    }

    /// Makes room for the next read: what the frame still lacks, but no more than [`RESERVE_AHEAD_BYTES`].
    fn reserve(&mut self) {
        let missing = match &self.body {
            Some((length, _)) => (LENGTH_BYTES + length).saturating_sub(self.buffer.len()),
            None => IDLE_BUFFER_BYTES,
        };
        self.buffer.reserve(missing.clamp(1, RESERVE_AHEAD_BYTES));
    }
}
