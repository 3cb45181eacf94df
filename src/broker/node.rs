//! What all parts of one broker share: who it is, its settings, the image, and the ways to everything else.

use std::sync::Arc;

use arc_swap::ArcSwap;
use gracchus_base::{BrokerId, Clock, Entropy, ErrorCode, TopicName};
use gracchus_state::config::BrokerConfig;
use gracchus_state::controller;
use gracchus_state::image::MetadataImage;

use crate::admission::RequestBudget;
use crate::buffer_pool::BufferPool;
use crate::cold_reads::ColdReads;
use crate::controller::Controller;
use crate::coordinator::Coordinators;
use crate::data_dirs::DataDirs;
use crate::fetch_sessions::FetchSessions;
use crate::host_lookups::HostLookups;
use crate::listener::ConnectionCounts;
use crate::memory::MemoryUsage;
use crate::producer_ids::ProducerIds;
use crate::responses::ResponseBudget;
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
    pub cold_reads: ColdReads,
    pub host_lookups: HostLookups,
    pub producer_ids: ProducerIds,
    pub budget: RequestBudget,
    pub responses: ResponseBudget,
    pub buffers: BufferPool,
    pub connections: Arc<ConnectionCounts>,
    pub data_dirs: Arc<DataDirs>,
}

impl Node {
    /// The settings in force.
    pub fn config(&self) -> arc_swap::Guard<Arc<BrokerConfig>> {
        self.config.load()
    }

    /// What is held for clients. Takes no lock that a request waits for, but that of fetch sessions for a moment.
    pub fn memory(&self) -> MemoryUsage {
        let (fetch_sessions, fetch_session_partitions) = self.fetch_sessions.usage();
        let (groups, group_state_bytes) = self.coordinators.usage();
        MemoryUsage {
            requests: self.budget.usage(),
            responses: self.responses.usage(),
            fetch_sessions,
            fetch_session_partitions,
            producer_ids: self.data_dirs.producer_ids(),
            groups,
            group_state_bytes,
        }
    }

    /// The image in force.
    pub fn image(&self) -> Arc<MetadataImage> {
        self.image.load_full()
    }
}

impl Node {
    /// Makes the topic of committed offsets, unless it is there (TRAPS 57).
    ///
    /// # Errors
    /// COORDINATOR_NOT_AVAILABLE when it could not be made.
    pub async fn ensure_offsets_topic(&self) -> Result<(), ErrorCode> {
        if self.coordinators.offsets_topic().is_some() {
            return Ok(());
        }
        let (config, entropy, dirs) = (self.config.load_full(), self.entropy.clone(), self.data_dirs.clone());
        let created = self.controller.change(move |image| {
            if image.topic(TopicName::consumer_offsets().as_str()).is_some() {
                return (Vec::new(), Ok(()));
            }
            let topic = controller::consumer_offsets_topic(&config);
            let mut outcomes =
                controller::create_topics(image, &[topic], &config, &mut || entropy.uuid(), &mut |_| {
                    dirs.place()
                });
            match outcomes.pop().map(|outcome| outcome.result) {
                Some(Ok(created)) => (created.records, Ok(())),
                Some(Err(error)) => (Vec::new(), Err(error)),
                None => (Vec::new(), Ok(())),
            }
        });
        match created.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::error!(?error, "the offsets topic was not made");
                Err(ErrorCode::CoordinatorNotAvailable)
            }
            Err(_) => Err(ErrorCode::CoordinatorNotAvailable),
        }
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node")
            .field("id", &self.id)
            .field("cluster_id", &self.cluster_id)
            .finish_non_exhaustive()
    }
}
