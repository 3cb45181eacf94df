//! Replacing a small file as a whole: written beside, flushed, renamed over, and the directory flushed.

use std::io;
use std::path::Path;

use crate::fs::{Fs, write_all};

/// Writes `content` to `name` in `dir`. A crash leaves the old content or the new one, never a mixture. Kafka leaves the
/// same `.tmp` behind in a crash, and both overwrite it.
pub fn write_atomic(fs: &Fs, dir: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let beside = dir.join(format!("{name}.tmp"));
    let file = fs.create(&beside)?;
    write_all(&*file, 0, content)?;
    file.sync_data()?;
    fs.rename(&beside, &dir.join(name))?;
    fs.sync_dir(dir)
}
