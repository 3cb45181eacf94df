//! A piece of a segment's file, for a response: bytes that are sent without being read here.

use std::io;
use std::os::fd::BorrowedFd;

use bytes::Bytes;

use crate::fs::{self, Access, File, Source};

/// Bytes from one look of [`FileRange::is_cached`] to the next.
const LOOK_EVERY: usize = 256 * 1024;

/// The buffer of [`FileRange::load`].
const LOAD_BUFFER: usize = 64 * 1024;

/// Bytes of a segment's file. It keeps the file open, also when the segment is deleted meanwhile.
#[derive(Clone)]
pub struct FileRange {
    pub file: File,
    pub position: u64,
    pub len: u32,
    /// Bytes behind it that were asked for as well, and left out: a part of a batch is of no use.
    pub left_out: u32,
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
        Self {
            file: self.file.clone(),
            position: self.position.saturating_add(skip.into()),
            len,
            left_out: 0,
        }
    }

    /// Whether it can be sent without waiting for the disk, judged by a byte here and there: memory is taken from files in
    /// runs, not byte by byte.
    pub fn is_cached(&self) -> bool {
        let Some(last) = self.len.checked_sub(1) else { return true };
        let mut looked_at = (0..last).step_by(LOOK_EVERY).chain([last]);
        looked_at.all(|skip| {
            match self.file.read_cached(&mut [0], self.position.saturating_add(skip.into())) {
                // Whatever else is wrong, the one who reads is told.
                Err(e) => e.kind() != io::ErrorKind::WouldBlock,
                Ok(_) => true,
            }
        })
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
            .field("left_out", &self.left_out)
            .finish_non_exhaustive()
    }
}
