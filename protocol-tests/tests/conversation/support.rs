//! Which broker a conversation is with, and the requests that most of them need.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gracchus_wire::ApiKey;
use gracchus_wire::messages::{
    self as m, CreateTopicsRequest, FetchRequest, ListOffsetsRequest, MetadataRequest, ProduceRequest,
    StrBytes, TopicName, Uuid,
    create_topics_request::{CreatableTopic, CreatableTopicConfig},
    fetch_request::{FetchPartition, FetchTopic},
    fetch_response::PartitionData,
    list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
    list_offsets_response::ListOffsetsPartitionResponse,
    metadata_request::MetadataRequestTopic,
    metadata_response::MetadataResponseTopic,
    produce_request::{PartitionProduceData, TopicProduceData},
    produce_response::PartitionProduceResponse,
};
use gracchus_wire::records::BatchHeader;
use protocol_tests::{Client, TestBroker};

/// The broker that a test talks to.
pub struct Target {
    /// Kept running; `None` is the broker that `REFERENCE` names.
    _ours: Option<TestBroker>,
    address: SocketAddr,
}

/// The broker that tests are compared with, if this run is about that one.
fn reference() -> Option<SocketAddr> {
    let address = std::env::var("REFERENCE").ok()?;
    Some(address.parse().expect("REFERENCE is address:port"))
}

/// Whether the broker that is tested is ours.
pub fn is_ours() -> bool {
    reference().is_none()
}

impl Target {
    /// A broker with the default settings.
    pub async fn start() -> Self {
        if let Some(address) = reference() {
            return Self { _ours: None, address };
        }
        let broker = TestBroker::start().await;
        Self { address: broker.address(), _ours: Some(broker) }
    }

    /// One more connection.
    pub async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A broker and a connection to it.
pub async fn start() -> (Target, Client) {
    let target = Target::start().await;
    let client = target.client().await;
    (target, client)
}

/// A broker of ours with these settings; `None` where the run is about the reference, whose settings are its own.
pub async fn start_with(settings: &[(&str, &str)]) -> Option<(TestBroker, Client)> {
    if reference().is_some() {
        return None;
    }
    let broker = TestBroker::start_with(settings).await;
    let client = broker.client().await;
    Some((broker, client))
}

/// The versions of an API that are answered.
pub fn versions(api: ApiKey) -> impl Iterator<Item = i16> {
    api.request_versions().filter(move |version| api.accepts(*version))
}

/// How long a condition may take to come true.
pub struct Patience(Instant);

impl Patience {
    pub fn new() -> Self {
        Self(Instant::now())
    }

    /// To be called in the loop that waits.
    pub fn wait(&self) {
        assert!(self.0.elapsed() < Duration::from_secs(20), "what is waited for does not come true");
    }
}

/// A name that nobody else has used, also on a broker that lives longer than this process.
pub fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{name}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

pub fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

pub fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

/// A topic that a test made.
#[derive(Clone, Debug)]
pub struct Topic {
    pub name: TopicName,
    pub id: Uuid,
}

/// A topic as CreateTopics takes it.
pub fn creatable(name: &str, partitions: i32, configs: &[(&str, &str)]) -> CreatableTopic {
    let config = |(name, value): &(&str, &str)| {
        CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
    };
    CreatableTopic::default()
        .with_name(topic_name(name))
        .with_num_partitions(partitions)
        .with_replication_factor(-1)
        .with_configs(configs.iter().map(config).collect())
}

/// Creates a topic with a name of its own and waits until its partitions are served.
pub async fn create(client: &mut Client, name: &str, partitions: i32, configs: &[(&str, &str)]) -> Topic {
    create_named(client, &unique(name), partitions, configs).await
}

/// Creates a topic and waits until its partitions are served.
pub async fn create_named(
    client: &mut Client,
    name: &str,
    partitions: i32,
    configs: &[(&str, &str)],
) -> Topic {
    let request = CreateTopicsRequest::default()
        .with_topics(vec![creatable(name, partitions, configs)])
        .with_timeout_ms(10_000);
    let answer = client.call(7, request).await;
    let result = &answer.topics[0];
    assert_eq!(result.error_code, 0, "{name}: {:?}", result.error_message);
    let topic = Topic { name: topic_name(name), id: result.topic_id };
    // Where a topic of this name was just deleted, its partitions may answer for a moment.
    let patience = Patience::new();
    while describe(client, &topic.name).await.topic_id != topic.id {
        patience.wait();
    }
    for partition in 0..partitions.max(1) {
        // A leader that has just been chosen may not know it yet.
        let patience = Patience::new();
        while list_offset(client, 8, &topic, partition, -2).await.error_code != 0 {
            patience.wait();
        }
    }
    topic
}

/// Metadata of one topic, by name.
pub async fn describe(client: &mut Client, name: &TopicName) -> MetadataResponseTopic {
    let topic = MetadataRequestTopic::default().with_name(Some(name.clone()));
    let request =
        MetadataRequest::default().with_topics(Some(vec![topic])).with_allow_auto_topic_creation(false);
    client.call(12, request).await.topics.remove(0)
}

/// A Produce request for one partition, by name or id as the version has it.
pub fn produce_request(
    version: i16,
    topic: &Topic,
    partition: i32,
    acks: i16,
    records: Bytes,
) -> ProduceRequest {
    let data = PartitionProduceData::default().with_index(partition).with_records(Some(records));
    let mut data = TopicProduceData::default().with_partition_data(vec![data]);
    if version >= 13 {
        data.topic_id = topic.id;
    } else {
        data.name = topic.name.clone();
    }
    ProduceRequest::default().with_acks(acks).with_timeout_ms(10_000).with_topic_data(vec![data])
}

/// Produces to partition 0 with acks=all.
pub async fn produce(
    client: &mut Client,
    version: i16,
    topic: &Topic,
    records: Bytes,
) -> PartitionProduceResponse {
    let answer = client.call(version, produce_request(version, topic, 0, -1, records)).await;
    answer.responses[0].partition_responses[0].clone()
}

/// Produces to partition 0 and answers the offset; anything but success is a failure.
pub async fn produced(client: &mut Client, topic: &Topic, records: Bytes) -> i64 {
    let answer = produce(client, 11, topic, records).await;
    assert_eq!(answer.error_code, 0, "{:?}", answer.error_message);
    answer.base_offset
}

/// One partition to fetch.
pub fn fetch_partition(partition: i32, offset: i64) -> FetchPartition {
    FetchPartition::default()
        .with_partition(partition)
        .with_fetch_offset(offset)
        .with_partition_max_bytes(1 << 20)
}

/// A topic to fetch, by name or id as the version has it.
pub fn fetch_topic(version: i16, topic: &Topic, partitions: Vec<FetchPartition>) -> FetchTopic {
    let fetch = FetchTopic::default().with_partitions(partitions);
    if version >= 13 { fetch.with_topic_id(topic.id) } else { fetch.with_topic(topic.name.clone()) }
}

/// A Fetch request outside of sessions that does not wait.
pub fn fetch_request(topics: Vec<FetchTopic>) -> FetchRequest {
    FetchRequest::default().with_max_wait_ms(0).with_min_bytes(0).with_max_bytes(1 << 24).with_topics(topics)
}

/// Fetches partition 0 from an offset, without waiting.
pub async fn fetch(client: &mut Client, version: i16, topic: &Topic, offset: i64) -> PartitionData {
    let request = fetch_request(vec![fetch_topic(version, topic, vec![fetch_partition(0, offset)])]);
    let answer = client.call(version, request).await;
    assert_eq!(answer.error_code, 0);
    answer.responses[0].partitions[0].clone()
}

/// What stands in a partition from an offset on: offset, key and value of every record.
pub async fn read(
    client: &mut Client,
    topic: &Topic,
    offset: i64,
) -> Vec<(i64, Option<String>, Option<String>)> {
    let data = fetch(client, 12, topic, offset).await;
    assert_eq!(data.error_code, 0);
    records_of(&data)
}

/// The whole batches of an answer; the part of one at the end is dropped, as clients do.
pub fn batches_of(data: &PartitionData) -> Vec<Bytes> {
    let mut rest = data.records.clone().unwrap_or_default();
    let mut batches = Vec::new();
    while let Ok(header) = BatchHeader::parse(&rest) {
        if header.total_bytes() > rest.len() {
            break;
        }
        batches.push(rest.split_to(header.total_bytes()));
    }
    batches
}

/// The records of an answer.
pub fn records_of(data: &PartitionData) -> Vec<(i64, Option<String>, Option<String>)> {
    let string = |field: Option<Bytes>| field.map(|field| String::from_utf8(field.to_vec()).expect("text"));
    let records = batches_of(data).into_iter().flat_map(|batch| {
        let records = gracchus_wire::records::records_of(&batch).expect("a batch that can be read");
        records.map(|record| record.expect("a whole record")).collect::<Vec<_>>()
    });
    records.map(|record| (record.offset.0, string(record.key), string(record.value))).collect()
}

/// The values alone.
pub async fn values(client: &mut Client, topic: &Topic) -> Vec<String> {
    read(client, topic, 0).await.into_iter().map(|(_, _, value)| value.expect("a value")).collect()
}

/// ListOffsets for one partition and one time.
pub fn list_offsets_request(topic: &Topic, partition: i32, timestamp: i64) -> ListOffsetsRequest {
    let partition = ListOffsetsPartition::default().with_partition_index(partition).with_timestamp(timestamp);
    let topic = ListOffsetsTopic::default().with_name(topic.name.clone()).with_partitions(vec![partition]);
    ListOffsetsRequest::default().with_replica_id(m::BrokerId(-1)).with_topics(vec![topic])
}

/// Asks for the offset at a time.
pub async fn list_offset(
    client: &mut Client,
    version: i16,
    topic: &Topic,
    partition: i32,
    timestamp: i64,
) -> ListOffsetsPartitionResponse {
    let answer = client.call(version, list_offsets_request(topic, partition, timestamp)).await;
    answer.topics[0].partitions[0].clone()
}

/// The log's end.
pub async fn end(client: &mut Client, topic: &Topic) -> i64 {
    list_offset(client, 8, topic, 0, -1).await.offset
}

/// The log's start.
pub async fn log_start(client: &mut Client, topic: &Topic) -> i64 {
    list_offset(client, 8, topic, 0, -2).await.offset
}

/// A whole request frame from its parts; `header_version` 2 has tagged fields.
pub fn raw_frame(key: i16, version: i16, header_version: i16, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; 4];
    frame.extend(key.to_be_bytes());
    frame.extend(version.to_be_bytes());
    frame.extend(7_i32.to_be_bytes());
    frame.extend(b"\x00\x03raw");
    if header_version >= 2 {
        frame.push(0);
    }
    frame.extend(body);
    let length = i32::try_from(frame.len() - 4).expect("a short frame");
    frame[..4].copy_from_slice(&length.to_be_bytes());
    frame
}

/// Proves that a connection is served.
pub async fn assert_served(client: &mut Client) {
    let answer = client.call(0, m::ApiVersionsRequest::default()).await;
    assert_eq!(answer.error_code, 0);
}
