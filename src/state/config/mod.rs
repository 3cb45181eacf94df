//! What can be configured: one table for topics, one for the broker, and everything that is derived from them:
//! parsing, checking, typed values, and the answer to DescribeConfigs. Names, types, defaults, ranges and the words of
//! errors are Kafka's; where a default differs, its row says so.
//!
//! What must not be here: where settings come from (files, flags, environment), logging, and any effect of a setting.

mod broker;
mod broker_table;
mod definition;
mod describe;
mod idle;
mod known;
mod listener;
mod not_served;
pub mod properties;
mod resource;
mod topic;
mod topic_table;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use broker::{BrokerConfig, RecordValidation};
pub use broker_table::BROKER;
pub use definition::{Definition, Update};
pub use describe::{
    ConfigEntry, ConfigSource, ConfigSynonym, describe_broker, describe_cluster_default, describe_topic,
};
pub use idle::IDLE;
pub use known::KNOWN_NOT_IMPLEMENTED;
pub use listener::{HostPort, Listener};
pub use resource::{
    CLIENT_METRICS, GROUP, SubscriptionError, describe_client_metrics, describe_group,
    validate_client_metrics, validate_group,
};
pub use topic::{CleanupPolicy, CompressionType, TimestampType, TopicConfig, resolve_topic};
pub use topic_table::TOPIC;
pub use value::Kind;

/// Settings as they are written: names and texts.
pub type Settings = BTreeMap<String, String>;

/// Why a setting, or a combination of settings, is refused. The words are those of Kafka's `ConfigException`, since
/// tools print them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConfigError {
    pub message: String,
}

impl ConfigError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    /// Kafka's words for a value that a setting does not take.
    pub(crate) fn invalid(name: &str, value: &str, why: &str) -> Self {
        Self::new(format!("Invalid value {value} for configuration {name}: {why}"))
    }
}

/// What is known about a topic setting.
pub fn topic_definition(name: &str) -> Option<&'static Definition> {
    TOPIC.iter().find(|d| d.name == name)
}

/// What is known about a broker setting that is in one of the tables; names in [`KNOWN_NOT_IMPLEMENTED`] are not.
pub fn broker_definition(name: &str) -> Option<&'static Definition> {
    BROKER.iter().chain(IDLE).find(|d| d.name == name)
}

/// Checks one topic setting. Combinations are checked by [`resolve_topic`]. The error code is INVALID_CONFIG.
pub fn validate_topic_config(name: &str, value: Option<&str>) -> Result<(), ConfigError> {
    let Some(definition) = topic_definition(name) else {
        return Err(ConfigError::new(format!("Unknown topic config name: {name}")));
    };
    let Some(value) = value else {
        return Err(ConfigError::new(format!("Null value not supported for topic configs: {name}")));
    };
    definition.parse(value).map(drop)
}

/// Checks one broker setting that is altered through the protocol; `None` deletes it. Kafka takes names that it does
/// not know, so these pass. Combinations are checked by [`BrokerConfig::with_dynamic`]. The error code is
/// INVALID_REQUEST.
pub fn validate_broker_config(name: &str, value: Option<&str>) -> Result<(), ConfigError> {
    verify_dynamic(&[name], false)?;
    let known = broker_definition(name);
    match (known, value) {
        (Some(definition), Some(value)) => definition.parse(value).map(drop),
        _ => Ok(()),
    }
}

/// Checks that a running broker takes new values of these settings, of which `of_all` says that they are for all brokers
/// at once. Names that nobody knows pass, as in Kafka.
pub fn verify_dynamic(names: &[&str], of_all: bool) -> Result<(), ConfigError> {
    let refuse = |words: &str, refused: Vec<&str>| match refused.as_slice() {
        [] => Ok(()),
        names => Err(ConfigError::new(format!("{words}: [{}]", names.join(", ")))),
    };
    let those = |is_refused: &dyn Fn(&str) -> bool| -> Vec<&str> {
        names.iter().copied().filter(|name| is_refused(name)).collect()
    };
    let of_one = |name: &str| idle::PER_BROKER.contains(&name);
    let of_listener = |name: &str| idle::PER_LISTENER.contains(&name);
    // What Kafka changes for one broker or listener is not served, so that it is refused as if it were fixed.
    let fixed = |name: &str| match without_listener(name) {
        Some(name) => is_known_broker_config(name),
        None => {
            let differently = of_listener(name) || of_all && of_one(name);
            is_known_broker_config(name) && !is_dynamic_broker_config(name) && !differently
        }
    };
    refuse("Cannot update these configs dynamically", those(&fixed))?;
    refuse(
        "These security configs can be dynamically updated only per-listener using the listener prefix",
        those(&of_listener),
    )?;
    if !of_all {
        return Ok(());
    }
    refuse(
        "Cannot update these configs at default cluster level, broker id must be specified",
        those(&of_one),
    )
}

/// The setting behind `listener.name.NAME.`.
fn without_listener(name: &str) -> Option<&str> {
    let (_, setting) = name.strip_prefix("listener.name.")?.split_once('.')?;
    Some(setting)
}

/// Whether Kafka knows a broker setting of this name, or we do.
pub fn is_known_broker_config(name: &str) -> bool {
    broker_definition(name).is_some() || KNOWN_NOT_IMPLEMENTED.contains(&name)
}

/// Whether a running broker takes a new value of this setting.
pub fn is_dynamic_broker_config(name: &str) -> bool {
    broker_definition(name).is_some_and(|d| d.update != Update::ReadOnly)
}
