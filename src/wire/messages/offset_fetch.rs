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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::offset_fetch_request::OffsetFetchRequestTopic;
    use crate::messages::{GroupId, TopicName};

    fn old_request() -> OffsetFetchRequest {
        let topic = OffsetFetchRequestTopic::default()
            .with_name(TopicName(StrBytes::from_static_str("t")))
            .with_partition_indexes(vec![3, 4]);
        OffsetFetchRequest::default()
            .with_group_id(GroupId(StrBytes::from_static_str("g")))
            .with_topics(Some(vec![topic]))
    }

    #[test]
    fn an_old_request_asks_about_one_group() {
        let groups = groups(7, old_request());
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].group_id.as_str(), "g");
        let topics = groups[0].topics.as_ref().unwrap();
        assert_eq!((topics[0].name.as_str(), &topics[0].partition_indexes[..]), ("t", &[3, 4][..]));
    }

    #[test]
    fn traps_15_null_topics_stay_null_and_mean_all() {
        let groups = groups(2, OffsetFetchRequest::default().with_topics(None));
        assert_eq!(groups[0].topics, None);
    }

    #[test]
    fn version_1_says_a_groups_error_in_every_partition() {
        let group = &groups(1, old_request())[0];
        let failed = group_error(1, group, ErrorCode::NotCoordinator);
        let partitions = &failed.topics[0].partitions;
        assert_eq!(partitions.iter().map(|p| p.partition_index).collect::<Vec<_>>(), [3, 4]);
        assert!(partitions.iter().all(|p| p.error_code == 16 && p.committed_offset == -1));
        assert_eq!(group_error(2, group, ErrorCode::NotCoordinator).topics, []);
    }
}
