//! What all parts of one broker share: who it is, its settings, the image, and the ways to everything else.

use std::sync::Arc;

use arc_swap::ArcSwap;
use gracchus_base::{BrokerId, Clock, Entropy};
use gracchus_state::config::BrokerConfig;
use gracchus_state::image::MetadataImage;

use crate::admission::RequestBudget;
use crate::controller::Controller;
use crate::coordinator::Coordinators;
use crate::data_dirs::DataDirs;
use crate::fetch_sessions::FetchSessions;
use crate::listener::ConnectionCounts;
use crate::producer_ids::ProducerIds;
use crate::topics::Topics;

/// One broker. Handlers reach everything through it.
pub struct Node {
    pub id: BrokerId,
    pub cluster_id: String,
    pub clock: Clock,
    pub entropy: Entropy,
    /// The settings in force, dynamic ones included; replaced when metadata changes them.
    pub config: Arc<ArcSwap<BrokerConfig>>,
    /// The cluster as this broker last applied it.
    pub image: Arc<ArcSwap<MetadataImage>>,
    pub topics: Arc<Topics>,
    pub controller: Controller,
    pub coordinators: Coordinators,
    pub fetch_sessions: FetchSessions,
    pub producer_ids: ProducerIds,
    pub budget: RequestBudget,
    pub connections: Arc<ConnectionCounts>,
    pub data_dirs: Arc<DataDirs>,
}

impl Node {
    /// The settings in force.
    pub fn config(&self) -> arc_swap::Guard<Arc<BrokerConfig>> {
        self.config.load()
    }

    /// The image in force.
    pub fn image(&self) -> Arc<MetadataImage> {
        self.image.load_full()
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("id", &self.id).field("cluster_id", &self.cluster_id).finish_non_exhaustive()
    }
}
