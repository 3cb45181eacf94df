//! The file systems of the machine, through `std` and `rustix`.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, IoSlice, IoSliceMut};
use std::num::NonZeroU64;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use gracchus_base::Timestamp;
use rustix::fs::{Advice, FlockOperation};
use rustix::io::{Errno, ReadWriteFlags};

use super::{Disk, DiskFile, Entry, File, FileSystem, LockGuard, Space, Stat};

/// The machine's own disks.
pub(super) struct Real;

struct RealFile(fs::File);

impl Disk for Real {
    fn open(&self, path: &Path) -> io::Result<File> {
        let file = match open(path, OpenOptions::new().read(true).write(true)) {
            // What was written before can still be read there; a write will say what is wrong.
            Err(e) if e.kind() == io::ErrorKind::ReadOnlyFilesystem => fs::File::open(path)?,
            other => other?,
        };
        Ok(Arc::new(RealFile(file)))
    }

    fn create_new(&self, path: &Path) -> io::Result<File> {
        let file = open(path, OpenOptions::new().read(true).write(true).create_new(true))?;
        Ok(Arc::new(RealFile(file)))
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        let file = open(path, OpenOptions::new().read(true).write(true).create(true).truncate(true))?;
        Ok(Arc::new(RealFile(file)))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        match fs::create_dir(path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            other => other,
        }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            // Names that are not UTF-8 are none of ours.
            if let Ok(name) = entry.file_name().into_string() {
                entries.push(Entry { name, is_dir: entry.file_type()?.is_dir() });
            }
        }
        Ok(entries)
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        let meta = fs::metadata(path)?;
        let modified = meta.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let modified = Timestamp(i64::try_from(modified).unwrap_or(i64::MAX));
        Ok(Stat { len: meta.len(), modified, is_dir: meta.is_dir() })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    fn file_system(&self, path: &Path) -> io::Result<Option<Box<dyn FileSystem>>> {
        let root = fs::File::open(path)?;
        let durable = SYNCFS_IS_DURABLE.contains(&rustix::fs::fstatfs(&root)?.f_type);
        match fs::File::open(MEMINFO) {
            Ok(meminfo) if durable && syncfs_tells_errors() => {
                Ok(Some(Box::new(RealFileSystem { root, meminfo })))
            }
            _ => Ok(None),
        }
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let stat = rustix::fs::statvfs(path)?;
        let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
        Ok(Space { total: bytes(stat.f_blocks), usable: bytes(stat.f_bavail) })
    }

    /// Takes the record lock that Java's `FileLock` takes, so that Kafka and this broker keep each other out. Such
    /// locks belong to the process, and closing any handle of the file gives them up: a list of what this process holds
    /// is asked first, without opening the file.
    fn lock(&self, path: &Path) -> io::Result<Option<LockGuard>> {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(meta) = fs::metadata(path)
            && held.contains(&(meta.dev(), meta.ino()))
        {
            return Ok(None);
        }
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::AGAIN | Errno::ACCESS) => return Ok(None),
            Err(e) => return Err(e.into()),
        }
        let meta = file.metadata()?;
        let id = (meta.dev(), meta.ino());
        held.insert(id);
        Ok(Some(LockGuard::new(Held { id, _file: file })))
    }
}

/// Opens a file so that reading it does not count as an access: else the first read after each write would change the
/// inode, and the next flush would have to write it.
#[cfg(target_os = "linux")]
fn open(path: &Path, options: &mut OpenOptions) -> io::Result<fs::File> {
    let no_access_time = i32::try_from(rustix::fs::OFlags::NOATIME.bits()).unwrap_or(0);
    match options.custom_flags(no_access_time).open(path) {
        // Only the owner of a file may ask for it.
        Err(e) if e.raw_os_error() == Some(Errno::PERM.raw_os_error()) => options.custom_flags(0).open(path),
        other => other,
    }
}

#[cfg(not(target_os = "linux"))]
fn open(path: &Path, options: &mut OpenOptions) -> io::Result<fs::File> {
    options.open(path)
}

/// Types of file systems (`statfs`) whose `syncfs` writes all data, commits the journal and flushes the device: ext4 and
/// XFS. Others may do less (FUSE asks its server for nothing) or much more (btrfs).
const SYNCFS_IS_DURABLE: [rustix::fs::FsWord; 2] = [0xef53, 0x5846_5342];

/// Since Linux 5.8.
fn syncfs_tells_errors() -> bool {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse::<u32>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (5, 8)
}

const MEMINFO: &str = "/proc/meminfo";

struct RealFileSystem {
    /// Opened before anything was written, so that no error before a flush is missed (errseq, Linux 5.8).
    root: fs::File,
    meminfo: fs::File,
}

impl FileSystem for RealFileSystem {
    fn sync(&self) -> io::Result<()> {
        rustix::fs::syncfs(&self.root)?;
        // Without a journal ext4 writes names and sizes behind its own flush of the device: this is another one. It costs
        // nothing that could be measured.
        self.root.sync_all()
    }

    fn dirty_bytes(&self) -> io::Result<u64> {
        let mut buffer = [0; 2048];
        let read = self.meminfo.read_at(&mut buffer, 0)?;
        let text = String::from_utf8_lossy(buffer.get(..read).unwrap_or_default());
        let kib = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        let (Some(dirty), Some(writeback)) = (kib("Dirty:"), kib("Writeback:")) else {
            return Err(io::Error::other("/proc/meminfo has another form"));
        };
        Ok(dirty.saturating_add(writeback).saturating_mul(1024))
    }
}

/// Device and inode of every file that this process has locked.
static HELD: Mutex<BTreeSet<(u64, u64)>> = Mutex::new(BTreeSet::new());

struct Held {
    id: (u64, u64),
    _file: fs::File,
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl DiskFile for RealFile {
    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize> {
        self.0.read_at(buf, at)
    }

    fn read_cached(&self, buf: &mut [u8], at: u64) -> io::Result<usize> {
        let parts = &mut [IoSliceMut::new(buf)];
        match rustix::io::preadv2(&self.0, parts, at, ReadWriteFlags::NOWAIT) {
            Err(Errno::OPNOTSUPP) => self.0.read_at(buf, at),
            other => other.map_err(io::Error::from),
        }
    }

    fn will_need(&self, at: u64, len: u64) {
        // Nothing of its own accord: what the kernel reads ahead (megabytes, on some machines) is what a flush waits behind.
        // An error of the disk will be told to who reads.
        let _hint = rustix::fs::fadvise(&self.0, 0, None, Advice::Random).is_ok()
            && rustix::fs::fadvise(&self.0, at, NonZeroU64::new(len), Advice::WillNeed).is_ok();
    }

    fn write_at(&self, parts: &[IoSlice<'_>], at: u64) -> io::Result<usize> {
        rustix::io::pwritev(&self.0, parts, at).map_err(io::Error::from)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn forget_cached(&self) {
        // The best that can be done: pages that still are to be written stay.
        let _hint = rustix::fs::fadvise(&self.0, 0, None, Advice::DontNeed).is_ok();
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.0.as_fd())
    }
}
