//! The cache of open files: least recently used ones are closed, so that partitions cost no descriptor while idle.
//!
//! A key is a generation, drawn once for every file that ever existed in this process, so that a file which replaced
//! another under the same name is never mistaken for it. No lock is held while a file is opened or closed.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::fs::File;
use crate::names::Kind;

/// A generation and the kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileKey(u64);

impl FileKey {
    pub(crate) const fn new(generation: u64, kind: Kind) -> Self {
        Self(generation << 3 | kind as u64)
    }
}

/// A number that no file had before.
pub(crate) fn next_generation() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Open files, closed by the "clock" rule when there are too many. Files that somebody still holds stay open until
/// they are let go, over and above the capacity.
pub struct FileCache {
    shards: [RwLock<Shard>; SHARDS],
    /// Files that one shard keeps.
    shard_files_max: usize,
}

/// Locks are spread over this many parts.
const SHARDS: usize = 8;

#[derive(Default)]
struct Shard {
    open: HashMap<FileKey, Slot>,
    /// Every key of `open` once, in the order in which the hand passes them.
    ring: VecDeque<FileKey>,
}

struct Slot {
    file: File,
    /// Used since the hand last passed.
    used: AtomicBool,
}

impl FileCache {
    /// A cache of about `files_max` open files.
    pub fn new(files_max: usize) -> Self {
        Self { shards: Default::default(), shard_files_max: (files_max / SHARDS).max(1) }
    }

    /// The open file under `key`, or what `open` gives; two callers may open at once, one handle is kept.
    pub(crate) fn get(&self, key: FileKey, open: impl FnOnce() -> io::Result<File>) -> io::Result<File> {
        if let Some(file) = self.peek(key) {
            return Ok(file);
        }
        let file = open()?;
        self.insert(key, file.clone());
        Ok(file)
    }

    /// The open file under `key`.
    pub(crate) fn peek(&self, key: FileKey) -> Option<File> {
        let shard = self.shard(key)?.read().unwrap_or_else(PoisonError::into_inner);
        let slot = shard.open.get(&key)?;
        slot.used.store(true, Ordering::Relaxed);
        Some(slot.file.clone())
    }

    /// Keeps an open file.
    pub(crate) fn insert(&self, key: FileKey, file: File) {
        let Some(shard) = self.shard(key) else { return };
        let evicted = {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            let replaced = shard.insert(key, file);
            (replaced, shard.evict(self.shard_files_max))
        };
        // Closing can take a while (it is I/O): after the lock.
        drop(evicted);
    }

    /// Closes a file that will not be used again.
    pub(crate) fn forget(&self, key: FileKey) {
        let Some(shard) = self.shard(key) else { return };
        let removed = shard.write().unwrap_or_else(PoisonError::into_inner).remove(key);
        drop(removed);
    }

    /// Files that are kept open now.
    pub fn open_files(&self) -> usize {
        let count = |shard: &RwLock<Shard>| shard.read().unwrap_or_else(PoisonError::into_inner).open.len();
        self.shards.iter().map(count).sum()
    }

    fn shard(&self, key: FileKey) -> Option<&RwLock<Shard>> {
        self.shards.get((key.0 >> 3) as usize % SHARDS)
    }
}

impl Shard {
    /// Returns the handle that another opener put there in the meantime.
    fn insert(&mut self, key: FileKey, file: File) -> Option<File> {
        let replaced = self.open.insert(key, Slot { file, used: AtomicBool::new(false) });
        if replaced.is_none() {
            self.ring.push_back(key);
        }
        replaced.map(|slot| slot.file)
    }

    fn remove(&mut self, key: FileKey) -> Option<File> {
        let slot = self.open.remove(&key)?;
        self.ring.retain(|other| *other != key);
        Some(slot.file)
    }

    /// Takes out unused files until at most `files_max` are left. It ends: the second time the hand passes a file, its
    /// mark is gone.
    fn evict(&mut self, files_max: usize) -> Vec<File> {
        let mut evicted = Vec::new();
        while self.open.len() > files_max {
            debug_assert_eq!(self.open.len(), self.ring.len(), "the ring has every open file once");
            let Some(key) = self.ring.pop_front() else { break };
            match self.open.get(&key) {
                Some(slot) if slot.used.swap(false, Ordering::Relaxed) => self.ring.push_back(key),
                _ => evicted.extend(self.open.remove(&key).map(|slot| slot.file)),
            }
        }
        evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::{Fs, sim::SimDisk};

    fn file(fs: &Fs, name: &str) -> File {
        fs.create(std::path::Path::new(name)).unwrap()
    }

    #[test]
    fn only_so_many_files_stay_open_and_the_used_ones_are_kept() {
        let fs = Fs::new(SimDisk::new());
        let cache = FileCache::new(16);
        let key = |n: u64| FileKey::new(n * SHARDS as u64, Kind::Log);
        let mut opened = 0;
        for n in 0..100 {
            cache.get(key(0), || Ok(file(&fs, "/0"))).unwrap();
            cache
                .get(key(n), || {
                    opened += 1;
                    Ok(file(&fs, "/n"))
                })
                .unwrap();
        }
        assert!(cache.open_files() <= 16);
        assert_eq!(opened, 99, "the file used all the time was opened once, by the first call");
        cache.forget(key(0));
        let mut again = false;
        cache
            .get(key(0), || {
                again = true;
                Ok(file(&fs, "/0"))
            })
            .unwrap();
        assert!(again);
    }
}
