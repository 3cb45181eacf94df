//! Starting and stopping: puts the parts together in the order in which they depend on one another.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use gracchus_base::limits;
use gracchus_state::config::{BrokerConfig, HostPort};
use gracchus_state::controller::{self, BrokerStart};
use gracchus_state::fetch_session::FetchSessionLimits;
use gracchus_state::group::GroupConfig;
use gracchus_state::image::{self, ImageLoader, MetadataImage};
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::timeout_at;

use crate::admission::RequestBudget;
use crate::api;
use crate::buffer_pool::BufferPool;
use crate::cold_reads::ColdReads;
use crate::controller::Controller;
use crate::coordinator::{Coordinators, GroupBounds};
use crate::data_dirs::{DataDirs, DataDirsOptions, FoundLogs, StartError as DirError};
use crate::execution::Running;
use crate::fetch_sessions::FetchSessions;
use crate::host_lookups::HostLookups;
use crate::listener::{self, ConnectionCounts, Endpoint};
use crate::local::LocalConnection;
use crate::memory::{Gauge, MemoryUsage};
use crate::metadata::Publisher;
use crate::node::Node;
use crate::producer_ids::ProducerIds;
use crate::quorum::{Quorum, QuorumError, QuorumOptions};
use crate::responses::ResponseBudget;
use crate::shutdown::{self, ShutdownTrigger};
use crate::system::System;
use crate::topics::Topics;
use crate::upkeep;

/// How a broker is to run.
#[derive(Debug)]
pub struct Options {
    pub config: BrokerConfig,
    /// Nothing is ever flushed; whoever starts the broker removes its directories.
    pub ephemeral: bool,
    /// The id that a new cluster gets and an old one must have; `None` takes what is there, or makes one.
    pub cluster_id: Option<String>,
    /// [`System::real`], or that of a test.
    pub system: System,
}

/// Why a broker did not start. Nothing was changed on disk unless it is [`StartError::Quorum`] or a failing disk.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot listen on {address}: {error}")]
    Listen {
        address: HostPort,
        #[source]
        error: io::Error,
    },
    #[error(transparent)]
    Directory(#[from] DirError),
    #[error(transparent)]
    Quorum(#[from] QuorumError),
    #[error("the metadata of the start does not fit: {0}")]
    Image(#[from] image::ImageError),
    #[error("a thread did not start: {0}")]
    Thread(#[source] io::Error),
}

/// A running broker.
pub struct Broker {
    node: Arc<Node>,
    addresses: Vec<SocketAddr>,
    stop: ShutdownTrigger,
    background: Vec<tokio::task::JoinHandle<()>>,
    controller: Running,
}

/// When, after the shutdown began, connections that are still there are left to themselves.
const CONNECTIONS_UNTIL: Duration = Duration::from_millis(900);

/// When logs that are still being flushed are left as a crash would leave them: what was acknowledged is durable, and
/// the next start recovers the rest.
const LOGS_UNTIL: Duration = Duration::from_millis(1600);

/// When the controller must have closed the metadata log. The promise is 2 s in all.
const CONTROLLER_UNTIL: Duration = Duration::from_millis(1750);

/// Where one broker listens.
struct Bound {
    listener: TcpListener,
    endpoint: Endpoint,
    address: SocketAddr,
}

impl Broker {
    /// Starts a broker; it serves when this returns.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let began = Instant::now();
        let config = Arc::new(options.config);
        let bound = bind_all(&config).await?;
        let addresses: Vec<_> = bound.iter().map(|bound| bound.address).collect();
        let producer_expiration_ms = Arc::new(AtomicI64::new(config.producer_id_expiration_ms.into()));
        let (data_dirs, found) = DataDirs::open(&DataDirsOptions {
            config: &config,
            producer_expiration_ms: &producer_expiration_ms,
            cluster_id: options.cluster_id.as_deref(),
            ephemeral: options.ephemeral,
            system: &options.system,
        })?;
        let data_dirs = Arc::new(data_dirs);
        let system = options.system;
        let parts = Parts { config, system, data_dirs, producer_expiration_ms, ephemeral: options.ephemeral };
        let (node, controller) = parts.node(&bound, found).await?;
        let (stop, stopping) = shutdown::channel();
        let endpoints: Vec<_> = bound.iter().map(|bound| told(&bound.endpoint, bound.address)).collect();
        let mut background = Vec::new();
        for Bound { listener, endpoint, .. } in bound {
            let endpoint = Arc::new(endpoint);
            background.push(tokio::spawn(listener::run(node.clone(), listener, endpoint, stopping.clone())));
        }
        background.push(tokio::spawn(upkeep::run(node.clone(), stopping)));
        log_started(&node, &addresses, &endpoints, began.elapsed());
        Ok(Self { node, addresses, stop, background, controller })
    }

    /// Where it listens, in the order of the configured listeners.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// A client of it in this process.
    pub fn connect(&self) -> LocalConnection {
        LocalConnection::new(self.node.clone())
    }

    /// What it holds for its clients.
    pub fn memory(&self) -> MemoryUsage {
        self.node.memory()
    }

    /// What its parts share.
    #[cfg(test)]
    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// The cluster's id.
    pub fn cluster_id(&self) -> &str {
        &self.node.cluster_id
    }

    /// Stops: no more connections, what is in flight is finished, everything is flushed and marked as clean.
    pub async fn shutdown(self) {
        let Self { node, stop, background, controller, .. } = self;
        let began = tokio::time::Instant::now();
        stop.start();
        if timeout_at(began + CONNECTIONS_UNTIL, stop.all_gone()).await.is_err() {
            tracing::warn!("not every connection has ended in time");
        }
        for task in background {
            if let Err(error) = task.await {
                tracing::error!(%error, "a background task did not end well");
            }
        }
        tracing::debug!(memory = %node.memory(), "connections have ended");
        if timeout_at(began + LOGS_UNTIL, node.data_dirs.close()).await.is_err() {
            tracing::warn!("not everything could be flushed in time; the next start will recover");
        }
        // The controller's thread ends with the last holder of the node, and then the directories are free.
        drop(node);
        if !matches!(timeout_at(began + CONTROLLER_UNTIL, controller.ended()).await, Ok(true)) {
            tracing::warn!("the controller did not end in time");
        }
        tracing::info!("stopped");
    }
}

/// What a node is made of.
struct Parts {
    config: Arc<BrokerConfig>,
    system: System,
    data_dirs: Arc<DataDirs>,
    producer_expiration_ms: Arc<AtomicI64>,
    ephemeral: bool,
}

impl Parts {
    async fn node(self, bound: &[Bound], mut found: FoundLogs) -> Result<(Arc<Node>, Running), StartError> {
        let broker = self.config.node_id;
        let (quorum, image) = self.lead(bound, &mut found)?;
        let topics = Arc::new(Topics::default());
        let coordinators_cell = Arc::new(OnceLock::new());
        let publisher = Publisher {
            broker,
            image: Arc::new(ArcSwap::from_pointee(MetadataImage::default())),
            config: Arc::new(ArcSwap::new(self.config.clone())),
            static_config: self.config.clone(),
            producer_expiration_ms: self.producer_expiration_ms,
            topics: topics.clone(),
            data_dirs: self.data_dirs.clone(),
            coordinators: coordinators_cell.clone(),
            shared_config: Mutex::new(None),
        };
        publisher.host_all(Arc::new(image), &|topic, index| found.log(broker, topic, index));
        drop(found);
        self.data_dirs.opened().await;
        let workers = self.data_dirs.shard_count();
        let bounds = GroupBounds {
            config: group_config(&self.config),
            groups: Gauge::new(size(self.config.max_groups.into())),
            bytes: Gauge::new(size(self.config.max_group_state_bytes)),
        };
        let linger_ms = self.config.group_coordinator_append_linger_ms;
        let coordinators = Coordinators::spawn(workers, &bounds, linger_ms, topics.clone(), &self.system);
        if let Some(offsets) = coordinators.offsets_topic() {
            coordinators.load(&offsets);
        }
        // Set once, here.
        let _set = coordinators_cell.set(coordinators.clone());
        let (config, image) = (publisher.config.clone(), publisher.image.clone());
        let System { clock, entropy, execution, .. } = self.system;
        let (controller, running) =
            Controller::spawn(broker, quorum, publisher, execution.clone()).map_err(StartError::Thread)?;
        let sessions = FetchSessionLimits {
            sessions_max: size(self.config.max_incremental_fetch_session_cache_slots.into()),
            partitions_max: size(self.config.max_incremental_fetch_session_cache_partitions.into()),
            eviction_ms: limits::FETCH_SESSION_EVICTION_MS,
        };
        let (requests, responses) =
            (self.config.queued_max_request_bytes, self.config.queued_max_response_bytes);
        let node = Node {
            id: broker,
            cluster_id: self.data_dirs.cluster_id().to_owned(),
            fetch_sessions: FetchSessions::new(sessions, clock.clone(), entropy.clone()),
            cold_reads: ColdReads::new(self.data_dirs.flushes(), execution.clone()),
            host_lookups: HostLookups::new(execution),
            clock,
            entropy,
            config,
            image,
            topics,
            producer_ids: ProducerIds::new(controller.clone()),
            controller,
            coordinators,
            budget: RequestBudget::new(requests.map_or(usize::MAX, size)),
            responses: ResponseBudget::new(responses.map_or(usize::MAX, size), api::SERVED.len()),
            buffers: BufferPool::default(),
            connections: Arc::new(ConnectionCounts::default()),
            data_dirs: self.data_dirs,
        };
        Ok((Arc::new(node), running))
    }

    /// Opens the metadata log, takes the lead, registers this broker and raises the leader epochs of all partitions
    /// that hold data, so that no offset is ever used twice under one epoch.
    fn lead(&self, bound: &[Bound], found: &mut FoundLogs) -> Result<(Quorum, MetadataImage), StartError> {
        let (mut quorum, image) = Quorum::open(QuorumOptions {
            dir: PathBuf::from(&self.config.metadata_log_dir),
            voter: self.config.node_id,
            env: self.data_dirs.log_env(),
            clock: self.system.clock.clone(),
            never_flush: self.ephemeral,
        })?;
        found.set_aside_strays(&self.data_dirs, &image, &self.system.entropy)?;
        let mut start = Start { quorum: &mut quorum, loader: ImageLoader::new(image), records: Vec::new() };
        if start.loader.image().applied().0.0 < 0 && start.loader.image().features().next().is_none() {
            start.add(controller::bootstrap_records(self.config.topic_defaults.min_insync_replicas))?;
        }
        let at = start.next_offset();
        start.add(vec![controller::register_broker(self.registration(bound), at)])?;
        let unfence = controller::unfence_broker(start.loader.image(), self.config.node_id);
        start.add(unfence.into_iter().collect())?;
        let with_data = found.with_data(self.config.node_id, start.loader.image());
        let bumped = controller::bump_leader_epochs(start.loader.image(), with_data);
        start.add(bumped)?;
        let Start { loader, records, .. } = start;
        quorum.append(&records)?;
        Ok((quorum, loader.image().clone()))
    }

    fn registration(&self, bound: &[Bound]) -> BrokerStart {
        let endpoint = |bound: &Bound| {
            let (host, port) = bound
                .endpoint
                .advertised
                .clone()
                .unwrap_or_else(|| (bound.address.ip().to_string(), bound.address.port()));
            let name = bound.endpoint.name.clone();
            gracchus_base::metadata_record::Endpoint { name, host, port, security_protocol: 0 }
        };
        BrokerStart {
            broker_id: self.config.node_id,
            incarnation_id: self.system.entropy.uuid(),
            endpoints: bound.iter().map(endpoint).collect(),
            rack: self.config.rack.clone(),
            log_dirs: self.data_dirs.ids(),
        }
    }
}

/// The records of a start, applied as they are collected.
struct Start<'a> {
    quorum: &'a mut Quorum,
    loader: ImageLoader,
    records: Vec<gracchus_base::metadata_record::MetadataRecord>,
}

impl Start<'_> {
    fn next_offset(&self) -> gracchus_base::Offset {
        self.quorum.next_offset().plus(i64::try_from(self.records.len()).unwrap_or(i64::MAX))
    }

    fn add(
        &mut self,
        records: Vec<gracchus_base::metadata_record::MetadataRecord>,
    ) -> Result<(), StartError> {
        for record in records {
            self.loader.apply(self.next_offset(), self.quorum.epoch(), record.clone())?;
            self.records.push(record);
        }
        Ok(())
    }
}

/// Binds every listener before anything is touched on disk.
async fn bind_all(config: &BrokerConfig) -> Result<Vec<Bound>, StartError> {
    let mut all = Vec::new();
    for listener in &config.listeners {
        let failed = |error| StartError::Listen { address: listener.bind.clone(), error };
        // An empty host is every address of the machine, as in Kafka.
        let host = if listener.bind.host.is_empty() { "0.0.0.0" } else { &listener.bind.host };
        let socket = bind(host, listener.bind.port, config).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        let advertised = listener.advertised.as_ref().map(|told| {
            let port = if told.port == 0 { address.port() } else { told.port };
            (told.host.clone(), port)
        });
        let endpoint = Endpoint { name: listener.name.clone(), advertised };
        all.push(Bound { listener: socket, endpoint, address });
    }
    Ok(all)
}

/// Binds one address. Connections inherit the listener's buffer sizes.
async fn bind(host: &str, port: u16, config: &BrokerConfig) -> io::Result<TcpListener> {
    let mut addresses = tokio::net::lookup_host((host, port)).await?;
    let address = addresses.next().ok_or_else(|| io::Error::other("the name has no address"))?;
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    if let Some(bytes) = config.socket_send_buffer_bytes {
        socket.set_send_buffer_size(bytes.unsigned_abs())?;
    }
    if let Some(bytes) = config.socket_receive_buffer_bytes {
        socket.set_recv_buffer_size(bytes.unsigned_abs())?;
    }
    socket.bind(address)?;
    socket.listen(config.socket_listen_backlog_size.unsigned_abs())
}

/// What clients of a listener will be told.
fn told(endpoint: &Endpoint, address: SocketAddr) -> String {
    match &endpoint.advertised {
        Some((host, port)) => format!("{host}:{port}"),
        None if address.ip().is_unspecified() => "the address they connect to".to_owned(),
        None => address.to_string(),
    }
}

fn group_config(config: &BrokerConfig) -> GroupConfig {
    GroupConfig {
        group_min_session_timeout_ms: config.group_min_session_timeout_ms,
        group_max_session_timeout_ms: config.group_max_session_timeout_ms,
        group_initial_rebalance_delay_ms: config.group_initial_rebalance_delay_ms,
        group_max_size: config.group_max_size,
        offset_metadata_max_bytes: config.offset_metadata_max_bytes,
        offsets_retention_ms: i64::from(config.offsets_retention_minutes) * 60 * 1000,
        groups_max: size(config.max_groups_per_offsets_partition.into()),
        bytes_max: size(config.max_group_state_bytes_per_offsets_partition),
        ..GroupConfig::default()
    }
}

/// A bound out of a setting.
fn size(n: i64) -> usize {
    usize::try_from(n).unwrap_or(0)
}

fn log_started(node: &Node, addresses: &[SocketAddr], told: &[String], took: Duration) {
    // Kafka's own words: programs that start a broker wait for them, Testcontainers among them.
    tracing::info!("the broker has been unfenced. Transitioning from RECOVERY to RUNNING.");
    let listening: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    tracing::info!(
        "listening on {}; clients are told {}; cluster id {}; data in {}; started in {} ms",
        listening.join(", "),
        told.join(", "),
        node.cluster_id,
        node.data_dirs.paths().join(", "),
        took.as_millis(),
    );
}
