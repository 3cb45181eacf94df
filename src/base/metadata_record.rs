//! The records of `__cluster_metadata` as plain structs. Their encoding, Kafka's, is in `wire`.

use crate::ids::{BrokerId, LeaderEpoch, PartitionIndex, ProducerId, TopicId};
use crate::topic_name::TopicName;

/// One record of the metadata log. The numbers are the record types of Kafka's schemas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataRecord {
    /// 0: a broker came up.
    RegisterBroker(RegisterBroker),
    /// 17: a broker may lead partitions, or may not any more.
    BrokerRegistrationChange { broker_id: BrokerId, broker_epoch: i64, fenced: i8 },
    /// 2
    Topic { name: TopicName, topic_id: TopicId },
    /// 3
    Partition(PartitionRecord),
    /// 5
    PartitionChange(PartitionChange),
    /// 9: the topic and all its partitions are gone.
    RemoveTopic { topic_id: TopicId },
    /// 4: `value` `None` takes the setting back to its default.
    Config { resource: ConfigResource, name: String, value: Option<String> },
    /// 12
    FeatureLevel { name: String, level: i16 },
    /// 15: producer ids below `next_producer_id` are taken.
    ProducerIds { broker_id: BrokerId, broker_epoch: i64, next_producer_id: ProducerId },
    /// 23: what follows, up to the end record, is applied at once or not at all.
    BeginTransaction { name: Option<String> },
    /// 24
    EndTransaction,
    /// 25
    AbortTransaction { reason: Option<String> },
    /// 20
    NoOp,
}

/// Whose setting a `ConfigRecord` changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigResource {
    Topic(TopicName),
    /// `None`: the default of all brokers.
    Broker(Option<BrokerId>),
    /// A subscription to metrics of clients (KIP-714), by its name.
    ClientMetrics(String),
    /// A group, whether or not it exists (KIP-848).
    Group(String),
}

/// A broker with its endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterBroker {
    pub broker_id: BrokerId,
    /// A random id of this run of the process.
    pub incarnation_id: TopicId,
    pub broker_epoch: i64,
    pub endpoints: Vec<Endpoint>,
    pub rack: Option<String>,
    pub fenced: bool,
    pub log_dirs: Vec<TopicId>,
}

/// One listener of a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub name: String,
    pub host: String,
    pub port: u16,
    /// 0 is PLAINTEXT.
    pub security_protocol: i16,
}

/// A partition as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionRecord {
    pub topic_id: TopicId,
    pub partition: PartitionIndex,
    pub replicas: Vec<BrokerId>,
    pub isr: Vec<BrokerId>,
    pub leader: BrokerId,
    pub leader_epoch: LeaderEpoch,
    pub partition_epoch: i32,
    /// The directory of each replica, by the ids in `meta.properties`.
    pub directories: Vec<TopicId>,
}

/// A change of a partition; `None` leaves a field as it is. A new `leader` raises the leader epoch by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionChange {
    pub topic_id: TopicId,
    pub partition: PartitionIndex,
    pub isr: Option<Vec<BrokerId>>,
    pub leader: Option<BrokerId>,
    pub replicas: Option<Vec<BrokerId>>,
}
