//! How each record changes the image.
//!
//! A record that comes out of `controller` always applies. One from a log that was damaged, or written by something
//! else, may not: then nothing is changed, and the driver must not go on with this log.

use std::sync::Arc;

use gracchus_base::metadata_record::{
    ConfigResource, MetadataRecord, PartitionChange, PartitionRecord, QuotaEntity, QuotaValue,
    RegisterBroker, ScramMechanism,
};
use gracchus_base::{BrokerId, PartitionIndex, ProducerId, TopicId, TopicName};

use super::{Change, MetadataImage, Partition, Topic};

/// Why a record does not fit the image it came to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    #[error("topic {name} is created again with id {id}")]
    TopicExists { name: TopicName, id: TopicId },
    #[error("there is no topic with id {0}")]
    UnknownTopic(TopicId),
    #[error("partition {partition} of topic {topic} does not exist")]
    UnknownPartition { topic: TopicId, partition: PartitionIndex },
    #[error("partition {partition} of topic {topic} is created when there are {count}")]
    PartitionGap { topic: TopicId, partition: PartitionIndex, count: i32 },
    #[error("partition {partition} of topic {topic} has no replicas")]
    NoReplicas { topic: TopicId, partition: PartitionIndex },
    #[error("broker {0} is not registered with this epoch")]
    UnknownBroker(BrokerId),
    #[error("user {user} has no credential of mechanism {mechanism:?}")]
    UnknownCredential { user: String, mechanism: ScramMechanism },
    #[error("producer ids go back from {from} to {to}")]
    ProducerIdsGoBack { from: ProducerId, to: ProducerId },
    #[error("a transaction begins, ends or is aborted out of turn")]
    TransactionOutOfTurn,
}

impl MetadataImage {
    /// Applies one record and adds what it changed to `changes`. Records that begin, end or abort a transaction are for
    /// [`super::ImageLoader`] and refused here.
    ///
    /// # Errors
    /// When the record does not fit this image, which then stays as it was.
    pub fn apply(&mut self, record: &MetadataRecord, changes: &mut Vec<Change>) -> Result<(), ImageError> {
        match record {
            MetadataRecord::RegisterBroker(broker) => self.register(broker, changes),
            MetadataRecord::BrokerRegistrationChange { broker_id, broker_epoch, fenced } => {
                self.change_broker(*broker_id, *broker_epoch, *fenced, changes)?;
            }
            MetadataRecord::Topic { name, topic_id } => self.create_topic(name, *topic_id, changes)?,
            MetadataRecord::Partition(record) => self.create_partition(record, changes)?,
            MetadataRecord::PartitionChange(change) => self.change_partition(change, changes)?,
            MetadataRecord::RemoveTopic { topic_id } => self.remove_topic(*topic_id, changes)?,
            MetadataRecord::Config { resource, name, value } => {
                self.set_config(resource, name, value.as_deref(), changes);
            }
            MetadataRecord::ClientQuota { entity, key, value } => {
                self.set_quota(entity, key, *value, changes)
            }
            MetadataRecord::ScramCredential { user, mechanism, credential } => {
                let credential = Arc::new(credential.clone());
                self.scram_credentials.insert((user.clone(), *mechanism), credential);
                changes.push(Change::ScramCredentialsChanged(user.clone()));
            }
            MetadataRecord::RemoveScramCredential { user, mechanism } => {
                self.remove_credential(user, *mechanism, changes)?;
            }
            MetadataRecord::FeatureLevel { name, level } => self.set_feature(name, *level, changes),
            MetadataRecord::ProducerIds { next_producer_id, .. } => {
                self.take_producer_ids(*next_producer_id, changes)?;
            }
            MetadataRecord::BeginTransaction { .. }
            | MetadataRecord::EndTransaction
            | MetadataRecord::AbortTransaction { .. } => return Err(ImageError::TransactionOutOfTurn),
            MetadataRecord::NoOp => {}
        }
        Ok(())
    }

    fn register(&mut self, broker: &RegisterBroker, changes: &mut Vec<Change>) {
        self.brokers.insert(broker.broker_id, Arc::new(broker.clone()));
        changes.push(Change::BrokerChanged(broker.broker_id));
    }

    /// `fenced` is 1 to fence, -1 to unfence, 0 to leave it.
    fn change_broker(
        &mut self,
        id: BrokerId,
        epoch: i64,
        fenced: i8,
        changes: &mut Vec<Change>,
    ) -> Result<(), ImageError> {
        let broker = self.brokers.get_mut(&id).filter(|broker| broker.broker_epoch == epoch);
        let broker = broker.ok_or(ImageError::UnknownBroker(id))?;
        if fenced != 0 {
            Arc::make_mut(broker).fenced = fenced > 0;
            changes.push(Change::BrokerChanged(id));
        }
        Ok(())
    }

    fn create_topic(
        &mut self,
        name: &TopicName,
        id: TopicId,
        changes: &mut Vec<Change>,
    ) -> Result<(), ImageError> {
        if self.names.contains_key(name) || self.topics.contains_key(&id) {
            return Err(ImageError::TopicExists { name: name.clone(), id });
        }
        self.names.insert(name.clone(), id);
        self.topics.insert(id, Arc::new(Topic::new(name.clone(), id)));
        changes.push(Change::TopicCreated(id));
        Ok(())
    }

    fn create_partition(
        &mut self,
        record: &PartitionRecord,
        changes: &mut Vec<Change>,
    ) -> Result<(), ImageError> {
        let (topic, partition) = (record.topic_id, record.partition);
        if record.replicas.is_empty() {
            return Err(ImageError::NoReplicas { topic, partition });
        }
        let found = self.topics.get_mut(&topic).ok_or(ImageError::UnknownTopic(topic))?;
        let count = found.partition_count();
        if partition.get() == count {
            Arc::make_mut(found).push(Partition::new(record));
            self.partition_count += 1;
            changes.push(Change::PartitionCreated(topic, partition));
            return Ok(());
        }
        // A record for a partition that is there replaces it, as in Kafka.
        match Arc::make_mut(found).partition_mut(partition) {
            Some(old) => *old = Partition::new(record),
            None => return Err(ImageError::PartitionGap { topic, partition, count }),
        }
        changes.push(Change::PartitionChanged(topic, partition));
        Ok(())
    }

    fn change_partition(
        &mut self,
        change: &PartitionChange,
        changes: &mut Vec<Change>,
    ) -> Result<(), ImageError> {
        let (topic, partition) = (change.topic_id, change.partition);
        if change.replicas.as_ref().is_some_and(Vec::is_empty) {
            return Err(ImageError::NoReplicas { topic, partition });
        }
        let found = self.topics.get_mut(&topic).ok_or(ImageError::UnknownTopic(topic))?;
        let found = Arc::make_mut(found).partition_mut(partition);
        found.ok_or(ImageError::UnknownPartition { topic, partition })?.change(change);
        changes.push(Change::PartitionChanged(topic, partition));
        Ok(())
    }

    fn remove_topic(&mut self, id: TopicId, changes: &mut Vec<Change>) -> Result<(), ImageError> {
        let topic = self.topics.remove(&id).ok_or(ImageError::UnknownTopic(id))?;
        self.names.remove(topic.name());
        self.configs.remove(&ConfigResource::Topic(topic.name().clone()));
        self.partition_count -= topic.partition_count() as usize;
        changes.push(Change::TopicDeleted(topic));
        Ok(())
    }

    fn set_config(
        &mut self,
        resource: &ConfigResource,
        name: &str,
        value: Option<&str>,
        changes: &mut Vec<Change>,
    ) {
        let values = self.configs(resource).with(name, value);
        if values.is_empty() {
            self.configs.remove(resource);
        } else {
            self.configs.insert(resource.clone(), values);
        }
        changes.push(Change::ConfigChanged(resource.clone()));
    }

    fn set_quota(
        &mut self,
        entity: &QuotaEntity,
        key: &str,
        value: Option<QuotaValue>,
        changes: &mut Vec<Change>,
    ) {
        let mut quotas = self.client_quotas.get(entity).cloned().unwrap_or_default();
        match value {
            Some(value) => drop(Arc::make_mut(&mut quotas).insert(key.to_owned(), value)),
            None => drop(Arc::make_mut(&mut quotas).remove(key)),
        }
        if quotas.is_empty() {
            self.client_quotas.remove(entity);
        } else {
            self.client_quotas.insert(entity.clone(), quotas);
        }
        changes.push(Change::ClientQuotasChanged(entity.clone()));
    }

    fn remove_credential(
        &mut self,
        user: &str,
        mechanism: ScramMechanism,
        changes: &mut Vec<Change>,
    ) -> Result<(), ImageError> {
        let removed = self.scram_credentials.remove(&(user.to_owned(), mechanism));
        removed.ok_or_else(|| ImageError::UnknownCredential { user: user.to_owned(), mechanism })?;
        changes.push(Change::ScramCredentialsChanged(user.to_owned()));
        Ok(())
    }

    /// Level 0 is "not finalized".
    fn set_feature(&mut self, name: &str, level: i16, changes: &mut Vec<Change>) {
        if level == 0 {
            self.features.remove(name);
        } else {
            self.features.insert(name.to_owned(), level);
        }
        changes.push(Change::FeatureChanged(name.to_owned()));
    }

    /// Ids that went back would be given to two producers.
    fn take_producer_ids(&mut self, next: ProducerId, changes: &mut Vec<Change>) -> Result<(), ImageError> {
        if next < self.next_producer_id {
            return Err(ImageError::ProducerIdsGoBack { from: self.next_producer_id, to: next });
        }
        self.next_producer_id = next;
        changes.push(Change::ProducerIdsTaken);
        Ok(())
    }
}
