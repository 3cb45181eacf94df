//! Data directories whose disk failed at the start: the broker goes on with the others.

use std::path::{Path, PathBuf};

use gracchus_base::ErrorCode;
use gracchus_log::dir::DirError;

use super::{DirDescription, StartError, absolute};

/// A directory whose disk failed at the start. Its partitions are offline until a start finds it well (FAULTS 28).
pub(super) struct OfflineDir {
    path: PathBuf,
    pub error: StartError,
}

impl OfflineDir {
    pub(super) fn describe(&self) -> DirDescription {
        DirDescription {
            path: absolute(&self.path),
            total_bytes: -1,
            usable_bytes: -1,
            error: ErrorCode::KafkaStorageError,
            partitions: Vec::new(),
        }
    }
}

/// Does something with each directory; those whose disk fails go to the offline ones.
pub(super) fn each_usable<T>(
    paths: Vec<PathBuf>,
    offline: &mut Vec<OfflineDir>,
    use_it: impl Fn(&Path) -> Result<T, StartError>,
) -> Result<Vec<T>, StartError> {
    let mut usable = Vec::new();
    for path in paths {
        match use_it(&path) {
            Ok(used) => usable.push(used),
            Err(error) => leave_out(path, error, offline)?,
        }
    }
    Ok(usable)
}

/// Goes on without a directory whose disk failed; any other error is passed on.
pub(super) fn leave_out(
    path: PathBuf,
    error: StartError,
    offline: &mut Vec<OfflineDir>,
) -> Result<(), StartError> {
    if !matches!(error, StartError::Dir(DirError::Io { .. }) | StartError::Io { .. }) {
        return Err(error);
    }
    tracing::error!(directory = %path.display(), %error, "the data directory and its partitions are offline");
    offline.push(OfflineDir { path, error });
    Ok(())
}
