//! What an ephemeral broker runs with: a directory of its own, and settings that suit one that nobody keeps.

use std::io;
use std::path::{Path, PathBuf};

use gracchus_state::config::Settings;

/// A directory of this process alone, removed with everything in it when this is dropped.
#[derive(Debug)]
pub struct EphemeralDir(tempfile::TempDir);

/// Why there is no such directory, or why it is still there.
#[derive(Debug, thiserror::Error)]
pub enum EphemeralError {
    #[error("cannot make a temporary directory: {0}")]
    Make(#[source] io::Error),
    #[error("{} cannot be a data directory", .0.display())]
    Name(PathBuf),
    #[error("cannot remove {}: {error}", .path.display())]
    Remove {
        path: PathBuf,
        #[source]
        error: io::Error,
    },
}

impl EphemeralDir {
    /// Makes the directory where the system keeps temporary files.
    pub fn create() -> Result<Self, EphemeralError> {
        tempfile::Builder::new().prefix("gracchus-").tempdir().map(Self).map_err(EphemeralError::Make)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Puts a broker's data there. Nothing is kept, so nothing is flushed, and tests do not wait for members that will not
    /// come (DESIGN 1), unless they have said so.
    pub fn settle(&self, settings: &mut Settings) -> Result<(), EphemeralError> {
        // Kafka's list of directories has no way to write a comma.
        let Some(path) = self.path().to_str().filter(|path| !path.contains(',')) else {
            return Err(EphemeralError::Name(self.path().to_owned()));
        };
        settings.insert("log.dirs".to_owned(), path.to_owned());
        settings.remove("metadata.log.dir");
        for (name, value) in [("group.initial.rebalance.delay.ms", "0"), ("log.flush.before.ack", "false")] {
            settings.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
        Ok(())
    }

    /// Removes it now; an error is worth a line, because something stays behind.
    pub fn remove(self) -> Result<(), EphemeralError> {
        let path = self.path().to_owned();
        self.0.close().map_err(|error| EphemeralError::Remove { path, error })
    }
}
