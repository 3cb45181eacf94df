//! OffsetFetch before and after version 8, which asks for several groups at once: handlers see only the newer form.

use gracchus_base::ErrorCode;
use kafka_protocol::messages::OffsetFetchRequest;
use kafka_protocol::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
};
use kafka_protocol::protocol::StrBytes;

/// The first version with several groups.
pub const GROUPS_SINCE: i16 = 8;

/// The groups that a request asks about; below version 8 the only one, made of the fields of that time.
pub fn groups(version: i16, request: OffsetFetchRequest) -> Vec<OffsetFetchRequestGroup> {
    if version >= GROUPS_SINCE {
        return request.groups;
    }
    let topics = request.topics.map(|topics| {
        let convert = |topic: kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic| {
            OffsetFetchRequestTopics::default()
                .with_name(topic.name)
                .with_partition_indexes(topic.partition_indexes)
        };
        topics.into_iter().map(convert).collect()
    });
    vec![OffsetFetchRequestGroup::default().with_group_id(request.group_id).with_topics(topics)]
}

/// The answer for a group that failed as a whole. Version 1 has no error for a group: every partition that was asked
/// for carries it.
pub fn group_error(
    version: i16,
    group: &OffsetFetchRequestGroup,
    error: ErrorCode,
) -> OffsetFetchResponseGroup {
    let failed = OffsetFetchResponseGroup::default()
        .with_group_id(group.group_id.clone())
        .with_error_code(error.code());
    if version >= 2 {
        return failed;
    }
    let partition = |index: &i32| {
        OffsetFetchResponsePartitions::default()
            .with_partition_index(*index)
            .with_committed_offset(-1)
            .with_committed_leader_epoch(-1)
            .with_metadata(Some(StrBytes::new()))
            .with_error_code(error.code())
    };
    let topic = |topic: &OffsetFetchRequestTopics| {
        OffsetFetchResponseTopics::default()
            .with_name(topic.name.clone())
            .with_partitions(topic.partition_indexes.iter().map(partition).collect())
    };
    failed.with_topics(group.topics.iter().flatten().map(topic).collect())
}
