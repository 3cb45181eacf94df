//! The metadata image: everything the metadata log says, as one value that every broker works from.
//!
//! What lives here: the image and its lookups, how a record changes it ([`apply`]), how transactions of records are held
//! back ([`loader`]), and the list of what changed. Clones share their parts, and a change costs its own size, so a
//! driver can publish a clone after every change. What must not be here: decisions about what to change (those are in
//! `controller`), and where records come from.

mod apply;
mod change;
mod configs;
mod loader;
mod partition;
mod topic;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use gracchus_base::metadata_record::{
    ConfigResource, QuotaEntity, QuotaValue, RegisterBroker, ScramCredential, ScramMechanism,
};
use gracchus_base::{BrokerId, LeaderEpoch, Offset, PartitionIndex, ProducerId, TopicId, TopicName};
use imbl::OrdMap;

pub use apply::ImageError;
pub use change::Change;
pub use configs::ConfigValues;
pub use loader::ImageLoader;
pub use partition::Partition;
pub use topic::Topic;

/// Quotas by their keys.
pub type Quotas = BTreeMap<String, QuotaValue>;

/// The state of the cluster after the records up to [`MetadataImage::applied`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataImage {
    features: OrdMap<String, i16>,
    brokers: OrdMap<BrokerId, Arc<RegisterBroker>>,
    topics: OrdMap<TopicId, Arc<Topic>>,
    /// Names lead to ids only: a topic is held once, so that a chain of changes can be made in place.
    names: OrdMap<TopicName, TopicId>,
    configs: OrdMap<ConfigResource, ConfigValues>,
    client_quotas: OrdMap<QuotaEntity, Arc<Quotas>>,
    scram_credentials: OrdMap<(String, ScramMechanism), Arc<ScramCredential>>,
    next_producer_id: ProducerId,
    partition_count: usize,
    applied: (Offset, LeaderEpoch),
}

impl Default for MetadataImage {
    fn default() -> Self {
        Self {
            features: OrdMap::new(),
            brokers: OrdMap::new(),
            topics: OrdMap::new(),
            names: OrdMap::new(),
            configs: OrdMap::new(),
            client_quotas: OrdMap::new(),
            scram_credentials: OrdMap::new(),
            next_producer_id: ProducerId(0),
            partition_count: 0,
            applied: (Offset(-1), LeaderEpoch::NONE),
        }
    }
}

impl MetadataImage {
    /// Offset and epoch of the last record in this image; (-1, -1) for an empty one.
    pub const fn applied(&self) -> (Offset, LeaderEpoch) {
        self.applied
    }

    /// The finalized level of a feature (KIP-584); `None` is level 0.
    pub fn feature(&self, name: &str) -> Option<i16> {
        self.features.get(name).copied()
    }

    /// All finalized features, by name.
    pub fn features(&self) -> impl Iterator<Item = (&str, i16)> {
        self.features.iter().map(|(name, level)| (name.as_str(), *level))
    }

    /// A broker that registered, fenced or not.
    pub fn broker(&self, id: BrokerId) -> Option<&Arc<RegisterBroker>> {
        self.brokers.get(&id)
    }

    /// All registered brokers, by id.
    pub fn brokers(&self) -> impl Iterator<Item = &Arc<RegisterBroker>> {
        self.brokers.values()
    }

    /// Whether a broker is registered and not fenced: it may lead partitions and be in their ISR.
    pub fn is_live(&self, id: BrokerId) -> bool {
        self.broker(id).is_some_and(|broker| !broker.fenced)
    }

    /// The brokers that are not fenced, by id: those that Metadata lists (TRAPS 70).
    pub fn live_brokers(&self) -> impl Iterator<Item = &Arc<RegisterBroker>> {
        self.brokers().filter(|broker| !broker.fenced)
    }

    /// A topic by name.
    pub fn topic(&self, name: &str) -> Option<&Arc<Topic>> {
        self.topics.get(self.names.get(name)?)
    }

    /// A topic by id.
    pub fn topic_by_id(&self, id: TopicId) -> Option<&Arc<Topic>> {
        self.topics.get(&id)
    }

    /// A partition by topic id.
    pub fn partition(&self, topic: TopicId, index: PartitionIndex) -> Option<&Partition> {
        self.topic_by_id(topic)?.partition(index)
    }

    /// All topics in the order of their names.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.topics_from("")
    }

    /// The topics whose names are not before `name`, in the order of their names: a page of DescribeTopicPartitions.
    pub fn topics_from(&self, name: &str) -> impl Iterator<Item = &Arc<Topic>> {
        self.names_from(name).filter_map(|(_, id)| self.topics.get(id))
    }

    fn names_from(&self, name: &str) -> impl Iterator<Item = (&TopicName, &TopicId)> {
        self.names.range::<_, str>((Bound::Included(name), Bound::Unbounded))
    }

    /// A topic whose name differs from `name` in nothing but `.` and `_` (TRAPS 63). Costs a few lookups for each of
    /// these characters, not a walk over all topics.
    pub fn colliding_name(&self, name: &TopicName) -> Option<&TopicName> {
        let mut spellings = vec![String::new()];
        for piece in name.as_str().split_inclusive(['.', '_']) {
            let (plain, ends): (_, &[&str]) = match piece.strip_suffix(['.', '_']) {
                Some(plain) => (plain, &[".", "_"]),
                None => (piece, &[""]),
            };
            spellings = spellings
                .iter()
                .flat_map(|spelling| ends.iter().map(move |end| format!("{spelling}{plain}{end}")))
                .filter(|spelling| self.any_name_starts_with(spelling))
                .collect();
        }
        let names = spellings.iter().filter_map(|spelling| self.names.get_key_value(spelling.as_str()));
        names.map(|(taken, _)| taken).find(|taken| *taken != name)
    }

    fn any_name_starts_with(&self, prefix: &str) -> bool {
        self.names_from(prefix).next().is_some_and(|(name, _)| name.as_str().starts_with(prefix))
    }

    /// Topics in the image.
    pub fn topic_count(&self) -> usize {
        self.topics.len()
    }

    /// Partitions over all topics.
    pub const fn partition_count(&self) -> usize {
        self.partition_count
    }

    /// The settings of one resource; empty if it has none of its own.
    pub fn configs(&self, resource: &ConfigResource) -> &ConfigValues {
        self.configs.get(resource).unwrap_or(ConfigValues::EMPTY)
    }

    /// The settings of a topic; empty if it has none of its own.
    pub fn topic_configs(&self, name: &TopicName) -> &ConfigValues {
        self.configs(&ConfigResource::Topic(name.clone()))
    }

    /// How many groups and subscriptions have settings.
    pub fn free_resources(&self) -> usize {
        // They come last in the order of resources.
        self.configs.range(ConfigResource::ClientMetrics(String::new())..).count()
    }

    /// All resources with settings of their own.
    pub fn configured(&self) -> impl Iterator<Item = (&ConfigResource, &ConfigValues)> {
        self.configs.iter()
    }

    /// The quotas of some clients, if they have any.
    pub fn quotas_of(&self, entity: &QuotaEntity) -> Option<&Quotas> {
        self.client_quotas.get(entity).map(|quotas| &**quotas)
    }

    /// How many have quotas.
    pub fn quota_entity_count(&self) -> usize {
        self.client_quotas.len()
    }

    /// All quotas, by whom they are for.
    pub fn client_quotas(&self) -> impl Iterator<Item = (&QuotaEntity, &Quotas)> {
        self.client_quotas.iter().map(|(entity, quotas)| (entity, &**quotas))
    }

    /// How many credentials there are.
    pub fn scram_credential_count(&self) -> usize {
        self.scram_credentials.len()
    }

    /// The credentials of one user.
    pub fn scram_credentials_of(
        &self,
        user: &str,
    ) -> impl Iterator<Item = (ScramMechanism, &ScramCredential)> {
        let first = (user.to_owned(), ScramMechanism::Sha256);
        let last = (user.to_owned(), ScramMechanism::Sha512);
        self.scram_credentials.range(first..=last).map(|((_, mechanism), one)| (*mechanism, &**one))
    }

    /// Everyone who has a credential.
    pub fn scram_users(&self) -> impl Iterator<Item = &str> {
        let mut last = None;
        self.scram_credentials.keys().filter_map(move |(user, _)| {
            let again = last.replace(user) == Some(user);
            (!again).then_some(user.as_str())
        })
    }

    /// Producer ids below this one were handed out in blocks.
    pub const fn next_producer_id(&self) -> ProducerId {
        self.next_producer_id
    }
}
