//! The features of a cluster (KIP-584) and the first records of a metadata log.

use gracchus_base::metadata_record::{ConfigResource, MetadataRecord};

use std::collections::BTreeMap;

use gracchus_base::{BrokerId, ErrorCode};

use super::{AdminError, atomic};
use crate::config::{BrokerConfig, Settings};
use crate::image::MetadataImage;

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
    Feature { name: ELIGIBLE_LEADERS, min: 0, max: 1 },
];

const ELIGIBLE_LEADERS: &str = "eligible.leader.replicas.version";
const MIN_ISR: &str = "min.insync.replicas";

/// A feature whose level this broker cannot work with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnsupportedLevel {
    #[error("feature {name} is at level {level}, of which this version does not know")]
    Feature { name: String, level: i16 },
    #[error("feature {} is at level {level}, and this version supports {} to {}", .feature.name, .feature.min, .feature.max)]
    Level { feature: Feature, level: i16 },
}

/// Whether this broker can work with every level of a cluster. A broker that could not would lead it by rules that are not
/// its own.
///
/// # Errors
/// The first, by name, that it cannot work with.
pub fn check_features(image: &MetadataImage) -> Result<(), UnsupportedLevel> {
    for (name, level) in image.features() {
        match SUPPORTED_FEATURES.iter().find(|known| known.name == name) {
            None => return Err(UnsupportedLevel::Feature { name: name.to_owned(), level }),
            Some(feature) if !(feature.min..=feature.max).contains(&level) => {
                return Err(UnsupportedLevel::Level { feature: *feature, level });
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// The first change of an empty metadata log, as Kafka writes it. Eligible leader replicas need a cluster-wide
/// `min.insync.replicas`, so the one from the settings is made that.
pub fn bootstrap_records(min_insync_replicas: i32) -> Vec<MetadataRecord> {
    let level = |f: &Feature| MetadataRecord::FeatureLevel { name: f.name.to_owned(), level: f.max };
    let mut records: Vec<MetadataRecord> = SUPPORTED_FEATURES.iter().map(level).collect();
    records.push(set_min_isr(None, Some(min_insync_replicas)));
    atomic("Bootstrap records", records)
}

fn set_min_isr(broker: Option<BrokerId>, value: Option<i32>) -> MetadataRecord {
    MetadataRecord::Config {
        resource: ConfigResource::Broker(broker),
        name: MIN_ISR.to_owned(),
        value: value.map(|value| value.to_string()),
    }
}

/// What a request may do to the level of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpgradeType {
    Upgrade,
    SafeDowngrade,
    UnsafeDowngrade,
    /// A number that the protocol does not know.
    Unknown,
}

impl UpgradeType {
    /// The type with this number in the protocol.
    pub const fn from_code(code: i8) -> Self {
        match code {
            1 => Self::Upgrade,
            2 => Self::SafeDowngrade,
            3 => Self::UnsafeDowngrade,
            _ => Self::Unknown,
        }
    }
}

/// A level that a feature is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureUpdate {
    pub feature: String,
    pub level: i16,
    pub upgrade_type: UpgradeType,
}

/// Decides about all updates together: one that cannot be done refuses them all. Of several of one feature the last
/// counts, as in Kafka. `broker` is the broker that was asked.
///
/// # Errors
/// INVALID_UPDATE_VERSION, with Kafka's words of the first that is refused.
pub fn update_features(
    image: &MetadataImage,
    broker: &BrokerConfig,
    updates: &[FeatureUpdate],
) -> Result<Vec<MetadataRecord>, AdminError> {
    let wanted: BTreeMap<&str, &FeatureUpdate> =
        updates.iter().map(|update| (update.feature.as_str(), update)).collect();
    let mut records = Vec::new();
    for update in wanted.into_values() {
        let now = image.feature(&update.feature).unwrap_or(0);
        check(update, now, broker.node_id).map_err(|why| {
            let FeatureUpdate { feature, level, .. } = update;
            let message = format!(
                "The update failed for all features since the following feature had an error: Invalid update version \
                 {level} for feature {feature}. {why}"
            );
            AdminError::new(ErrorCode::InvalidUpdateVersion, message)
        })?;
        if update.level != now {
            records.push(MetadataRecord::FeatureLevel { name: update.feature.clone(), level: update.level });
        }
        if update.feature == ELIGIBLE_LEADERS && update.level > now {
            records.extend(one_min_isr(image, broker));
        }
    }
    Ok(atomic("Feature levels", records))
}

fn check(update: &FeatureUpdate, now: i16, node: BrokerId) -> Result<(), String> {
    let FeatureUpdate { feature, level, upgrade_type } = update;
    if *upgrade_type == UpgradeType::Unknown {
        return Err("The controller does not support the given upgrade type.".to_owned());
    }
    if *level < 0 {
        return Err("A feature version cannot be less than 0.".to_owned());
    }
    match SUPPORTED_FEATURES.iter().find(|known| known.name == feature) {
        // "Off" is supported of everything, but what is not known cannot be turned off.
        None if *level == 0 => return Err(format!("Feature {feature} not found.")),
        None => return Err(format!("Local controller {node} does not support this feature.")),
        Some(Feature { min, max, .. }) if !(*min..=*max).contains(level) => {
            let range = if min == max { min.to_string() } else { format!("{min}-{max}") };
            return Err(format!("Local controller {node} only supports versions {range}"));
        }
        Some(_) => {}
    }
    let upgrade = *upgrade_type == UpgradeType::Upgrade;
    if *level < now && upgrade {
        let words = "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe \
                     downgrade.";
        return Err(words.to_owned());
    }
    if *level > now && !upgrade {
        return Err("Can't downgrade to a newer version.".to_owned());
    }
    Ok(())
}

/// What makes the one `min.insync.replicas` that eligible leader replicas need: the cluster's, from the settings unless it
/// has one, and none of single brokers (KIP-966).
fn one_min_isr(image: &MetadataImage, broker: &BrokerConfig) -> Vec<MetadataRecord> {
    let mut records = Vec::new();
    if image.configs(&ConfigResource::Broker(None)).get(MIN_ISR).is_none() {
        let given = broker.with_dynamic(&Settings::new(), &Settings::new());
        let given = given.map_or(broker.topic_defaults.min_insync_replicas, |given| {
            given.topic_defaults.min_insync_replicas
        });
        records.push(set_min_isr(None, Some(given)));
    }
    for (resource, values) in image.configured() {
        if let ConfigResource::Broker(Some(id)) = resource
            && values.get(MIN_ISR).is_some()
        {
            records.push(set_min_isr(Some(*id), None));
        }
    }
    records
}
