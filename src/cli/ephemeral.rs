//! The directory of an ephemeral broker.

use std::path::Path;

use super::CliError;

/// A directory of this process alone, removed with everything in it when this is dropped.
#[derive(Debug)]
pub struct EphemeralDir(tempfile::TempDir);

impl EphemeralDir {
    /// Makes the directory where the system keeps temporary files.
    pub fn create() -> Result<Self, CliError> {
        let made = tempfile::Builder::new().prefix("gracchus-").tempdir();
        made.map(Self).map_err(|e| CliError::failed(format!("cannot make a temporary directory: {e}")))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Removes it now; an error is worth a line, because something stays behind.
    pub fn remove(self) -> Result<(), CliError> {
        let path = self.path().display().to_string();
        self.0.close().map_err(|e| CliError::failed(format!("cannot remove {path}: {e}")))
    }
}
