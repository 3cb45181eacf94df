//! What a start asks for: the broker's registration, and new leader epochs for the partitions that hold data.

use gracchus_base::metadata_record::{Endpoint, MetadataRecord, PartitionChange, RegisterBroker};
use gracchus_base::{BrokerId, Offset, PartitionIndex, TopicId};

use super::atomic;
use crate::image::MetadataImage;

/// A broker that starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerStart {
    pub broker_id: BrokerId,
    /// A random id of this run.
    pub incarnation_id: TopicId,
    /// The advertised endpoints.
    pub endpoints: Vec<Endpoint>,
    pub rack: Option<String>,
    /// The ids of the log directories, as in their `meta.properties`.
    pub log_dirs: Vec<TopicId>,
}

/// The registration of a broker: fenced, until it has read the log up to here. Its epoch is the offset that the record
/// gets, as in Kafka, and so grows with each start.
pub fn register_broker(start: BrokerStart, record_offset: Offset) -> MetadataRecord {
    let BrokerStart { broker_id, incarnation_id, endpoints, rack, log_dirs } = start;
    let broker_epoch = record_offset.get();
    let fenced = true;
    MetadataRecord::RegisterBroker(RegisterBroker {
        broker_id,
        incarnation_id,
        broker_epoch,
        endpoints,
        rack,
        fenced,
        log_dirs,
    })
}

/// Lets a fenced broker lead partitions; `None` if it is not registered or not fenced.
pub fn unfence_broker(image: &MetadataImage, id: BrokerId) -> Option<MetadataRecord> {
    let broker = image.broker(id).filter(|broker| broker.fenced)?;
    let broker_epoch = broker.broker_epoch;
    Some(MetadataRecord::BrokerRegistrationChange { broker_id: id, broker_epoch, fenced: -1 })
}

/// Elects the leaders of these partitions again, in one change, which raises each one's leader epoch: a log that lost
/// its tail then never uses an offset twice under one epoch (DESIGN section 4). Partitions that are gone or have no
/// leader are left out.
pub fn bump_leader_epochs(
    image: &MetadataImage,
    partitions: impl IntoIterator<Item = (TopicId, PartitionIndex)>,
) -> Vec<MetadataRecord> {
    let elect = |(topic_id, partition)| {
        let leader = image.partition(topic_id, partition)?.leader()?;
        let change = PartitionChange { topic_id, partition, isr: None, leader: Some(leader), replicas: None };
        Some(MetadataRecord::PartitionChange(change))
    };
    atomic("Leader epochs of a start", partitions.into_iter().filter_map(elect).collect())
}
