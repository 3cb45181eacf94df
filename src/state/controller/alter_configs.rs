//! Changing settings: IncrementalAlterConfigs, and AlterConfigs, which replaces all settings of a resource.

use std::collections::{BTreeMap, HashMap, HashSet};

use gracchus_base::limits::{CONFIG_VALUE_BYTES_MAX, CONFIGS_PER_RESOURCE_MAX, FREE_CONFIG_RESOURCES_MAX};
use gracchus_base::metadata_record::{ConfigResource, MetadataRecord};
use gracchus_base::{BrokerId, ErrorCode, TopicName};

use super::{AdminError, Room, atomic, broker_configs, check_batch};
use crate::config::{
    BrokerConfig, CLIENT_METRICS as CLIENT_METRICS_TABLE, Definition, Kind, Settings, SubscriptionError,
    broker_definition, resolve_topic, topic_definition, validate_client_metrics, validate_group,
};
use crate::image::MetadataImage;

/// The resource types of the protocol whose settings are kept here.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const BROKER_LOGGER: i8 = 8;
const CLIENT_METRICS: i8 = 16;
const GROUP: i8 = 32;

/// A resource as a request names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigTarget {
    /// 2 is a topic, 4 a broker, 16 a subscription to metrics of clients, 32 a group; others are refused.
    pub resource_type: i8,
    /// Empty for the default of all brokers.
    pub resource_name: String,
}

/// What to do with a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlterOperation {
    Set,
    /// Back to the default.
    Delete,
    /// Add elements to a list.
    Append,
    /// Take elements from a list.
    Subtract,
    /// A number that the protocol does not know.
    Unknown(i8),
}

impl AlterOperation {
    /// The operation with this number in the protocol.
    pub const fn from_code(code: i8) -> Self {
        match code {
            0 => Self::Set,
            1 => Self::Delete,
            2 => Self::Append,
            3 => Self::Subtract,
            _ => Self::Unknown(code),
        }
    }
}

/// One change of one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigOperation {
    pub name: String,
    pub operation: AlterOperation,
    /// Not looked at by [`AlterOperation::Delete`].
    pub value: Option<String>,
}

/// One resource of IncrementalAlterConfigs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncrementalAlterConfigs {
    pub target: ConfigTarget,
    pub operations: Vec<ConfigOperation>,
}

/// One resource of AlterConfigs, with all the settings it is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterConfigs {
    pub target: ConfigTarget,
    pub configs: Vec<(String, Option<String>)>,
}

/// Decides about each resource on its own, in the order of the request: either all its operations are done, in one
/// change, or none. No record is made for what is as it should be. `broker` is the broker that was asked.
pub fn incremental_alter_configs(
    image: &MetadataImage,
    broker: &BrokerConfig,
    requests: &[IncrementalAlterConfigs],
) -> Vec<Result<Vec<MetadataRecord>, AdminError>> {
    let repeated = repeated(requests.iter().map(|request| &request.target));
    let decide = |request: &IncrementalAlterConfigs| {
        let operations = &request.operations;
        check_once(&repeated, &request.target)?;
        let values = operations.iter().filter(|op| op.operation != AlterOperation::Delete);
        check_names(operations.iter().map(|op| &op.name), values.map(|op| (&op.name, &op.value)))?;
        if request.target.resource_type == BROKER_LOGGER {
            let nothing = (ConfigResource::Broker(Some(broker.node_id)), Vec::new());
            return no_logger(request, broker).map_or(Ok(nothing), Err);
        }
        let resource = resource(&request.target, broker)?;
        let mut wanted = image.configs(&resource).to_settings();
        operations.iter().try_for_each(|op| operate(&resource, &mut wanted, op))?;
        alter(image, broker, &resource, &wanted).map(|records| (resource, records))
    };
    bounded(image, requests.iter().map(decide).collect())
}

/// As [`incremental_alter_configs`], but a resource gets exactly the settings that are given.
pub fn alter_configs(
    image: &MetadataImage,
    broker: &BrokerConfig,
    requests: &[AlterConfigs],
) -> Vec<Result<Vec<MetadataRecord>, AdminError>> {
    let repeated = repeated(requests.iter().map(|request| &request.target));
    let decide = |request: &AlterConfigs| {
        check_once(&repeated, &request.target)?;
        let values = request.configs.iter().map(|(name, value)| (name, value));
        check_names(request.configs.iter().map(|(name, _)| name), values)?;
        let resource = resource(&request.target, broker)?;
        let value = |value: &Option<String>| value.clone().unwrap_or_default();
        let wanted = request.configs.iter().map(|(name, given)| (name.clone(), value(given))).collect();
        alter(image, broker, &resource, &wanted).map(|records| (resource, records))
    };
    bounded(image, requests.iter().map(decide).collect())
}

/// What one resource's settings become.
type Decided = Result<(ConfigResource, Vec<MetadataRecord>), AdminError>;

/// What is decided about all resources of a request, so far as there is room for it: one request makes so many records, or
/// none at all, as in Kafka; and groups and subscriptions, which need not exist to have settings, have a bound of their own.
fn bounded(image: &MetadataImage, decided: Vec<Decided>) -> Vec<Result<Vec<MetadataRecord>, AdminError>> {
    let fits = check_batch(decided.iter().flatten().map(|(_, records)| records.len()).sum());
    let of = "groups and client metrics with settings";
    let mut room = Room::new(FREE_CONFIG_RESOURCES_MAX, image.free_resources(), of);
    let result = |decided: Decided| {
        let (resource, records) = fits.clone().and(decided)?;
        let is_free = matches!(resource, ConfigResource::ClientMetrics(_) | ConfigResource::Group(_));
        if is_free && image.configs(&resource).is_empty() && !records.is_empty() {
            room.take()?;
        }
        Ok(atomic("Alter configs", records))
    };
    decided.into_iter().map(result).collect()
}

/// Levels of logging are not changed while a broker runs: it has no logger of any name.
fn no_logger(request: &IncrementalAlterConfigs, broker: &BrokerConfig) -> Option<AdminError> {
    let (name, expected) = (&request.target.resource_name, broker.node_id);
    match name.parse().map(BrokerId) {
        Err(_) => {
            let message = format!("Node id must be an integer, but it is: {name}");
            return Some(AdminError::invalid_request(message));
        }
        Ok(id) if id != expected => {
            let message = format!("Unexpected node id. Expected {expected}, but received {id}");
            return Some(AdminError::invalid_request(message));
        }
        Ok(_) => {}
    }
    let op = request.operations.first()?;
    let not_allowed = |what: &str| {
        AdminError::invalid_request(format!("{what} operation is not allowed for the BROKER_LOGGER resource"))
    };
    Some(match op.operation {
        AlterOperation::Append => not_allowed("APPEND"),
        AlterOperation::Subtract => not_allowed("SUBTRACT"),
        AlterOperation::Unknown(code) => {
            AdminError::invalid_request(format!("Unknown operations type {code}"))
        }
        AlterOperation::Set | AlterOperation::Delete => {
            invalid_config(format!("Logger {} does not exist!", op.name))
        }
    })
}

/// How often each resource stands in the request.
fn repeated<'a>(targets: impl Iterator<Item = &'a ConfigTarget>) -> BTreeMap<&'a ConfigTarget, usize> {
    let mut counts = BTreeMap::new();
    for target in targets {
        *counts.entry(target).or_insert(0) += 1;
    }
    counts
}

fn invalid_config(message: impl Into<String>) -> AdminError {
    AdminError::new(ErrorCode::InvalidConfig, message)
}

fn check_once(repeated: &BTreeMap<&ConfigTarget, usize>, target: &ConfigTarget) -> Result<(), AdminError> {
    match repeated.get(target) {
        Some(count) if *count > 1 => {
            Err(AdminError::invalid_request("Each resource must appear at most once."))
        }
        _ => Ok(()),
    }
}

/// Each setting once, and `values` not null.
fn check_names<'a>(
    names: impl Iterator<Item = &'a String>,
    values: impl Iterator<Item = (&'a String, &'a Option<String>)>,
) -> Result<(), AdminError> {
    let mut names: Vec<&String> = names.collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(AdminError::invalid_request("Error due to duplicate config keys"));
    }
    let without_value: Vec<&str> =
        values.filter(|(_, value)| value.is_none()).map(|(name, _)| name.as_str()).collect();
    if without_value.is_empty() {
        return Ok(());
    }
    Err(AdminError::invalid_request(format!("Null value not supported for : {}", without_value.join(", "))))
}

/// The resource that a request means. A broker changes its own settings and the default of all.
fn resource(target: &ConfigTarget, broker: &BrokerConfig) -> Result<ConfigResource, AdminError> {
    let name = target.resource_name.as_str();
    match (target.resource_type, name) {
        (TOPIC, "") => Err(AdminError::invalid_request("Default topic resources are not allowed.")),
        (TOPIC, name) => TopicName::parse(name).map(ConfigResource::Topic).map_err(|error| {
            AdminError::new(ErrorCode::InvalidTopicException, format!("Topic name is invalid: {error}"))
        }),
        (BROKER, "") => Ok(ConfigResource::Broker(None)),
        (BROKER, name) => match name.parse().map(BrokerId) {
            Ok(id) if id == broker.node_id => Ok(ConfigResource::Broker(Some(id))),
            Ok(_) => {
                let expected = broker.node_id;
                Err(AdminError::invalid_request(format!(
                    "Unexpected broker id, expected {expected}, but received {name}"
                )))
            }
            Err(_) => {
                Err(AdminError::invalid_request(format!("Node id must be an integer, but it is: {name}")))
            }
        },
        (CLIENT_METRICS, "") => Err(AdminError::invalid_request("Subscription name can't be empty")),
        (CLIENT_METRICS, name) => Ok(ConfigResource::ClientMetrics(name.to_owned())),
        (GROUP, "") => Err(AdminError::invalid_request("Default group resources are not allowed.")),
        (GROUP, name) => Ok(ConfigResource::Group(name.to_owned())),
        (other, _) => Err(AdminError::invalid_request(format!("Unknown resource type {other}"))),
    }
}

fn operate(resource: &ConfigResource, wanted: &mut Settings, op: &ConfigOperation) -> Result<(), AdminError> {
    let value = op.value.as_deref().unwrap_or_default();
    let list = match op.operation {
        AlterOperation::Set => value.to_owned(),
        AlterOperation::Delete => {
            wanted.remove(&op.name);
            return Ok(());
        }
        AlterOperation::Append => {
            let list = list(resource, wanted, op)?;
            let mut there: HashSet<&str> = list.iter().map(String::as_str).collect();
            let new = value.split(',').filter(|element| there.insert(element));
            let new: Vec<_> = new.collect();
            list.iter().map(String::as_str).chain(new).collect::<Vec<_>>().join(",")
        }
        AlterOperation::Subtract => {
            let mut list = list(resource, wanted, op)?;
            // Each mention takes one away.
            let mut going: HashMap<&str, usize> = HashMap::new();
            value.split(',').for_each(|element| *going.entry(element).or_default() += 1);
            list.retain(|element| match going.get_mut(element.as_str()) {
                Some(times) if *times > 0 => {
                    *times -= 1;
                    false
                }
                _ => true,
            });
            list.join(",")
        }
        AlterOperation::Unknown(code) => {
            return Err(AdminError::invalid_request(format!("Unknown operations type {code}")));
        }
    };
    wanted.insert(op.name.clone(), list);
    Ok(())
}

/// The elements that a list has now, or by default.
fn list(
    resource: &ConfigResource,
    wanted: &Settings,
    op: &ConfigOperation,
) -> Result<Vec<String>, AdminError> {
    let name = op.name.as_str();
    let definition = definition(resource, name);
    if definition.is_none_or(|definition| definition.kind != Kind::List) {
        let appends = op.operation == AlterOperation::Append;
        let is_broker = matches!(resource, ConfigResource::Broker(_));
        return Err(invalid_config(match (is_broker, appends) {
            (false, true) => format!("Can't APPEND to key {name} because its type is not LIST."),
            (false, false) => format!("Can't SUBTRACT to key {name} because its type is not LIST."),
            (true, true) => format!("Config value append is not allowed for config key: {name}"),
            (true, false) => format!("Config value subtract is not allowed for config key: {name}"),
        }));
    }
    let by_default = definition.and_then(|definition| definition.default);
    let now = wanted.get(name).map(String::as_str).or(by_default).unwrap_or_default();
    Ok(now.split(',').filter(|element| !element.is_empty()).map(str::to_owned).collect())
}

/// What is known about a setting of this resource. None of a group's is a list.
fn definition(resource: &ConfigResource, name: &str) -> Option<&'static Definition> {
    match resource {
        ConfigResource::Topic(_) => topic_definition(name),
        ConfigResource::Broker(_) => broker_definition(name),
        ConfigResource::ClientMetrics(_) => CLIENT_METRICS_TABLE.iter().find(|d| d.name == name),
        ConfigResource::Group(_) => None,
    }
}

/// The records that lead to the wanted settings, if these are allowed.
fn alter(
    image: &MetadataImage,
    broker: &BrokerConfig,
    resource: &ConfigResource,
    wanted: &Settings,
) -> Result<Vec<MetadataRecord>, AdminError> {
    let now = image.configs(resource);
    let changed = |(name, value): &(&String, &String)| now.get(name.as_str()) != Some(value.as_str());
    let set: Vec<(&String, &String)> = wanted.iter().filter(changed).collect();
    if set.iter().any(|(_, value)| value.len() > CONFIG_VALUE_BYTES_MAX) {
        return Err(invalid_config(format!(
            "The configuration value cannot be added because it exceeds the maximum value size of \
             {CONFIG_VALUE_BYTES_MAX} bytes."
        )));
    }
    if wanted.len() > CONFIGS_PER_RESOURCE_MAX {
        let message = "Unable to perform excessively large batch operation.";
        return Err(AdminError::new(ErrorCode::PolicyViolation, message));
    }
    let removed: Vec<&str> =
        now.iter().map(|(name, _)| name).filter(|name| !wanted.contains_key(*name)).collect();
    match resource {
        ConfigResource::Topic(topic) => {
            let overrides = wanted.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            resolve_topic(overrides, broker).map_err(|error| invalid_config(error.message))?;
            if image.topic(topic.as_str()).is_none() {
                let message = format!("The topic '{topic}' does not exist.");
                return Err(AdminError::new(ErrorCode::UnknownTopicOrPartition, message));
            }
        }
        ConfigResource::Broker(id) => {
            broker_configs::check(image, broker, *id, wanted, &set, &removed)?;
        }
        ConfigResource::ClientMetrics(_) => check_client_metrics(wanted)?,
        ConfigResource::Group(_) => {
            validate_group(wanted).map_err(|error| invalid_config(error.message))?;
        }
    }
    let record = |name: &str, value: Option<&str>| MetadataRecord::Config {
        resource: resource.clone(),
        name: name.to_owned(),
        value: value.map(str::to_owned),
    };
    let set = set.into_iter().map(|(name, value)| record(name, Some(value)));
    let removed = removed.into_iter().map(|name| record(name, None));
    Ok(set.chain(removed).collect())
}

fn check_client_metrics(wanted: &Settings) -> Result<(), AdminError> {
    validate_client_metrics(wanted).map_err(|error| match error {
        SubscriptionError::Request(message) => AdminError::invalid_request(message),
        SubscriptionError::Config(error) => invalid_config(error.message),
    })
}
