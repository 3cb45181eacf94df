//! The features of a cluster (KIP-584) and the first records of a metadata log.

use gracchus_base::metadata_record::{ConfigResource, MetadataRecord};

use super::atomic;

/// A feature and the levels of it that this broker can work with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature {
    pub name: &'static str,
    /// Level 0, where it is allowed, is "off" (TRAPS 5: left out of ApiVersions below version 4).
    pub min: i16,
    pub max: i16,
}

/// What is supported; a new cluster finalizes the highest levels, as Kafka 4.3 does (`metadata.version` 30 is 4.3-IV0,
/// and the only one whose records we write). The features that Kafka finalizes besides stand for what is not served
/// yet, and clients act on them (TRAPS 6): `group.version` 1, `share.version` 1, `streams.version` 1 and
/// `transaction.version` 2 are added here with the APIs they stand for.
pub const SUPPORTED_FEATURES: &[Feature] = &[
    Feature { name: "metadata.version", min: 30, max: 30 },
    Feature { name: "eligible.leader.replicas.version", min: 0, max: 1 },
];

/// The first change of an empty metadata log, as Kafka writes it. Eligible leader replicas need a cluster-wide
/// `min.insync.replicas`, so the one from the settings is made that.
pub fn bootstrap_records(min_insync_replicas: i32) -> Vec<MetadataRecord> {
    let level = |f: &Feature| MetadataRecord::FeatureLevel { name: f.name.to_owned(), level: f.max };
    let mut records: Vec<MetadataRecord> = SUPPORTED_FEATURES.iter().map(level).collect();
    records.push(MetadataRecord::Config {
        resource: ConfigResource::Broker(None),
        name: "min.insync.replicas".to_owned(),
        value: Some(min_insync_replicas.to_string()),
    });
    atomic("Bootstrap records", records)
}
