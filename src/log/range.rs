//! A piece of a segment's file, for a response: bytes that are sent without being read here.

use std::io;
use std::os::fd::BorrowedFd;

use bytes::Bytes;

use crate::fs::{self, File};

/// Bytes of a segment's file. It keeps the file open, also when the segment is deleted meanwhile.
#[derive(Clone)]
pub struct FileRange {
    pub file: File,
    pub position: u64,
    pub len: u32,
}

impl FileRange {
    /// The file's descriptor, for `sendfile`; `None` on a simulated disk: use [`FileRange::read_all`] then.
    pub fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_fd()
    }

    /// Reads the whole range; an error if the file ends before.
    pub fn read_all(&self) -> io::Result<Bytes> {
        fs::read_exact(&*self.file, self.position, self.len as usize).map(Bytes::from)
    }
}

impl std::fmt::Debug for FileRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileRange")
            .field("position", &self.position)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
