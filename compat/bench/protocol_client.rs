//! A client that speaks the protocol itself, over one blocking socket and a frame at a time: for what no client library
//! does in the numbers or in the order that a workload needs, and for what surrounds a measurement.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use compat_harness::wait_until;
use gracchus_base::Clock;
use gracchus_wire::messages::{
    ApiVersionsRequest, BrokerId, CreateTopicsRequest, DeleteTopicsRequest, ListOffsetsRequest, StrBytes,
    TopicName, Uuid,
    create_topics_request::{CreatableTopic, CreatableTopicConfig},
    list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
};
use gracchus_wire::records::{BatchBuilder, BatchOptions};
use gracchus_wire::{ApiKey, Request, Response, client};

use crate::BenchError;

/// How long an answer may take before the round is given up. The reference takes half of it for 5,000 partitions.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// How long a broker may put a client off before the round is given up.
const PUT_OFF_LIMIT: Duration = Duration::from_secs(180);
const CREATE_TOPICS: i16 = 7;
const DELETE_TOPICS: i16 = 5;
const API_VERSIONS: i16 = 3;
const LIST_OFFSETS: i16 = 7;
/// ListOffsets: the end of the log.
const LATEST: i64 = -1;

/// One connection. Answers come in the order of the requests, so several may be sent before one is received.
#[derive(Debug)]
pub struct ProtocolClient {
    stream: TcpStream,
    correlation_id: i32,
    answered: i32,
}

impl ProtocolClient {
    pub fn connect(address: SocketAddr) -> Result<ProtocolClient, BenchError> {
        let stream = TcpStream::connect_timeout(&address, ANSWER_LIMIT)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.set_nodelay(true)?;
        Ok(ProtocolClient { stream, correlation_id: 0, answered: 0 })
    }

    /// Sends a request and waits for its answer.
    pub fn ask(&mut self, version: i16, request: &Request) -> Result<Response, BenchError> {
        self.send(version, request)?;
        self.receive(request.api(), version)
    }

    pub fn send(&mut self, version: i16, request: &Request) -> Result<(), BenchError> {
        self.correlation_id += 1;
        Ok(self.stream.write_all(&encode(version, self.correlation_id, request)?)?)
    }

    /// The next answer, which is to be one of this API and version.
    pub fn receive(&mut self, api: ApiKey, version: i16) -> Result<Response, BenchError> {
        let frame = self.read_frame()?;
        self.answered += 1;
        let (correlation_id, response) = decode(api, version, frame.into())?;
        if correlation_id != self.answered {
            return Err(BenchError::Failed(format!("{api} is answered with another's correlation id")));
        }
        Ok(response)
    }

    /// Sends a frame that is encoded already and reads its answer, without the length. Its correlation id is the caller's.
    pub fn exchange(&mut self, frame: &[u8]) -> Result<Vec<u8>, BenchError> {
        self.stream.write_all(frame)?;
        self.read_frame()
    }

    fn read_frame(&mut self) -> Result<Vec<u8>, BenchError> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(0);
        let mut frame = vec![0; length];
        self.stream.read_exact(&mut frame)?;
        Ok(frame)
    }

    /// ApiVersions, as the first request of every client.
    pub fn api_versions(&mut self) -> Result<(), BenchError> {
        let request = ApiVersionsRequest::default()
            .with_client_software_name(text("compat-bench"))
            .with_client_software_version(text("1"));
        match self.ask(API_VERSIONS, &Request::ApiVersions(request))? {
            Response::ApiVersions(answer) => check("ApiVersions", answer.error_code),
            other => Err(unexpected(&other)),
        }
    }

    /// Creates a topic of one replica; gives its id once that is answered. The reference answers before its partitions
    /// have learnt that they lead.
    pub fn create_topic(
        &mut self,
        name: &str,
        partitions: i32,
        configs: &[(&str, &str)],
    ) -> Result<Uuid, BenchError> {
        let config = |(name, value): &(&str, &str)| {
            CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
        };
        let topic = CreatableTopic::default()
            .with_name(topic_name(name))
            .with_num_partitions(partitions)
            .with_replication_factor(1)
            .with_configs(configs.iter().map(config).collect());
        let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(60_000);
        match self.ask(CREATE_TOPICS, &Request::CreateTopics(request))? {
            Response::CreateTopics(answer) => {
                let topic =
                    answer.topics.first().ok_or_else(|| BenchError::Failed("no topic answered".into()))?;
                check("CreateTopics", topic.error_code)?;
                Ok(topic.topic_id)
            }
            other => Err(unexpected(&other)),
        }
    }

    /// The same; returns once every partition has a leader that answers.
    pub fn create_topic_with_leaders(
        &mut self,
        name: &str,
        partitions: i32,
        configs: &[(&str, &str)],
    ) -> Result<(), BenchError> {
        self.create_topic(name, partitions, configs)?;
        retry("having all leaders", || Ok(self.end_offsets(name, partitions).ok().map(|_| ())))
    }

    pub fn delete_topic(&mut self, name: &str) -> Result<(), BenchError> {
        let request =
            DeleteTopicsRequest::default().with_topic_names(vec![topic_name(name)]).with_timeout_ms(60_000);
        match self.ask(DELETE_TOPICS, &Request::DeleteTopics(request))? {
            Response::DeleteTopics(answer) => {
                answer.responses.iter().try_for_each(|topic| check("DeleteTopics", topic.error_code))
            }
            other => Err(unexpected(&other)),
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
        let answer = match self.ask(LIST_OFFSETS, &Request::ListOffsets(request))? {
            Response::ListOffsets(answer) => answer,
            other => return Err(unexpected(&other)),
        };
        let answered: Vec<_> = answer.topics.iter().flat_map(|topic| &topic.partitions).collect();
        answered.iter().try_for_each(|partition| check("ListOffsets", partition.error_code))?;
        let offset_of = |(index, _): &(i32, i64)| {
            let found = answered.iter().find(|partition| partition.partition_index == *index);
            found.map(|partition| partition.offset)
        };
        let offsets: Option<Vec<i64>> = asked.iter().map(offset_of).collect();
        offsets.ok_or_else(|| BenchError::Failed("ListOffsets: a partition is missing".into()))
    }

    /// The connection itself, for a driver of many; everything that was asked must be answered.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }
}

/// A request as a whole frame. Its correlation id is at [`CORRELATION_ID_AT`].
pub fn encode(version: i16, correlation_id: i32, request: &Request) -> Result<Bytes, BenchError> {
    client::encode_request(version, correlation_id, Some("compat-bench"), request)
        .map_err(|error| BenchError::Failed(error.to_string()))
}

/// Where the correlation id stands in a request's frame: behind length, key and version.
pub const CORRELATION_ID_AT: usize = 8;

/// An answer's frame without its length.
pub fn decode(api: ApiKey, version: i16, frame: Bytes) -> Result<(i32, Response), BenchError> {
    client::decode_response(api, version, frame).map_err(|error| BenchError::Failed(error.to_string()))
}

/// Fails the round if a broker answered an error.
pub fn check(what: &str, code: i16) -> Result<(), BenchError> {
    match code {
        0 => Ok(()),
        _ => Err(BenchError::Failed(format!("{what} is answered with error code {code}"))),
    }
}

/// The failure that stands for an answer of another API.
pub fn unexpected(response: &Response) -> BenchError {
    BenchError::Failed(format!("unexpected answer {response:?}"))
}

/// Asks again until there is a value: for answers that put a client off, which clients try again.
pub fn retry<T>(
    what: &str,
    mut attempt: impl FnMut() -> Result<Option<T>, BenchError>,
) -> Result<T, BenchError> {
    wait_until(PUT_OFF_LIMIT, || attempt().transpose())
        .unwrap_or_else(|| Err(BenchError::Failed(format!("{what} took longer than {PUT_OFF_LIMIT:?}"))))
}

/// A text of the wire.
pub fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// A topic's name on the wire.
pub fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

/// A batch with one record of now, without a key.
pub fn batch_of_one(value: &[u8]) -> Result<Bytes, BenchError> {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.push(Clock::system().now(), None, Some(value), &[]);
    Ok(builder.finish().map_err(|error| BenchError::Failed(error.to_string()))?.to_bytes())
}
