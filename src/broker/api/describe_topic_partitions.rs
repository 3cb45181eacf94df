//! DescribeTopicPartitions (key 75): topics in the order of their names, page by page (KIP-966, TRAPS 67).

use std::collections::BTreeSet;

use gracchus_base::{ErrorCode, PartitionIndex, TopicName};
use gracchus_state::image::{self, MetadataImage};
use gracchus_wire::messages::{
    self, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, StrBytes,
    describe_topic_partitions_request as asked,
    describe_topic_partitions_response::{
        Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
    },
};

use super::RequestContext;
use super::metadata::{PartitionDescription, TOPIC_OPERATIONS, describe_partitions, missing};

pub fn handle(
    ctx: &RequestContext,
    request: DescribeTopicPartitionsRequest,
) -> DescribeTopicPartitionsResponse {
    if !is_valid(&request) {
        return refuse(&request);
    }
    let image = ctx.node.image();
    let limit = request.response_partition_limit.min(ctx.node.config().max_request_partition_size_limit);
    let mut page = Page::new(limit, request.cursor.as_ref());
    let from: &str = page.cursor.map_or("", |cursor| &cursor.topic_name);
    let asked: BTreeSet<&str> = request.topics.iter().map(|topic| &**topic.name).collect();
    let names: Box<dyn Iterator<Item = &str>> = if asked.is_empty() {
        Box::new(image.topics_from(from).map(|topic| topic.name().as_str()))
    } else {
        Box::new(asked.range(from..).copied())
    };
    page.fill(&image, names, |topic, first| describe_partitions(&ctx.node, &image, topic, first));
    DescribeTopicPartitionsResponse::default().with_topics(page.topics).with_next_cursor(page.next)
}

/// The cursor must be a place among the topics that are asked for.
fn is_valid(request: &DescribeTopicPartitionsRequest) -> bool {
    let Some(cursor) = &request.cursor else { return true };
    let is_asked_for =
        request.topics.is_empty() || request.topics.iter().any(|topic| topic.name == cursor.topic_name);
    cursor.partition_index >= 0 && is_asked_for
}

fn refuse(request: &DescribeTopicPartitionsRequest) -> DescribeTopicPartitionsResponse {
    let refused = request.topics.iter().map(|topic| {
        DescribeTopicPartitionsResponseTopic::default()
            .with_error_code(ErrorCode::InvalidRequest.code())
            .with_name(Some(topic.name.clone()))
            .with_topic_authorized_operations(i32::MIN)
    });
    DescribeTopicPartitionsResponse::default().with_topics(refused.collect())
}

/// A page of the answer while it is filled.
struct Page<'a> {
    cursor: Option<&'a asked::Cursor>,
    /// Partitions for which there is room.
    room: usize,
    topics: Vec<DescribeTopicPartitionsResponseTopic>,
    next: Option<Cursor>,
}

impl<'a> Page<'a> {
    /// A page has room for one partition at least, whatever the request says, as in Kafka.
    fn new(limit: i32, cursor: Option<&'a asked::Cursor>) -> Self {
        let room = usize::try_from(limit).unwrap_or_default().max(1);
        Self { cursor, room, topics: Vec::new(), next: None }
    }

    /// Takes topics, in their order, until the page is full. A topic that does not exist takes no room.
    fn fill<'n, 'i, P: Iterator<Item = PartitionDescription>>(
        &mut self,
        image: &'i MetadataImage,
        names: impl Iterator<Item = &'n str>,
        describe: impl Fn(&'i image::Topic, PartitionIndex) -> P,
    ) {
        for name in names {
            if self.room == 0 {
                self.next = Some(cursor(name, 0));
                return;
            }
            let Some(topic) = image.topic(name) else {
                self.topics.push(unknown(name));
                continue;
            };
            let here = self.cursor.filter(|cursor| **cursor.topic_name == *name);
            let first = PartitionIndex(here.map_or(0, |cursor| cursor.partition_index));
            let partitions: Vec<_> = describe(topic, first).take(self.room).map(partition).collect();
            self.room -= partitions.len();
            let next = partitions.last().map_or(first.0, |last| last.partition_index.saturating_add(1));
            self.topics.push(known(topic, partitions));
            if next < topic.partition_count() {
                self.next = Some(cursor(name, next));
                return;
            }
        }
    }
}

fn cursor(topic: &str, partition: i32) -> Cursor {
    let name = messages::TopicName(StrBytes::from_string(topic.to_owned()));
    Cursor::default().with_topic_name(name).with_partition_index(partition)
}

fn unknown(name: &str) -> DescribeTopicPartitionsResponseTopic {
    let parsed = TopicName::parse(name);
    DescribeTopicPartitionsResponseTopic::default()
        .with_error_code(missing(&parsed).code())
        .with_name(Some(messages::TopicName(StrBytes::from_string(name.to_owned()))))
        .with_is_internal(parsed.is_ok_and(|name| name.is_internal()))
        .with_topic_authorized_operations(TOPIC_OPERATIONS)
}

fn known(
    topic: &image::Topic,
    partitions: Vec<DescribeTopicPartitionsResponsePartition>,
) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic::default()
        .with_name(Some(messages::topic_name(topic.name())))
        .with_topic_id(messages::topic_id(topic.id()))
        .with_is_internal(topic.name().is_internal())
        .with_partitions(partitions)
        .with_topic_authorized_operations(TOPIC_OPERATIONS)
}

/// Unlike Metadata this has no error for a partition without a leader. Nobody is an eligible leader beyond the ISR as
/// long as a partition has one replica.
fn partition(partition: PartitionDescription) -> DescribeTopicPartitionsResponsePartition {
    DescribeTopicPartitionsResponsePartition::default()
        .with_partition_index(partition.index)
        .with_leader_id(partition.leader)
        .with_leader_epoch(partition.leader_epoch)
        .with_replica_nodes(partition.replicas)
        .with_isr_nodes(partition.isr)
        .with_eligible_leader_replicas(Some(Vec::new()))
        .with_last_known_elr(Some(Vec::new()))
        .with_offline_replicas(partition.offline)
}

#[cfg(test)]
mod tests {
    use gracchus_base::metadata_record::{MetadataRecord, PartitionRecord};
    use gracchus_base::{BrokerId, LeaderEpoch, TopicId};

    use super::*;

    /// Topics with their numbers of partitions.
    fn image(topics: &[(&str, i32)]) -> MetadataImage {
        let mut image = MetadataImage::default();
        for (n, (name, partitions)) in (1_u8..).zip(topics) {
            let topic_id = TopicId([n; 16]);
            let name = TopicName::parse(name).unwrap();
            image.apply(&MetadataRecord::Topic { name, topic_id }, &mut Vec::new()).unwrap();
            for partition in 0..*partitions {
                let record = PartitionRecord {
                    topic_id,
                    partition: PartitionIndex(partition),
                    replicas: vec![BrokerId(1)],
                    isr: vec![BrokerId(1)],
                    leader: BrokerId(1),
                    leader_epoch: LeaderEpoch(0),
                    partition_epoch: 0,
                    directories: Vec::new(),
                };
                image.apply(&MetadataRecord::Partition(record), &mut Vec::new()).unwrap();
            }
        }
        image
    }

    type Shown = (String, i16, Vec<i32>);

    /// The topics of a page with error and partitions, and where the next page begins.
    fn page(
        image: &MetadataImage,
        names: &[&str],
        limit: i32,
        from: Option<(&str, i32)>,
    ) -> (Vec<Shown>, Option<(String, i32)>) {
        let from = from.map(|(topic, partition)| {
            let name = messages::TopicName(StrBytes::from_string(topic.to_owned()));
            asked::Cursor::default().with_topic_name(name).with_partition_index(partition)
        });
        let mut page = Page::new(limit, from.as_ref());
        page.fill(image, names.iter().copied(), |topic, first| {
            let indexes: Vec<_> = topic.partitions_from(first).map(|(index, _)| index.0).collect();
            indexes.into_iter().map(|index| PartitionDescription {
                index,
                leader: messages::BrokerId(1),
                leader_epoch: 0,
                replicas: Vec::new(),
                isr: Vec::new(),
                offline: Vec::new(),
            })
        });
        let shown = page.topics.iter().map(|topic| {
            let indexes = topic.partitions.iter().map(|partition| partition.partition_index);
            (topic.name.as_ref().unwrap().to_string(), topic.error_code, indexes.collect())
        });
        (shown.collect(), page.next.map(|next| (next.topic_name.to_string(), next.partition_index)))
    }

    fn shown(name: &str, error: i16, partitions: &[i32]) -> Shown {
        (name.to_owned(), error, partitions.to_vec())
    }

    fn at(name: &str, partition: i32) -> Option<(String, i32)> {
        Some((name.to_owned(), partition))
    }

    // The expected answers are those of Kafka 4.3.1 for the same topics and requests.
    #[test]
    fn traps_67_a_full_page_says_where_the_next_one_begins() {
        let image = image(&[("as", 2), ("c1", 2)]);
        assert_eq!(page(&image, &["as", "c1"], 1, None), (vec![shown("as", 0, &[0])], at("as", 1)));
        assert_eq!(page(&image, &["as", "c1"], 2, None), (vec![shown("as", 0, &[0, 1])], at("c1", 0)));
        assert_eq!(
            page(&image, &["as", "b ad", "c1"], 2, None),
            (vec![shown("as", 0, &[0, 1])], at("b ad", 0))
        );
        let three = vec![shown("as", 0, &[0, 1]), shown("b ad", 17, &[]), shown("c1", 0, &[0])];
        assert_eq!(page(&image, &["as", "b ad", "c1"], 3, None), (three, at("c1", 1)));
        let all = vec![shown("as", 0, &[0, 1]), shown("c1", 0, &[0, 1])];
        assert_eq!(page(&image, &["as", "c1"], 4, None), (all, None));
    }

    #[test]
    fn traps_67_a_page_goes_on_where_the_cursor_is() {
        let image = image(&[("c1", 2), ("dup", 2)]);
        let rest = vec![shown("c1", 0, &[1]), shown("dup", 0, &[0, 1])];
        assert_eq!(page(&image, &["c1", "dup"], 3, Some(("c1", 1))), (rest, None));
        let beyond = vec![shown("c1", 0, &[]), shown("dup", 0, &[0, 1])];
        assert_eq!(page(&image, &["c1", "dup"], 3, Some(("c1", 100))), (beyond, None));
        let after = vec![shown("c1", 0, &[0, 1]), shown("dup", 0, &[0])];
        assert_eq!(page(&image, &["c1", "dup"], 3, Some(("c0", 1))), (after, at("dup", 1)));
    }

    #[test]
    fn a_page_has_room_for_one_partition_whatever_the_limit() {
        let image = image(&[("a", 2)]);
        for limit in [0, -1, i32::MIN] {
            assert_eq!(page(&image, &["a"], limit, None), (vec![shown("a", 0, &[0])], at("a", 1)));
        }
    }

    #[test]
    fn a_cursor_outside_of_what_is_asked_for_is_refused() {
        let name = |name| messages::TopicName(StrBytes::from_static_str(name));
        let cursor = |topic, partition| {
            asked::Cursor::default().with_topic_name(name(topic)).with_partition_index(partition)
        };
        let request = |topics: &[&'static str], cursor| {
            let topics = topics.iter().map(|topic| asked::TopicRequest::default().with_name(name(topic)));
            DescribeTopicPartitionsRequest::default().with_topics(topics.collect()).with_cursor(Some(cursor))
        };
        assert!(is_valid(&request(&["a", "b"], cursor("b", 0))));
        assert!(is_valid(&request(&[], cursor("b", 7))));
        assert!(!is_valid(&request(&["a"], cursor("b", 0))));
        assert!(!is_valid(&request(&[], cursor("b", -1))));
        let refused = refuse(&request(&["b", "a"], cursor("c", 0)));
        assert!(refused.topics.iter().all(|topic| topic.error_code == 42));
    }
}
