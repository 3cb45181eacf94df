//! Version 10 of OffsetCommit and OffsetFetch, which name topics by id (KIP-848); `kafka_protocol` 0.18 has their
//! responses and the fields, and stops at version 9 of the requests.

use bytes::Bytes;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use kafka_protocol::messages::{GroupId, OffsetCommitRequest, OffsetFetchRequest};

use crate::primitive::{ReadError, Reader};

/// The first version of both requests that is read here.
pub const VERSION: i16 = 10;

pub fn offset_commit(body: &mut Bytes) -> Result<OffsetCommitRequest, ReadError> {
    let mut reader = Reader::new(body, true);
    let request = OffsetCommitRequest::default()
        .with_group_id(GroupId(reader.text()?))
        .with_generation_id_or_member_epoch(reader.int32()?)
        .with_member_id(reader.text()?)
        .with_group_instance_id(reader.text_or_null()?)
        .with_topics(reader.array(commit_topic)?);
    reader.skip_tags()?;
    Ok(request)
}

fn commit_topic(reader: &mut Reader<'_>) -> Result<OffsetCommitRequestTopic, ReadError> {
    let topic = OffsetCommitRequestTopic::default()
        .with_topic_id(reader.uuid()?)
        .with_partitions(reader.array(commit_partition)?);
    reader.skip_tags()?;
    Ok(topic)
}

fn commit_partition(reader: &mut Reader<'_>) -> Result<OffsetCommitRequestPartition, ReadError> {
    let partition = OffsetCommitRequestPartition::default()
        .with_partition_index(reader.int32()?)
        .with_committed_offset(reader.int64()?)
        .with_committed_leader_epoch(reader.int32()?)
        .with_committed_metadata(reader.text_or_null()?);
    reader.skip_tags()?;
    Ok(partition)
}

pub fn offset_fetch(body: &mut Bytes) -> Result<OffsetFetchRequest, ReadError> {
    let mut reader = Reader::new(body, true);
    let request = OffsetFetchRequest::default()
        .with_groups(reader.array(fetch_group)?)
        .with_require_stable(reader.boolean()?);
    reader.skip_tags()?;
    Ok(request)
}

fn fetch_group(reader: &mut Reader<'_>) -> Result<OffsetFetchRequestGroup, ReadError> {
    let group = OffsetFetchRequestGroup::default()
        .with_group_id(GroupId(reader.text()?))
        .with_member_id(reader.text_or_null()?)
        .with_member_epoch(reader.int32()?)
        .with_topics(reader.array_or_null(fetch_topic)?);
    reader.skip_tags()?;
    Ok(group)
}

fn fetch_topic(reader: &mut Reader<'_>) -> Result<OffsetFetchRequestTopics, ReadError> {
    let topic = OffsetFetchRequestTopics::default()
        .with_topic_id(reader.uuid()?)
        .with_partition_indexes(reader.array(Reader::int32)?);
    reader.skip_tags()?;
    Ok(topic)
}

/// What a client writes.
#[cfg(any(test, feature = "client"))]
pub mod client {
    use super::*;
    use crate::primitive::Writer;
    use bytes::BufMut;

    pub fn offset_commit(request: &OffsetCommitRequest, w: &mut Writer) {
        w.text(Some(&request.group_id));
        w.out.put_i32(request.generation_id_or_member_epoch);
        w.text(Some(&request.member_id));
        w.text(request.group_instance_id.as_deref());
        w.length(request.topics.len());
        for topic in &request.topics {
            w.out.put_slice(topic.topic_id.as_bytes());
            w.length(topic.partitions.len());
            for partition in &topic.partitions {
                w.out.put_i32(partition.partition_index);
                w.out.put_i64(partition.committed_offset);
                w.out.put_i32(partition.committed_leader_epoch);
                w.text(partition.committed_metadata.as_deref());
                w.no_tags();
            }
            w.no_tags();
        }
        w.no_tags();
    }

    pub fn offset_fetch(request: &OffsetFetchRequest, w: &mut Writer) {
        w.length(request.groups.len());
        for group in &request.groups {
            w.text(Some(&group.group_id));
            w.text(group.member_id.as_deref());
            w.out.put_i32(group.member_epoch);
            match &group.topics {
                Some(topics) => fetch_topics(topics, w),
                None => w.null(),
            }
            w.no_tags();
        }
        w.boolean(request.require_stable);
        w.no_tags();
    }

    fn fetch_topics(topics: &[OffsetFetchRequestTopics], w: &mut Writer) {
        w.length(topics.len());
        for topic in topics {
            w.out.put_slice(topic.topic_id.as_bytes());
            w.length(topic.partition_indexes.len());
            for index in &topic.partition_indexes {
                w.out.put_i32(*index);
            }
            w.no_tags();
        }
    }
}
