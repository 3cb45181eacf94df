//! The records of `__cluster_metadata` as plain structs. Their encoding, Kafka's, is in `wire`.

use std::collections::BTreeMap;

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
    /// 14: `value` `None` takes the quota away.
    ClientQuota { entity: QuotaEntity, key: String, value: Option<QuotaValue> },
    /// 11
    ScramCredential { user: String, mechanism: ScramMechanism, credential: ScramCredential },
    /// 22
    RemoveScramCredential { user: String, mechanism: ScramMechanism },
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

/// Whom a quota is for: of each type (`user`, `client-id`, `ip`) a name, or `None` for those without a quota of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuotaEntity(pub BTreeMap<String, Option<String>>);

/// What a quota allows. Two are the same if their bits are, as in Kafka.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct QuotaValue(u64);

impl QuotaValue {
    /// The quota of this number.
    pub const fn new(value: f64) -> Self {
        Self(value.to_bits())
    }

    /// The number.
    pub const fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl std::fmt::Debug for QuotaValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "QuotaValue({})", self.get())
    }
}

/// The hash that a SCRAM credential rests on, by its number in Kafka's records and requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i8)]
pub enum ScramMechanism {
    Sha256 = 1,
    Sha512 = 2,
}

impl ScramMechanism {
    /// The mechanism with this number; `None` for one that nobody knows.
    pub const fn from_code(code: i8) -> Option<Self> {
        match code {
            1 => Some(Self::Sha256),
            2 => Some(Self::Sha512),
            _ => None,
        }
    }

    /// The number.
    pub const fn code(self) -> i8 {
        self as i8
    }
}

/// What a broker keeps of a password (RFC 5802).
#[derive(Clone, PartialEq, Eq)]
pub struct ScramCredential {
    pub salt: Vec<u8>,
    pub stored_key: Vec<u8>,
    pub server_key: Vec<u8>,
    pub iterations: i32,
}

/// Nothing of a credential is to come into a log.
impl std::fmt::Debug for ScramCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ScramCredential(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_does_not_show_itself() {
        let [salt, stored_key, server_key] = [&b"salt"[..], b"stored", b"server"].map(<[u8]>::to_vec);
        let credential = ScramCredential { salt, stored_key, server_key, iterations: 4096 };
        let (user, mechanism) = ("alice".to_owned(), ScramMechanism::Sha256);
        let shown = format!("{:?}", MetadataRecord::ScramCredential { user, mechanism, credential });
        let hidden =
            "ScramCredential { user: \"alice\", mechanism: Sha256, credential: ScramCredential(hidden) }";
        assert_eq!(shown, hidden);
    }
}
