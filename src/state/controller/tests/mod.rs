//! The rules one by one, with the words of the reference broker, and all of them together on random requests.

mod configs;
mod create;
mod delete;
mod elect;
mod features;
mod partitions;
mod property;
mod quotas;
mod reassign;
mod scram;
mod start;

use gracchus_base::metadata_record::MetadataRecord;
use gracchus_base::{BrokerId, Entropy, ErrorCode, LeaderEpoch, Offset, PartitionIndex, TopicId};

use super::{AdminError, CreatedTopic, NewTopic, create_topics};
use crate::config::{BrokerConfig, Settings};
use crate::image::tests::broker;
use crate::image::{ImageLoader, MetadataImage};

/// A metadata log with the image that comes of it.
struct Cluster {
    loader: ImageLoader,
    log: Vec<MetadataRecord>,
    broker: BrokerConfig,
    entropy: Entropy,
}

impl Cluster {
    /// Brokers 1 to `live`, and after them `fenced` ones.
    fn new(live: i32, fenced: i32) -> Self {
        let mut given = Settings::new();
        given.insert("node.id".to_owned(), "1".to_owned());
        let broker_config = BrokerConfig::from_settings(&given).unwrap();
        let (loader, log) = (ImageLoader::default(), Vec::new());
        let mut cluster = Self { loader, log, broker: broker_config, entropy: Entropy::seeded(7) };
        for n in 1..=live + fenced {
            cluster.commit(vec![MetadataRecord::RegisterBroker(broker(n, n > live))]);
        }
        cluster
    }

    fn image(&self) -> &MetadataImage {
        self.loader.image()
    }

    fn commit(&mut self, records: Vec<MetadataRecord>) {
        for record in records {
            let offset = Offset(self.log.len() as i64);
            self.log.push(record.clone());
            self.loader.apply(offset, LeaderEpoch(1), record).unwrap();
        }
        assert!(!self.loader.in_transaction());
    }

    fn decide_create(&self, topics: &[NewTopic]) -> Vec<(String, Result<CreatedTopic, AdminError>)> {
        let entropy = self.entropy.clone();
        let mut next_id = move || entropy.uuid();
        let outcomes = create_topics(self.image(), topics, &self.broker, &mut next_id, &mut directory);
        outcomes.into_iter().map(|outcome| (outcome.name, outcome.result)).collect()
    }

    /// Decides about one topic, and commits it.
    fn create(&mut self, topic: NewTopic) -> Result<CreatedTopic, AdminError> {
        let (_, result) = self.decide_create(&[topic]).pop().unwrap();
        self.commit(result.as_ref().map(|created| created.records.clone()).unwrap_or_default());
        result
    }
}

fn directory(broker: BrokerId) -> TopicId {
    TopicId([broker.get() as u8; 16])
}

fn new_topic(name: &str, num_partitions: i32, replication_factor: i16) -> NewTopic {
    let (assignments, configs) = (Vec::new(), Vec::new());
    NewTopic { name: name.to_owned(), num_partitions, replication_factor, assignments, configs }
}

fn with_configs(name: &str, configs: &[(&str, Option<&str>)]) -> NewTopic {
    let owned = |(name, value): &(&str, Option<&str>)| ((*name).to_owned(), value.map(str::to_owned));
    NewTopic { configs: configs.iter().map(owned).collect(), ..new_topic(name, 1, 1) }
}

fn assigned(name: &str, assignments: &[(i32, &[i32])]) -> NewTopic {
    let owned = |(index, replicas): &(i32, &[i32])| (PartitionIndex(*index), ids(replicas));
    NewTopic { assignments: assignments.iter().map(owned).collect(), ..new_topic(name, -1, -1) }
}

fn ids(brokers: &[i32]) -> Vec<BrokerId> {
    brokers.iter().map(|id| BrokerId(*id)).collect()
}

fn refused<T: std::fmt::Debug>(result: Result<T, AdminError>) -> (ErrorCode, String) {
    let error = result.unwrap_err();
    (error.code, error.message.unwrap_or_default())
}
