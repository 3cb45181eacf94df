//! Replacing a small file as a whole: written beside, flushed, renamed over, and the directory flushed.

use std::io;
use std::path::{Path, PathBuf};

use crate::fs::{File, Fs, write_all};

/// Writes `content` to `name` in `dir`. A crash leaves the old content or the new one, never a mixture. Kafka leaves the
/// same `.tmp` behind in a crash, and both overwrite it.
pub fn write_atomic(fs: &Fs, dir: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    write_beside(fs, dir, name, content)?.sync_data()?;
    put_in_place(fs, dir, name)?;
    fs.sync_dir(dir)
}

/// Writes the new content beside the old one.
pub(crate) fn write_beside(fs: &Fs, dir: &Path, name: &str, content: &[u8]) -> io::Result<File> {
    let file = fs.create(&beside(dir, name))?;
    write_all(&*file, 0, content)?;
    Ok(file)
}

/// Moves what [`write_beside`] has written over the old content.
pub(crate) fn put_in_place(fs: &Fs, dir: &Path, name: &str) -> io::Result<()> {
    fs.rename(&beside(dir, name), &dir.join(name))
}

fn beside(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.tmp"))
}
