//! The one door to the file system: a dozen operations on files and directories.
//!
//! Production goes through to real files ([`Fs::real`]); tests put the disk of `fs::sim` behind it, which keeps written
//! and flushed bytes apart. What must not be here: anything that knows what a file is for.

mod real;
#[cfg(any(test, feature = "sim"))]
pub mod sim;

use std::any::Any;
use std::fmt;
use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Arc;

use gracchus_base::Timestamp;
use rustix::io::Errno;

/// An open file. All positions are absolute, so that handles can be shared between threads.
pub type File = Arc<dyn DiskFile>;

/// A disk: names, and what lies under them.
pub trait Disk: Send + Sync {
    /// Opens an existing file to read and write; to read only where the file system is read-only.
    fn open(&self, path: &Path) -> io::Result<File>;
    /// Makes a file that must not exist yet.
    fn create_new(&self, path: &Path) -> io::Result<File>;
    /// Makes a file, or empties the one that is there.
    fn create(&self, path: &Path) -> io::Result<File>;
    /// Makes one directory; its parent must exist. No error if it is there already.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// What lies in a directory, in no order.
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>>;
    /// Size and time of a file or directory.
    fn stat(&self, path: &Path) -> io::Result<Stat>;
    /// Moves a file or directory, over what is there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty directory.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes the entries of a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// The file system of `path`, to be flushed as a whole; `None` where that is not known to make data durable.
    fn file_system(&self, path: &Path) -> io::Result<Option<Box<dyn FileSystem>>>;
    /// Space on the file system of `path`.
    fn space(&self, path: &Path) -> io::Result<Space>;
    /// Takes the lock on a file, making the file if need be; `None` if another process or handle has it.
    fn lock(&self, path: &Path) -> io::Result<Option<LockGuard>>;
}

/// What can be done with an open file.
pub trait DiskFile: Send + Sync {
    /// Reads at most `buf.len()` bytes; 0 means the end of the file.
    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize>;
    /// Reads as [`DiskFile::read_at`] what is in memory. Where the disk would have to be waited for, the error's kind is
    /// `WouldBlock`, and the disk may have been asked. File systems that cannot tell (overlayfs, FUSE) just read.
    fn read_cached(&self, buf: &mut [u8], at: u64) -> io::Result<usize>;
    /// Asks the disk for `len` bytes without waiting for them. A hint: nothing comes of it if they cannot be read.
    fn will_need(&self, at: u64, len: u64);
    /// Writes the parts one after another; may write less than all of it.
    fn write_at(&self, parts: &[IoSlice<'_>], at: u64) -> io::Result<usize>;
    /// Cuts the file, or fills it up with zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes data and length durable (`fdatasync`).
    fn sync_data(&self) -> io::Result<()>;
    /// Takes out of memory what need not be written, so that what is on the disk is read. For files of which a flush has
    /// failed: what it could not write counts as written and would be read as if it were there.
    fn forget_cached(&self);
    fn size(&self) -> io::Result<u64>;
    /// The descriptor, for `sendfile`; `None` on a simulated disk.
    fn as_fd(&self) -> Option<BorrowedFd<'_>>;
}

/// A file system, held open. A handle is for one thread: an error of the device is told once to each of them, to the
/// first flush after it.
pub trait FileSystem: Send {
    /// Makes everything durable that was written to it (`syncfs`). An error may concern any file.
    fn sync(&self) -> io::Result<()>;
    /// Bytes that wait to be written by anyone, on this file system or another: the most that [`FileSystem::sync`] would
    /// have to write.
    fn dirty_bytes(&self) -> io::Result<u64>;
}

/// Holds a lock until it is dropped.
pub struct LockGuard(#[expect(dead_code, reason = "held for its drop")] Box<dyn Any + Send + Sync>);

impl LockGuard {
    fn new(held: impl Any + Send + Sync) -> Self {
        Self(Box::new(held))
    }
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub is_dir: bool,
}

/// Space on a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    pub total: u64,
    /// What a process without privileges can still write.
    pub usable: u64,
}

/// What is known of a file without opening it.
#[derive(Clone, Copy, Debug)]
pub struct Stat {
    pub len: u64,
    pub modified: Timestamp,
    pub is_dir: bool,
}

/// A handle to a disk; clones share it.
#[derive(Clone)]
pub struct Fs(Arc<dyn Disk>);

impl fmt::Debug for Fs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fs")
    }
}

impl std::ops::Deref for Fs {
    type Target = dyn Disk;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl Fs {
    /// The machine's own file systems.
    pub fn real() -> Self {
        Self::new(real::Real)
    }

    /// Any other disk.
    pub fn new(disk: impl Disk + 'static) -> Self {
        Self(Arc::new(disk))
    }

    /// The size and time of a file, `None` if there is no such file.
    pub fn stat_if_there(&self, path: &Path) -> io::Result<Option<Stat>> {
        found(self.stat(path))
    }

    /// Opens a file, `None` if there is no such file.
    pub fn open_if_there(&self, path: &Path) -> io::Result<Option<File>> {
        found(self.open(path))
    }

    /// Removes a file; no error if it is gone already.
    pub fn remove_if_there(&self, path: &Path) -> io::Result<()> {
        found(self.remove_file(path)).map(|_| ())
    }

    /// The whole content of a small file; more than `bytes_max` is an error.
    pub fn read_small(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
        let file = self.open(path)?;
        let len = file.size()?;
        if len > bytes_max {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "file is larger than it can be"));
        }
        read_exact(&*file, 0, usize::try_from(len).unwrap_or(0))
    }

    /// Removes a directory and everything in it; no error if it is gone already.
    pub fn remove_tree(&self, path: &Path) -> io::Result<()> {
        let Some(entries) = found(self.list(path))? else { return Ok(()) };
        for entry in entries {
            let inner = path.join(&entry.name);
            if entry.is_dir { self.remove_tree(&inner)? } else { self.remove_if_there(&inner)? }
        }
        found(self.remove_dir(path)).map(|_| ())
    }
}

fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Whether a read may wait for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It may: for threads that serve nobody meanwhile.
    Disk,
    /// What is not in memory is an error of kind `WouldBlock`.
    Cached,
}

/// A file, and how to read it.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub file: &'a dyn DiskFile,
    pub access: Access,
}

impl<'a> From<&'a dyn DiskFile> for Source<'a> {
    fn from(file: &'a dyn DiskFile) -> Self {
        Self { file, access: Access::Disk }
    }
}

impl Source<'_> {
    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize> {
        match self.access {
            Access::Disk => self.file.read_at(buf, at),
            Access::Cached => self.file.read_cached(buf, at),
        }
    }
}

/// Fills `buf` from `at` on; returns how much there was before the end of the file.
pub(crate) fn read_full<'a>(from: impl Into<Source<'a>>, at: u64, buf: &mut [u8]) -> io::Result<usize> {
    let source = from.into();
    let mut done = 0usize;
    while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match source.read_at(rest, at.saturating_add(done as u64)) {
            Ok(0) => break,
            Ok(n) => done = done.saturating_add(n),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(done)
}

/// The `len` bytes from `at` on; an error if the file ends before.
pub(crate) fn read_exact<'a>(from: impl Into<Source<'a>>, at: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut buf = vec![0; len];
    if read_full(from, at, &mut buf)? < len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(buf)
}

/// Writes all of `bytes` at `at`.
pub(crate) fn write_all(file: &dyn DiskFile, at: u64, bytes: &[u8]) -> io::Result<()> {
    let mut done = 0usize;
    while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
        match file.write_at(&[IoSlice::new(rest)], at.saturating_add(done as u64)) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => done = done.saturating_add(n),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Flushes a file. What a failed flush could not write counts as written, and would be read as if it were on the disk, by a
/// restart as well, whose own flush would write nothing (FAULTS 29): so it is taken out of memory.
pub(crate) fn sync_or_forget(file: &dyn DiskFile) -> io::Result<()> {
    file.sync_data().inspect_err(|_| file.forget_cached())
}

/// Whether an operation failed for want of space, quota or descriptors: a state that can pass, unlike an I/O error.
pub(crate) fn is_no_space(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WriteZero
        || [Errno::NOSPC, Errno::DQUOT, Errno::FBIG, Errno::MFILE, Errno::NFILE]
            .iter()
            .any(|e| error.raw_os_error() == Some(e.raw_os_error()))
}
