//! What a record changed, so that a driver can act on it without comparing images.

use std::sync::Arc;

use gracchus_base::metadata_record::{ConfigResource, QuotaEntity};
use gracchus_base::{BrokerId, PartitionIndex, TopicId};

use super::topic::Topic;

/// One change of the image, in the order of the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A topic without partitions yet; they follow.
    TopicCreated(TopicId),
    /// The topic as it last was, since the image has it no more. Its settings are gone too, without changes of their own.
    TopicDeleted(Arc<Topic>),
    PartitionCreated(TopicId, PartitionIndex),
    /// Leader, epochs, ISR or replicas.
    PartitionChanged(TopicId, PartitionIndex),
    /// At least one setting of this resource.
    ConfigChanged(ConfigResource),
    /// Registered, fenced or unfenced.
    BrokerChanged(BrokerId),
    /// The level of this feature.
    FeatureChanged(String),
    /// At least one quota of these clients.
    ClientQuotasChanged(QuotaEntity),
    /// At least one credential of this user.
    ScramCredentialsChanged(String),
    /// The next producer id.
    ProducerIdsTaken,
}
