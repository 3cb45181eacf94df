//! What can be configured: one table for topics, one for the broker, and everything that is derived from them:
//! parsing, checking, typed values, and the answer to DescribeConfigs. Names, types, defaults, ranges and the words of
//! errors are Kafka's; where a default differs, its row says so.
//!
//! What must not be here: where settings come from (files, flags, environment), logging, and any effect of a setting.

mod broker;
mod broker_table;
mod definition;
mod describe;
mod known;
mod listener;
mod not_served;
pub mod properties;
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
pub use known::KNOWN_NOT_IMPLEMENTED;
pub use listener::{HostPort, Listener};
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

/// What is known about a broker setting that is in the table; names in [`KNOWN_NOT_IMPLEMENTED`] are not.
pub fn broker_definition(name: &str) -> Option<&'static Definition> {
    BROKER.iter().find(|d| d.name == name)
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
    let known = broker_definition(name);
    if !is_dynamic_broker_config(name) && (known.is_some() || KNOWN_NOT_IMPLEMENTED.contains(&name)) {
        return Err(ConfigError::new(format!("Cannot update these configs dynamically: [{name}]")));
    }
    match (known, value) {
        (Some(definition), Some(value)) => definition.parse(value).map(drop),
        _ => Ok(()),
    }
}

/// Whether a running broker takes a new value of this setting.
pub fn is_dynamic_broker_config(name: &str) -> bool {
    broker_definition(name).is_some_and(|d| d.update != Update::ReadOnly)
}

/// Whether IncrementalAlterConfigs may append to this setting and subtract from it.
pub fn is_list_config(is_topic: bool, name: &str) -> bool {
    let definition = if is_topic { topic_definition(name) } else { broker_definition(name) };
    definition.is_some_and(|d| d.kind == Kind::List)
}
