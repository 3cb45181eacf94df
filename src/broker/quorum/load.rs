//! Rebuilds the image from the metadata log.

use bytes::{Buf, Bytes};
use gracchus_base::LeaderEpoch;
use gracchus_log::LogView;
use gracchus_state::image::ImageLoader;
use gracchus_wire::internal::metadata;
use gracchus_wire::records::{self, BatchHeader};

use super::QuorumError;

/// Bytes that are read at a time.
const CHUNK_BYTES: u32 = 4 * 1024 * 1024;

/// Applies every record. Answers the loader, and the epoch of the last batch.
pub(super) fn replay(log: &LogView) -> Result<(ImageLoader, LeaderEpoch), QuorumError> {
    let mut loader = ImageLoader::default();
    let mut epoch = LeaderEpoch::NONE;
    let mut from = log.log_start();
    while let Some(range) = log.read(from, log.log_end(), CHUNK_BYTES, true)? {
        let mut chunk = range.read_all().map_err(gracchus_log::ReadError::from)?;
        let start = from;
        while let Some((header, batch)) = next_batch(&mut chunk) {
            if !header.attributes.is_control() {
                apply(&mut loader, &header, &batch)?;
            }
            epoch = header.leader_epoch;
            from = header.next_offset();
        }
        if from == start {
            return Err(QuorumError::Batch(from, "it is cut short".to_owned()));
        }
    }
    Ok((loader, epoch))
}

/// Takes a whole batch off the front; a partial one at the end is left for the next read.
fn next_batch(chunk: &mut Bytes) -> Option<(BatchHeader, Bytes)> {
    let header = BatchHeader::parse(chunk).ok()?;
    let whole = header.total_bytes();
    if chunk.remaining() < whole {
        return None;
    }
    Some((header, chunk.split_to(whole)))
}

fn apply(loader: &mut ImageLoader, header: &BatchHeader, batch: &Bytes) -> Result<(), QuorumError> {
    let at = header.base_offset;
    let broken = |error: &dyn std::error::Error| QuorumError::Batch(at, error.to_string());
    for record in records::records_of(batch).map_err(|error| broken(&error))? {
        let record = record.map_err(|error| broken(&error))?;
        let value = record.value.unwrap_or_default();
        let decoded = metadata::decode(&value).map_err(|error| QuorumError::Record(record.offset, error))?;
        let applied = loader.apply(record.offset, header.leader_epoch, decoded);
        applied.map_err(|error| QuorumError::Image(record.offset, error))?;
    }
    Ok(())
}
