//! Metadata (key 3): the broker, the controller, and topics by name, by id or all of them (TRAPS 15-22, 70).
//!
//! Topics that do not exist can be created by asking for them; the answer says all the same that they are unknown, as
//! in Kafka, and the client asks again (TRAPS 21).

use gracchus_base::{ErrorCode, PartitionIndex, TopicId, TopicName};
use gracchus_state::controller::{NewTopic, create_topics};
use gracchus_state::image::{self, MetadataImage};
use gracchus_wire::messages::{
    self, BrokerId, MetadataRequest, MetadataResponse, StrBytes,
    metadata_request::MetadataRequestTopic,
    metadata_response::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic},
};

use super::{RequestContext, each_once};
use crate::node::Node;
use crate::partition::Status;

/// From this version on topics can be asked for by id (TRAPS 16).
const BY_TOPIC_ID: i16 = 12;

/// What a super user may do to a topic, as bits of Kafka's `AclOperation` codes (KIP-430): read, write, create, delete,
/// alter, describe, describe configs, alter configs.
pub const TOPIC_OPERATIONS: i32 = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;

/// What a super user may do to a cluster: create, alter, describe, cluster action, describe configs, alter configs,
/// idempotent write.
pub const CLUSTER_OPERATIONS: i32 = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;

/// The operations if they were asked for, and what stands for "not asked" if not (TRAPS 19).
pub const fn authorized_operations(asked: bool, operations: i32) -> i32 {
    if asked { operations } else { i32::MIN }
}

/// Which topics a request is about; each once.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    All,
    Names(Vec<StrBytes>),
    Ids(Vec<TopicId>),
}

pub async fn handle(ctx: &RequestContext, request: MetadataRequest) -> MetadataResponse {
    let asked = match Asked::read(ctx.version(), request.topics.as_deref()) {
        Ok(asked) => asked,
        Err(error) => return refuse(&request, error),
    };
    let operations = authorized_operations(request.include_topic_authorized_operations, TOPIC_OPERATIONS);
    let image = ctx.node.image();
    let known = |topic: &image::Topic| known_topic(&ctx.node, &image, topic, operations);
    let topics = match asked {
        Asked::All => image.topics().map(|topic| known(topic)).collect(),
        Asked::Ids(ids) => {
            let (found, missing): (Vec<_>, Vec<_>) =
                ids.into_iter().partition(|id| image.topic_by_id(*id).is_some());
            let found = found.into_iter().filter_map(|id| image.topic_by_id(id));
            missing.into_iter().map(unknown_id).chain(found.map(|topic| known(topic))).collect()
        }
        Asked::Names(names) => {
            let (found, missing): (Vec<_>, Vec<_>) =
                names.into_iter().partition(|name| image.topic(name).is_some());
            if request.allow_auto_topic_creation {
                auto_create(&ctx.node, &missing).await;
            }
            let found = found.iter().filter_map(|name| image.topic(name)).map(|topic| known(topic));
            found.chain(missing.into_iter().map(|name| unknown_name(name, operations))).collect()
        }
    };
    respond(ctx, topics).with_cluster_authorized_operations(authorized_operations(
        request.include_cluster_authorized_operations,
        CLUSTER_OPERATIONS,
    ))
}

impl Asked {
    /// Reads the topics by the rules of the version (TRAPS 15, 16). Once a topic is named by its id, names count no
    /// more, as in Kafka.
    ///
    /// # Errors
    /// INVALID_REQUEST for a topic by id before its time, and for one without name and id.
    fn read(version: i16, topics: Option<&[MetadataRequestTopic]>) -> Result<Self, ErrorCode> {
        let topics = match topics {
            None => return Ok(Self::All),
            Some([]) if version == 0 => return Ok(Self::All),
            Some(topics) => topics,
        };
        let ids = topics.iter().map(|topic| topic.topic_id).filter(|id| !id.is_nil());
        let ids: Vec<TopicId> = each_once(ids.map(messages::topic_id_of), |id| *id);
        if !ids.is_empty() && version >= BY_TOPIC_ID {
            return Ok(Self::Ids(ids));
        }
        let names: Option<Vec<StrBytes>> =
            topics.iter().map(|topic| topic.name.as_ref().map(|name| name.0.clone())).collect();
        match names {
            Some(names) if ids.is_empty() => Ok(Self::Names(each_once(names, StrBytes::clone))),
            _ => Err(ErrorCode::InvalidRequest),
        }
    }
}

/// This broker is all there is: it leads everything and is the controller (TRAPS 18, 20, 70).
fn respond(ctx: &RequestContext, topics: Vec<MetadataResponseTopic>) -> MetadataResponse {
    let (host, port) = ctx.advertised();
    let broker = MetadataResponseBroker::default()
        .with_node_id(BrokerId(ctx.node.id.0))
        .with_host(host.into())
        .with_port(i32::from(port))
        .with_rack(ctx.node.config().rack.clone().map(Into::into));
    MetadataResponse::default()
        .with_brokers(vec![broker])
        .with_cluster_id(Some(ctx.node.cluster_id.clone().into()))
        .with_controller_id(BrokerId(ctx.node.id.0))
        .with_topics(topics)
}

/// The whole request is refused: each topic is answered with the error, and nothing else is told.
fn refuse(request: &MetadataRequest, error: ErrorCode) -> MetadataResponse {
    let refused = |topic: &MetadataRequestTopic| {
        MetadataResponseTopic::default()
            .with_error_code(error.code())
            .with_name(Some(topic.name.clone().unwrap_or_default()))
            .with_topic_id(topic.topic_id)
    };
    MetadataResponse::default()
        .with_controller_id(BrokerId(-1))
        .with_error_code(error.code())
        .with_topics(request.topics.iter().flatten().map(refused).collect())
}

fn known_topic(
    node: &Node,
    image: &MetadataImage,
    topic: &image::Topic,
    operations: i32,
) -> MetadataResponseTopic {
    let partitions = describe_partitions(node, image, topic, PartitionIndex(0));
    let partitions = partitions.map(|partition| {
        let error = if partition.leader.0 < 0 { ErrorCode::LeaderNotAvailable } else { ErrorCode::None };
        MetadataResponsePartition::default()
            .with_error_code(error.code())
            .with_partition_index(partition.index)
            .with_leader_id(partition.leader)
            .with_leader_epoch(partition.leader_epoch)
            .with_replica_nodes(partition.replicas)
            .with_isr_nodes(partition.isr)
            .with_offline_replicas(partition.offline)
    });
    MetadataResponseTopic::default()
        .with_name(Some(messages::topic_name(topic.name())))
        .with_topic_id(messages::topic_id(topic.id()))
        .with_is_internal(topic.name().is_internal())
        .with_partitions(partitions.collect())
        .with_topic_authorized_operations(operations)
}

fn unknown_id(id: TopicId) -> MetadataResponseTopic {
    MetadataResponseTopic::default()
        .with_error_code(ErrorCode::UnknownTopicId.code())
        .with_name(None)
        .with_topic_id(messages::topic_id(id))
}

fn unknown_name(name: StrBytes, operations: i32) -> MetadataResponseTopic {
    let parsed = TopicName::parse(&name);
    MetadataResponseTopic::default()
        .with_error_code(missing(&parsed).code())
        .with_is_internal(parsed.is_ok_and(|name| name.is_internal()))
        .with_name(Some(messages::TopicName(name)))
        .with_topic_authorized_operations(operations)
}

/// Why there is no topic of a name.
pub fn missing<E>(name: &Result<TopicName, E>) -> ErrorCode {
    if name.is_ok() { ErrorCode::UnknownTopicOrPartition } else { ErrorCode::InvalidTopicException }
}

/// Creates the topics that may be created by asking for them (TRAPS 21), with the defaults of the broker. Internal
/// topics have settings of their own; those that nothing here uses yet are not created.
async fn auto_create(node: &Node, missing: &[StrBytes]) {
    let config = node.config.load_full();
    if !config.auto_create_topics_enable {
        return;
    }
    let names = missing.iter().filter_map(|name| TopicName::parse(name).ok());
    let (internal, ordinary): (Vec<_>, Vec<_>) = names.partition(TopicName::is_internal);
    if internal.contains(&TopicName::consumer_offsets())
        && let Err(error) = node.ensure_offsets_topic().await
    {
        tracing::debug!(error = error.name(), "the offsets topic was asked for and not created");
    }
    if ordinary.is_empty() {
        return;
    }
    let topics: Vec<NewTopic> = ordinary.into_iter().map(by_default).collect();
    let (entropy, dirs) = (node.entropy.clone(), node.data_dirs.clone());
    let created = node.controller.change(move |image| {
        let outcomes = create_topics(image, &topics, &config, &mut || entropy.uuid(), &mut |_| dirs.place());
        let (mut records, mut refused) = (Vec::new(), Vec::new());
        for outcome in outcomes {
            match outcome.result {
                Ok(created) => records.extend(created.records),
                Err(error) => refused.push((outcome.name, error)),
            }
        }
        (records, refused)
    });
    // The client is told the same in any case, and asks again.
    match created.await {
        Ok(refused) => {
            for (topic, error) in refused {
                tracing::debug!(topic, error = error.code.name(), "a topic was asked for and not created");
            }
        }
        Err(error) => tracing::debug!(error = error.name(), "topics were asked for and not created"),
    }
}

fn by_default(name: TopicName) -> NewTopic {
    NewTopic {
        name: name.to_string(),
        num_partitions: -1,
        replication_factor: -1,
        assignments: Vec::new(),
        configs: Vec::new(),
    }
}

/// A partition in the words of the wire.
#[derive(Debug, PartialEq, Eq)]
pub struct PartitionDescription {
    pub index: i32,
    /// -1 if nobody can lead.
    pub leader: BrokerId,
    /// Of the last leader if nobody leads, as Kafka says it.
    pub leader_epoch: i32,
    pub replicas: Vec<BrokerId>,
    pub isr: Vec<BrokerId>,
    pub offline: Vec<BrokerId>,
}

/// The partitions of a topic from `first` on, in order.
pub fn describe_partitions(
    node: &Node,
    image: &MetadataImage,
    topic: &image::Topic,
    first: PartitionIndex,
) -> impl Iterator<Item = PartitionDescription> {
    let hosted = node.topics.by_id(topic.id());
    topic.partitions_from(first).map(move |(index, partition)| {
        let here =
            hosted.as_ref().and_then(|topic| topic.partition(index)).and_then(|partition| partition.view());
        let failed_here = here.is_some_and(|view| view.status == Status::Offline);
        let is_live = |broker| image.is_live(broker) && !(failed_here && broker == node.id);
        PartitionDescription::new(index, partition, is_live)
    })
}

impl PartitionDescription {
    /// `is_live` says whether a broker's replica of this partition can be used.
    fn new(
        index: PartitionIndex,
        partition: &image::Partition,
        is_live: impl Fn(gracchus_base::BrokerId) -> bool,
    ) -> Self {
        let wire = |broker: gracchus_base::BrokerId| BrokerId(broker.0);
        Self {
            index: index.0,
            leader: partition.leader().filter(|leader| is_live(*leader)).map_or(BrokerId(-1), wire),
            leader_epoch: partition.leader_epoch().0,
            replicas: partition.replicas().map(wire).collect(),
            isr: partition.isr().map(wire).collect(),
            offline: partition.replicas().filter(|replica| !is_live(*replica)).map(wire).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
