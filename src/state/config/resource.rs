//! Settings of groups (KIP-848) and of subscriptions to metrics of clients (KIP-714). They are checked, kept and shown as
//! Kafka does. Those of groups have no effect, since groups of the types that they are for are not served; neither have
//! those of subscriptions, as in a Kafka without a plugin that receives metrics.

use super::definition::{Check, Definition};
use super::describe::{ConfigEntry, ConfigSource, ConfigSynonym};
use super::value::Value;
use super::{ConfigError, Settings};

/// Settings of a group, each with the broker's setting that is its default.
pub const GROUP: &[Definition] = &[
    number("consumer.session.timeout.ms", "45000", 1).of("group.consumer.session.timeout.ms"),
    number("consumer.heartbeat.interval.ms", "5000", 1).of("group.consumer.heartbeat.interval.ms"),
    number("consumer.assignment.interval.ms", "1000", 0).of("group.consumer.assignment.interval.ms"),
    number("share.session.timeout.ms", "45000", 1).of("group.share.session.timeout.ms"),
    number("share.heartbeat.interval.ms", "5000", 1).of("group.share.heartbeat.interval.ms"),
    number("share.record.lock.duration.ms", "30000", 1000).of("group.share.record.lock.duration.ms"),
    number("share.delivery.count.limit", "5", 2).of("group.share.delivery.count.limit"),
    number("share.partition.max.record.locks", "2000", 100).of("group.share.partition.max.record.locks"),
    Definition::string("share.auto.offset.reset", "latest").of("share.auto.offset.reset").not_implemented(),
    Definition::string("share.isolation.level", "read_uncommitted")
        .check(Check::OneOf(&["read_committed", "read_uncommitted"]))
        .of("share.isolation.level")
        .not_implemented(),
    Definition::boolean("share.renew.acknowledge.enable", "true")
        .of("share.renew.acknowledge.enable")
        .not_implemented(),
    number("share.assignment.interval.ms", "1000", 0).of("group.share.assignment.interval.ms"),
    number("streams.session.timeout.ms", "45000", 1).of("group.streams.session.timeout.ms"),
    number("streams.heartbeat.interval.ms", "5000", 1).of("group.streams.heartbeat.interval.ms"),
    number("streams.num.standby.replicas", "0", 0).of("group.streams.num.standby.replicas"),
    number("streams.initial.rebalance.delay.ms", "3000", 0).of("group.streams.initial.rebalance.delay.ms"),
    number("streams.assignment.interval.ms", "1000", 0).of("group.streams.assignment.interval.ms"),
];

/// What the broker allows a group: the names of two settings of the broker, and their values, which are Kafka's defaults.
/// In the order in which Kafka looks.
const GROUP_BOUNDS: &[(&str, &str, i64, i64)] = &[
    ("consumer.heartbeat.interval.ms", "group.consumer.*.heartbeat.interval.ms", 5000, 15_000),
    ("consumer.session.timeout.ms", "group.consumer.*.session.timeout.ms", 45_000, 60_000),
    ("consumer.assignment.interval.ms", "group.consumer.*.assignment.interval.ms", 0, 15_000),
    ("share.heartbeat.interval.ms", "group.share.*.heartbeat.interval.ms", 5000, 15_000),
    ("share.session.timeout.ms", "group.share.*.session.timeout.ms", 45_000, 60_000),
    ("share.record.lock.duration.ms", "group.share.*.record.lock.duration.ms", 15_000, 60_000),
    ("share.delivery.count.limit", "group.share.*.delivery.count.limit", 2, 10),
    ("share.partition.max.record.locks", "group.share.*.partition.max.record.locks", 100, 4000),
    ("share.assignment.interval.ms", "group.share.*.assignment.interval.ms", 0, 15_000),
    ("streams.heartbeat.interval.ms", "group.streams.*.heartbeat.interval.ms", 5000, 15_000),
    ("streams.session.timeout.ms", "group.streams.*.session.timeout.ms", 45_000, 60_000),
    ("streams.num.standby.replicas", "group.streams.*.standby.replicas", 0, 2),
    ("streams.assignment.interval.ms", "group.streams.*.assignment.interval.ms", 0, 15_000),
];

/// Settings of a subscription.
pub const CLIENT_METRICS: &[Definition] = &[
    Definition::list("metrics", "").not_implemented().doc("Prefixes of the metrics that are asked for."),
    Definition::int("interval.ms", "300000").not_implemented().doc("How often they are, in milliseconds."),
    Definition::list("match", "").not_implemented().doc("Which clients are asked, as name=pattern."),
];

/// What a pattern of a subscription may be about.
const MATCHED: [&str; 6] = [
    "client_instance_id",
    "client_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
];

const fn number(name: &'static str, default: &'static str, min: i64) -> Definition {
    Definition::int(name, default)
        .at_least(min)
        .not_implemented()
        .doc("Of a group of the newer types, which are not served.")
}

/// Which settings of a subscription are refused, and with which error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubscriptionError {
    /// INVALID_REQUEST
    Request(String),
    /// INVALID_CONFIG
    Config(ConfigError),
}

/// Checks all settings of a group. The error code is INVALID_CONFIG.
pub fn validate_group(own: &Settings) -> Result<(), ConfigError> {
    if let Some(name) = own.keys().find(|name| find(GROUP, name).is_none()) {
        return Err(ConfigError::new(format!("Unknown group config name: {name}")));
    }
    for definition in GROUP {
        let value = own.get(definition.name).map(|text| definition.parse(text)).transpose()?;
        if let (Some(Value::Text(text)), "share.auto.offset.reset") = (value, definition.name) {
            verify_reset(&text)?;
        }
    }
    let number = |name: &str| {
        let definition = find(GROUP, name)?;
        match own.get(name).map_or_else(|| definition.default_value(), |text| definition.parse(text).ok())? {
            Value::Integer(n) => Some(n),
            _ => None,
        }
    };
    for (name, bound, min, max) in GROUP_BOUNDS {
        let of_broker = |which: &str| bound.replace('*', which);
        let why = match number(name) {
            Some(n) if n < *min => format!("greater than or equal to {}", of_broker("min")),
            Some(n) if n > *max => format!("less than or equal to {}", of_broker("max")),
            _ => continue,
        };
        return Err(ConfigError::new(format!("{name} must be {why}")));
    }
    for kind in ["consumer", "share", "streams"] {
        let (session, heartbeat) =
            (format!("{kind}.session.timeout.ms"), format!("{kind}.heartbeat.interval.ms"));
        if number(&session) <= number(&heartbeat) {
            return Err(ConfigError::new(format!("{session} must be greater than {heartbeat}")));
        }
    }
    Ok(())
}

/// `by_duration:` takes a duration of ISO 8601, days to seconds, that is not negative.
fn verify_reset(text: &str) -> Result<(), ConfigError> {
    let by_duration = text.strip_prefix("by_duration:").and_then(duration_ns).is_some_and(|ns| ns >= 0);
    if by_duration || matches!(text, "earliest" | "latest") {
        return Ok(());
    }
    const NAME: &str = "share.auto.offset.reset";
    let why = format!(
        "Invalid value `{text}` for configuration {NAME}. The value must be either 'earliest', 'latest' or of the \
         format 'by_duration:<PnDTnHnMn.nS>'."
    );
    Err(ConfigError::invalid(NAME, text, &why))
}

/// What a text says in nanoseconds, as Java reads durations: any part may have a sign, and so may the whole.
fn duration_ns(text: &str) -> Option<i128> {
    const SECOND: i128 = 1_000_000_000;
    let text = text.to_ascii_uppercase();
    let whole = text.strip_prefix(['-', '+']).unwrap_or(&text).strip_prefix('P')?;
    let (days, time) = whole.split_once('T').map_or((whole, None), |(days, time)| (days, Some(time)));
    if time.unwrap_or(days).is_empty() {
        return None;
    }
    let number = |text: &str| text.parse::<i64>().ok().map(i128::from);
    let mut ns = match days {
        "" => 0,
        days => number(days.strip_suffix('D')?)? * 86_400 * SECOND,
    };
    let mut left = time.unwrap_or_default();
    for (unit, seconds) in [('H', 3600), ('M', 60)] {
        if let Some((count, behind)) = left.split_once(unit) {
            ns += number(count)? * seconds * SECOND;
            left = behind;
        }
    }
    if !left.is_empty() {
        let (seconds, part) = left.strip_suffix('S').map(|s| s.split_once(['.', ',']).unwrap_or((s, "")))?;
        let is_part = part.len() <= 9 && part.bytes().all(|b| b.is_ascii_digit());
        let part: i128 = is_part.then(|| format!("{part:0<9}"))?.parse().ok()?;
        ns += number(seconds)? * SECOND + if seconds.starts_with('-') { -part } else { part };
    }
    i64::try_from(ns.div_euclid(SECOND)).ok()?;
    Some(if text.starts_with('-') { -ns } else { ns })
}

/// Checks all settings of a subscription. Patterns are kept as they are: there is nothing that they are matched against.
pub fn validate_client_metrics(own: &Settings) -> Result<(), SubscriptionError> {
    if let Some(name) = own.keys().find(|name| find(CLIENT_METRICS, name).is_none()) {
        return Err(SubscriptionError::Request(format!("Unknown client metrics configuration: {name}")));
    }
    for definition in CLIENT_METRICS {
        let Some(text) = own.get(definition.name) else { continue };
        match definition.parse(text).map_err(SubscriptionError::Config)? {
            Value::Integer(n) if !(100..=3_600_000).contains(&n) => {
                return Err(SubscriptionError::Request(format!(
                    "Invalid value {n} for interval.ms, interval must be between 100 and 3600000 (1 hour)"
                )));
            }
            Value::List(items) if definition.name == "match" => {
                let refused = items.iter().find(|item| !is_match(item));
                if let Some(item) = refused {
                    let error = ConfigError::new(format!("Illegal client matching pattern: {item}"));
                    return Err(SubscriptionError::Config(error));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A name and an expression, between which there is the only equals sign but for those at the end.
fn is_match(item: &str) -> bool {
    let parts = item.trim_end_matches('=').split_once('=');
    parts.is_some_and(|(name, pattern)| MATCHED.contains(&name.trim()) && !pattern.contains('='))
}

/// Every setting of a group.
pub fn describe_group(own: &Settings) -> Vec<ConfigEntry> {
    GROUP.iter().map(|definition| entry(definition, own, ConfigSource::Group)).collect()
}

/// Every setting of a subscription.
pub fn describe_client_metrics(own: &Settings) -> Vec<ConfigEntry> {
    CLIENT_METRICS.iter().map(|definition| entry(definition, own, ConfigSource::ClientMetrics)).collect()
}

fn entry(definition: &Definition, own: &Settings, source: ConfigSource) -> ConfigEntry {
    let default = definition.default_value().map(|value| value.show());
    let set = own.get(definition.name).map(|text| definition.parse(text).map_or(text.clone(), |v| v.show()));
    let mut synonyms = Vec::new();
    let mut add = |name: &str, value: &Option<String>, source| {
        synonyms.push(ConfigSynonym { name: name.to_owned(), value: value.clone(), source });
    };
    if set.is_some() {
        add(definition.name, &set, source);
    }
    if let Some(of_broker) = definition.synonym {
        add(of_broker, &default, ConfigSource::Default);
    }
    ConfigEntry {
        name: definition.name.to_owned(),
        value: set.or(default),
        source: synonyms.first().map_or(ConfigSource::Default, |synonym| synonym.source),
        read_only: false,
        is_sensitive: false,
        config_type: definition.kind.code(),
        synonyms,
        documentation: Some(definition.documentation.to_owned()),
    }
}

fn find<'a>(table: &'a [Definition], name: &str) -> Option<&'a Definition> {
    table.iter().find(|definition| definition.name == name)
}
