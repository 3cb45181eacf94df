//! A topic of one round of a replay: made, checked, and removed so that nothing of it is at work when the next round begins.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use compat_harness::deadline::wait_until;

use crate::BenchError;
use crate::protocol_client::ProtocolClient;
use crate::subject::Running;

/// Brokers are to delete files soon, so that the next round neither waits long nor meets a full disk.
pub const SETTINGS: &[(&str, &str)] = &[("log.segment.delete.delay.ms", "1000")];
/// A disk needs a second or two to give back 3 GB; more while others use it.
const DELETED_WITHIN: Duration = Duration::from_secs(120);

/// The topic. The limit servers make what is written to, so there is nothing to make or check there.
#[derive(Debug)]
pub struct ReplayedTopic {
    pub name: String,
    partitions: i32,
    pub client: ProtocolClient,
    /// Of a broker.
    data_dir: Option<PathBuf>,
}

impl ReplayedTopic {
    /// Makes it; returns once every partition has a leader that answers.
    pub fn create(
        running: &mut Running,
        name: String,
        partitions: usize,
        configs: &[(&str, &str)],
    ) -> Result<ReplayedTopic, BenchError> {
        let mut client = ProtocolClient::connect(running.address())?;
        let data_dir = running.broker().map(|broker| broker.data_dir());
        let partitions = partitions as i32;
        if data_dir.is_some() {
            client.create_topic_with_leaders(&name, partitions, configs)?;
        }
        Ok(ReplayedTopic { name, partitions, client, data_dir })
    }

    /// An error unless its partitions end at those offsets.
    pub fn expect_stored(&mut self, sent: &[i64]) -> Result<(), BenchError> {
        if self.data_dir.is_none() {
            return Ok(());
        }
        let stored = self.client.end_offsets(&self.name, self.partitions)?;
        if stored == sent {
            Ok(())
        } else {
            Err(BenchError::Failed(format!("{sent:?} records sent, the partitions end at {stored:?}")))
        }
    }

    /// Deletes it; returns once its files are gone.
    pub fn delete(mut self) -> Result<(), BenchError> {
        self.client.delete_topic(&self.name)?;
        let Some(data_dir) = &self.data_dir else { return Ok(()) };
        wait_until(DELETED_WITHIN, || (!is_stored(data_dir, &self.name)).then_some(()))
            .ok_or_else(|| BenchError::Failed("the files of a deleted topic stay".into()))
    }
}

/// Whether directories of the topic are left: `<topic>-<partition>`, and with `.<id>-delete` behind it once deleted.
fn is_stored(data_dir: &Path, topic: &str) -> bool {
    let prefix = format!("{topic}-");
    let mut names = fs::read_dir(data_dir).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.any(|name| name.to_string_lossy().starts_with(&prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_still_to_be_deleted_counts() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("replay-12-0")).unwrap();
        assert!(!is_stored(dir.path(), "replay-1"));
        fs::create_dir(dir.path().join("replay-1-0.0123-delete")).unwrap();
        assert!(is_stored(dir.path(), "replay-1"));
    }
}
