//! A piece of a segment's file, for a response: bytes that are sent without being read here.

use std::io;
use std::os::fd::BorrowedFd;

use bytes::Bytes;

use crate::fs::{self, Access, File, Source};

/// The buffer of [`FileRange::load`].
const LOAD_BUFFER: usize = 64 * 1024;

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

    /// The part of it from byte `skip` on, at most `len_max` bytes.
    #[must_use]
    pub fn part(&self, skip: u32, len_max: u32) -> Self {
        let len = self.len.saturating_sub(skip).min(len_max);
        Self { file: self.file.clone(), position: self.position.saturating_add(skip.into()), len }
    }

    /// Whether it can be sent without waiting for the disk, judged by its first and its last byte: memory is taken from
    /// files in long runs, oldest first. So ask it of parts of moderate size.
    pub fn is_cached(&self) -> bool {
        let last = self.position.saturating_add(self.len.saturating_sub(1).into());
        let is_there = |at| match self.file.read_cached(&mut [0], at) {
            // Whatever else is wrong, the one who reads is told.
            Err(e) => e.kind() != io::ErrorKind::WouldBlock,
            Ok(_) => true,
        };
        self.len == 0 || is_there(self.position) && is_there(last)
    }

    /// Brings it into memory, and asks the disk for as much again behind it: who reads this reads on. Waits for the disk.
    pub fn load(&self) -> io::Result<()> {
        self.file.will_need(self.position, u64::from(self.len).saturating_mul(2));
        let end = self.position.saturating_add(self.len.into());
        let mut at = self.position;
        // Reading is the one way to wait for it that every file system has; the copy is small beside the disk's work.
        let mut buffer = vec![0; LOAD_BUFFER.min(self.len as usize)];
        while at < end {
            let left = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
            let piece = buffer.get_mut(..left.min(LOAD_BUFFER)).unwrap_or_default();
            match fs::read_full(&*self.file, at, piece)? {
                // Who sends it will say that the file is short.
                0 => return Ok(()),
                read => at = at.saturating_add(read as u64),
            }
        }
        Ok(())
    }

    /// Reads the whole range if it is in memory; `None` if the disk would have to be waited for.
    pub fn read_cached(&self) -> io::Result<Option<Bytes>> {
        let source = Source { file: &*self.file, access: Access::Cached };
        match fs::read_exact(source, self.position, self.len as usize) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(e),
        }
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
