//! The `quorum-state` file beside the metadata log: who led last, and in which epoch.
//!
//! One line of JSON in Kafka's form. A single voter needs only the epoch back, so that it never uses one twice.

use std::io;
use std::path::Path;

use gracchus_base::{BrokerId, LeaderEpoch};
use gracchus_log::write_atomic::write_atomic;

use super::QuorumError;

const NAME: &str = "quorum-state";

/// The epoch in the file; -1 if there is none or it makes no sense, since the log knows the epoch too.
pub(super) fn epoch(dir: &Path) -> Result<i32, QuorumError> {
    match std::fs::read_to_string(dir.join(NAME)) {
        Ok(text) => Ok(parse(&text).unwrap_or(-1)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => Ok(-1),
        Err(error) => Err(QuorumError::State { path: dir.join(NAME).display().to_string(), error }),
    }
}

fn parse(text: &str) -> Option<i32> {
    let (_, rest) = text.split_once("\"leaderEpoch\":")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Replaces the file; durable when this returns.
pub(super) fn write(dir: &Path, voter: BrokerId, epoch: LeaderEpoch) -> Result<(), QuorumError> {
    let text = format!(
        "{{\"leaderId\":{voter},\"leaderEpoch\":{epoch},\"votedId\":-1,\"appliedOffset\":0,\
         \"currentVoters\":[{{\"voterId\":{voter}}}],\"data_version\":0}}"
    );
    let path = || dir.join(NAME).display().to_string();
    write_atomic(&gracchus_log::Fs::real(), dir, NAME, text.as_bytes())
        .map_err(|error| QuorumError::State { path: path(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_is_read_back_and_nonsense_is_none() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(epoch(dir.path()).unwrap(), -1);
        write(dir.path(), BrokerId(1), LeaderEpoch(7)).unwrap();
        assert_eq!(epoch(dir.path()).unwrap(), 7);
        std::fs::write(dir.path().join(NAME), b"\xff{").unwrap();
        assert_eq!(epoch(dir.path()).unwrap(), -1);
    }
}
