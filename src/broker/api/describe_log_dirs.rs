//! DescribeLogDirs (key 35): data directories, their space, and the partitions in them. A partition to which nothing was
//! ever written has no files and size 0.

use std::collections::{BTreeMap, HashSet};

use gracchus_base::{ErrorCode, TopicName};
use gracchus_wire::messages::{
    self, DescribeLogDirsRequest, DescribeLogDirsResponse,
    describe_log_dirs_request::DescribableLogDirTopic,
    log_dirs::{DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic},
};

use super::RequestContext;
use crate::data_dirs::DirDescription;

pub async fn handle(ctx: &RequestContext, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse {
    let asked = request.topics.as_deref().map(partitions_of);
    let dirs = ctx.node.data_dirs.describe().await;
    let results = dirs.into_iter().map(|dir| respond(dir, asked.as_ref())).collect();
    DescribeLogDirsResponse { results, ..DescribeLogDirsResponse::default() }
}

/// Topics and partitions by name and index.
type Partitions<'a> = HashSet<(&'a str, i32)>;

fn partitions_of(topics: &[DescribableLogDirTopic]) -> Partitions<'_> {
    let mut partitions = HashSet::new();
    for topic in topics {
        let name: &str = &topic.topic.0;
        partitions.extend(topic.partitions.iter().map(|index| (name, *index)));
    }
    partitions
}

/// `asked` `None` is all partitions. Those that are not here are left out; a directory that failed shows none.
fn respond(dir: DirDescription, asked: Option<&Partitions<'_>>) -> DescribeLogDirsResult {
    let mut topics: BTreeMap<TopicName, Vec<DescribeLogDirsPartition>> = BTreeMap::new();
    let shown = if dir.error == ErrorCode::None { dir.partitions } else { Vec::new() };
    for (partition, size_bytes) in shown {
        let index = partition.partition.0;
        if asked.is_none_or(|asked| asked.contains(&(partition.topic.as_str(), index))) {
            topics.entry(partition.topic).or_default().push(DescribeLogDirsPartition {
                partition_index: index,
                partition_size: i64::try_from(size_bytes).unwrap_or(i64::MAX),
                offset_lag: 0,
                is_future_key: false,
            });
        }
    }
    let topics = topics.into_iter().map(|(name, mut partitions)| {
        partitions.sort_by_key(|partition| partition.partition_index);
        DescribeLogDirsTopic { name: messages::topic_name(&name), partitions }
    });
    DescribeLogDirsResult {
        error_code: dir.error.code(),
        log_dir: dir.path.into(),
        topics: topics.collect(),
        total_bytes: dir.total_bytes,
        usable_bytes: dir.usable_bytes,
        is_cordoned: false,
    }
}

#[cfg(test)]
mod tests {
    use gracchus_base::{PartitionIndex, TopicPartition};

    use super::*;

    fn dir(error: ErrorCode) -> DirDescription {
        let partition = |topic, index, size| {
            let topic = TopicName::parse(topic).unwrap();
            (TopicPartition { topic, partition: PartitionIndex(index) }, size)
        };
        DirDescription {
            path: "/data".to_owned(),
            total_bytes: 100,
            usable_bytes: 10,
            error,
            partitions: vec![partition("b", 1, 7), partition("a", 0, 0), partition("b", 0, 5)],
        }
    }

    fn shown(result: &DescribeLogDirsResult) -> Vec<(String, i32, i64)> {
        let of_topic = |topic: &DescribeLogDirsTopic| {
            let name = topic.name.to_string();
            let partitions = topic.partitions.iter();
            let shown: Vec<_> =
                partitions.map(|one| (name.clone(), one.partition_index, one.partition_size)).collect();
            shown
        };
        result.topics.iter().flat_map(of_topic).collect()
    }

    #[test]
    fn no_list_is_all_partitions_and_an_empty_one_none() {
        let all = respond(dir(ErrorCode::None), None);
        let expected = [("a".to_owned(), 0, 0), ("b".to_owned(), 0, 5), ("b".to_owned(), 1, 7)];
        assert_eq!(shown(&all), expected);
        assert!(respond(dir(ErrorCode::None), Some(&partitions_of(&[]))).topics.is_empty());
    }

    #[test]
    fn partitions_that_are_not_here_are_left_out() {
        let topic = |name: &'static str, partitions: Vec<i32>| {
            let name = messages::TopicName(name.into());
            DescribableLogDirTopic::default().with_topic(name).with_partitions(partitions)
        };
        let topics = [topic("b", vec![1, 9]), topic("none", vec![0]), topic("a", Vec::new())];
        let some = respond(dir(ErrorCode::None), Some(&partitions_of(&topics)));
        assert_eq!(shown(&some), [("b".to_owned(), 1, 7)]);
    }

    #[test]
    fn a_directory_that_failed_shows_its_error_and_no_partitions() {
        let failed = respond(dir(ErrorCode::KafkaStorageError), None);
        assert_eq!((failed.error_code, failed.topics.len()), (56, 0));
    }
}
