//! Handing out producer ids in blocks, so that no id is given twice over restarts (KIP-730).

use gracchus_base::limits::PRODUCER_ID_BLOCK;
use gracchus_base::metadata_record::MetadataRecord;
use gracchus_base::{BrokerId, ProducerId};

use crate::image::MetadataImage;

/// Ids that one broker may hand out once `record` is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerIdBlock {
    pub first: ProducerId,
    pub last: ProducerId,
    /// The whole change.
    pub record: MetadataRecord,
}

/// No ids are left. The error code is UNKNOWN_SERVER_ERROR; the words are Kafka's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Exhausted all producerIds as the next block's end producerId has exceeded the int64 type limit")]
pub struct ProducerIdsExhausted;

/// The next block for a broker. `broker_epoch` is the epoch of its registration.
pub fn allocate_producer_ids(
    image: &MetadataImage,
    broker_id: BrokerId,
    broker_epoch: i64,
) -> Result<ProducerIdBlock, ProducerIdsExhausted> {
    let first = image.next_producer_id();
    let next = first.get().checked_add(PRODUCER_ID_BLOCK).ok_or(ProducerIdsExhausted)?;
    let (last, next_producer_id) = (ProducerId(next - 1), ProducerId(next));
    let record = MetadataRecord::ProducerIds { broker_id, broker_epoch, next_producer_id };
    Ok(ProducerIdBlock { first, last, record })
}
