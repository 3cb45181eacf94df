//! The answers to DescribeConfigs: each setting with its value, where the value comes from, and what it would be
//! without that (KIP-226, TRAPS 65).
//!
//! Which entries a client asked for, and what it may see, is decided by the caller.

use std::collections::BTreeMap;

use super::definition::{Definition, Update};
use super::topic::default_of;
use super::value::{Kind, Value};
use super::{BROKER, BrokerConfig, Settings, TOPIC, broker_definition};

/// Where a value comes from; the numbers are the protocol's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum ConfigSource {
    Topic = 1,
    DynamicBroker = 2,
    DynamicDefaultBroker = 3,
    StaticBroker = 4,
    Default = 5,
    ClientMetrics = 7,
    Group = 8,
}

impl ConfigSource {
    /// The number in a DescribeConfigs response.
    pub const fn code(self) -> i8 {
        self as i8
    }
}

/// A place that has a value for the setting, whether or not it is the one that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSynonym {
    pub name: String,
    /// `None` when it is a secret.
    pub value: Option<String>,
    pub source: ConfigSource,
}

/// One setting as it is described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEntry {
    pub name: String,
    pub value: Option<String>,
    pub source: ConfigSource,
    pub read_only: bool,
    pub is_sensitive: bool,
    /// [`Kind::code`]; 0 for a setting that nobody knows.
    pub config_type: i8,
    /// The one that counts first.
    pub synonyms: Vec<ConfigSynonym>,
    pub documentation: Option<String>,
}

/// Settings of the three levels above Kafka's defaults.
struct Levels<'a> {
    per_broker: &'a Settings,
    default: &'a Settings,
    given: &'a Settings,
}

/// Every setting of a topic, in Kafka's order; ours at the end. `broker` is without dynamic settings.
pub fn describe_topic(
    overrides: &Settings,
    dynamic_broker: &Settings,
    dynamic_default: &Settings,
    broker: &BrokerConfig,
) -> Vec<ConfigEntry> {
    let levels = Levels { per_broker: dynamic_broker, default: dynamic_default, given: &broker.given };
    let effective = broker.with_dynamic(dynamic_broker, dynamic_default);
    let values = effective.as_ref().map_or(&broker.values, |e| &e.values);
    TOPIC
        .iter()
        .filter(|d| !d.internal || overrides.contains_key(d.name))
        .map(|d| topic_entry(d, overrides, &levels, values))
        .collect()
}

fn topic_entry(
    definition: &Definition,
    overrides: &Settings,
    levels: &Levels<'_>,
    broker: &BTreeMap<&'static str, Value>,
) -> ConfigEntry {
    let own = overrides.get(definition.name).map(|text| match definition.parse(text) {
        Ok(value) => value.show(),
        Err(_) => text.clone(),
    });
    let mut synonyms = definition.synonym.map(|name| broker_synonyms(name, levels)).unwrap_or_default();
    let value = match own {
        Some(text) => {
            let name = definition.name.to_owned();
            let source = ConfigSource::Topic;
            synonyms.insert(0, ConfigSynonym { name, value: Some(text.clone()), source });
            Some(text)
        }
        None => default_of(definition.name, broker).map(|value| value.show()),
    };
    ConfigEntry {
        name: definition.name.to_owned(),
        value,
        source: source_of(&synonyms),
        read_only: false,
        is_sensitive: false,
        config_type: definition.kind.code(),
        synonyms,
        documentation: Some(definition.documentation.to_owned()),
    }
}

/// Every implemented setting of this broker, and what else was set on it dynamically. `broker` is without dynamic
/// settings.
pub fn describe_broker(
    dynamic_broker: &Settings,
    dynamic_default: &Settings,
    broker: &BrokerConfig,
) -> Vec<ConfigEntry> {
    let levels = Levels { per_broker: dynamic_broker, default: dynamic_default, given: &broker.given };
    let effective = broker.with_dynamic(dynamic_broker, dynamic_default);
    let values = effective.as_ref().map_or(&broker.values, |e| &e.values);
    let known = BROKER
        .iter()
        .filter(|d| d.implemented && (!d.internal || broker.given.contains_key(d.name)))
        .map(|d| broker_entry(d, values.get(d.name).map(Value::show), broker_synonyms(d.name, &levels)));
    let others = dynamic_broker.keys().chain(dynamic_default.keys());
    let mut names: Vec<&String> = others.filter(|name| !is_described(name)).collect();
    names.sort();
    names.dedup();
    let others = names.into_iter().map(|name| {
        let synonyms = broker_synonyms(name, &levels);
        match broker_definition(name) {
            // Without an effect here, but set.
            Some(definition) => {
                let value = synonyms.first().and_then(|synonym| synonym.value.clone());
                broker_entry(definition, value, synonyms)
            }
            None => foreign_entry(name, synonyms),
        }
    });
    known.chain(others).collect()
}

/// What is set for all brokers: the resource of type broker without a name.
pub fn describe_cluster_default(dynamic_default: &Settings) -> Vec<ConfigEntry> {
    let empty = Settings::new();
    let levels = Levels { per_broker: &empty, default: dynamic_default, given: &empty };
    dynamic_default
        .iter()
        .map(|(name, text)| {
            let mut synonyms = broker_synonyms(name, &levels);
            synonyms.retain(|s| s.source == ConfigSource::DynamicDefaultBroker);
            match broker_definition(name) {
                Some(definition) => broker_entry(definition, Some(text.clone()), synonyms),
                None => foreign_entry(name, synonyms),
            }
        })
        .collect()
}

fn is_described(name: &str) -> bool {
    broker_definition(name).is_some_and(|d| d.implemented)
}

fn broker_entry(definition: &Definition, value: Option<String>, synonyms: Vec<ConfigSynonym>) -> ConfigEntry {
    ConfigEntry {
        name: definition.name.to_owned(),
        value: value.filter(|_| !definition.is_sensitive()),
        source: source_of(&synonyms),
        read_only: definition.update == Update::ReadOnly,
        is_sensitive: definition.is_sensitive(),
        config_type: definition.kind.code(),
        synonyms,
        documentation: Some(definition.documentation.to_owned()),
    }
}

/// A setting that nobody knows may be a secret, so that its value is not shown.
fn foreign_entry(name: &str, synonyms: Vec<ConfigSynonym>) -> ConfigEntry {
    ConfigEntry {
        name: name.to_owned(),
        value: None,
        source: source_of(&synonyms),
        read_only: true,
        is_sensitive: true,
        config_type: 0,
        synonyms,
        documentation: None,
    }
}

fn source_of(synonyms: &[ConfigSynonym]) -> ConfigSource {
    synonyms.first().map_or(ConfigSource::Default, |s| s.source)
}

/// The settings that stand for one another, the strongest first.
fn family(name: &str) -> &[&str] {
    const FAMILIES: [&[&str]; 4] = [
        &["log.roll.ms", "log.roll.hours"],
        &["log.roll.jitter.ms", "log.roll.jitter.hours"],
        &["log.retention.ms", "log.retention.minutes", "log.retention.hours"],
        &["log.flush.interval.ms", "log.flush.scheduler.interval.ms"],
    ];
    // Only the flush interval has a relative that is a setting of its own.
    let find = |family: &&&[&str]| family.contains(&name) && name != "log.flush.scheduler.interval.ms";
    FAMILIES.iter().find(find).copied().unwrap_or_default()
}

/// Level by level what is set. As in Kafka, the list starts at the first value of `name` itself, so that it is empty
/// when only a relative in another unit is set.
fn broker_synonyms(name: &str, levels: &Levels<'_>) -> Vec<ConfigSynonym> {
    let own = [name];
    let names = match family(name) {
        [] => &own[..],
        family => family,
    };
    let mut synonyms = Vec::new();
    let sources = [
        (levels.per_broker, ConfigSource::DynamicBroker),
        (levels.default, ConfigSource::DynamicDefaultBroker),
        (levels.given, ConfigSource::StaticBroker),
    ];
    for (settings, source) in sources {
        synonyms.extend(names.iter().filter_map(|n| synonym(n, settings.get(*n)?, source)));
    }
    for n in names {
        let default = broker_definition(n).and_then(Definition::default_value);
        synonyms.extend(default.and_then(|value| synonym(n, &value.show(), ConfigSource::Default)));
    }
    let first = synonyms.iter().position(|s: &ConfigSynonym| s.name == name);
    synonyms.split_off(first.unwrap_or(synonyms.len()))
}

fn synonym(name: &str, value: &str, source: ConfigSource) -> Option<ConfigSynonym> {
    let shown = broker_definition(name).is_some_and(|d| d.kind != Kind::Password);
    Some(ConfigSynonym { name: name.to_owned(), value: shown.then(|| value.to_owned()), source })
}
