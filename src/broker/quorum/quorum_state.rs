//! The `quorum-state` file beside the metadata log: who led last, and in which epoch.
//!
//! One line of JSON in Kafka's form. A single voter needs only the epoch back, so that it never uses one twice.

use std::io;
use std::path::Path;

use gracchus_base::{BrokerId, LeaderEpoch};
use gracchus_log::Fs;
use gracchus_log::write_atomic::write_atomic;

use super::{QuorumError, state_error};

const NAME: &str = "quorum-state";

/// Far more than the file can have.
const BYTES_MAX: u64 = 64 * 1024;

/// The epoch in the file; -1 if there is none or it makes no sense, since the log knows the epoch too.
pub(super) fn epoch(fs: &Fs, dir: &Path) -> Result<i32, QuorumError> {
    match fs.read_small(&dir.join(NAME), BYTES_MAX) {
        Ok(bytes) => Ok(std::str::from_utf8(&bytes).ok().and_then(parse).unwrap_or(-1)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => Ok(-1),
        Err(error) => Err(state_error(&dir.join(NAME), error)),
    }
}

fn parse(text: &str) -> Option<i32> {
    let (_, rest) = text.split_once("\"leaderEpoch\":")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Replaces the file; durable when this returns.
pub(super) fn write(fs: &Fs, dir: &Path, voter: BrokerId, epoch: LeaderEpoch) -> Result<(), QuorumError> {
    let text = format!(
        "{{\"leaderId\":{voter},\"leaderEpoch\":{epoch},\"votedId\":-1,\"appliedOffset\":0,\
         \"currentVoters\":[{{\"voterId\":{voter}}}],\"data_version\":0}}"
    );
    write_atomic(fs, dir, NAME, text.as_bytes()).map_err(|error| state_error(&dir.join(NAME), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_is_read_back_and_nonsense_is_none() {
        let (dir, fs) = (tempfile::tempdir().unwrap(), Fs::real());
        assert_eq!(epoch(&fs, dir.path()).unwrap(), -1);
        write(&fs, dir.path(), BrokerId(1), LeaderEpoch(7)).unwrap();
        assert_eq!(epoch(&fs, dir.path()).unwrap(), 7);
        std::fs::write(dir.path().join(NAME), b"\xff{").unwrap();
        assert_eq!(epoch(&fs, dir.path()).unwrap(), -1);
    }
}
