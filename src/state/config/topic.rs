//! A topic's settings as typed values: its own on top of the broker's defaults.

use std::collections::BTreeMap;

use super::value::Value;
use super::{BrokerConfig, ConfigError, TOPIC, topic_definition};

/// `cleanup.policy`. Neither means that records are kept for ever (KIP-1161).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CleanupPolicy {
    /// Every record needs a key, and only the last one of each key is promised to stay.
    pub compact: bool,
    /// Old segments go by age and size.
    pub delete: bool,
}

/// `compression.type`: what batches are stored with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CompressionType {
    /// As they were sent (TRAPS 45).
    #[default]
    Producer,
    Uncompressed,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// `message.timestamp.type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampType {
    #[default]
    CreateTime,
    LogAppendTime,
}

/// Every topic setting that is implemented. Units are in the names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicConfig {
    pub cleanup_policy: CleanupPolicy,
    pub compression_type: CompressionType,
    /// -1 is the codec's own default.
    pub compression_gzip_level: i32,
    pub compression_lz4_level: i32,
    pub compression_zstd_level: i32,
    /// -1 is for ever.
    pub retention_ms: i64,
    /// -1 is no limit.
    pub retention_bytes: i64,
    pub segment_bytes: i32,
    pub segment_ms: i64,
    pub segment_jitter_ms: i64,
    pub index_interval_bytes: i32,
    pub segment_index_bytes: i32,
    pub max_message_bytes: i32,
    pub message_timestamp_type: TimestampType,
    pub message_timestamp_before_max_ms: i64,
    pub message_timestamp_after_max_ms: i64,
    pub min_insync_replicas: i32,
    pub flush_messages: i64,
    pub flush_ms: i64,
    /// Whether acks=all waits for stable storage; false is Kafka's own behaviour.
    pub flush_before_ack: bool,
    pub file_delete_delay_ms: i64,
    pub delete_retention_ms: i64,
    pub min_cleanable_dirty_ratio: f64,
    pub min_compaction_lag_ms: i64,
    pub max_compaction_lag_ms: i64,
    pub preallocate: bool,
    pub unclean_leader_election_enable: bool,
    /// `internal.segment.bytes`; when set, `segment_bytes` is this.
    internal_segment_bytes: Option<i32>,
}

/// A topic's effective settings.
///
/// # Errors
/// When a name is unknown, a value is refused, two values contradict each other, or tiered storage is asked for. The
/// error code is INVALID_CONFIG.
pub fn resolve_topic<'a>(
    overrides: impl IntoIterator<Item = (&'a str, &'a str)>,
    broker: &BrokerConfig,
) -> Result<TopicConfig, ConfigError> {
    let mut config = broker.topic_defaults.clone();
    let mut sets_lag = false;
    for (name, text) in overrides {
        let Some(definition) = topic_definition(name) else {
            return Err(ConfigError::new(format!("Unknown topic config name: {name}")));
        };
        let value = definition.parse(text)?;
        if name == "remote.storage.enable" && value == Value::Boolean(true) {
            return Err(ConfigError::new(
                "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log \
                 storage.",
            ));
        }
        sets_lag |= matches!(name, "min.compaction.lag.ms" | "max.compaction.lag.ms");
        config.set(name, &value);
    }
    let (min, max) = (config.min_compaction_lag_ms, config.max_compaction_lag_ms);
    if sets_lag && min > max {
        return Err(ConfigError::new(format!(
            "conflict topic config setting min.compaction.lag.ms ({min}) > max.compaction.lag.ms ({max})"
        )));
    }
    config.segment_bytes = config.internal_segment_bytes.unwrap_or(config.segment_bytes);
    Ok(config)
}

impl TopicConfig {
    /// What a topic without settings of its own has under these broker settings.
    pub(super) fn of_broker(broker: &BTreeMap<&'static str, Value>) -> Self {
        let mut config = Self::default();
        for definition in TOPIC {
            if let Some(value) = default_of(definition.name, broker) {
                config.set(definition.name, &value);
            }
        }
        config
    }

    fn set(&mut self, name: &str, value: &Value) {
        match value {
            Value::Integer(n) => self.set_integer(name, *n),
            Value::Boolean(b) => match name {
                "flush.before.ack" => self.flush_before_ack = *b,
                "preallocate" => self.preallocate = *b,
                "unclean.leader.election.enable" => self.unclean_leader_election_enable = *b,
                _ => {}
            },
            Value::Double(n) if name == "min.cleanable.dirty.ratio" => self.min_cleanable_dirty_ratio = *n,
            Value::List(items) if name == "cleanup.policy" => {
                let has = |policy: &str| items.iter().any(|item| item == policy);
                self.cleanup_policy = CleanupPolicy { compact: has("compact"), delete: has("delete") };
            }
            Value::Text(text) => self.set_text(name, text),
            Value::Double(_) | Value::List(_) => {}
        }
    }

    fn set_integer(&mut self, name: &str, long: i64) {
        let int = i32::try_from(long).unwrap_or(i32::MAX);
        match name {
            "compression.gzip.level" => self.compression_gzip_level = int,
            "compression.lz4.level" => self.compression_lz4_level = int,
            "compression.zstd.level" => self.compression_zstd_level = int,
            "retention.ms" => self.retention_ms = long,
            "retention.bytes" => self.retention_bytes = long,
            "segment.bytes" => self.segment_bytes = int,
            "segment.ms" => self.segment_ms = long,
            "segment.jitter.ms" => self.segment_jitter_ms = long,
            "index.interval.bytes" => self.index_interval_bytes = int,
            "segment.index.bytes" => self.segment_index_bytes = int,
            "max.message.bytes" => self.max_message_bytes = int,
            "message.timestamp.before.max.ms" => self.message_timestamp_before_max_ms = long,
            "message.timestamp.after.max.ms" => self.message_timestamp_after_max_ms = long,
            "min.insync.replicas" => self.min_insync_replicas = int,
            "flush.messages" => self.flush_messages = long,
            "flush.ms" => self.flush_ms = long,
            "file.delete.delay.ms" => self.file_delete_delay_ms = long,
            "delete.retention.ms" => self.delete_retention_ms = long,
            "min.compaction.lag.ms" => self.min_compaction_lag_ms = long,
            "max.compaction.lag.ms" => self.max_compaction_lag_ms = long,
            "internal.segment.bytes" => self.internal_segment_bytes = Some(int),
            _ => {}
        }
    }

    fn set_text(&mut self, name: &str, text: &str) {
        match (name, text) {
            ("compression.type", "uncompressed") => self.compression_type = CompressionType::Uncompressed,
            ("compression.type", "gzip") => self.compression_type = CompressionType::Gzip,
            ("compression.type", "snappy") => self.compression_type = CompressionType::Snappy,
            ("compression.type", "lz4") => self.compression_type = CompressionType::Lz4,
            ("compression.type", "zstd") => self.compression_type = CompressionType::Zstd,
            ("compression.type", _) => self.compression_type = CompressionType::Producer,
            ("message.timestamp.type", "LogAppendTime") => {
                self.message_timestamp_type = TimestampType::LogAppendTime;
            }
            ("message.timestamp.type", _) => self.message_timestamp_type = TimestampType::CreateTime,
            _ => {}
        }
    }
}

/// The value of a topic setting that a topic does not set itself: the broker's, where the broker has one. Times come
/// from the finest unit that is set, as in Kafka; a flush interval from the scheduler's when it has none of its own.
pub(super) fn default_of(name: &str, broker: &BTreeMap<&'static str, Value>) -> Option<Value> {
    let number = |name: &str| match broker.get(name) {
        Some(Value::Integer(n)) => Some(*n),
        _ => None,
    };
    let in_ms = |name: &str, unit_ms: i64| number(name).map(|n| n.saturating_mul(unit_ms));
    const HOUR_MS: i64 = 60 * 60 * 1000;
    let ms = match name {
        "retention.ms" => number("log.retention.ms")
            .or_else(|| in_ms("log.retention.minutes", 60 * 1000))
            .or_else(|| in_ms("log.retention.hours", HOUR_MS))
            .map(|ms| ms.max(-1)),
        "segment.ms" => number("log.roll.ms").or_else(|| in_ms("log.roll.hours", HOUR_MS)),
        "segment.jitter.ms" => {
            number("log.roll.jitter.ms").or_else(|| in_ms("log.roll.jitter.hours", HOUR_MS))
        }
        "flush.ms" => number("log.flush.interval.ms").or_else(|| number("log.flush.scheduler.interval.ms")),
        _ => None,
    };
    let definition = topic_definition(name)?;
    let own = || definition.synonym.and_then(|synonym| broker.get(synonym).cloned());
    ms.map(Value::Integer).or_else(own).or_else(|| definition.default_value())
}
