//! What a running broker lets be changed of its settings (KIP-226).

use gracchus_base::metadata_record::ConfigResource;
use gracchus_base::{BrokerId, ErrorCode};

use super::AdminError;
use crate::config::{BrokerConfig, Settings, validate_broker_config, verify_dynamic};
use crate::image::MetadataImage;

/// Checks settings of one broker, or with `id` `None` the default of all: `wanted` is all of them after the change,
/// `set` and `removed` what changes. Names that Kafka does not know are allowed, as in Kafka.
///
/// # Errors
/// INVALID_REQUEST where a value or a combination is refused (Kafka's own comment on it: not really the right one), and
/// INVALID_CONFIG for what eligible leader replicas forbid (KIP-966).
pub(super) fn check(
    image: &MetadataImage,
    broker: &BrokerConfig,
    id: Option<BrokerId>,
    wanted: &Settings,
    set: &[(&String, &String)],
    removed: &[&str],
) -> Result<(), AdminError> {
    let names: Vec<&str> = set.iter().map(|(name, _)| name.as_str()).collect();
    verify_dynamic(&names, id.is_none())
        .map_err(|error| AdminError::new(ErrorCode::InvalidRequest, error.message))?;
    for (name, value) in set {
        let checked = validate_broker_config(name, Some(value.as_str()));
        checked.map_err(|error| AdminError::new(ErrorCode::InvalidRequest, error.message))?;
    }
    check_combination(image, broker, id, wanted)?;
    check_min_isr(image, id, set, removed)
}

fn check_combination(
    image: &MetadataImage,
    broker: &BrokerConfig,
    id: Option<BrokerId>,
    wanted: &Settings,
) -> Result<(), AdminError> {
    let now = |id| image.configs(&ConfigResource::Broker(id)).to_settings();
    let combined = match id {
        Some(_) => broker.with_dynamic(wanted, &now(None)),
        None => broker.with_dynamic(&now(Some(broker.node_id)), wanted),
    };
    combined.map(drop).map_err(|error| AdminError::new(ErrorCode::InvalidRequest, error.message))
}

/// With eligible leader replicas there is one `min.insync.replicas` for the cluster, so that brokers agree on them.
fn check_min_isr(
    image: &MetadataImage,
    id: Option<BrokerId>,
    set: &[(&String, &String)],
    removed: &[&str],
) -> Result<(), AdminError> {
    const MIN_ISR: &str = "min.insync.replicas";
    if image.feature("eligible.leader.replicas.version").is_none() {
        return Ok(());
    }
    let refuse = |message| Err(AdminError::new(ErrorCode::InvalidConfig, message));
    let removes = removed.contains(&MIN_ISR);
    match id {
        Some(_) if removes || set.iter().any(|(name, _)| *name == MIN_ISR) => {
            refuse("Broker-level min.insync.replicas cannot be altered while ELR is enabled.")
        }
        None if removes => {
            refuse("Cluster-level min.insync.replicas cannot be removed while ELR is enabled.")
        }
        _ => Ok(()),
    }
}
