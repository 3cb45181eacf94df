//! What this broker does with a new image: hosts the partitions that were made, drops those that are gone, applies
//! settings, and then shows the image to everyone.
//!
//! Called by the controller's thread after a commit, and once at the start. What must not be here: decisions.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use gracchus_base::metadata_record::ConfigResource;
use gracchus_base::{BrokerId, LeaderEpoch, Offset, PartitionIndex, TopicId, TopicName};
use gracchus_log::LogPosition;
use gracchus_state::config::{BrokerConfig, Settings, TopicConfig, resolve_topic};
use gracchus_state::image::{self, Change, MetadataImage};
use gracchus_state::partition::{EpochCache, EpochStart};

use crate::coordinator::Coordinators;
use crate::data_dirs::{DataDirs, FoundLog};
use crate::partition::{Partition, PartitionView, Status, Topic};
use crate::shard::{Message, Open};
use crate::topics::Topics;

/// Applies images to this broker. One owner: whoever starts the broker, then the controller's thread.
pub struct Publisher {
    pub broker: BrokerId,
    pub image: Arc<ArcSwap<MetadataImage>>,
    pub config: Arc<ArcSwap<BrokerConfig>>,
    /// The settings without dynamic ones.
    pub static_config: Arc<BrokerConfig>,
    /// What the shards look at.
    pub producer_expiration_ms: Arc<AtomicI64>,
    pub topics: Arc<Topics>,
    pub data_dirs: Arc<DataDirs>,
    pub coordinators: Arc<OnceLock<Coordinators>>,
    /// What topics without settings of their own have.
    pub shared_config: Mutex<Option<Arc<TopicConfig>>>,
}

impl Publisher {
    /// The image in force.
    pub fn image(&self) -> Arc<MetadataImage> {
        self.image.load_full()
    }

    /// Takes over everything in the image at the start.
    pub fn host_all(
        &self,
        image: Arc<MetadataImage>,
        found: &dyn Fn(&image::Topic, PartitionIndex) -> FoundLog,
    ) {
        self.apply_broker_config(&image);
        for topic in image.topics() {
            let hosted = self.new_topic(&image, topic);
            let host = |(index, _)| self.host(&hosted, topic, index, found(topic, index));
            let partitions: Vec<_> = topic.partitions().filter_map(host).collect();
            let directories = topic.partitions().filter_map(|(_, placed)| placed.directory(self.broker));
            directories.for_each(|directory| self.data_dirs.count(directory));
            hosted.partitions.store(Arc::new(partitions));
            self.topics.insert(hosted);
        }
        self.image.store(image);
    }

    /// Takes over what changed, and shows the image.
    pub fn publish(&self, image: Arc<MetadataImage>, changes: &[Change]) {
        let mut configured = BTreeSet::new();
        let mut deleted = Vec::new();
        self.forget_deleted(changes);
        for change in changes {
            match change {
                Change::TopicCreated(id) => {
                    // Deleted again in the same commit if it is not there.
                    if let Some(topic) = image.topic_by_id(*id) {
                        let hosted = self.new_topic(&image, topic);
                        self.host_added(&hosted, topic);
                        self.topics.insert(hosted);
                    }
                }
                Change::PartitionCreated(id, _) => {
                    if let (Some(hosted), Some(topic)) = (self.topics.by_id(*id), image.topic_by_id(*id)) {
                        self.host_added(&hosted, topic);
                    }
                }
                Change::TopicDeleted(topic) => deleted.extend(self.drop_topic(topic)),
                Change::ConfigChanged(resource) => {
                    configured.insert(resource.clone());
                }
                Change::PartitionChanged(..)
                | Change::BrokerChanged(_)
                | Change::FeatureChanged(_)
                | Change::ClientQuotasChanged(_)
                | Change::ScramCredentialsChanged(_)
                | Change::ProducerIdsTaken => {}
            }
        }
        self.apply_configs(&image, &configured);
        self.image.store(image);
        if let Some(coordinators) = self.coordinators.get() {
            if !deleted.is_empty() {
                coordinators.topics_deleted(deleted);
            }
            if let Some(offsets) = coordinators.offsets_topic() {
                coordinators.load(&offsets);
            }
        }
    }

    fn new_topic(&self, image: &MetadataImage, topic: &image::Topic) -> Arc<Topic> {
        Arc::new(Topic {
            name: topic.name().clone(),
            id: topic.id(),
            config: ArcSwap::new(self.topic_config(image, topic.name())),
            partitions: ArcSwap::default(),
        })
    }

    /// Takes over the partitions that a topic has and this broker does not host yet, all at once.
    fn host_added(&self, hosted: &Topic, topic: &image::Topic) {
        let before = hosted.partitions.load_full();
        let first = PartitionIndex(i32::try_from(before.len()).unwrap_or(i32::MAX));
        let host = |(index, _)| self.host(hosted, topic, index, FoundLog::NeverWritten);
        let added: Vec<_> = topic.partitions_from(first).filter_map(host).collect();
        if !added.is_empty() {
            hosted.partitions.store(Arc::new(before.iter().cloned().chain(added).collect()));
        }
    }

    /// Hands a partition to its shard. One without files can be read at once, before the shard has looked at it.
    fn host(
        &self,
        hosted: &Topic,
        topic: &image::Topic,
        index: PartitionIndex,
        found: FoundLog,
    ) -> Option<Arc<Partition>> {
        let placed = topic.partition(index)?;
        let directory = match found {
            FoundLog::There { directory, .. } => directory,
            FoundLog::NeverWritten | FoundLog::Missing(_) => {
                placed.directory(self.broker).unwrap_or_default()
            }
        };
        let dir = self.data_dirs.directory(directory);
        let shard = dir.shard_of(topic.name(), index).clone();
        let partition = Arc::new(Partition::new(topic.name().clone(), topic.id(), index, shard));
        let leader_epoch = placed.leader_epoch();
        if matches!(found, FoundLog::NeverWritten) {
            partition.publish(empty_view(leader_epoch));
        }
        let open = Open {
            partition: partition.clone(),
            config: hosted.config.load_full(),
            dir: dir.partition_path(topic.name(), index),
            leader_epoch,
            found,
        };
        partition.shard.send(Message::Open(Box::new(open)));
        Some(partition)
    }

    fn forget_deleted(&self, changes: &[Change]) {
        let mut gone = Vec::new();
        for change in changes {
            let Change::TopicDeleted(topic) = change else { continue };
            let Some(hosted) = self.topics.by_id(topic.id()) else { continue };
            for partition in hosted.partitions.load().iter() {
                partition.retire();
                let placed = topic.partition(partition.index);
                let directory = placed.and_then(|placed| placed.directory(self.broker)).unwrap_or_default();
                gone.push((directory, partition.name()));
            }
        }
        if !gone.is_empty() {
            self.data_dirs.forget(&gone);
        }
    }

    fn drop_topic(&self, topic: &image::Topic) -> Option<(String, TopicId)> {
        let hosted = self.topics.remove(topic.id())?;
        for partition in hosted.partitions.load().iter() {
            partition.shard.send(Message::Delete(partition.key()));
            // Who asks for it now is told; sessions in which it sleeps would otherwise hear of it from its shard only.
            partition.waiters.wake();
        }
        Some((hosted.name.as_str().to_owned(), hosted.id))
    }

    fn apply_configs(&self, image: &MetadataImage, changed: &BTreeSet<ConfigResource>) {
        if changed.iter().any(|resource| matches!(resource, ConfigResource::Broker(_))) {
            self.apply_broker_config(image);
            // The broker's settings are the defaults of every topic.
            return self.topics.all().iter().for_each(|topic| self.apply_topic_config(image, topic));
        }
        for resource in changed {
            if let ConfigResource::Topic(name) = resource
                && let Some(topic) = self.topics.by_name(name.as_str())
            {
                self.apply_topic_config(image, &topic);
            }
        }
    }

    fn apply_topic_config(&self, image: &MetadataImage, topic: &Topic) {
        let config = self.topic_config(image, &topic.name);
        if **topic.config.load() == *config {
            return;
        }
        topic.config.store(config.clone());
        for partition in topic.partitions.load().iter() {
            partition.shard.send(Message::SetConfig(partition.key(), config.clone()));
        }
    }

    fn topic_config(&self, image: &MetadataImage, name: &TopicName) -> Arc<TopicConfig> {
        let overrides = image.topic_configs(name);
        let config = self.config.load();
        let resolved = resolve_topic(overrides.iter(), &config).unwrap_or_else(|error| {
            // Checked before it was committed; only a downgrade can bring a value that is not understood.
            tracing::error!(topic = %name, error = error.message, "settings are ignored");
            config.topic_defaults.clone()
        });
        // Topics without settings of their own share one value.
        let mut shared = self.shared_config.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = shared.as_ref().filter(|shared| ***shared == resolved) {
            return shared.clone();
        }
        let config = Arc::new(resolved);
        if overrides.is_empty() {
            *shared = Some(config.clone());
        }
        config
    }

    fn apply_broker_config(&self, image: &MetadataImage) {
        let settings = |resource: Option<BrokerId>| -> Settings {
            let values = image.configs(&ConfigResource::Broker(resource));
            values.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        match self.static_config.with_dynamic(&settings(Some(self.broker)), &settings(None)) {
            Ok(config) => {
                self.producer_expiration_ms.store(config.producer_id_expiration_ms.into(), Ordering::Relaxed);
                self.config.store(Arc::new(config));
            }
            Err(error) => tracing::error!(error = error.message, "dynamic settings are ignored"),
        }
    }
}

/// A partition in which nothing was ever written.
fn empty_view(leader_epoch: LeaderEpoch) -> PartitionView {
    let start = LogPosition { offset: Offset::ZERO, segment_base: Offset::ZERO, position: 0 };
    PartitionView {
        status: Status::Online,
        leader_epoch,
        epochs: EpochCache::from_entries(&[EpochStart { epoch: leader_epoch, start_offset: Offset::ZERO }]),
        log_start: Offset::ZERO,
        high_watermark: start,
        last_stable: Offset::ZERO,
        log: None,
    }
}
