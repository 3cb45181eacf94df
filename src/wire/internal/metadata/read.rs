//! Metadata records out of their fields.

use gracchus_base::metadata_record::{
    ConfigResource, Endpoint, MetadataRecord, PartitionChange, PartitionRecord, QuotaEntity, QuotaValue,
    RegisterBroker, ScramCredential, ScramMechanism,
};
use gracchus_base::{BrokerId, LeaderEpoch, PartitionIndex, ProducerId, TopicId, TopicName};

use super::{FieldError, Fields, MetadataRecordError, record_type};

/// `ConfigResource.Type` in Kafka.
pub(super) const RESOURCE_TOPIC: i8 = 2;
pub(super) const RESOURCE_BROKER: i8 = 4;
pub(super) const RESOURCE_CLIENT_METRICS: i8 = 16;
pub(super) const RESOURCE_GROUP: i8 = 32;

/// "The leader did not change", in a `PartitionChangeRecord`.
const LEADER_UNCHANGED: i32 = -2;

/// The newest version of each type that Kafka 4.3 writes.
fn version_max(record_type: u32) -> Option<u32> {
    Some(match record_type {
        record_type::REGISTER_BROKER => 4,
        record_type::BROKER_REGISTRATION_CHANGE => 3,
        record_type::PARTITION | record_type::PARTITION_CHANGE => 2,
        record_type::TOPIC
        | record_type::CONFIG
        | record_type::REMOVE_TOPIC
        | record_type::FEATURE_LEVEL
        | record_type::CLIENT_QUOTA
        | record_type::USER_SCRAM_CREDENTIAL
        | record_type::REMOVE_USER_SCRAM_CREDENTIAL
        | record_type::PRODUCER_IDS
        | record_type::NO_OP
        | record_type::BEGIN_TRANSACTION
        | record_type::END_TRANSACTION
        | record_type::ABORT_TRANSACTION => 0,
        _ => return None,
    })
}

/// The record whose fields follow its frame.
pub(super) fn record(
    mut fields: Fields<'_>,
    record_type: u32,
    version: u32,
) -> Result<MetadataRecord, MetadataRecordError> {
    let newest = version_max(record_type).ok_or(MetadataRecordError::Type(record_type))?;
    if version > newest {
        return Err(MetadataRecordError::Version { record_type, version });
    }
    let wrong = |source| MetadataRecordError::Field { record_type, source };
    let f = &mut fields;
    let record = match record_type {
        record_type::TOPIC => topic(f).map_err(wrong)?.try_into()?,
        record_type::CONFIG => config(f).map_err(wrong)?.try_into()?,
        record_type::USER_SCRAM_CREDENTIAL => credential(f).map_err(wrong)?.try_into()?,
        record_type::REMOVE_USER_SCRAM_CREDENTIAL => removed_credential(f).map_err(wrong)?.try_into()?,
        _ => plain(f, record_type, version).map_err(wrong)?,
    };
    fields.end().map_err(wrong)?;
    Ok(record)
}

/// The records that are right when their fields are.
fn plain(f: &mut Fields<'_>, record_type: u32, version: u32) -> Result<MetadataRecord, FieldError> {
    let record = match record_type {
        record_type::REGISTER_BROKER => return register_broker(f, version),
        record_type::BROKER_REGISTRATION_CHANGE => return broker_registration_change(f),
        record_type::PARTITION => return partition(f, version),
        record_type::PARTITION_CHANGE => return partition_change(f),
        record_type::CLIENT_QUOTA => return client_quota(f),
        record_type::BEGIN_TRANSACTION => {
            return Ok(MetadataRecord::BeginTransaction { name: tagged_text(f)? });
        }
        record_type::ABORT_TRANSACTION => {
            return Ok(MetadataRecord::AbortTransaction { reason: tagged_text(f)? });
        }
        record_type::REMOVE_TOPIC => MetadataRecord::RemoveTopic { topic_id: f.uuid()? },
        record_type::FEATURE_LEVEL => {
            MetadataRecord::FeatureLevel { name: f.string(true)?.to_owned(), level: f.i16()? }
        }
        record_type::PRODUCER_IDS => MetadataRecord::ProducerIds {
            broker_id: BrokerId(f.i32()?),
            broker_epoch: f.i64()?,
            next_producer_id: ProducerId(f.i64()?),
        },
        record_type::END_TRANSACTION => MetadataRecord::EndTransaction,
        _ => MetadataRecord::NoOp,
    };
    f.no_tagged()?;
    Ok(record)
}

fn brokers(f: &mut Fields<'_>) -> Result<Vec<BrokerId>, FieldError> {
    f.array(true, |f| f.i32().map(BrokerId))
}

/// An array of broker ids that may be null.
fn nullable_brokers(f: &mut Fields<'_>) -> Result<Option<Vec<BrokerId>>, FieldError> {
    f.nullable_array(true, |f| f.i32().map(BrokerId))
}

fn uuids(f: &mut Fields<'_>) -> Result<Vec<TopicId>, FieldError> {
    f.array(true, Fields::uuid)
}

/// The tagged text that transaction records may have.
fn tagged_text(f: &mut Fields<'_>) -> Result<Option<String>, FieldError> {
    let mut text = None;
    f.tagged(|tag, value| {
        if tag == 0 {
            text = value.nullable_string(true)?.map(str::to_owned);
        }
        Ok(())
    })?;
    Ok(text)
}

fn register_broker(f: &mut Fields<'_>, version: u32) -> Result<MetadataRecord, FieldError> {
    let broker_id = BrokerId(f.i32()?);
    if version >= 2 {
        // Whether the broker migrates from ZooKeeper.
        f.bool()?;
    }
    let incarnation_id = f.uuid()?;
    let broker_epoch = f.i64()?;
    let endpoints = f.array(true, endpoint)?;
    f.array(true, feature)?;
    let rack = f.nullable_string(true)?.map(str::to_owned);
    let fenced = f.bool()?;
    if version >= 1 {
        // Whether the broker is shutting down.
        f.bool()?;
    }
    let mut log_dirs = Vec::new();
    f.tagged(|tag, value| {
        if tag == 0 {
            log_dirs = uuids(value)?;
        }
        Ok(())
    })?;
    Ok(MetadataRecord::RegisterBroker(RegisterBroker {
        broker_id,
        incarnation_id,
        broker_epoch,
        endpoints,
        rack,
        fenced,
        log_dirs,
    }))
}

fn endpoint(f: &mut Fields<'_>) -> Result<Endpoint, FieldError> {
    let endpoint = Endpoint {
        name: f.string(true)?.to_owned(),
        host: f.string(true)?.to_owned(),
        port: f.u16()?,
        security_protocol: f.i16()?,
    };
    f.no_tagged()?;
    Ok(endpoint)
}

fn feature(f: &mut Fields<'_>) -> Result<(), FieldError> {
    f.string(true)?;
    f.i16()?;
    f.i16()?;
    f.no_tagged()
}

fn broker_registration_change(f: &mut Fields<'_>) -> Result<MetadataRecord, FieldError> {
    let broker_id = BrokerId(f.i32()?);
    let broker_epoch = f.i64()?;
    let mut fenced = 0;
    f.tagged(|tag, value| {
        if tag == 0 {
            fenced = value.i8()?;
        }
        Ok(())
    })?;
    Ok(MetadataRecord::BrokerRegistrationChange { broker_id, broker_epoch, fenced })
}

fn partition(f: &mut Fields<'_>, version: u32) -> Result<MetadataRecord, FieldError> {
    let partition = PartitionIndex(f.i32()?);
    let topic_id = f.uuid()?;
    let replicas = brokers(f)?;
    let isr = brokers(f)?;
    // Replicas that are being removed, and added.
    brokers(f)?;
    brokers(f)?;
    let record = PartitionRecord {
        topic_id,
        partition,
        replicas,
        isr,
        leader: BrokerId(f.i32()?),
        leader_epoch: LeaderEpoch(f.i32()?),
        partition_epoch: f.i32()?,
        directories: if version >= 1 { uuids(f)? } else { Vec::new() },
    };
    f.no_tagged()?;
    Ok(MetadataRecord::Partition(record))
}

fn partition_change(f: &mut Fields<'_>) -> Result<MetadataRecord, FieldError> {
    let partition = PartitionIndex(f.i32()?);
    let topic_id = f.uuid()?;
    let mut change = PartitionChange { topic_id, partition, isr: None, leader: None, replicas: None };
    f.tagged(|tag, value| {
        match tag {
            0 => change.isr = nullable_brokers(value)?,
            1 => change.leader = Some(value.i32()?).filter(|id| *id != LEADER_UNCHANGED).map(BrokerId),
            2 => change.replicas = nullable_brokers(value)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(MetadataRecord::PartitionChange(change))
}

fn client_quota(f: &mut Fields<'_>) -> Result<MetadataRecord, FieldError> {
    let entity = f.array(true, |f| {
        let of_type = (f.string(true)?.to_owned(), f.nullable_string(true)?.map(str::to_owned));
        f.no_tagged()?;
        Ok(of_type)
    })?;
    let entity = QuotaEntity(entity.into_iter().collect());
    let key = f.string(true)?.to_owned();
    let value = QuotaValue::new(f.f64()?);
    let remove = f.bool()?;
    f.no_tagged()?;
    Ok(MetadataRecord::ClientQuota { entity, key, value: (!remove).then_some(value) })
}

/// A topic's name and id, the name not yet looked at.
struct RawTopic<'a>(&'a str, TopicId);

fn topic<'a>(f: &mut Fields<'a>) -> Result<RawTopic<'a>, FieldError> {
    let topic = RawTopic(f.string(true)?, f.uuid()?);
    f.no_tagged()?;
    Ok(topic)
}

impl TryFrom<RawTopic<'_>> for MetadataRecord {
    type Error = MetadataRecordError;

    fn try_from(RawTopic(name, topic_id): RawTopic<'_>) -> Result<Self, MetadataRecordError> {
        Ok(Self::Topic { name: TopicName::parse(name)?, topic_id })
    }
}

/// A setting, the resource not yet looked at.
struct RawConfig<'a> {
    resource_type: i8,
    resource_name: &'a str,
    name: &'a str,
    value: Option<&'a str>,
}

fn config<'a>(f: &mut Fields<'a>) -> Result<RawConfig<'a>, FieldError> {
    let config = RawConfig {
        resource_type: f.i8()?,
        resource_name: f.string(true)?,
        name: f.string(true)?,
        value: f.nullable_string(true)?,
    };
    f.no_tagged()?;
    Ok(config)
}

impl TryFrom<RawConfig<'_>> for MetadataRecord {
    type Error = MetadataRecordError;

    fn try_from(raw: RawConfig<'_>) -> Result<Self, MetadataRecordError> {
        let name = raw.resource_name;
        let resource = match (raw.resource_type, name.parse()) {
            (RESOURCE_TOPIC, _) => ConfigResource::Topic(TopicName::parse(name)?),
            (RESOURCE_BROKER, _) if name.is_empty() => ConfigResource::Broker(None),
            (RESOURCE_BROKER, Ok(id)) => ConfigResource::Broker(Some(BrokerId(id))),
            (RESOURCE_CLIENT_METRICS, _) => ConfigResource::ClientMetrics(name.to_owned()),
            (RESOURCE_GROUP, _) => ConfigResource::Group(name.to_owned()),
            (resource_type, _) => {
                return Err(MetadataRecordError::Resource { resource_type, name: name.to_owned() });
            }
        };
        Ok(Self::Config { resource, name: raw.name.to_owned(), value: raw.value.map(str::to_owned) })
    }
}

/// A credential, or without one that it is to go, the mechanism not yet looked at.
struct RawCredential<'a> {
    user: &'a str,
    mechanism: i8,
    credential: Option<ScramCredential>,
}

fn credential<'a>(f: &mut Fields<'a>) -> Result<RawCredential<'a>, FieldError> {
    let (user, mechanism) = (f.string(true)?, f.i8()?);
    let credential = ScramCredential {
        salt: f.bytes(true)?.to_vec(),
        stored_key: f.bytes(true)?.to_vec(),
        server_key: f.bytes(true)?.to_vec(),
        iterations: f.i32()?,
    };
    f.no_tagged()?;
    Ok(RawCredential { user, mechanism, credential: Some(credential) })
}

fn removed_credential<'a>(f: &mut Fields<'a>) -> Result<RawCredential<'a>, FieldError> {
    let removed = RawCredential { user: f.string(true)?, mechanism: f.i8()?, credential: None };
    f.no_tagged()?;
    Ok(removed)
}

impl TryFrom<RawCredential<'_>> for MetadataRecord {
    type Error = MetadataRecordError;

    fn try_from(raw: RawCredential<'_>) -> Result<Self, MetadataRecordError> {
        let mechanism = ScramMechanism::from_code(raw.mechanism);
        let mechanism = mechanism.ok_or(MetadataRecordError::Mechanism(raw.mechanism))?;
        let user = raw.user.to_owned();
        Ok(match raw.credential {
            Some(credential) => Self::ScramCredential { user, mechanism, credential },
            None => Self::RemoveScramCredential { user, mechanism },
        })
    }
}
