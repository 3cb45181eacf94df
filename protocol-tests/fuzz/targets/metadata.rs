//! The records of the metadata log, one by one and as an image is built from them.

use gracchus_base::metadata_record::{
    ConfigResource, Endpoint, MetadataRecord, PartitionChange, PartitionRecord, QuotaEntity, QuotaValue,
    RegisterBroker, ScramCredential, ScramMechanism,
};
use gracchus_base::{BrokerId, LeaderEpoch, Offset, PartitionIndex, ProducerId, TopicId, TopicName};
use gracchus_state::image::ImageLoader;
use gracchus_wire::internal::metadata;

use super::state::{framed, unframed};
use crate::{Bound, Target};

/// A value of `__cluster_metadata`.
pub(super) const RECORD: Target = Target {
    name: "metadata-record",
    samples: || records().iter().map(metadata::encode).collect(),
    run: |input| {
        if let Ok(record) = metadata::decode(input) {
            let again = metadata::decode(&metadata::encode(&record));
            assert_eq!(again, Ok(record));
        }
    },
    // An endpoint of 56 bytes whose shortest encoding takes 8, twice, and doubled as the list grows.
    bound: Bound { per_byte: 48, always: 4096 },
};

/// Many of them, each behind its length in two bytes.
pub(super) const IMAGE: Target = Target {
    name: "metadata-image",
    samples: || {
        let values: Vec<_> = records().iter().map(|record| framed(&metadata::encode(record))).collect();
        vec![values.concat(), values.iter().rev().flatten().copied().collect(), values[1].clone()]
    },
    run: |input| {
        let mut loader = ImageLoader::default();
        let records = unframed(input).map_while(|value| metadata::decode(value).ok());
        for (offset, record) in (0..).zip(records) {
            if loader.apply(Offset(offset), LeaderEpoch(1), record).is_err() {
                break;
            }
        }
        let image = loader.image();
        assert_eq!(image.topics().count(), image.topic_count());
        assert!(image.topics().all(|topic| image.topic(topic.name().as_str()).is_some()));
    },
    // A topic has nodes in two trees that hold 64 each, which makes the first ones cost the most.
    bound: Bound { per_byte: 128, always: 16 * 1024 },
};

/// One of each kind, in an order in which they fit.
pub(super) fn records() -> Vec<MetadataRecord> {
    let (topic_id, broker_id) = (TopicId([5; 16]), BrokerId(1));
    let name = TopicName::parse("some-topic").expect("a name");
    vec![
        MetadataRecord::RegisterBroker(RegisterBroker {
            broker_id,
            incarnation_id: TopicId([1; 16]),
            broker_epoch: 3,
            endpoints: vec![Endpoint {
                name: "PLAINTEXT".to_owned(),
                host: "localhost".to_owned(),
                port: 9092,
                security_protocol: 0,
            }],
            rack: Some("rack".to_owned()),
            fenced: true,
            log_dirs: vec![TopicId([2; 16])],
        }),
        MetadataRecord::Topic { name: name.clone(), topic_id },
        MetadataRecord::Partition(PartitionRecord {
            topic_id,
            partition: PartitionIndex(0),
            replicas: vec![broker_id],
            isr: vec![broker_id],
            leader: broker_id,
            leader_epoch: LeaderEpoch(0),
            partition_epoch: 0,
            directories: vec![TopicId([2; 16])],
        }),
        MetadataRecord::BrokerRegistrationChange { broker_id, broker_epoch: 3, fenced: -1 },
        MetadataRecord::FeatureLevel { name: "metadata.version".to_owned(), level: 25 },
        MetadataRecord::ProducerIds { broker_id, broker_epoch: 3, next_producer_id: ProducerId(1000) },
        MetadataRecord::ClientQuota {
            entity: QuotaEntity([("user".to_owned(), None)].into()),
            key: "producer_byte_rate".to_owned(),
            value: Some(QuotaValue::new(5.0)),
        },
        MetadataRecord::ScramCredential {
            user: "user".to_owned(),
            mechanism: ScramMechanism::Sha256,
            credential: ScramCredential {
                salt: vec![1; 8],
                stored_key: vec![2; 32],
                server_key: vec![3; 32],
                iterations: 4096,
            },
        },
        MetadataRecord::RemoveScramCredential { user: "user".to_owned(), mechanism: ScramMechanism::Sha256 },
        MetadataRecord::NoOp,
        MetadataRecord::BeginTransaction { name: Some("a change".to_owned()) },
        MetadataRecord::Config {
            resource: ConfigResource::Topic(name),
            name: "retention.ms".to_owned(),
            value: Some("5".to_owned()),
        },
        MetadataRecord::EndTransaction,
        MetadataRecord::Config {
            resource: ConfigResource::Broker(None),
            name: "log.retention.ms".to_owned(),
            value: None,
        },
        MetadataRecord::PartitionChange(PartitionChange {
            topic_id,
            partition: PartitionIndex(0),
            isr: Some(vec![broker_id]),
            leader: Some(broker_id),
            replicas: None,
        }),
        MetadataRecord::BeginTransaction { name: None },
        MetadataRecord::AbortTransaction { reason: Some("a reason".to_owned()) },
        MetadataRecord::RemoveTopic { topic_id },
    ]
}
