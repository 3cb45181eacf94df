//! Produce (key 0): checks every batch on the connection's task, hands each to its partition's shard, and answers when
//! the shards have.

use std::sync::Arc;
use std::time::Duration;

use gracchus_base::{ErrorCode, Offset, PartitionIndex, Timestamp, TopicId};
use gracchus_state::config::{self, CompressionType, RecordValidation, TopicConfig};
use gracchus_wire::messages::{
    ProduceRequest, ProduceResponse, StrBytes, TopicName,
    produce_request::{PartitionProduceData, TopicProduceData},
    produce_response::{BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse},
};
use gracchus_wire::records::validate::{self, Validated};
use gracchus_wire::records::{Compression, TimestampType};
use gracchus_wire::response::Response;

use super::{Outcome, RequestContext};
use crate::connection::reply::Reply;
use crate::partition::{Partition, Topic};
use crate::shard::{Ack, Append, Appends};
use crate::ticket::{AppendOutcome, Completion, Refusal, Ticket};

/// From this version on topics are named by id (KIP-516).
const BY_TOPIC_ID: i16 = 13;

/// The client's timeout is for other replicas; this broker's own flush, which Kafka does before it looks at the timeout,
/// has at least so long.
const OWN_FLUSH_WAIT_MIN: Duration = Duration::from_secs(5);

/// Stage one: validate and enqueue. The outcome is stage two.
pub fn handle(ctx: &RequestContext, request: ProduceRequest) -> Outcome {
    let acks = request.acks;
    if let Some(error) = refused_as_a_whole(&request) {
        return Outcome::Now(answer(ctx, acks, &request, || Err(error.into())));
    }
    let slots = request.topic_data.iter().map(|topic| topic.partition_data.len()).sum();
    let (completion, tickets) = Completion::new(slots, ctx.grant.clone());
    let mut tickets = tickets.into_iter();
    let mut request = request;
    let mut appends = Appends::default();
    for topic_data in &mut request.topic_data {
        let topic = find(ctx, topic_data);
        for (data, ticket) in topic_data.partition_data.iter_mut().zip(&mut tickets) {
            match prepare(ctx, topic.as_deref(), data, acks) {
                Ok((partition, valid)) => {
                    let append = append(&partition, valid, ticket, acks);
                    appends.push(partition, append);
                }
                Err(refusal) => ticket.answer(Err(refusal)),
            }
        }
    }
    appends.send();
    let timeout =
        Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0)).max(OWN_FLUSH_WAIT_MIN);
    forget_frame(&mut request);
    let ctx = ctx.without_frame();
    Outcome::Later(Box::pin(async move { finish(&ctx, &request, &completion, timeout).await }))
}

/// Lets go of the frame that the request's texts are slices of: its memory is used again as soon as the batches in it are
/// written, however long their flush takes.
fn forget_frame(request: &mut ProduceRequest) {
    for topic in &mut request.topic_data {
        topic.name = TopicName(StrBytes::from_string(topic.name.to_string()));
    }
}

/// Stage two: wait for the shards, or with `acks=all` for the client's timeout.
async fn finish(
    ctx: &RequestContext,
    request: &ProduceRequest,
    completion: &Completion,
    timeout: Duration,
) -> Reply {
    // Only who waits for replicas can be late: what is written is answered when it is written, as in Kafka.
    let late = if request.acks == -1 {
        tokio::time::timeout(timeout, completion.finished()).await.is_err()
    } else {
        completion.finished().await;
        false
    };
    let mut outcomes = completion.take().into_iter();
    if late {
        tracing::debug!(client = ctx.client_id(), ?timeout, "a produce request timed out");
    }
    answer(ctx, request.acks, request, || {
        outcomes.next().flatten().unwrap_or_else(|| Err(ErrorCode::RequestTimedOut.into()))
    })
}

/// What refuses the request before any partition is looked at.
fn refused_as_a_whole(request: &ProduceRequest) -> Option<ErrorCode> {
    // Transactions are not served yet; this code makes clients give up at once instead of retrying.
    request.transactional_id.is_some().then_some(ErrorCode::TransactionalIdAuthorizationFailed)
}

fn find(ctx: &RequestContext, data: &TopicProduceData) -> Option<Arc<Topic>> {
    if ctx.version() >= BY_TOPIC_ID {
        ctx.node.topics.by_id(TopicId(*data.topic_id.as_bytes()))
    } else {
        ctx.node.topics.by_name(&data.name)
    }
}

/// Checks one partition's batch; on success it can go to the partition's shard.
fn prepare(
    ctx: &RequestContext,
    topic: Option<&Topic>,
    data: &mut PartitionProduceData,
    acks: i16,
) -> Result<(Arc<Partition>, Validated), Refusal> {
    let Some(topic) = topic else {
        let by_id = ctx.version() >= BY_TOPIC_ID;
        return Err(if by_id { ErrorCode::UnknownTopicId } else { ErrorCode::UnknownTopicOrPartition }.into());
    };
    if topic.name.is_internal() && ctx.client_id() != ADMIN_CLIENT_ID {
        return Err(ErrorCode::InvalidTopicException.into());
    }
    let partition = topic.partition(PartitionIndex(data.index)).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if !matches!(acks, -1..=1) {
        return Err(ErrorCode::InvalidRequiredAcks.into());
    }
    let config = topic.config.load();
    // This broker is the only in-sync replica.
    if acks == -1 && config.min_insync_replicas > 1 {
        return Err(ErrorCode::NotEnoughReplicas.into());
    }
    let rules = rules(ctx, &partition, &config);
    let valid = validate::validate(data.records.take(), &rules).map_err(refusal)?;
    if valid.batch.header.attributes.is_transactional() {
        return Err(ErrorCode::TransactionalIdAuthorizationFailed.into());
    }
    Ok((partition, valid))
}

/// The client id that Kafka lets write to internal topics.
const ADMIN_CLIENT_ID: &str = "__admin_client";

fn rules(ctx: &RequestContext, partition: &Partition, config: &TopicConfig) -> validate::Rules {
    validate::Rules {
        partition: partition.name(),
        now: ctx.node.clock.now(),
        max_message_bytes: config.max_message_bytes.unsigned_abs() as usize,
        timestamp_type: match config.message_timestamp_type {
            config::TimestampType::CreateTime => TimestampType::Create,
            config::TimestampType::LogAppendTime => TimestampType::LogAppend,
        },
        before_max_ms: config.message_timestamp_before_max_ms,
        after_max_ms: config.message_timestamp_after_max_ms,
        requires_keys: config.cleanup_policy.compact,
        target: target_compression(config),
        header_only: ctx.node.config().log_validate_records == RecordValidation::Header,
        produce_version: ctx.version(),
        decompressed_bytes_max: gracchus_base::limits::DECOMPRESSED_BYTES_MAX,
    }
}

/// The codec that batches are stored with and its level; `None` keeps the one they came with (TRAPS 45).
const fn target_compression(config: &TopicConfig) -> Option<(Compression, i32)> {
    match config.compression_type {
        CompressionType::Producer => None,
        CompressionType::Uncompressed => Some((Compression::None, 0)),
        CompressionType::Gzip => Some((Compression::Gzip, config.compression_gzip_level)),
        CompressionType::Snappy => Some((Compression::Snappy, 0)),
        CompressionType::Lz4 => Some((Compression::Lz4, config.compression_lz4_level)),
        CompressionType::Zstd => Some((Compression::Zstd, config.compression_zstd_level)),
    }
}

fn refusal(refused: validate::Refused) -> Refusal {
    let records =
        refused.record_errors.into_iter().map(|record| (record.batch_index, record.message)).collect();
    Refusal { error: refused.error, message: refused.message, records }
}

fn append(partition: &Partition, valid: Validated, ticket: Ticket, acks: i16) -> Append {
    let ack = if acks == -1 { Ack::Durable(ticket) } else { Ack::Written(ticket) };
    let Validated { batch, log_append_time } = valid;
    Append { key: partition.key(), batch, log_append_time, ack }
}

/// Builds the response from one outcome per partition, in the order of the request.
fn answer(
    ctx: &RequestContext,
    acks: i16,
    request: &ProduceRequest,
    mut outcome: impl FnMut() -> AppendOutcome,
) -> Reply {
    let mut failed = None;
    let mut responses = Vec::with_capacity(request.topic_data.len());
    for topic in &request.topic_data {
        let mut partitions = Vec::with_capacity(topic.partition_data.len());
        for data in &topic.partition_data {
            let outcome = outcome();
            failed = failed.or(outcome.as_ref().err().map(|refusal| refusal.error));
            partitions.push(partition_response(data.index, outcome));
        }
        let response =
            TopicProduceResponse::default().with_name(topic.name.clone()).with_topic_id(topic.topic_id);
        responses.push(response.with_partition_responses(partitions));
    }
    match (acks, failed) {
        (0, None) => Reply::None,
        // The client does not read answers: a closed connection is how it notices (TRAPS 38).
        (0, Some(error)) => Reply::Close { reason: format!("a produce request with acks=0 failed: {error}") },
        _ => ctx.reply(&Response::Produce(ProduceResponse::default().with_responses(responses))),
    }
}

fn partition_response(index: i32, outcome: AppendOutcome) -> PartitionProduceResponse {
    let response = PartitionProduceResponse::default().with_index(index);
    match outcome {
        Ok(appended) => response
            .with_base_offset(appended.base_offset.0)
            .with_log_append_time_ms(appended.log_append_time.0)
            .with_log_start_offset(appended.log_start.0),
        Err(refusal) => {
            let records = refusal.records.into_iter().map(|(index, message)| {
                BatchIndexAndErrorMessage::default()
                    .with_batch_index(index)
                    .with_batch_index_error_message(message.map(Into::into))
            });
            response
                .with_error_code(refusal.error.code())
                .with_base_offset(Offset(-1).0)
                .with_log_append_time_ms(Timestamp::NONE.0)
                .with_log_start_offset(Offset(-1).0)
                .with_record_errors(records.collect())
                .with_error_message(refusal.message.map(Into::into))
        }
    }
}
