//! What the handlers of settings share: the types of resources, the settings that a description rests on, and how an
//! alteration is submitted.

use std::sync::Arc;

use gracchus_base::BrokerId;
use gracchus_base::metadata_record::{ConfigResource, MetadataRecord};
use gracchus_state::config::{self, BrokerConfig, ConfigEntry, Settings};
use gracchus_state::controller::AdminError;
use gracchus_state::image::MetadataImage;

use super::RequestContext;
use crate::node::Node;

/// Types of resources, by the codes of Kafka's `ConfigResource`.
pub const TOPIC: i8 = 2;
pub const BROKER: i8 = 4;
pub const BROKER_LOGGER: i8 = 8;
pub const CLIENT_METRICS: i8 = 16;
pub const GROUP: i8 = 32;

/// Everything that settings of topics and of this broker follow from.
pub struct BrokerSettings {
    per_broker: Settings,
    default: Settings,
    /// Holds what was given at the start besides what is in force.
    config: Arc<BrokerConfig>,
}

impl BrokerSettings {
    /// As the image in force has them.
    pub fn of(node: &Node) -> Self {
        let image = node.image();
        let dynamic = |id: Option<BrokerId>| image.configs(&ConfigResource::Broker(id)).to_settings();
        Self { per_broker: dynamic(Some(node.id)), default: dynamic(None), config: node.config.load_full() }
    }

    /// Every setting of a topic that has these of its own.
    pub fn describe_topic(&self, overrides: &Settings) -> Vec<ConfigEntry> {
        config::describe_topic(overrides, &self.per_broker, &self.default, &self.config)
    }

    /// Every setting of this broker.
    pub fn describe_broker(&self) -> Vec<ConfigEntry> {
        config::describe_broker(&self.per_broker, &self.default, &self.config)
    }

    /// The dynamic settings of all brokers.
    pub fn describe_default(&self) -> Vec<ConfigEntry> {
        config::describe_cluster_default(&self.default)
    }
}

/// Runs a decision about `count` resources and commits what it decided, unless only a check was asked for. One result
/// per resource, in order.
pub async fn alter(
    ctx: &RequestContext,
    count: usize,
    validate_only: bool,
    decide: impl FnOnce(&MetadataImage, &BrokerConfig) -> Vec<Result<Vec<MetadataRecord>, AdminError>>
    + Send
    + 'static,
) -> Vec<Result<(), AdminError>> {
    let config = ctx.node.config.load_full();
    let change = ctx.node.controller.change(move |image| {
        let mut records = Vec::new();
        let decided = decide(image, &config).into_iter();
        let results: Vec<_> =
            decided.map(|result| result.map(|of_resource| records.extend(of_resource))).collect();
        (if validate_only { Vec::new() } else { records }, results)
    });
    match change.await {
        Ok(results) => results,
        Err(code) => vec![Err(AdminError::bare(code)); count],
    }
}
