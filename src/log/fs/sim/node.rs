//! What lies on the simulated disk: bytes and names, as they are now and as they were flushed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use gracchus_base::Entropy;

/// A file or a directory; a name leads to it by its number.
#[derive(Clone)]
pub(super) enum Node {
    File(FileNode),
    Dir(DirNode),
}

#[derive(Clone, Default)]
pub(super) struct FileNode {
    pub now: Vec<u8>,
    pub flushed: Vec<u8>,
    /// What was done since the last flush.
    pub pending: Vec<Change>,
    /// Pages, by number, that only the disk has.
    pub cold: BTreeSet<usize>,
}

/// Bytes that come into memory, or leave it, together.
const PAGE_BYTES: usize = 4096;

#[derive(Clone)]
pub(super) enum Change {
    Write { at: usize, bytes: Vec<u8> },
    SetLen(usize),
}

#[derive(Clone, Default)]
pub(super) struct DirNode {
    pub now: BTreeMap<String, usize>,
    flushed: BTreeMap<String, usize>,
    /// What was done since the last flush, in order; a journal keeps the order.
    pending: Vec<NameChange>,
}

#[derive(Clone)]
pub(super) enum NameChange {
    Set(String, usize),
    Unset(String),
    /// Both at once.
    Rename(String, String),
}

impl Node {
    pub(super) fn flush(&mut self) {
        match self {
            Self::File(file) => {
                file.flushed = file.now.clone();
                file.pending.clear();
            }
            Self::Dir(dir) => {
                dir.flushed = dir.now.clone();
                dir.pending.clear();
            }
        }
    }
}

impl FileNode {
    fn apply(bytes: &mut Vec<u8>, change: &Change) {
        match change {
            Change::SetLen(len) => bytes.resize(*len, 0),
            Change::Write { at, bytes: new } => {
                let end = at.saturating_add(new.len());
                bytes.resize(bytes.len().max(end), 0);
                if let Some(there) = bytes.get_mut(*at..end) {
                    there.copy_from_slice(new);
                }
            }
        }
    }

    pub(super) fn change(&mut self, change: Change) {
        Self::apply(&mut self.now, &change);
        self.pending.push(change);
    }

    /// Each change is kept, dropped or, a write, kept in front or behind only; where bytes are missing, zeros.
    pub(super) fn after_crash(&self, chance: &Entropy) -> Self {
        let mut bytes = self.flushed.clone();
        let keep_all = chance.next_u64().is_multiple_of(3);
        for change in &self.pending {
            let roll = if keep_all { 0 } else { chance.next_u64() % 4 };
            match (roll, change) {
                (0, change) => Self::apply(&mut bytes, change),
                (1, Change::Write { at, bytes: new }) => {
                    let cut = (chance.next_u64() as usize).checked_rem(new.len()).unwrap_or(0);
                    let front = new.get(..cut).unwrap_or_default().to_vec();
                    Self::apply(&mut bytes, &Change::Write { at: *at, bytes: front });
                }
                (2, Change::Write { at, bytes: new }) => {
                    let cut = (chance.next_u64() as usize).checked_rem(new.len()).unwrap_or(0);
                    let back = new.get(cut..).unwrap_or_default().to_vec();
                    Self::apply(&mut bytes, &Change::Write { at: at.saturating_add(cut), bytes: back });
                }
                _ => {}
            }
        }
        Self { now: bytes.clone(), flushed: bytes, pending: Vec::new(), cold: BTreeSet::new() }
    }

    /// Leaves all bytes to the disk alone.
    pub(super) fn evict(&mut self) {
        self.cold = pages(0..self.now.len()).collect();
    }

    /// How many of the `len` bytes from `at` on are in memory, before the first that is not.
    pub(super) fn cached(&self, at: usize, len: usize) -> usize {
        let asked = at..at.saturating_add(len);
        let missing = pages(asked).find(|page| self.cold.contains(page));
        missing.map_or(len, |page| page.saturating_mul(PAGE_BYTES).saturating_sub(at))
    }

    /// Brings bytes into memory.
    pub(super) fn load(&mut self, at: usize, len: usize) {
        let loaded = pages(at..at.saturating_add(len));
        self.cold.retain(|page| !loaded.contains(page));
    }
}

/// The pages that hold these bytes.
fn pages(bytes: Range<usize>) -> Range<usize> {
    bytes.start / PAGE_BYTES..bytes.end.div_ceil(PAGE_BYTES)
}

impl DirNode {
    fn apply(names: &mut BTreeMap<String, usize>, change: &NameChange) {
        match change {
            NameChange::Set(name, node) => {
                names.insert(name.clone(), *node);
            }
            NameChange::Unset(name) => {
                names.remove(name);
            }
            NameChange::Rename(from, to) => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
        }
    }

    pub(super) fn change(&mut self, change: NameChange) {
        Self::apply(&mut self.now, &change);
        self.pending.push(change);
    }

    /// A front part of the changes is kept.
    pub(super) fn after_crash(&self, chance: &Entropy) -> Self {
        let mut names = self.flushed.clone();
        let ways = self.pending.len().saturating_add(1);
        let kept = (chance.next_u64() as usize).checked_rem(ways).unwrap_or(0);
        self.pending.iter().take(kept).for_each(|change| Self::apply(&mut names, change));
        Self { now: names.clone(), flushed: names, pending: Vec::new() }
    }
}
