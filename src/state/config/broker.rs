//! The broker's settings as typed values, checked one by one and against each other.

use std::collections::BTreeMap;

use gracchus_base::BrokerId;

use super::broker_table::BROKER;
use super::definition::Update;
use super::listener::{self, Listener};
use super::topic::{CompressionType, TopicConfig};
use super::value::Value;
use super::{ConfigError, Settings, not_served};

/// How closely produced batches are looked at (`log.validate.records`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordValidation {
    /// Every record is walked, also inside compressed batches.
    Strict,
    /// Only the batch header is checked.
    Header,
}

/// Every implemented broker setting, with the defaults of topics. Units are in the names; texts are as written.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    pub node_id: BrokerId,
    pub rack: Option<String>,
    /// Listeners for clients, at least one.
    pub listeners: Vec<Listener>,
    /// Listeners of the controller: accepted, not to be opened while a node is its own controller.
    pub controller_listeners: Vec<Listener>,
    /// The listener for other brokers, one of `listeners`.
    pub inter_broker_listener: String,
    /// At least one, each once.
    pub log_dirs: Vec<String>,
    /// Where the metadata log is; one of `log_dirs` or another directory.
    pub metadata_log_dir: String,
    pub num_recovery_threads_per_data_dir: i32,
    /// `None` is one per core.
    pub num_log_shards: Option<i32>,
    pub log_validate_records: RecordValidation,
    pub log_retention_check_interval_ms: i64,
    pub log_initial_task_delay_ms: i64,
    pub log_flush_scheduler_interval_ms: i64,
    pub log_flush_offset_checkpoint_interval_ms: i64,
    pub log_flush_start_offset_checkpoint_interval_ms: i64,
    pub num_partitions: i32,
    pub default_replication_factor: i32,
    pub auto_create_topics_enable: bool,
    pub delete_topic_enable: bool,
    pub socket_request_max_bytes: i32,
    /// Bytes of requests held at one time; `None` is no limit.
    pub queued_max_request_bytes: Option<i64>,
    /// Bytes of answers that wait to be sent; `None` is no limit.
    pub queued_max_response_bytes: Option<i64>,
    /// `None` is the system's choice.
    pub socket_send_buffer_bytes: Option<i32>,
    /// `None` is the system's choice.
    pub socket_receive_buffer_bytes: Option<i32>,
    pub socket_listen_backlog_size: i32,
    /// `None` is never.
    pub connections_max_idle_ms: Option<i64>,
    pub max_connections: i32,
    pub max_connections_per_ip: i32,
    /// Host or address, and its number of connections.
    pub max_connections_per_ip_overrides: Vec<(String, i32)>,
    pub fetch_max_bytes: i32,
    pub max_incremental_fetch_session_cache_slots: i32,
    pub max_incremental_fetch_session_cache_partitions: i32,
    pub max_request_partition_size_limit: i32,
    pub group_min_session_timeout_ms: i32,
    pub group_max_session_timeout_ms: i32,
    pub group_max_size: i32,
    pub group_initial_rebalance_delay_ms: i32,
    /// `None`: what the broker sees fit.
    pub group_coordinator_append_linger_ms: Option<u32>,
    pub max_groups: i32,
    pub max_groups_per_offsets_partition: i32,
    pub max_group_state_bytes: i64,
    pub max_group_state_bytes_per_offsets_partition: i64,
    pub offset_metadata_max_bytes: i32,
    pub offsets_commit_timeout_ms: i32,
    pub offsets_retention_minutes: i32,
    pub offsets_retention_check_interval_ms: i64,
    pub offsets_topic_num_partitions: i32,
    pub offsets_topic_replication_factor: i16,
    pub offsets_topic_segment_bytes: i32,
    pub offsets_topic_compression: CompressionType,
    pub producer_id_expiration_ms: i32,
    pub producer_id_expiration_check_interval_ms: i32,
    pub max_producer_ids: i32,
    pub max_producer_ids_per_partition: i32,
    pub transaction_max_timeout_ms: i32,
    /// What a topic without settings of its own has.
    pub topic_defaults: TopicConfig,
    /// The settings that were given, before any dynamic ones.
    pub(super) given: Settings,
    /// The value of every setting in the table; Kafka's null is absent.
    pub(super) values: BTreeMap<&'static str, Value>,
}

impl BrokerConfig {
    /// Reads and checks `given`. Names outside the table are left alone: whoever collects settings warns of them.
    pub fn from_settings(given: &Settings) -> Result<Self, ConfigError> {
        let given = with_node_id(given)?;
        let effective = given.clone();
        Self::build(given, &effective)
    }

    /// The same broker with the dynamic settings of this broker and of the cluster on top (KIP-226). Settings that are
    /// not dynamic, and unknown ones, have no effect here, as in Kafka.
    ///
    /// # Errors
    /// When a value, or the combination, is refused; a driver that replays an old log keeps what it had.
    pub fn with_dynamic(&self, per_broker: &Settings, default: &Settings) -> Result<Self, ConfigError> {
        let mut effective = self.given.clone();
        let dynamic = |name: &str| BROKER.iter().any(|d| d.name == name && d.update != Update::ReadOnly);
        for (name, value) in default.iter().chain(per_broker).filter(|(name, _)| dynamic(name)) {
            effective.insert(name.clone(), value.clone());
        }
        Self::build(self.given.clone(), &effective)
    }

    fn build(given: Settings, effective: &Settings) -> Result<Self, ConfigError> {
        let mut values = Values::read(effective)?;
        values.fill_in(effective);
        verify_limits(&values)?;
        not_served::verify(effective, values.long("node.id"))?;
        let (listeners, controller_listeners, inter_broker_listener) = resolve_listeners(&values, effective)?;
        let log_dirs = values.list_or("log.dirs", "log.dir");
        let metadata_log_dir = values.text("metadata.log.dir").filter(|dir| !dir.is_empty());
        let metadata_log_dir = metadata_log_dir.or_else(|| log_dirs.first().cloned()).unwrap_or_default();
        Ok(Self {
            node_id: BrokerId(values.int("node.id")),
            rack: values.text("broker.rack").filter(|rack| !rack.is_empty()),
            listeners,
            controller_listeners,
            inter_broker_listener,
            log_dirs,
            metadata_log_dir,
            num_recovery_threads_per_data_dir: values.int("num.recovery.threads.per.data.dir"),
            num_log_shards: values.integer("num.log.shards").map(to_i32),
            log_validate_records: match values.text("log.validate.records").as_deref() {
                Some("header") => RecordValidation::Header,
                _ => RecordValidation::Strict,
            },
            log_retention_check_interval_ms: values.long("log.retention.check.interval.ms"),
            log_initial_task_delay_ms: values.long("log.initial.task.delay.ms"),
            log_flush_scheduler_interval_ms: values.long("log.flush.scheduler.interval.ms"),
            log_flush_offset_checkpoint_interval_ms: values.long("log.flush.offset.checkpoint.interval.ms"),
            log_flush_start_offset_checkpoint_interval_ms: values
                .long("log.flush.start.offset.checkpoint.interval.ms"),
            num_partitions: values.int("num.partitions"),
            default_replication_factor: values.int("default.replication.factor"),
            auto_create_topics_enable: values.boolean("auto.create.topics.enable"),
            delete_topic_enable: values.boolean("delete.topic.enable"),
            socket_request_max_bytes: values.int("socket.request.max.bytes"),
            queued_max_request_bytes: Some(values.long("queued.max.request.bytes")).filter(|n| *n > 0),
            queued_max_response_bytes: Some(values.long("queued.max.response.bytes")).filter(|n| *n > 0),
            socket_send_buffer_bytes: Some(values.int("socket.send.buffer.bytes")).filter(|n| *n >= 0),
            socket_receive_buffer_bytes: Some(values.int("socket.receive.buffer.bytes")).filter(|n| *n >= 0),
            socket_listen_backlog_size: values.int("socket.listen.backlog.size"),
            connections_max_idle_ms: Some(values.long("connections.max.idle.ms")).filter(|n| *n >= 0),
            max_connections: values.int("max.connections"),
            max_connections_per_ip: values.int("max.connections.per.ip"),
            max_connections_per_ip_overrides: connection_overrides(&values)?,
            fetch_max_bytes: values.int("fetch.max.bytes"),
            max_incremental_fetch_session_cache_slots: values
                .int("max.incremental.fetch.session.cache.slots"),
            max_incremental_fetch_session_cache_partitions: values
                .int("max.incremental.fetch.session.cache.partitions"),
            max_request_partition_size_limit: values.int("max.request.partition.size.limit"),
            group_min_session_timeout_ms: values.int("group.min.session.timeout.ms"),
            group_max_session_timeout_ms: values.int("group.max.session.timeout.ms"),
            group_max_size: values.int("group.max.size"),
            group_initial_rebalance_delay_ms: values.int("group.initial.rebalance.delay.ms"),
            group_coordinator_append_linger_ms: u32::try_from(
                values.int("group.coordinator.append.linger.ms"),
            )
            .ok(),
            max_groups: values.int("max.groups"),
            max_groups_per_offsets_partition: values.int("max.groups.per.offsets.partition"),
            max_group_state_bytes: values.long("max.group.state.bytes"),
            max_group_state_bytes_per_offsets_partition: values
                .long("max.group.state.bytes.per.offsets.partition"),
            offset_metadata_max_bytes: values.int("offset.metadata.max.bytes"),
            offsets_commit_timeout_ms: values.int("offsets.commit.timeout.ms"),
            offsets_retention_minutes: values.int("offsets.retention.minutes"),
            offsets_retention_check_interval_ms: values.long("offsets.retention.check.interval.ms"),
            offsets_topic_num_partitions: values.int("offsets.topic.num.partitions"),
            offsets_topic_replication_factor: i16::try_from(values.int("offsets.topic.replication.factor"))
                .unwrap_or(i16::MAX),
            offsets_topic_segment_bytes: values.int("offsets.topic.segment.bytes"),
            offsets_topic_compression: offsets_compression(&values)?,
            producer_id_expiration_ms: values.int("producer.id.expiration.ms"),
            producer_id_expiration_check_interval_ms: values.int("producer.id.expiration.check.interval.ms"),
            max_producer_ids: values.int("max.producer.ids"),
            max_producer_ids_per_partition: values.int("max.producer.ids.per.partition"),
            transaction_max_timeout_ms: values.int("transaction.max.timeout.ms"),
            topic_defaults: TopicConfig::of_broker(&values.0),
            given,
            values: values.0,
        })
    }
}

/// `node.id` and `broker.id` are two names of one thing; whichever was given stands for both.
fn with_node_id(given: &Settings) -> Result<Settings, ConfigError> {
    let mut given = given.clone();
    match (given.get("node.id").cloned(), given.get("broker.id").cloned()) {
        (Some(node), Some(broker)) if node.trim() != broker.trim() => {
            return Err(ConfigError::new("You must set `node.id` to the same value as `broker.id`."));
        }
        (Some(id), None) => drop(given.insert("broker.id".to_owned(), id)),
        (None, Some(id)) => drop(given.insert("node.id".to_owned(), id)),
        _ => {}
    }
    Ok(given)
}

/// Values by name.
struct Values(BTreeMap<&'static str, Value>);

impl Values {
    fn read(effective: &Settings) -> Result<Self, ConfigError> {
        let mut values = BTreeMap::new();
        for definition in BROKER {
            let value = match effective.get(definition.name) {
                Some(text) => Some(definition.parse(text)?),
                None => definition.default_value(),
            };
            values.extend(value.map(|v| (definition.name, v)));
        }
        Ok(Self(values))
    }

    /// Defaults that follow another setting, so that what is described is what holds.
    fn fill_in(&mut self, effective: &Settings) {
        if !effective.contains_key("broker.id") {
            self.0.insert("broker.id", Value::Integer(self.long("node.id")));
        }
        let (queued, largest) =
            (self.long("queued.max.request.bytes"), self.long("socket.request.max.bytes"));
        if !effective.contains_key("queued.max.request.bytes") && queued < largest {
            self.0.insert("queued.max.request.bytes", Value::Integer(largest));
        }
    }

    fn integer(&self, name: &str) -> Option<i64> {
        match self.0.get(name) {
            Some(Value::Integer(n)) => Some(*n),
            _ => None,
        }
    }

    /// Of a setting with a default; the table's test proves that it has one.
    fn long(&self, name: &str) -> i64 {
        self.integer(name).unwrap_or_else(|| unreachable!("{name} is a number with a default"))
    }

    fn int(&self, name: &str) -> i32 {
        to_i32(self.long(name))
    }

    fn boolean(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(Value::Boolean(true)))
    }

    fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    fn list(&self, name: &str) -> Option<&[String]> {
        match self.0.get(name) {
            Some(Value::List(items)) => Some(items),
            _ => None,
        }
    }

    fn list_or(&self, name: &str, other: &str) -> Vec<String> {
        self.list(name).or_else(|| self.list(other)).unwrap_or_default().to_vec()
    }
}

/// Of a number that was read as an `int`, which cannot overflow.
fn to_i32(n: i64) -> i32 {
    i32::try_from(n).unwrap_or(if n < 0 { i32::MIN } else { i32::MAX })
}

/// Kafka's requirements on single numbers that its table does not state, and on pairs.
fn verify_limits(values: &Values) -> Result<(), ConfigError> {
    let refuse = |why: &str| Err(ConfigError::new(why));
    if values.integer("log.roll.ms").is_some_and(|ms| ms < 1) {
        return refuse("log.roll.ms must be greater than or equal to 1");
    }
    if values.integer("log.roll.jitter.ms").is_some_and(|ms| ms < 0) {
        return refuse("log.roll.jitter.ms must be greater than or equal to 0");
    }
    let retention = ["log.retention.ms", "log.retention.minutes", "log.retention.hours"];
    if retention.iter().find_map(|name| values.integer(name)) == Some(0) {
        return refuse("log.retention.ms must be unlimited (-1) or, greater than or equal to 1");
    }
    let (queued, largest) =
        (values.long("queued.max.request.bytes"), values.long("socket.request.max.bytes"));
    if queued > 0 && queued < largest {
        return refuse("queued.max.request.bytes must be larger or equal to socket.request.max.bytes");
    }
    let no_overrides = values.text("max.connections.per.ip.overrides").is_none_or(|text| text.is_empty());
    if values.long("max.connections.per.ip") == 0 && no_overrides {
        return refuse(
            "max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.",
        );
    }
    Ok(())
}

fn resolve_listeners(
    values: &Values,
    effective: &Settings,
) -> Result<(Vec<Listener>, Vec<Listener>, String), ConfigError> {
    let map = values.text("listener.security.protocol.map").unwrap_or_default();
    let listeners = listener::resolve(&listener::Inputs {
        listeners: values.list("listeners").unwrap_or_default(),
        advertised: values.list("advertised.listeners"),
        protocol_map: &map,
        protocol_map_is_default: !effective.contains_key("listener.security.protocol.map"),
        controller_names: values.list("controller.listener.names").unwrap_or_default(),
    })?;
    let by_protocol = effective.contains_key("security.inter.broker.protocol");
    let named = values.text("inter.broker.listener.name").map(|name| name.to_ascii_uppercase());
    let name = match named {
        Some(_) if by_protocol => {
            return Err(ConfigError::new(
                "Only one of inter.broker.listener.name and security.inter.broker.protocol should be set.",
            ));
        }
        Some(name) if !listeners.mapped.contains(&name) => {
            return Err(ConfigError::new(format!(
                "Listener with name {name} defined in inter.broker.listener.name not found in \
                 listener.security.protocol.map."
            )));
        }
        Some(name) => Some(name),
        None if by_protocol => values.text("security.inter.broker.protocol"),
        None => None,
    };
    let valid: Vec<&str> = listeners.broker.iter().map(|l| &*l.name).collect();
    // A single node asks nobody, so that without a name any listener will do; Kafka would insist on PLAINTEXT.
    let name = match name {
        Some(name) if valid.contains(&&*name) => name,
        Some(_) => {
            return Err(ConfigError::new(format!(
                "inter.broker.listener.name must be a listener name defined in advertised.listeners. The valid \
                 options based on currently configured listeners are {}",
                valid.join(",")
            )));
        }
        None => valid
            .iter()
            .find(|n| **n == "PLAINTEXT")
            .or(valid.first())
            .copied()
            .unwrap_or_default()
            .to_owned(),
    };
    Ok((listeners.broker, listeners.controller, name))
}

fn connection_overrides(values: &Values) -> Result<Vec<(String, i32)>, ConfigError> {
    const NAME: &str = "max.connections.per.ip.overrides";
    let text = values.text(NAME).unwrap_or_default();
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (host, count) = pair.rsplit_once(':').unwrap_or((pair, ""));
            match count.trim().parse::<i32>() {
                Ok(count) if count >= 0 => Ok((host.trim().to_owned(), count)),
                _ => Err(ConfigError::new(format!(
                    "Error parsing configuration property '{NAME}': '{pair}' is not HOST:COUNT"
                ))),
            }
        })
        .collect()
}

fn offsets_compression(values: &Values) -> Result<CompressionType, ConfigError> {
    match values.int("offsets.topic.compression.codec") {
        0 => Ok(CompressionType::Uncompressed),
        1 => Ok(CompressionType::Gzip),
        2 => Ok(CompressionType::Snappy),
        3 => Ok(CompressionType::Lz4),
        4 => Ok(CompressionType::Zstd),
        id => Err(ConfigError::new(format!("Unknown compression type id: {id}"))),
    }
}
