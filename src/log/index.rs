//! Sparse indexes: entries of `.index` (relative offset 4 bytes, position 4) and `.timeindex` (timestamp 8, relative
//! offset 4), searched where they lie, in a file or in the few bytes that were not written yet.
//!
//! An offset entry names the last offset of the batch at its position; a time entry says that no batch up to and with
//! the one that ends at its offset has a larger timestamp.

use std::io;

use bytes::Bytes;
use gracchus_base::Timestamp;

use crate::fs::{self, Access, DiskFile, Source};

/// An entry of one of the two indexes, ordered by its key.
pub(crate) trait IndexEntry: Copy {
    const BYTES: usize;
    type Key: Ord + Copy;
    fn key(self) -> Self::Key;
    fn decode(bytes: &[u8]) -> Option<Self>;
    fn encode(self, out: &mut Vec<u8>);
}

/// The batch whose last offset is `relative` begins at `position`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OffsetEntry {
    pub relative: u32,
    pub position: u32,
}

/// Up to the batch that ends at `relative`, no timestamp is larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeEntry {
    pub timestamp: Timestamp,
    pub relative: u32,
}

impl IndexEntry for OffsetEntry {
    const BYTES: usize = 8;
    type Key = u32;

    fn key(self) -> u32 {
        self.relative
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (relative, rest) = bytes.split_first_chunk()?;
        let position = rest.first_chunk()?;
        Some(Self { relative: u32::from_be_bytes(*relative), position: u32::from_be_bytes(*position) })
    }

    fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.relative.to_be_bytes());
        out.extend_from_slice(&self.position.to_be_bytes());
    }
}

impl IndexEntry for TimeEntry {
    const BYTES: usize = 12;
    type Key = Timestamp;

    fn key(self) -> Timestamp {
        self.timestamp
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (timestamp, rest) = bytes.split_first_chunk()?;
        let relative = rest.first_chunk()?;
        let timestamp = Timestamp(i64::from_be_bytes(*timestamp));
        Some(Self { timestamp, relative: u32::from_be_bytes(*relative) })
    }

    fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.timestamp.get().to_be_bytes());
        out.extend_from_slice(&self.relative.to_be_bytes());
    }
}

/// Where the entries of one index are: the first `in_file` bytes in its file, the rest here. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct IndexParts {
    pub in_file: u32,
    pub tail: Bytes,
}

impl IndexParts {
    /// Bytes of all entries.
    pub(crate) fn len(&self) -> u32 {
        self.in_file.saturating_add(u32::try_from(self.tail.len()).unwrap_or(u32::MAX))
    }

    pub(crate) fn push(&mut self, entry: impl IndexEntry) {
        let mut tail = Vec::with_capacity(self.tail.len().saturating_add(16));
        tail.extend_from_slice(&self.tail);
        entry.encode(&mut tail);
        self.tail = tail.into();
    }

    /// The last entry whose key is at most `key`. `open` is called only if the file must be read.
    pub(crate) fn last_at_most<E: IndexEntry>(
        &self,
        key: E::Key,
        access: Access,
        open: impl FnOnce() -> io::Result<fs::File>,
    ) -> io::Result<Option<E>> {
        if let Some(entry) = last_in(&self.tail, key) {
            return Ok(Some(entry));
        }
        if (self.in_file as usize) < E::BYTES {
            return Ok(None);
        }
        last_in_file(Source { file: &*open()?, access }, self.in_file, key)
    }
}

/// Entries that are read at once when the search has come that close: a page of them costs no more than one.
const BLOCK_ENTRIES: u32 = 512;

/// Binary search in a file, of which the first `len` bytes are entries.
fn last_in_file<E: IndexEntry>(file: Source<'_>, len: u32, key: E::Key) -> io::Result<Option<E>> {
    // Entries before `low` have keys at most `key`, those from `high` on have larger ones.
    let (mut low, mut high) = (0u32, len.checked_div(E::BYTES as u32).unwrap_or(0));
    while high.saturating_sub(low) > BLOCK_ENTRIES {
        let middle = low.midpoint(high);
        if nth::<E>(file, middle)?.key() <= key { low = middle } else { high = middle }
    }
    let bytes = (high.saturating_sub(low) as usize).saturating_mul(E::BYTES);
    let block = fs::read_exact(file, u64::from(low).saturating_mul(E::BYTES as u64), bytes)?;
    Ok(last_in(&block, key))
}

/// The entry number `n` of a file.
pub(crate) fn nth<'a, E: IndexEntry>(file: impl Into<Source<'a>>, n: u32) -> io::Result<E> {
    let bytes = fs::read_exact(file, u64::from(n).saturating_mul(E::BYTES as u64), E::BYTES)?;
    E::decode(&bytes).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// How many of the first `count` entries of a file satisfy `so`, which must hold for a front part and no other.
pub(crate) fn count_while<E: IndexEntry>(
    file: &dyn DiskFile,
    count: u32,
    so: impl Fn(E) -> bool,
) -> io::Result<u32> {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low.midpoint(high);
        if so(nth(file, middle)?) { low = middle.saturating_add(1) } else { high = middle }
    }
    Ok(low)
}

/// How many entries at the front of a file grow from one to the next, by `grows`.
pub(crate) fn growing<E: IndexEntry>(file: &dyn DiskFile, grows: impl Fn(E, E) -> bool) -> io::Result<u32> {
    let mut last: Option<E> = None;
    let mut count = 0u32;
    loop {
        let mut block = vec![0; E::BYTES.saturating_mul(CHECK_ENTRIES)];
        let at = u64::from(count).saturating_mul(E::BYTES as u64);
        let read = fs::read_full(file, at, &mut block)?;
        for entry in block.get(..read).unwrap_or_default().chunks_exact(E::BYTES).filter_map(E::decode) {
            if last.is_some_and(|last| !grows(last, entry)) {
                return Ok(count);
            }
            last = Some(entry);
            count = count.saturating_add(1);
        }
        if read < block.len() {
            return Ok(count);
        }
    }
}

/// Entries that [`growing`] reads at once.
const CHECK_ENTRIES: usize = 4096;

fn last_in<E: IndexEntry>(entries: &[u8], key: E::Key) -> Option<E> {
    let (mut low, mut high) = (0usize, entries.len().checked_div(E::BYTES).unwrap_or(0));
    let mut best = None;
    while low < high {
        let middle = low.midpoint(high);
        let entry = entries.get(middle.saturating_mul(E::BYTES)..).and_then(E::decode)?;
        if entry.key() <= key {
            best = Some(entry);
            low = middle.saturating_add(1);
        } else {
            high = middle;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::fs::{Fs, sim::SimDisk};

    #[test]
    fn the_last_entry_at_or_below_a_key_is_found_in_file_and_tail() {
        let fs = Fs::new(SimDisk::new());
        let file = fs.create(Path::new("/x")).unwrap();
        for (in_file, in_tail) in [(0u32, 0u32), (0, 3), (1, 0), (5000, 0), (5000, 7)] {
            let mut parts = IndexParts::default();
            let entry = |n: u32| OffsetEntry { relative: n * 10 + 5, position: n };
            (0..in_file).for_each(|n| parts.push(entry(n)));
            fs::write_all(&*file, 0, &parts.tail).unwrap();
            parts = IndexParts { in_file: in_file * 8, tail: Bytes::new() };
            (in_file..in_file + in_tail).for_each(|n| parts.push(entry(n)));
            for key in 0..(in_file + in_tail) * 10 + 20 {
                let found =
                    parts.last_at_most::<OffsetEntry>(key, Access::Disk, || Ok(file.clone())).unwrap();
                let all = in_file + in_tail;
                let expected = (0..all).rev().map(entry).find(|e| e.relative <= key);
                assert_eq!(found, expected, "key {key} in {in_file}+{in_tail}");
            }
        }
    }
}
