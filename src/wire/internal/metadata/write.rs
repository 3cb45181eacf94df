//! Metadata records as Kafka 4.3 writes them.

use gracchus_base::metadata_record::{
    ConfigResource, MetadataRecord, PartitionChange, PartitionRecord, QuotaEntity, QuotaValue,
    RegisterBroker, ScramCredential,
};
use gracchus_base::{BrokerId, TopicId};

use super::read::{RESOURCE_BROKER, RESOURCE_CLIENT_METRICS, RESOURCE_GROUP, RESOURCE_TOPIC};
use super::record_type;
use crate::internal::fields::{
    Tagged, put_compact_array, put_compact_length, put_compact_nullable_string, put_compact_string,
    put_no_tagged,
};

/// The type of a record and the version it is written as, that of metadata version 4.3-IV0.
pub(super) const fn type_and_version(record: &MetadataRecord) -> (u32, u32) {
    match record {
        MetadataRecord::RegisterBroker(_) => (record_type::REGISTER_BROKER, 4),
        MetadataRecord::BrokerRegistrationChange { .. } => (record_type::BROKER_REGISTRATION_CHANGE, 3),
        MetadataRecord::Topic { .. } => (record_type::TOPIC, 0),
        MetadataRecord::Partition(_) => (record_type::PARTITION, 2),
        MetadataRecord::PartitionChange(_) => (record_type::PARTITION_CHANGE, 2),
        MetadataRecord::RemoveTopic { .. } => (record_type::REMOVE_TOPIC, 0),
        MetadataRecord::Config { .. } => (record_type::CONFIG, 0),
        MetadataRecord::FeatureLevel { .. } => (record_type::FEATURE_LEVEL, 0),
        MetadataRecord::ClientQuota { .. } => (record_type::CLIENT_QUOTA, 0),
        MetadataRecord::ScramCredential { .. } => (record_type::USER_SCRAM_CREDENTIAL, 0),
        MetadataRecord::RemoveScramCredential { .. } => (record_type::REMOVE_USER_SCRAM_CREDENTIAL, 0),
        MetadataRecord::ProducerIds { .. } => (record_type::PRODUCER_IDS, 0),
        MetadataRecord::BeginTransaction { .. } => (record_type::BEGIN_TRANSACTION, 0),
        MetadataRecord::EndTransaction => (record_type::END_TRANSACTION, 0),
        MetadataRecord::AbortTransaction { .. } => (record_type::ABORT_TRANSACTION, 0),
        MetadataRecord::NoOp => (record_type::NO_OP, 0),
    }
}

/// Appends the fields of a record, tagged ones and all.
pub(super) fn fields(out: &mut Vec<u8>, record: &MetadataRecord) {
    match record {
        MetadataRecord::RegisterBroker(broker) => return register_broker(out, broker),
        MetadataRecord::PartitionChange(change) => return partition_change(out, change),
        MetadataRecord::BrokerRegistrationChange { broker_id, broker_epoch, fenced } => {
            out.extend_from_slice(&broker_id.0.to_be_bytes());
            out.extend_from_slice(&broker_epoch.to_be_bytes());
            return broker_fenced(out, *fenced);
        }
        MetadataRecord::BeginTransaction { name: text }
        | MetadataRecord::AbortTransaction { reason: text } => return tagged_text(out, text.as_deref()),
        MetadataRecord::Topic { name, topic_id } => {
            put_compact_string(out, name.as_str());
            out.extend_from_slice(&topic_id.0);
        }
        MetadataRecord::Partition(partition) => put_partition(out, partition),
        MetadataRecord::RemoveTopic { topic_id } => out.extend_from_slice(&topic_id.0),
        MetadataRecord::Config { resource, name, value } => {
            put_resource(out, resource);
            put_compact_string(out, name);
            put_compact_nullable_string(out, value.as_deref());
        }
        MetadataRecord::FeatureLevel { name, level } => {
            put_compact_string(out, name);
            out.extend_from_slice(&level.to_be_bytes());
        }
        MetadataRecord::ClientQuota { entity, key, value } => put_client_quota(out, entity, key, *value),
        MetadataRecord::ScramCredential { user, mechanism, credential } => {
            put_compact_string(out, user);
            out.extend_from_slice(&mechanism.code().to_be_bytes());
            put_credential(out, credential);
        }
        MetadataRecord::RemoveScramCredential { user, mechanism } => {
            put_compact_string(out, user);
            out.extend_from_slice(&mechanism.code().to_be_bytes());
        }
        MetadataRecord::ProducerIds { broker_id, broker_epoch, next_producer_id } => {
            out.extend_from_slice(&broker_id.0.to_be_bytes());
            out.extend_from_slice(&broker_epoch.to_be_bytes());
            out.extend_from_slice(&next_producer_id.0.to_be_bytes());
        }
        MetadataRecord::EndTransaction | MetadataRecord::NoOp => {}
    }
    put_no_tagged(out);
}

fn put_brokers(out: &mut Vec<u8>, brokers: &[BrokerId]) {
    put_compact_array(out, brokers, |out, id| out.extend_from_slice(&id.0.to_be_bytes()));
}

fn put_uuids(out: &mut Vec<u8>, ids: &[TopicId]) {
    put_compact_array(out, ids, |out, id| out.extend_from_slice(&id.0));
}

fn put_resource(out: &mut Vec<u8>, resource: &ConfigResource) {
    let (resource_type, name) = match resource {
        ConfigResource::Topic(name) => (RESOURCE_TOPIC, name.to_string()),
        ConfigResource::Broker(None) => (RESOURCE_BROKER, String::new()),
        ConfigResource::Broker(Some(id)) => (RESOURCE_BROKER, id.to_string()),
        ConfigResource::ClientMetrics(name) => (RESOURCE_CLIENT_METRICS, name.clone()),
        ConfigResource::Group(name) => (RESOURCE_GROUP, name.clone()),
    };
    out.extend_from_slice(&resource_type.to_be_bytes());
    put_compact_string(out, &name);
}

fn put_client_quota(out: &mut Vec<u8>, entity: &QuotaEntity, key: &str, value: Option<QuotaValue>) {
    let entity: Vec<_> = entity.0.iter().collect();
    put_compact_array(out, &entity, |out, (entity_type, name)| {
        put_compact_string(out, entity_type);
        put_compact_nullable_string(out, name.as_deref());
        put_no_tagged(out);
    });
    put_compact_string(out, key);
    out.extend_from_slice(&value.map_or(0.0, QuotaValue::get).to_be_bytes());
    out.push(value.is_none().into());
}

fn put_credential(out: &mut Vec<u8>, credential: &ScramCredential) {
    for bytes in [&credential.salt, &credential.stored_key, &credential.server_key] {
        put_compact_length(out, bytes.len());
        out.extend_from_slice(bytes);
    }
    out.extend_from_slice(&credential.iterations.to_be_bytes());
}

fn register_broker(out: &mut Vec<u8>, broker: &RegisterBroker) {
    out.extend_from_slice(&broker.broker_id.0.to_be_bytes());
    // Migrates from ZooKeeper: no.
    out.push(0);
    out.extend_from_slice(&broker.incarnation_id.0);
    out.extend_from_slice(&broker.broker_epoch.to_be_bytes());
    put_compact_array(out, &broker.endpoints, |out, endpoint| {
        put_compact_string(out, &endpoint.name);
        put_compact_string(out, &endpoint.host);
        out.extend_from_slice(&endpoint.port.to_be_bytes());
        out.extend_from_slice(&endpoint.security_protocol.to_be_bytes());
        put_no_tagged(out);
    });
    // Features of this broker: none.
    put_compact_array::<()>(out, &[], |_, ()| {});
    put_compact_nullable_string(out, broker.rack.as_deref());
    out.push(broker.fenced.into());
    // Is shutting down: no.
    out.push(0);
    let mut tagged = Tagged::default();
    if !broker.log_dirs.is_empty() {
        tagged.add(0, |out| put_uuids(out, &broker.log_dirs));
    }
    tagged.put(out);
}

fn broker_fenced(out: &mut Vec<u8>, fenced: i8) {
    let mut tagged = Tagged::default();
    if fenced != 0 {
        tagged.add(0, |out| out.extend_from_slice(&fenced.to_be_bytes()));
    }
    tagged.put(out);
}

fn put_partition(out: &mut Vec<u8>, partition: &PartitionRecord) {
    out.extend_from_slice(&partition.partition.0.to_be_bytes());
    out.extend_from_slice(&partition.topic_id.0);
    put_brokers(out, &partition.replicas);
    put_brokers(out, &partition.isr);
    // Replicas that are being removed, and added: none.
    put_brokers(out, &[]);
    put_brokers(out, &[]);
    out.extend_from_slice(&partition.leader.0.to_be_bytes());
    out.extend_from_slice(&partition.leader_epoch.0.to_be_bytes());
    out.extend_from_slice(&partition.partition_epoch.to_be_bytes());
    put_uuids(out, &partition.directories);
}

fn partition_change(out: &mut Vec<u8>, change: &PartitionChange) {
    out.extend_from_slice(&change.partition.0.to_be_bytes());
    out.extend_from_slice(&change.topic_id.0);
    let mut tagged = Tagged::default();
    if let Some(isr) = &change.isr {
        tagged.add(0, |out| put_brokers(out, isr));
    }
    if let Some(leader) = change.leader {
        tagged.add(1, |out| out.extend_from_slice(&leader.0.to_be_bytes()));
    }
    if let Some(replicas) = &change.replicas {
        tagged.add(2, |out| put_brokers(out, replicas));
    }
    tagged.put(out);
}

fn tagged_text(out: &mut Vec<u8>, text: Option<&str>) {
    let mut tagged = Tagged::default();
    if let Some(text) = text {
        tagged.add(0, |out| put_compact_string(out, text));
    }
    tagged.put(out);
}
