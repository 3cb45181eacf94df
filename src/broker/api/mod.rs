//! The APIs that are served: one table, one file per API.
//!
//! A handler does four things: authorize, translate in, submit, translate out. Handlers never import `log` or one
//! another. Dispatch and the ApiVersions answer both read [`SERVED`].

mod acls;
mod alter_client_quotas;
mod alter_configs;
mod alter_partition_reassignments;
mod alter_user_scram_credentials;
mod api_versions;
mod configs;
mod create_acls;
mod create_partitions;
mod create_topics;
mod delete_acls;
mod delete_groups;
mod delete_records;
mod delete_topics;
mod describe_acls;
mod describe_client_quotas;
mod describe_cluster;
mod describe_configs;
mod describe_groups;
mod describe_log_dirs;
mod describe_producers;
mod describe_quorum;
mod describe_topic_partitions;
mod describe_transactions;
mod describe_user_scram_credentials;
mod elect_leaders;
mod fetch;
mod find_coordinator;
mod group;
mod heartbeat;
mod incremental_alter_configs;
mod init_producer_id;
mod join_group;
mod leave_group;
mod list_config_resources;
mod list_groups;
mod list_offsets;
mod list_partition_reassignments;
mod list_transactions;
mod metadata;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod offset_for_leader_epoch;
mod produce;
mod sasl_authenticate;
mod sasl_handshake;
mod sync_group;
mod topic_result;
mod unregister_broker;
mod update_features;

use std::collections::HashSet;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use gracchus_wire::api::ApiKey;
use gracchus_wire::frame::RequestHeader;
use gracchus_wire::messages::StrBytes;
use gracchus_wire::request::{self, Request};
use gracchus_wire::response::{self, Response};

use crate::admission::Grant;
use crate::connection::ConnectionInfo;
use crate::connection::reply::Reply;
use crate::node::Node;
use crate::responses::Charge;

/// Kafka's words for INVALID_REQUEST where it has no others.
const MALFORMED_REQUEST: &str = "This most likely occurs because of a request being malformed by the client library or \
                                 the message was sent to an incompatible broker. See the broker logs for more details.";

/// One API and the versions of it that are served, as ApiVersions lists them.
#[derive(Clone, Copy, Debug)]
pub struct Api {
    pub key: ApiKey,
    pub min: i16,
    pub max: i16,
    /// Below this a request is listed but refused (TRAPS 8).
    pub min_accepted: i16,
    /// It only tells what is there, or that there is nothing to change: its answer may be large whatever was asked, and
    /// can be made again.
    pub tells: bool,
}

const fn api(key: ApiKey, min: i16, max: i16) -> Api {
    Api { key, min, max, min_accepted: min, tells: false }
}

const fn tells(key: ApiKey, min: i16, max: i16) -> Api {
    Api { tells: true, ..api(key, min, max) }
}

/// Everything that is served, in the order of the keys. The list only grows.
pub const SERVED: [Api; 47] = [
    Api { min_accepted: 3, ..api(ApiKey::Produce, 0, 13) },
    api(ApiKey::Fetch, 4, 18),
    tells(ApiKey::ListOffsets, 1, 11),
    tells(ApiKey::Metadata, 0, 13),
    api(ApiKey::OffsetCommit, 2, 10),
    tells(ApiKey::OffsetFetch, 1, 10),
    tells(ApiKey::FindCoordinator, 0, 6),
    api(ApiKey::JoinGroup, 0, 9),
    api(ApiKey::Heartbeat, 0, 4),
    api(ApiKey::LeaveGroup, 0, 5),
    api(ApiKey::SyncGroup, 0, 5),
    tells(ApiKey::DescribeGroups, 0, 6),
    tells(ApiKey::ListGroups, 0, 5),
    tells(ApiKey::SaslHandshake, 0, 1),
    api(ApiKey::ApiVersions, 0, 4),
    api(ApiKey::CreateTopics, 2, 7),
    api(ApiKey::DeleteTopics, 1, 6),
    api(ApiKey::DeleteRecords, 0, 2),
    api(ApiKey::InitProducerId, 0, 5),
    tells(ApiKey::OffsetForLeaderEpoch, 2, 4),
    tells(ApiKey::DescribeAcls, 1, 3),
    tells(ApiKey::CreateAcls, 1, 3),
    tells(ApiKey::DeleteAcls, 1, 3),
    tells(ApiKey::DescribeConfigs, 1, 4),
    api(ApiKey::AlterConfigs, 0, 2),
    tells(ApiKey::DescribeLogDirs, 1, 5),
    tells(ApiKey::SaslAuthenticate, 0, 2),
    api(ApiKey::CreatePartitions, 0, 3),
    api(ApiKey::DeleteGroups, 0, 2),
    tells(ApiKey::ElectLeaders, 0, 2),
    api(ApiKey::IncrementalAlterConfigs, 0, 1),
    tells(ApiKey::AlterPartitionReassignments, 0, 1),
    tells(ApiKey::ListPartitionReassignments, 0, 0),
    api(ApiKey::OffsetDelete, 0, 0),
    tells(ApiKey::DescribeClientQuotas, 0, 1),
    api(ApiKey::AlterClientQuotas, 0, 1),
    tells(ApiKey::DescribeUserScramCredentials, 0, 0),
    api(ApiKey::AlterUserScramCredentials, 0, 0),
    tells(ApiKey::DescribeQuorum, 0, 2),
    api(ApiKey::UpdateFeatures, 0, 2),
    tells(ApiKey::DescribeCluster, 0, 2),
    tells(ApiKey::DescribeProducers, 0, 0),
    tells(ApiKey::UnregisterBroker, 0, 0),
    tells(ApiKey::DescribeTransactions, 0, 0),
    tells(ApiKey::ListTransactions, 0, 2),
    tells(ApiKey::ListConfigResources, 0, 1),
    tells(ApiKey::DescribeTopicPartitions, 0, 0),
];

/// What a handler may use besides the request itself.
#[derive(Clone, Debug)]
pub struct RequestContext {
    pub node: Arc<Node>,
    pub connection: Arc<ConnectionInfo>,
    pub header: RequestHeader,
    /// The request's memory; whoever keeps bytes of it keeps this too.
    pub grant: Arc<Grant>,
}

/// What became of a request.
pub enum Outcome {
    Now(Reply),
    /// With the memory that it takes until it is sent.
    Charged(Reply, Charge),
    /// Produce: enqueued, to be answered when it is durable.
    Later(Pin<Box<dyn Future<Output = Reply> + Send>>),
}

impl Outcome {
    /// Memory of an answer that is there.
    fn memory_bytes(&self) -> usize {
        match self {
            Self::Now(reply) | Self::Charged(reply, _) => reply.memory_bytes(),
            Self::Later(_) => 0,
        }
    }
}

impl RequestContext {
    /// Binds a request to its connection.
    pub fn new(
        node: Arc<Node>,
        connection: Arc<ConnectionInfo>,
        header: RequestHeader,
        grant: Arc<Grant>,
    ) -> Self {
        Self { node, connection, header, grant }
    }

    /// The same, but for the bytes of the request's frame: whoever waits with this does not keep them.
    pub fn without_frame(&self) -> Self {
        let client_id = self.header.client_id.as_ref().map(|id| StrBytes::from_string(id.to_string()));
        let header = RequestHeader { client_id, ..self.header };
        Self { header, ..self.clone() }
    }

    /// The version of the API that the client speaks.
    pub const fn version(&self) -> i16 {
        self.header.api_version
    }

    /// The client's id, empty if it gave none.
    pub fn client_id(&self) -> &str {
        self.header.client_id.as_deref().unwrap_or_default()
    }

    /// Where this client reaches this broker: the advertised address of its listener, or the one it connected to
    /// (TRAPS 18).
    pub fn advertised(&self) -> (String, u16) {
        match &self.connection.endpoint.advertised {
            Some((host, port)) => (host.clone(), *port),
            None => (self.connection.local.ip().to_string(), self.connection.local.port()),
        }
    }

    /// Encodes a response to this request.
    pub fn reply(&self, response: &Response) -> Reply {
        match response::encode(self.header.api_version, self.header.correlation_id, response) {
            Ok(frame) => Reply::Bytes(frame),
            Err(error) => {
                tracing::error!(api = self.header.api_key, version = self.version(), %error, "response not encoded");
                Reply::Close { reason: format!("the response could not be encoded: {error}") }
            }
        }
    }
}

/// Whether a request may start while earlier ones are in progress: only Produce overlaps Produce.
pub fn overlaps(header: &RequestHeader) -> bool {
    header.api_key == ApiKey::Produce as i16
}

/// The items whose key none before them has. What is asked for twice is answered once wherever an answer is larger than its
/// question: else a short request for the same thing many times would have an answer for which there is no memory. Kafka
/// answers each mention.
pub fn each_once<T, K: Eq + Hash>(items: impl IntoIterator<Item = T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut seen = HashSet::new();
    items.into_iter().filter(|item| seen.insert(key(item))).collect()
}

/// Decodes and runs one request.
pub async fn dispatch(context: RequestContext, body: Bytes) -> Outcome {
    let (key, version) = (context.header.api_key, context.header.api_version);
    let served = SERVED.iter().enumerate().find(|(_, api)| api.key as i16 == key);
    let Some((at, served)) = served.filter(|(_, api)| (api.min_accepted..=api.max).contains(&version)) else {
        return Outcome::Now(unsupported(&context));
    };
    if !served.tells {
        return decode_and_run(context, served.key, body).await;
    }
    let budget = context.node.responses.clone();
    let make = || decode_and_run(context.clone(), served.key, body.clone());
    match budget.make(at, Outcome::memory_bytes, make).await {
        (Outcome::Now(reply), charge) => Outcome::Charged(reply, charge),
        (outcome, _) => outcome,
    }
}

async fn decode_and_run(context: RequestContext, key: ApiKey, body: Bytes) -> Outcome {
    let version = context.version();
    match request::decode(key, version, body) {
        Ok(request) => run(context, request).await,
        Err(error) => {
            let client = context.client_id();
            let reason = format!("{} v{version} from client '{client}' is malformed: {error}", key.name());
            Outcome::Now(Reply::Close { reason })
        }
    }
}

/// ApiVersions that is too new is answered in a way every client reads (TRAPS 1); anything else closes (TRAPS 10).
fn unsupported(context: &RequestContext) -> Reply {
    if context.header.api_key == ApiKey::ApiVersions as i16 {
        return api_versions::unsupported(context);
    }
    let RequestHeader { api_key, api_version, .. } = context.header;
    Reply::Close { reason: format!("API key {api_key} version {api_version} is not supported") }
}

/// Hands a request to its handler.
async fn run(context: RequestContext, request: Request) -> Outcome {
    let ctx = &context;
    let response = match request {
        Request::Produce(request) => return produce::handle(ctx, request),
        Request::Fetch(request) => return Outcome::Now(fetch::handle(ctx, request).await),
        Request::ApiVersions(request) => return Outcome::Now(api_versions::handle(ctx, &request)),
        Request::DescribeAcls(request) => return Outcome::Now(describe_acls::handle(ctx, &request)),
        Request::CreateAcls(request) => return Outcome::Now(create_acls::handle(ctx, &request)),
        Request::DeleteAcls(request) => return Outcome::Now(delete_acls::handle(ctx, &request)),
        Request::ListOffsets(request) => Response::ListOffsets(list_offsets::handle(ctx, request).await),
        Request::Metadata(request) => Response::Metadata(metadata::handle(ctx, request).await),
        Request::OffsetCommit(request) => Response::OffsetCommit(offset_commit::handle(ctx, request).await),
        Request::OffsetFetch(request) => Response::OffsetFetch(offset_fetch::handle(ctx, request).await),
        Request::FindCoordinator(request) => {
            Response::FindCoordinator(find_coordinator::handle(ctx, request).await)
        }
        Request::JoinGroup(request) => Response::JoinGroup(join_group::handle(ctx, request).await),
        Request::Heartbeat(request) => Response::Heartbeat(heartbeat::handle(ctx, request).await),
        Request::LeaveGroup(request) => Response::LeaveGroup(leave_group::handle(ctx, request).await),
        Request::SyncGroup(request) => Response::SyncGroup(sync_group::handle(ctx, request).await),
        Request::DescribeGroups(request) => {
            Response::DescribeGroups(describe_groups::handle(ctx, request).await)
        }
        Request::ListGroups(request) => Response::ListGroups(list_groups::handle(ctx, request).await),
        Request::SaslHandshake(_) => Response::SaslHandshake(sasl_handshake::handle()),
        Request::CreateTopics(request) => Response::CreateTopics(create_topics::handle(ctx, request).await),
        Request::DeleteTopics(request) => Response::DeleteTopics(delete_topics::handle(ctx, request).await),
        Request::DeleteRecords(request) => {
            Response::DeleteRecords(delete_records::handle(ctx, request).await)
        }
        Request::InitProducerId(request) => {
            Response::InitProducerId(init_producer_id::handle(ctx, request).await)
        }
        Request::OffsetForLeaderEpoch(request) => {
            Response::OffsetForLeaderEpoch(offset_for_leader_epoch::handle(ctx, request))
        }
        Request::DescribeConfigs(request) => {
            Response::DescribeConfigs(describe_configs::handle(ctx, request))
        }
        Request::AlterConfigs(request) => Response::AlterConfigs(alter_configs::handle(ctx, request).await),
        Request::DescribeLogDirs(request) => {
            Response::DescribeLogDirs(describe_log_dirs::handle(ctx, request).await)
        }
        Request::SaslAuthenticate(_) => Response::SaslAuthenticate(sasl_authenticate::handle()),
        Request::CreatePartitions(request) => {
            Response::CreatePartitions(create_partitions::handle(ctx, request).await)
        }
        Request::DeleteGroups(request) => Response::DeleteGroups(delete_groups::handle(ctx, request).await),
        Request::ElectLeaders(request) => Response::ElectLeaders(elect_leaders::handle(ctx, &request)),
        Request::IncrementalAlterConfigs(request) => {
            Response::IncrementalAlterConfigs(incremental_alter_configs::handle(ctx, request).await)
        }
        Request::AlterPartitionReassignments(request) => {
            Response::AlterPartitionReassignments(alter_partition_reassignments::handle(ctx, &request))
        }
        Request::ListPartitionReassignments(request) => {
            Response::ListPartitionReassignments(list_partition_reassignments::handle(&request))
        }
        Request::OffsetDelete(request) => Response::OffsetDelete(offset_delete::handle(ctx, request).await),
        Request::DescribeClientQuotas(request) => {
            Response::DescribeClientQuotas(describe_client_quotas::handle(ctx, &request))
        }
        Request::AlterClientQuotas(request) => {
            Response::AlterClientQuotas(alter_client_quotas::handle(ctx, request).await)
        }
        Request::DescribeUserScramCredentials(request) => {
            Response::DescribeUserScramCredentials(describe_user_scram_credentials::handle(ctx, request))
        }
        Request::AlterUserScramCredentials(request) => {
            Response::AlterUserScramCredentials(alter_user_scram_credentials::handle(ctx, request).await)
        }
        Request::DescribeQuorum(request) => Response::DescribeQuorum(describe_quorum::handle(ctx, &request)),
        Request::UpdateFeatures(request) => {
            Response::UpdateFeatures(update_features::handle(ctx, request).await)
        }
        Request::DescribeCluster(request) => {
            Response::DescribeCluster(describe_cluster::handle(ctx, &request))
        }
        Request::DescribeProducers(request) => {
            Response::DescribeProducers(describe_producers::handle(ctx, request).await)
        }
        Request::UnregisterBroker(request) => {
            Response::UnregisterBroker(unregister_broker::handle(ctx, &request))
        }
        Request::DescribeTransactions(request) => {
            Response::DescribeTransactions(describe_transactions::handle(request))
        }
        Request::ListTransactions(request) => Response::ListTransactions(list_transactions::handle(request)),
        Request::ListConfigResources(request) => {
            Response::ListConfigResources(list_config_resources::handle(ctx, &request))
        }
        Request::DescribeTopicPartitions(request) => {
            Response::DescribeTopicPartitions(describe_topic_partitions::handle(ctx, request))
        }
    };
    Outcome::Now(ctx.reply(&response))
}
