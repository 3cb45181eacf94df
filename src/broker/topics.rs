//! The topics this broker hosts, by name and by id.

use std::sync::Arc;

use dashmap::DashMap;
use gracchus_base::{PartitionIndex, TopicId, TopicName};

use crate::partition::{Partition, Topic};

/// Index of hosted topics; read from many connections, changed only when metadata is applied.
#[derive(Debug, Default)]
pub struct Topics {
    by_name: DashMap<TopicName, Arc<Topic>>,
    by_id: DashMap<TopicId, Arc<Topic>>,
}

impl Topics {
    /// The topic of that name.
    pub fn by_name(&self, name: &str) -> Option<Arc<Topic>> {
        self.by_name.get(name).map(|topic| topic.clone())
    }

    /// The topic with that id.
    pub fn by_id(&self, id: TopicId) -> Option<Arc<Topic>> {
        self.by_id.get(&id).map(|topic| topic.clone())
    }

    /// All topics, in no order.
    pub fn all(&self) -> Vec<Arc<Topic>> {
        self.by_id.iter().map(|topic| topic.clone()).collect()
    }

    /// Adds a topic.
    pub fn insert(&self, topic: Arc<Topic>) {
        self.by_id.insert(topic.id, topic.clone());
        self.by_name.insert(topic.name.clone(), topic);
    }

    /// Removes a topic; another one of the same name stays.
    pub fn remove(&self, id: TopicId) -> Option<Arc<Topic>> {
        let (_, topic) = self.by_id.remove(&id)?;
        self.by_name.remove_if(&topic.name, |_, other| other.id == id);
        Some(topic)
    }
}

impl Topic {
    /// The partition with that index.
    pub fn partition(&self, index: PartitionIndex) -> Option<Arc<Partition>> {
        usize::try_from(index.0).ok().and_then(|index| self.partitions.load().get(index).cloned())
    }
}
