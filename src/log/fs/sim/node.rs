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
    /// What is read: the page cache.
    pub now: Vec<u8>,
    /// What is on the disk for good.
    flushed: Vec<u8>,
    /// What was done since the last flush.
    pending: Vec<Change>,
    /// Pages, by number, that only the disk has.
    cold: BTreeSet<usize>,
    /// A flush of the whole file system has lost changes: the next flush of this file says so, as Linux does it.
    error_to_tell: bool,
}

/// Bytes that come into memory, or leave it, together.
const PAGE_BYTES: usize = 4096;

/// Bytes that a disk writes as a whole.
const SECTOR_BYTES: usize = 512;

/// Bytes that are changed as a whole in memory.
const WORD_BYTES: usize = 8;

#[derive(Clone)]
pub(super) enum Change {
    Write { at: usize, bytes: Vec<u8> },
    SetLen(usize),
}

#[derive(Clone, Default)]
pub(super) struct DirNode {
    pub now: BTreeMap<String, usize>,
    flushed: BTreeMap<String, usize>,
    /// What was done since the last flush, in order.
    pending: Vec<NameChange>,
}

#[derive(Clone)]
pub(super) enum NameChange {
    Set(String, usize),
    Unset(String),
    /// Both at once.
    Rename(String, String),
}

/// What a power cut leaves of changes that were not flushed.
#[derive(Clone, Copy)]
enum Kept {
    All,
    /// A front part of them: an ordered disk.
    Front,
    /// Each or not, in any order.
    Any,
    /// Of each write any of its parts of so many bytes, counted from the start of the file.
    Parts(usize),
    /// Of each write a front or a back part, cut between any two words: the memory that is written may be changing.
    Cut,
}

impl Kept {
    fn drawn(chance: &Entropy) -> Self {
        let ways = [
            Self::All,
            Self::Front,
            Self::Any,
            Self::Parts(SECTOR_BYTES),
            Self::Parts(PAGE_BYTES),
            Self::Cut,
        ];
        ways.get(below(chance, ways.len())).copied().unwrap_or(Self::All)
    }
}

/// A number below `end`; 0 if that is 0.
fn below(chance: &Entropy, end: usize) -> usize {
    (chance.next_u64() as usize).checked_rem(end).unwrap_or(0)
}

fn heads(chance: &Entropy) -> bool {
    chance.next_u64().is_multiple_of(2)
}

impl Node {
    pub(super) fn flush(&mut self) {
        match self {
            Self::File(file) => file.flush(),
            Self::Dir(dir) => {
                dir.flushed = dir.now.clone();
                dir.pending.clear();
            }
        }
    }

    /// Whether a power cut would leave it as it is.
    pub(super) fn is_settled(&self) -> bool {
        match self {
            Self::File(file) => file.pending.is_empty() && file.cold.is_empty() && file.now == file.flushed,
            Self::Dir(dir) => dir.pending.is_empty(),
        }
    }

    pub(super) fn after_crash(&self, chance: &Entropy) -> Self {
        match self {
            Self::File(file) => Self::File(file.after_crash(chance)),
            Self::Dir(dir) => Self::Dir(dir.after_crash(chance)),
        }
    }
}

impl FileNode {
    fn apply(bytes: &mut Vec<u8>, change: &Change) {
        match change {
            Change::SetLen(len) => bytes.resize(*len, 0),
            Change::Write { at, bytes: new } => write(bytes, *at, new),
        }
    }

    pub(super) fn change(&mut self, change: Change) {
        Self::apply(&mut self.now, &change);
        self.pending.push(change);
    }

    /// Sets the bytes, flushed.
    pub(super) fn set(&mut self, bytes: Vec<u8>) {
        self.flushed.clone_from(&bytes);
        self.now = bytes;
        self.pending.clear();
    }

    pub(super) fn flush(&mut self) {
        let Self { flushed, pending, .. } = self;
        pending.drain(..).for_each(|change| Self::apply(flushed, &change));
    }

    /// A flush fails: what it should have written counts as written, though it is not on the disk, and is still read.
    /// So do Linux's file systems.
    pub(super) fn lose_pending(&mut self) {
        self.pending.retain(|change| matches!(change, Change::SetLen(_)));
    }

    /// The same when somebody else has flushed it.
    pub(super) fn lose_pending_unseen(&mut self) {
        let before = self.pending.len();
        self.lose_pending();
        self.error_to_tell |= self.pending.len() < before;
    }

    /// Whether a flush has to fail because something was lost before; once.
    pub(super) fn take_error(&mut self) -> bool {
        std::mem::take(&mut self.error_to_tell)
    }

    /// Takes out of memory what need not be written: what is on the disk is read then.
    pub(super) fn forget_clean(&mut self) {
        self.now.clone_from(&self.flushed);
        let Self { now, pending, .. } = self;
        pending.iter().for_each(|change| Self::apply(now, change));
    }

    /// What a power cut leaves; where bytes are missing, zeros. The length of a file may be known to the disk before its
    /// bytes are.
    fn after_crash(&self, chance: &Entropy) -> Self {
        let mut bytes = self.flushed.clone();
        let kept = Kept::drawn(chance);
        let front = below(chance, self.pending.len().saturating_add(1));
        for (n, change) in self.pending.iter().enumerate() {
            match (kept, change) {
                (Kept::All, change) => Self::apply(&mut bytes, change),
                (Kept::Front, change) if n < front => Self::apply(&mut bytes, change),
                (Kept::Front, _) => {}
                (Kept::Parts(size), Change::Write { at, bytes: new }) => {
                    for part in parts(*at..at.saturating_add(new.len()), size).filter(|_| heads(chance)) {
                        let of_new = part.start.saturating_sub(*at)..part.end.saturating_sub(*at);
                        write(&mut bytes, part.start, new.get(of_new).unwrap_or_default());
                    }
                }
                (Kept::Cut, Change::Write { at, bytes: new }) => {
                    let word = below(chance, new.len()).saturating_add(*at) / WORD_BYTES;
                    let cut = word.saturating_mul(WORD_BYTES).saturating_sub(*at);
                    let (front, back) = new.split_at(cut.min(new.len()));
                    match heads(chance) {
                        true => write(&mut bytes, *at, front),
                        false => write(&mut bytes, at.saturating_add(front.len()), back),
                    }
                }
                (Kept::Any | Kept::Parts(_) | Kept::Cut, change) => {
                    if heads(chance) {
                        Self::apply(&mut bytes, change);
                    }
                }
            }
        }
        if bytes.len() < self.now.len() && !self.pending.is_empty() && heads(chance) {
            bytes.resize(self.now.len(), 0);
        }
        Self { now: bytes.clone(), flushed: bytes, ..Self::default() }
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

/// Writes `new` at `at`; what lies between the end and there is zeros.
fn write(bytes: &mut Vec<u8>, at: usize, new: &[u8]) {
    let end = at.saturating_add(new.len());
    bytes.resize(bytes.len().max(end), 0);
    if let Some(there) = bytes.get_mut(at..end) {
        there.copy_from_slice(new);
    }
}

/// The pages that hold these bytes.
fn pages(bytes: Range<usize>) -> Range<usize> {
    bytes.start / PAGE_BYTES..bytes.end.div_ceil(PAGE_BYTES)
}

/// The bytes, cut where a part of `size` bytes ends.
fn parts(bytes: Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
    let Range { start, end } = bytes;
    let first = start.checked_div(size).unwrap_or(0);
    let numbers = first..end.div_ceil(size.max(1));
    numbers.map(move |n| {
        let at = n.saturating_mul(size);
        at.max(start)..at.saturating_add(size).min(end)
    })
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

    /// A front part of the changes is kept, as a journal does, or any of them.
    fn after_crash(&self, chance: &Entropy) -> Self {
        let mut names = self.flushed.clone();
        let ordered = heads(chance);
        let front = below(chance, self.pending.len().saturating_add(1));
        for (n, change) in self.pending.iter().enumerate() {
            let kept = if ordered { n < front } else { heads(chance) };
            if kept {
                Self::apply(&mut names, change);
            }
        }
        Self { now: names.clone(), flushed: names, pending: Vec::new() }
    }
}
