//! The controller's decisions: what an admin request, a start or a coordinator asks for, answered with the records that
//! make it so, or with Kafka's error code and words.
//!
//! Every decision looks at an image and changes nothing. The records it returns are one change: the driver appends them
//! as they are, in order, and applies them when they are committed; for a request that only validates it drops them.
//! What must not be here: authorization, the log, the time, and the translation of requests.

mod alter_configs;
mod assignment;
mod broker_configs;
mod brokers;
mod client_quotas;
mod create_partitions;
mod create_topics;
mod delete_topics;
mod elect_leader;
mod features;
mod producer_ids;
mod reassign;
mod scram;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use gracchus_base::ErrorCode;
use gracchus_base::limits::CHANGES_PER_REQUEST_MAX;
use gracchus_base::metadata_record::MetadataRecord;

pub use alter_configs::{
    AlterConfigs, AlterOperation, ConfigOperation, ConfigTarget, IncrementalAlterConfigs, alter_configs,
    incremental_alter_configs,
};
pub use assignment::DirectoryOf;
pub use brokers::{BrokerStart, bump_leader_epochs, register_broker, unfence_broker};
pub use client_quotas::{QuotaAlteration, QuotaResults, alter_client_quotas};
pub use create_partitions::{NewPartitions, PartitionsOutcome, create_partitions};
pub use create_topics::{CreateOutcome, CreatedTopic, NewTopic, consumer_offsets_topic, create_topics};
pub use delete_topics::{DeleteOutcome, DeleteTopic, delete_topics};
pub use elect_leader::{Election, elect_leader};
pub use features::{
    Feature, FeatureUpdate, SUPPORTED_FEATURES, UnsupportedLevel, UpgradeType, bootstrap_records,
    check_features, update_features,
};
pub use producer_ids::{ProducerIdBlock, ProducerIdsExhausted, allocate_producer_ids};
pub use reassign::reassign_partition;
pub use scram::{ScramAlteration, ScramResults, ScramUpsertion, alter_scram_credentials};

/// Why one item of an admin request is refused: what stands in the response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminError {
    pub code: ErrorCode,
    /// `None`: clients show the code's own words, as they do with Kafka in the same case.
    pub message: Option<String>,
}

impl AdminError {
    /// With words of its own.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: Some(message.into()) }
    }

    /// INVALID_REQUEST, and why.
    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, message)
    }

    /// With the code's own words.
    pub const fn bare(code: ErrorCode) -> Self {
        Self { code, message: None }
    }
}

/// Records as one change: several stand between the begin and the end of a transaction (KIP-868), since one entry of the
/// log is one record.
fn atomic(name: &str, mut records: Vec<MetadataRecord>) -> Vec<MetadataRecord> {
    if records.len() > 1 {
        records.insert(0, MetadataRecord::BeginTransaction { name: Some(name.to_owned()) });
        records.push(MetadataRecord::EndTransaction);
    }
    records
}

/// The first item for each key, in order, and whether others have the same key.
fn distinct<'a, T, K: Ord>(items: &'a [T], key: impl Fn(&'a T) -> K) -> Vec<(&'a T, bool)> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(key(item)).or_insert(0_usize) += 1;
    }
    items.iter().filter_map(|item| counts.remove(&key(item)).map(|count| (item, count > 1))).collect()
}

/// Whether one request may add so many records.
fn check_batch(records: usize) -> Result<(), AdminError> {
    if records <= CHANGES_PER_REQUEST_MAX {
        return Ok(());
    }
    let words = "Unable to perform excessively large batch operation.";
    Err(AdminError::new(ErrorCode::PolicyViolation, words))
}

/// How many more of something one request may add. What the same request takes away makes no room.
struct Room {
    left: usize,
    max: usize,
    of: &'static str,
}

impl Room {
    /// Where there may be `max` and there are some already; `of` says of what, in the plural.
    const fn new(max: usize, there: usize, of: &'static str) -> Self {
        Self { left: max.saturating_sub(there), max, of }
    }

    /// Takes the place of one that is new.
    fn take(&mut self) -> Result<(), AdminError> {
        let Some(left) = self.left.checked_sub(1) else {
            let message = format!("There are {} {} already.", self.max, self.of);
            return Err(AdminError::new(ErrorCode::PolicyViolation, message));
        };
        self.left = left;
        Ok(())
    }
}

/// What Kafka says of an item that a request holds twice.
fn duplicate_topic() -> AdminError {
    AdminError::new(ErrorCode::InvalidRequest, "Duplicate topic name.")
}

/// What Kafka says when a request asks for more than [`gracchus_base::limits::PARTITIONS_PER_REQUEST_MAX`] partitions.
fn too_many_partitions() -> AdminError {
    AdminError::new(ErrorCode::PolicyViolation, "Excessively large number of partitions per request.")
}
