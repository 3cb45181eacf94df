//! A plain client for what surrounds a measurement: makes topics, asks for offsets, removes topics again.
//!
//! One request at a time; never on the path that is measured.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use compat_harness::deadline::wait_until;
use gracchus_wire::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use gracchus_wire::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use gracchus_wire::messages::{
    BrokerId, CreateTopicsRequest, DeleteTopicsRequest, ListOffsetsRequest, StrBytes, TopicName,
};
use gracchus_wire::{Request, Response, client};

use crate::BenchError;
use crate::connection::Connection;

const CREATE_TOPICS: i16 = 7;
const DELETE_TOPICS: i16 = 5;
const LIST_OFFSETS: i16 = 7;
/// How long a new topic's first leader may take.
const LIMIT: Duration = Duration::from_secs(60);
/// ListOffsets: the end of the log.
const LATEST: i64 = -1;

/// One connection.
#[derive(Debug)]
pub struct Control {
    connection: Connection,
    correlation_id: i32,
}

impl Control {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Result<Control, BenchError> {
        Ok(Control { connection: Connection::connect(address)?, correlation_id: 0 })
    }

    /// Sends a request and reads its answer.
    pub fn ask(&mut self, version: i16, request: &Request) -> Result<Response, BenchError> {
        self.correlation_id += 1;
        let frame = client::encode_request(version, self.correlation_id, Some("bench"), request)
            .map_err(|error| BenchError::Failed(error.to_string()))?;
        let answer = self.connection.exchange(&frame)?;
        let (answered, response) = client::decode_response(request.api(), version, Bytes::from(answer))
            .map_err(|error| BenchError::Failed(error.to_string()))?;
        if answered != self.correlation_id {
            return failed(format!("an answer to request {answered} instead of {}", self.correlation_id));
        }
        Ok(response)
    }

    /// Creates a topic with those settings; returns once every partition has a leader that answers.
    pub fn create_topic(
        &mut self,
        topic: &str,
        partitions: i32,
        configs: &[(&str, &str)],
    ) -> Result<(), BenchError> {
        let config = |(name, value): &(&str, &str)| {
            CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
        };
        let creatable = CreatableTopic::default()
            .with_name(topic_name(topic))
            .with_num_partitions(partitions)
            .with_replication_factor(1)
            .with_configs(configs.iter().map(config).collect());
        let request = CreateTopicsRequest::default().with_topics(vec![creatable]).with_timeout_ms(30_000);
        let Response::CreateTopics(response) = self.ask(CREATE_TOPICS, &Request::CreateTopics(request))?
        else {
            return failed("not an answer to CreateTopics".into());
        };
        for topic in &response.topics {
            if topic.error_code != 0 {
                return failed(format!("CreateTopics: error {} {:?}", topic.error_code, topic.error_message));
            }
        }
        // The reference answers before its partitions have learnt that they lead.
        let ready = wait_until(LIMIT, || self.end_offsets(topic, partitions).ok());
        ready.map(|_| ()).ok_or_else(|| BenchError::Failed(format!("{topic} has no leaders")))
    }

    /// Deletes a topic.
    pub fn delete_topic(&mut self, topic: &str) -> Result<(), BenchError> {
        let request =
            DeleteTopicsRequest::default().with_topic_names(vec![topic_name(topic)]).with_timeout_ms(30_000);
        let Response::DeleteTopics(response) = self.ask(DELETE_TOPICS, &Request::DeleteTopics(request))?
        else {
            return failed("not an answer to DeleteTopics".into());
        };
        match response.responses.iter().find(|topic| topic.error_code != 0) {
            Some(topic) => failed(format!("DeleteTopics: error {}", topic.error_code)),
            None => Ok(()),
        }
    }

    /// The end offset of partitions 0 to `partitions` - 1.
    pub fn end_offsets(&mut self, topic: &str, partitions: i32) -> Result<Vec<i64>, BenchError> {
        let asked: Vec<_> = (0..partitions).map(|partition| (partition, LATEST)).collect();
        self.list_offsets(topic, &asked)
    }

    /// The first offset at or after a time, for each partition and time.
    pub fn list_offsets(&mut self, topic: &str, asked: &[(i32, i64)]) -> Result<Vec<i64>, BenchError> {
        let partition = |&(index, timestamp): &(i32, i64)| {
            ListOffsetsPartition::default().with_partition_index(index).with_timestamp(timestamp)
        };
        let listed = ListOffsetsTopic::default()
            .with_name(topic_name(topic))
            .with_partitions(asked.iter().map(partition).collect());
        let request = ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![listed]);
        let Response::ListOffsets(response) = self.ask(LIST_OFFSETS, &Request::ListOffsets(request))? else {
            return failed("not an answer to ListOffsets".into());
        };
        let answered: Vec<_> = response.topics.iter().flat_map(|topic| &topic.partitions).collect();
        if let Some(wrong) = answered.iter().find(|partition| partition.error_code != 0) {
            return failed(format!("ListOffsets: error {}", wrong.error_code));
        }
        let offset_of = |index| answered.iter().find(|p| p.partition_index == index).map(|p| p.offset);
        asked
            .iter()
            .map(|(index, _)| {
                offset_of(*index).ok_or_else(|| BenchError::Failed("a partition is missing".into()))
            })
            .collect()
    }
}

/// A text in a request.
pub fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

/// A topic's name in a request.
pub fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

fn failed<T>(why: String) -> Result<T, BenchError> {
    Err(BenchError::Failed(why))
}
