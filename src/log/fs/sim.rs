//! A disk in memory that keeps what was written apart from what was flushed.
//!
//! [`SimDisk::crash`] gives the disk that a power cut leaves: flushed bytes are there; of the others each write may be
//! there, be missing, or be torn at sectors, pages or words, in any order; names whose directory was not flushed may be
//! missing. [`SimDisk::fail`] makes operations fail on purpose, [`SimDisk::keep_points`] keeps the disk as it is before
//! each operation. Everything is decided by seeds.

mod file;
mod node;

use std::io;
use std::path::{Component, Path};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

use gracchus_base::{Entropy, Timestamp};
use rustix::io::Errno;

use self::file::SimFile;
use self::node::{DirNode, FileNode, NameChange, Node};
use super::{Disk, Entry, File, FileSystem, LockGuard, Space, Stat};

/// A disk in memory; clones share it.
#[derive(Clone)]
pub struct SimDisk(Arc<Mutex<State>>);

/// What a disk does instead of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The operation fails; of a write, so many bytes are written before.
    NoSpace { after: usize },
    /// The operation fails with EIO.
    Io,
    /// The power fails: this operation may or may not have happened, and every later one fails.
    PowerCut,
}

/// An operation that changes the disk or flushes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Create,
    Write,
    SetLen,
    SyncData,
    CreateDir,
    Rename,
    Remove,
    SyncDir,
    SyncFs,
}

/// Decides what happens to an operation; called with its number, counted from 0, its kind and the last part of the
/// path, which is empty for operations on open files.
pub type Faults = Box<dyn FnMut(u64, Op, &str) -> Option<Fault> + Send>;

struct State {
    /// Shared with the points that are kept until one of them changes.
    nodes: Vec<Arc<Node>>,
    ops: u64,
    /// What lay on the disk before each operation.
    points: Option<Vec<Vec<Arc<Node>>>>,
    faults: Option<Faults>,
    /// The power is off.
    dead: bool,
    locks: Vec<usize>,
    /// Who has waited for bytes that were not in memory, once per read.
    waits: Vec<ThreadId>,
}

impl Default for SimDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl SimDisk {
    /// An empty disk with a root directory.
    pub fn new() -> Self {
        Self::with(vec![Arc::new(Node::Dir(DirNode::default()))])
    }

    fn with(nodes: Vec<Arc<Node>>) -> Self {
        let state = State {
            nodes,
            ops: 0,
            points: None,
            faults: None,
            dead: false,
            locks: Vec::new(),
            waits: Vec::new(),
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Keeps from now on what lies on the disk before each operation: the points at which the power may fail.
    pub fn keep_points(&self) {
        self.state().points = Some(Vec::new());
    }

    /// The disk at the points since the last call, oldest first. Cheap: they share what did not change.
    pub fn take_points(&self) -> Vec<Self> {
        let points = self.state().points.as_mut().map(std::mem::take);
        points.unwrap_or_default().into_iter().map(Self::with).collect()
    }

    /// Lets `faults` decide about every operation from now on.
    pub fn fail(&self, faults: impl FnMut(u64, Op, &str) -> Option<Fault> + Send + 'static) {
        self.state().faults = Some(Box::new(faults));
    }

    /// No more faults.
    pub fn heal(&self) {
        self.state().faults = None;
    }

    /// Operations so far that change the disk or flush it.
    pub fn ops(&self) -> u64 {
        self.state().ops
    }

    /// Whether the power is off.
    pub fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// The disk as a power cut leaves it now. What was not flushed is kept, dropped or torn as `seed` has it.
    #[must_use]
    pub fn crash(&self, seed: u64) -> Self {
        let chance = Entropy::seeded(seed);
        let after = |node: &Arc<Node>| {
            if node.is_settled() { node.clone() } else { Arc::new(node.after_crash(&chance)) }
        };
        Self::with(self.state().nodes.iter().map(after).collect())
    }

    /// The disk as the end of the process leaves it: everything that was written is there, flushed or not.
    #[must_use]
    pub fn kill(&self) -> Self {
        let copy = Self::with(self.state().nodes.clone());
        copy.state().ops = 0;
        copy
    }

    /// The bytes of a file, to look at.
    pub fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.state();
        match &**state.nodes.get(state.find(path).ok()?)? {
            Node::File(file) => Some(file.now.clone()),
            Node::Dir(_) => None,
        }
    }

    /// Changes the bytes of a file behind everyone's back, durably: rot.
    pub fn change(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let Ok(node) = state.find(path) else { return };
        if let Some(Node::File(file)) = state.node_mut(node) {
            let mut bytes = file.now.clone();
            change(&mut bytes);
            file.set(bytes);
        }
    }

    /// Takes the bytes of a file out of memory: who wants them has to wait for the disk.
    pub fn evict(&self, path: &Path) {
        let mut state = self.state();
        let Ok(node) = state.find(path) else { return };
        if let Some(Node::File(file)) = state.node_mut(node) {
            file.evict();
        }
    }

    /// The threads that have waited for bytes which were not in memory, once per read.
    pub fn waits(&self) -> Vec<ThreadId> {
        self.state().waits.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, node: usize) -> File {
        Arc::new(SimFile { disk: self.clone(), node })
    }
}

impl State {
    /// Counts an operation and asks what happens to it. `Ok(true)`: it happens, but the power is off afterwards.
    fn begin(&mut self, op: Op, name: &str) -> Result<bool, Fault> {
        if self.dead {
            return Err(Fault::Io);
        }
        if let Some(points) = &mut self.points {
            points.push(self.nodes.clone());
        }
        let n = self.ops;
        self.ops = n.saturating_add(1);
        match self.faults.as_mut().and_then(|faults| faults(n, op, name)) {
            None => Ok(false),
            Some(Fault::PowerCut) => {
                self.dead = true;
                Ok(true)
            }
            Some(fault) => Err(fault),
        }
    }

    /// [`State::begin`] for operations that happen or do not.
    fn begin_whole(&mut self, op: Op, name: &str) -> io::Result<bool> {
        self.begin(op, name).map_err(error_of)
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        let mut at = 0;
        for part in path.components() {
            if let Component::Normal(name) = part {
                let name = name.to_str().unwrap_or_default();
                at = *self.dir(at)?.now.get(name).ok_or(io::ErrorKind::NotFound)?;
            }
        }
        Ok(at)
    }

    fn node(&self, node: usize) -> Option<&Node> {
        self.nodes.get(node).map(|node| &**node)
    }

    fn node_mut(&mut self, node: usize) -> Option<&mut Node> {
        self.nodes.get_mut(node).map(Arc::make_mut)
    }

    fn dir(&self, node: usize) -> io::Result<&DirNode> {
        match self.node(node) {
            Some(Node::Dir(dir)) => Ok(dir),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// Changes a name in the directory of `path`.
    fn change_name(&mut self, path: &Path, change: impl FnOnce(String) -> NameChange) -> io::Result<()> {
        let parent = self.find(path.parent().unwrap_or(Path::new("/")))?;
        match self.node_mut(parent) {
            Some(Node::Dir(dir)) => {
                dir.change(change(name_of(path)));
                Ok(())
            }
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn add(&mut self, path: &Path, node: Node) -> io::Result<usize> {
        let n = self.nodes.len();
        self.change_name(path, |name| NameChange::Set(name, n))?;
        self.nodes.push(Arc::new(node));
        Ok(n)
    }

    /// Ends an operation: after a power cut nobody hears that it was done.
    fn end<T>(cut: bool, value: T) -> io::Result<T> {
        if cut { Err(error_of(Fault::PowerCut)) } else { Ok(value) }
    }
}

fn error_of(fault: Fault) -> io::Error {
    match fault {
        Fault::NoSpace { .. } => Errno::NOSPC.into(),
        Fault::Io | Fault::PowerCut => Errno::IO.into(),
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned()
}

impl Disk for SimDisk {
    fn open(&self, path: &Path) -> io::Result<File> {
        let state = self.state();
        let node = state.find(path)?;
        match state.node(node) {
            _ if state.dead => Err(Errno::IO.into()),
            Some(Node::File(_)) => Ok(self.file(node)),
            _ => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    fn create_new(&self, path: &Path) -> io::Result<File> {
        let mut state = self.state();
        if state.find(path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let cut = state.begin_whole(Op::Create, &name_of(path))?;
        let node = state.add(path, Node::File(FileNode::default()))?;
        State::end(cut, self.file(node))
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        let Ok(there) = self.open(path) else { return self.create_new(path) };
        there.set_len(0)?;
        Ok(there)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        if let Ok(there) = state.find(path) {
            return state.dir(there).map(|_| ());
        }
        let cut = state.begin_whole(Op::CreateDir, &name_of(path))?;
        state.add(path, Node::Dir(DirNode::default()))?;
        State::end(cut, ())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let state = self.state();
        let dir = state.dir(state.find(path)?)?;
        let is_dir = |node: &usize| matches!(state.node(*node), Some(Node::Dir(_)));
        Ok(dir.now.iter().map(|(name, node)| Entry { name: name.clone(), is_dir: is_dir(node) }).collect())
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        let state = self.state();
        Ok(match state.node(state.find(path)?) {
            Some(Node::File(file)) => {
                Stat { len: file.now.len() as u64, modified: Timestamp(0), is_dir: false }
            }
            _ => Stat { len: 0, modified: Timestamp(0), is_dir: true },
        })
    }

    /// Only within one directory, which is all that logs do.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.find(from)?;
        if from.parent() != to.parent() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let cut = state.begin_whole(Op::Rename, &name_of(from))?;
        state.change_name(from, |name| NameChange::Rename(name, name_of(to)))?;
        State::end(cut, ())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.find(path)?;
        let cut = state.begin_whole(Op::Remove, &name_of(path))?;
        state.change_name(path, NameChange::Unset)?;
        State::end(cut, ())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let empty = self.list(path)?.is_empty();
        if empty { self.remove_file(path) } else { Err(io::ErrorKind::DirectoryNotEmpty.into()) }
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let node = state.find(path)?;
        let cut = state.begin_whole(Op::SyncDir, &name_of(path))?;
        if let Some(node) = state.node_mut(node).filter(|_| !cut) {
            node.flush();
        }
        State::end(cut, ())
    }

    fn file_system(&self, _path: &Path) -> io::Result<Option<Box<dyn FileSystem>>> {
        Ok(Some(Box::new(self.clone())))
    }

    fn space(&self, _path: &Path) -> io::Result<Space> {
        Ok(Space { total: 1 << 40, usable: 1 << 39 })
    }

    fn lock(&self, path: &Path) -> io::Result<Option<LockGuard>> {
        let found = self.state().find(path);
        let node = match found {
            Ok(node) => node,
            Err(_) => {
                self.create_new(path)?;
                self.state().find(path)?
            }
        };
        let mut state = self.state();
        if state.locks.contains(&node) {
            return Ok(None);
        }
        state.locks.push(node);
        Ok(Some(LockGuard::new(SimLock { disk: self.clone(), node })))
    }
}

struct SimLock {
    disk: SimDisk,
    node: usize,
}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.disk.state().locks.retain(|node| *node != self.node);
    }
}

impl FileSystem for SimDisk {
    fn sync(&self) -> io::Result<()> {
        let mut state = self.state();
        if state.dead {
            return Err(Errno::IO.into());
        }
        let begun = state.begin(Op::SyncFs, "");
        let unsettled = state.nodes.iter_mut().filter(|node| !node.is_settled()).map(Arc::make_mut);
        match (begun, unsettled) {
            (Ok(true), _) => {}
            (Ok(false), unsettled) => unsettled.for_each(Node::flush),
            (Err(fault), unsettled) => {
                for node in unsettled {
                    if let Node::File(file) = node {
                        file.lose_pending_unseen();
                    }
                }
                return Err(error_of(fault));
            }
        }
        State::end(begun == Ok(true), ())
    }

    fn dirty_bytes(&self) -> io::Result<u64> {
        Ok(0)
    }
}
