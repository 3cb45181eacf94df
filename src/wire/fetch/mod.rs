//! The Fetch response of every version, encoded with holes where the record bytes go: those are sent from files or
//! caches and never pass through here.
//!
//! What must not be here: where the bytes come from, which partitions are answered.

#[cfg(test)]
mod tests;

use bytes::{BufMut, Bytes};
use gracchus_base::{BrokerId, ErrorCode, LeaderEpoch, Offset, PartitionIndex, ProducerId, TopicId};
use kafka_protocol::protocol::StrBytes;

use crate::api::ApiKey;
use crate::error::EncodeError;
use crate::primitive::Writer;

/// A Fetch response. Fields that a version does not have are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchResponse {
    pub throttle_time_ms: i32,
    /// From version 7.
    pub error: ErrorCode,
    /// The fetch session, 0 for none (KIP-227). From version 7.
    pub session_id: i32,
    pub topics: Vec<FetchTopic>,
    /// Where the leaders named in `current_leader` listen (KIP-951). From version 16.
    pub node_endpoints: Vec<NodeEndpoint>,
}

/// The partitions of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchTopic {
    /// Up to version 12.
    pub name: StrBytes,
    /// From version 13.
    pub topic_id: TopicId,
    pub partitions: Vec<FetchPartition>,
}

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchPartition {
    pub index: PartitionIndex,
    pub error: ErrorCode,
    pub high_watermark: Offset,
    pub last_stable_offset: Offset,
    /// From version 5.
    pub log_start_offset: Offset,
    /// Aborted transactions, in the order of their first offsets (TRAPS 33); `None` unless read_committed was asked.
    pub aborted_transactions: Option<Vec<(ProducerId, Offset)>>,
    /// The replica to read from instead, -1 for none (KIP-392). From version 11.
    pub preferred_read_replica: BrokerId,
    /// Where the log of the one who asks left ours (KIP-595). From version 12.
    pub diverging_epoch: Option<(LeaderEpoch, Offset)>,
    /// The leader, where this broker is not (KIP-951). From version 12.
    pub current_leader: Option<(BrokerId, LeaderEpoch)>,
    /// Bytes of records that go into the hole; without any there is no hole.
    pub records_len: usize,
}

impl FetchPartition {
    /// A partition without records that answers `error`; the offsets say "unknown", as Kafka's do.
    pub const fn failed(index: PartitionIndex, error: ErrorCode) -> Self {
        Self {
            index,
            error,
            high_watermark: Offset(-1),
            last_stable_offset: Offset(-1),
            log_start_offset: Offset(-1),
            aborted_transactions: None,
            preferred_read_replica: BrokerId(-1),
            diverging_epoch: None,
            current_leader: None,
            records_len: 0,
        }
    }
}

/// Where a broker listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEndpoint {
    pub node_id: BrokerId,
    pub host: StrBytes,
    pub port: i32,
    pub rack: Option<StrBytes>,
}

/// A frame in pieces.
#[derive(Clone, Debug)]
pub struct EncodedFetch {
    /// What to send, in this order.
    pub pieces: Vec<FetchPiece>,
    /// Bytes over all pieces, the frame's length field included.
    pub total_bytes: usize,
}

/// A piece of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchPiece {
    /// Bytes that were encoded here.
    Bytes(Bytes),
    /// The place of `len` bytes of records: those of `topics[topic].partitions[partition]`.
    Records { topic: usize, partition: usize, len: usize },
}

/// Encodes a Fetch response as a whole frame: length, header, body. All pieces of bytes are slices of one buffer.
///
/// # Errors
/// [`EncodeError::TooLong`] for a frame of more than 2 GiB or a text of more than 32767 bytes.
pub fn encode(
    version: i16,
    correlation_id: i32,
    response: &FetchResponse,
) -> Result<EncodedFetch, EncodeError> {
    let mut body = Body {
        version,
        out: Writer::response(ApiKey::Fetch, version, correlation_id, capacity(response)),
        holes: Vec::with_capacity(response.topics.iter().map(|topic| topic.partitions.len()).sum()),
        holes_bytes: 0,
    };
    body.response(response);
    body.finish()
}

/// A guess at the bytes around the records that is seldom too low.
fn capacity(response: &FetchResponse) -> usize {
    let topic = |topic: &FetchTopic| {
        let aborted = |p: &FetchPartition| p.aborted_transactions.as_ref().map_or(0, Vec::len);
        let partitions = topic.partitions.len().saturating_mul(80);
        let aborted: usize = topic.partitions.iter().map(aborted).sum();
        partitions
            .saturating_add(aborted.saturating_mul(17))
            .saturating_add(topic.name.len())
            .saturating_add(24)
    };
    response.topics.iter().map(topic).fold(64, usize::saturating_add)
}

/// Epoch, end offset and the end of the tagged fields.
const DIVERGING_EPOCH_BYTES: u32 = 4 + 8 + 1;

/// Leader id, leader epoch and the end of the tagged fields.
const CURRENT_LEADER_BYTES: u32 = 4 + 4 + 1;

/// A hole: what stands before it ends at `at` in the buffer.
struct Hole {
    at: usize,
    topic: usize,
    partition: usize,
    len: usize,
}

struct Body {
    version: i16,
    out: Writer,
    holes: Vec<Hole>,
    holes_bytes: usize,
}

impl Body {
    fn response(&mut self, response: &FetchResponse) {
        self.out.out.put_i32(response.throttle_time_ms);
        if self.version >= 7 {
            self.out.out.put_i16(response.error.code());
            self.out.out.put_i32(response.session_id);
        }
        self.out.length(response.topics.len());
        for (topic_at, topic) in response.topics.iter().enumerate() {
            self.topic(topic_at, topic);
        }
        if self.version >= 16 && !response.node_endpoints.is_empty() {
            self.out.varint(1);
            self.endpoints(&response.node_endpoints);
        } else {
            self.out.no_tags();
        }
    }

    fn topic(&mut self, topic_at: usize, topic: &FetchTopic) {
        if self.version >= 13 {
            self.out.topic_id(topic.topic_id);
        } else {
            self.out.text(Some(&topic.name));
        }
        self.out.length(topic.partitions.len());
        for (partition_at, partition) in topic.partitions.iter().enumerate() {
            self.partition(partition);
            self.hole(topic_at, partition_at, partition.records_len);
            self.partition_tags(partition);
        }
        self.out.no_tags();
    }

    fn partition(&mut self, partition: &FetchPartition) {
        self.out.out.put_i32(partition.index.0);
        self.out.out.put_i16(partition.error.code());
        self.out.out.put_i64(partition.high_watermark.0);
        self.out.out.put_i64(partition.last_stable_offset.0);
        if self.version >= 5 {
            self.out.out.put_i64(partition.log_start_offset.0);
        }
        match &partition.aborted_transactions {
            None => self.out.null(),
            Some(aborted) => {
                self.out.length(aborted.len());
                for (producer_id, first_offset) in aborted {
                    self.out.out.put_i64(producer_id.0);
                    self.out.out.put_i64(first_offset.0);
                    self.out.no_tags();
                }
            }
        }
        if self.version >= 11 {
            self.out.out.put_i32(partition.preferred_read_replica.0);
        }
        self.out.length(partition.records_len);
    }

    fn hole(&mut self, topic: usize, partition: usize, len: usize) {
        if len > 0 {
            self.holes.push(Hole { at: self.out.out.len(), topic, partition, len });
            self.holes_bytes = self.holes_bytes.saturating_add(len);
        }
    }

    fn partition_tags(&mut self, partition: &FetchPartition) {
        if self.version < 12 {
            return;
        }
        let tags = u32::from(partition.diverging_epoch.is_some())
            .saturating_add(u32::from(partition.current_leader.is_some()));
        self.out.varint(tags);
        if let Some((epoch, end_offset)) = partition.diverging_epoch {
            self.tag(0, DIVERGING_EPOCH_BYTES);
            self.out.out.put_i32(epoch.0);
            self.out.out.put_i64(end_offset.0);
            self.out.no_tags();
        }
        if let Some((leader_id, leader_epoch)) = partition.current_leader {
            self.tag(1, CURRENT_LEADER_BYTES);
            self.out.out.put_i32(leader_id.0);
            self.out.out.put_i32(leader_epoch.0);
            self.out.no_tags();
        }
    }

    fn endpoints(&mut self, endpoints: &[NodeEndpoint]) {
        let mut aside = Writer::new(true, 64);
        aside.length(endpoints.len());
        for endpoint in endpoints {
            aside.out.put_i32(endpoint.node_id.0);
            aside.text(Some(&endpoint.host));
            aside.out.put_i32(endpoint.port);
            aside.text(endpoint.rack.as_deref());
            aside.no_tags();
        }
        self.out.tagged(0, &aside);
    }

    /// The front of a tagged field.
    fn tag(&mut self, tag: u32, bytes: u32) {
        self.out.varint(tag);
        self.out.varint(bytes);
    }

    /// Cuts the buffer at the holes.
    fn finish(self) -> Result<EncodedFetch, EncodeError> {
        let frame = self.out.frame(ApiKey::Fetch, self.version, self.holes_bytes)?;
        let total_bytes = frame.len().saturating_add(self.holes_bytes);
        let mut pieces = Vec::with_capacity(self.holes.len().saturating_mul(2).saturating_add(1));
        let mut start = 0;
        for Hole { at, topic, partition, len } in self.holes {
            pieces.push(FetchPiece::Bytes(frame.slice(start..at)));
            pieces.push(FetchPiece::Records { topic, partition, len });
            start = at;
        }
        if start < frame.len() {
            pieces.push(FetchPiece::Bytes(frame.slice(start..)));
        }
        Ok(EncodedFetch { pieces, total_bytes })
    }
}
