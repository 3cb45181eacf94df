//! Rebuilds the image from the metadata log.

use gracchus_base::LeaderEpoch;
use gracchus_log::LogView;
use gracchus_state::image::ImageLoader;
use gracchus_wire::internal::metadata;
use gracchus_wire::records::{self, Batch};

use super::QuorumError;
use crate::read;

/// Bytes that are read at a time.
const CHUNK_BYTES: u32 = 4 * 1024 * 1024;

/// Applies every record. Answers the loader, and the epoch of the last batch.
pub(super) fn replay(log: &LogView) -> Result<(ImageLoader, LeaderEpoch), QuorumError> {
    let mut loader = ImageLoader::default();
    let mut epoch = LeaderEpoch::NONE;
    let mut from = log.log_start();
    while let Some(range) = log.read(from, log.log_end(), CHUNK_BYTES, true)? {
        let chunk = range.read_all().map_err(gracchus_log::ReadError::from)?;
        let start = from;
        for batch in read::batches(&chunk) {
            if !batch.header.attributes.is_control() {
                apply(&mut loader, &batch)?;
            }
            epoch = batch.header.leader_epoch;
            from = batch.header.next_offset();
        }
        if from == start {
            return Err(QuorumError::Batch(from, "it is cut short".to_owned()));
        }
    }
    Ok((loader, epoch))
}

fn apply(loader: &mut ImageLoader, batch: &Batch) -> Result<(), QuorumError> {
    let at = batch.header.base_offset;
    let broken = |error: &dyn std::error::Error| QuorumError::Batch(at, error.to_string());
    for record in records::records(batch).map_err(|error| broken(&error))? {
        let record = record.map_err(|error| broken(&error))?;
        let value = record.value.unwrap_or_default();
        let decoded = metadata::decode(&value).map_err(|error| match error.is_unknown_kind() {
            true => QuorumError::Newer(record.offset, error),
            false => QuorumError::Record(record.offset, error),
        })?;
        let applied = loader.apply(record.offset, batch.header.leader_epoch, decoded);
        applied.map_err(|error| QuorumError::Image(record.offset, error))?;
    }
    Ok(())
}
