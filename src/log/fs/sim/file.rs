//! An open file of the simulated disk.

use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;
use std::thread;

use rustix::io::Errno;

use super::super::{Access, DiskFile};
use super::node::{Change, Node};
use super::{Fault, Op, SimDisk, State, error_of};

/// An open file: a number on its disk.
pub(super) struct SimFile {
    pub disk: SimDisk,
    pub node: usize,
}

impl SimFile {
    fn read(&self, buf: &mut [u8], at: u64, access: Access) -> io::Result<usize> {
        let mut state = self.disk.state();
        let dead = state.dead;
        let Some(Node::File(file)) = state.node(self.node).filter(|_| !dead) else {
            return Err(Errno::IO.into());
        };
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let mut n = file.now.len().saturating_sub(at).min(buf.len());
        let cached = file.cached(at, n);
        let waits = access == Access::Disk && cached < n;
        if !waits && cached == 0 && n > 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        n = if waits { n } else { cached };
        let there = file.now.get(at..).unwrap_or_default();
        if let (Some(to), Some(from)) = (buf.get_mut(..n), there.get(..n)) {
            to.copy_from_slice(from);
        }
        if waits {
            if let Some(Node::File(file)) = state.node_mut(self.node) {
                file.load(at, n);
            }
            state.waits.push(thread::current().id());
        }
        Ok(n)
    }

    fn change(&self, op: Op, change: Change) -> io::Result<()> {
        let mut state = self.disk.state();
        let cut = state.begin_whole(op, "")?;
        if let Some(Node::File(file)) = state.node_mut(self.node) {
            file.change(change);
        }
        State::end(cut, ())
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize> {
        self.read(buf, at, Access::Disk)
    }

    fn read_cached(&self, buf: &mut [u8], at: u64) -> io::Result<usize> {
        self.read(buf, at, Access::Cached)
    }

    /// The hint is not taken: nothing comes into memory before somebody waits for it.
    fn will_need(&self, _at: u64, _len: u64) {}

    fn write_at(&self, parts: &[IoSlice<'_>], at: u64) -> io::Result<usize> {
        let mut bytes: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        let at = usize::try_from(at).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut state = self.disk.state();
        let (cut, full) = match state.begin(Op::Write, "") {
            Ok(cut) => (cut, false),
            Err(Fault::NoSpace { after }) if after > 0 => {
                bytes.truncate(after);
                (false, true)
            }
            Err(fault) => return Err(error_of(fault)),
        };
        let written = bytes.len();
        if let Some(Node::File(file)) = state.node_mut(self.node) {
            file.change(Change::Write { at, bytes });
        }
        // Half a write is reported as such; the next one says that there is no space.
        debug_assert!(!full || written > 0);
        State::end(cut, written)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Op::SetLen, Change::SetLen(usize::try_from(len).unwrap_or(usize::MAX)))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        if state.dead {
            return Err(Errno::IO.into());
        }
        let begun = state.begin(Op::SyncData, "");
        let Some(Node::File(file)) = state.node_mut(self.node) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        match begun {
            Ok(true) => {}
            Ok(false) if file.take_error() => return Err(error_of(Fault::Io)),
            Ok(false) => file.flush(),
            Err(fault) => {
                file.take_error();
                file.lose_pending();
                return Err(error_of(fault));
            }
        }
        State::end(begun == Ok(true), ())
    }

    fn forget_cached(&self) {
        let mut state = self.disk.state();
        let dead = state.dead;
        if let Some(Node::File(file)) = state.node_mut(self.node).filter(|_| !dead) {
            file.forget_clean();
        }
    }

    fn size(&self) -> io::Result<u64> {
        match self.disk.state().node(self.node) {
            Some(Node::File(file)) => Ok(file.now.len() as u64),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
