//! A client that speaks the protocol from outside, one frame at a time.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use gracchus_base::ErrorCode;
use gracchus_wire::messages::{
    CreateTopicsRequest, MetadataRequest, ProduceRequest, ProduceResponse, StrBytes, TopicName,
    create_topics_request::{CreatableTopic, CreatableTopicConfig},
    produce_request::{PartitionProduceData, TopicProduceData},
};
use gracchus_wire::{ApiKey, Request, Response, client};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// How long an answer may take before a test gives up on it.
const DEADLINE: Duration = Duration::from_secs(20);

/// One connection.
pub struct Client {
    stream: TcpStream,
    correlation_id: i32,
}

impl Client {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).await.expect("the broker accepts")
    }

    /// Connects with so small a receive buffer that what is not read soon stays with the broker.
    pub async fn connect_to_read_slowly(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        Self::connect_by(socket, address).await
    }

    /// Connects by a socket that was prepared, or made somewhere else.
    pub async fn connect_by(socket: TcpSocket, address: SocketAddr) -> Self {
        Self { stream: socket.connect(address).await.expect("the broker accepts"), correlation_id: 0 }
    }

    /// Connects to a broker that may be gone.
    pub async fn try_connect(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).await.ok()?;
        Some(Self { stream, correlation_id: 0 })
    }

    /// Sends a request to a broker that may be gone; answers its correlation id.
    pub async fn try_send(&mut self, version: i16, request: &Request) -> Option<i32> {
        self.correlation_id += 1;
        let frame = client::encode_request(version, self.correlation_id, Some("protocol-tests"), request)
            .expect("requests of a test can be encoded");
        self.stream.write_all(&frame).await.ok()?;
        Some(self.correlation_id)
    }

    /// Reads an answer from a broker that may be gone.
    pub async fn try_receive(&mut self, api: ApiKey, version: i16) -> Option<(i32, Response)> {
        let frame = self.receive_raw().await?;
        Some(client::decode_response(api, version, frame).expect("an answer that can be read"))
    }

    /// Sends a request and reads its answer.
    pub async fn ask(&mut self, version: i16, request: &Request) -> Response {
        let correlation_id = self.send(version, request).await;
        let (answered, response) = self.receive(request.api(), version).await;
        assert_eq!(answered, correlation_id, "answers come in the order of the requests");
        response
    }

    /// Sends a request; answers its correlation id.
    pub async fn send(&mut self, version: i16, request: &Request) -> i32 {
        self.try_send(version, request).await.expect("the broker reads")
    }

    /// Sends bytes as they are.
    pub async fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the broker reads");
    }

    /// Reads the answer to a request of this API and version.
    pub async fn receive(&mut self, api: ApiKey, version: i16) -> (i32, Response) {
        self.try_receive(api, version).await.expect("an answer, not a closed connection")
    }

    /// Reads a frame, without its length; `None` when the broker closed the connection.
    pub async fn receive_raw(&mut self) -> Option<Bytes> {
        timeout(DEADLINE, self.read_frame()).await.expect("an answer in time")
    }

    /// Reads so many bytes, whatever they are.
    pub async fn receive_bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let read = timeout(DEADLINE, self.stream.read_exact(&mut bytes)).await.expect("bytes in time");
        read.expect("bytes, not a closed connection");
        bytes
    }

    /// Waits until the broker closes the connection; an answer instead is a failure.
    pub async fn expect_closed(&mut self) {
        let frame = self.receive_raw().await;
        assert!(frame.is_none(), "the broker answered {frame:?} instead of closing the connection");
    }

    async fn read_frame(&mut self) -> Option<Bytes> {
        let length = self.stream.read_i32().await.ok()?;
        let length = usize::try_from(length).expect("a length that is not negative");
        let mut frame = BytesMut::zeroed(length);
        self.stream.read_exact(&mut frame).await.ok()?;
        Some(frame.freeze())
    }

    /// Creates a topic with that many partitions and settings.
    pub async fn create_topic(&mut self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let config = |(name, value): &(&str, &str)| {
            let value = Some(StrBytes::from_string((*value).to_owned()));
            CreatableTopicConfig::default()
                .with_name(StrBytes::from_string((*name).to_owned()))
                .with_value(value)
        };
        let topic = CreatableTopic::default()
            .with_name(topic_name(name))
            .with_num_partitions(partitions)
            .with_replication_factor(-1)
            .with_configs(configs.iter().map(config).collect());
        let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
        let Response::CreateTopics(response) = self.ask(7, &Request::CreateTopics(request)).await else {
            panic!("not CreateTopics")
        };
        let topic = &response.topics[0];
        assert_eq!(topic.error_code, ErrorCode::None.code(), "{:?}", topic.error_message);
    }

    /// Produces one batch to a partition and answers the whole response.
    pub async fn produce(
        &mut self,
        topic: &str,
        partition: i32,
        acks: i16,
        records: Bytes,
    ) -> ProduceResponse {
        let request = produce_request(topic, partition, acks, records);
        let Response::Produce(response) = self.ask(9, &Request::Produce(request)).await else {
            panic!("not Produce")
        };
        response
    }

    /// Metadata of all topics.
    pub async fn metadata(&mut self) -> gracchus_wire::messages::MetadataResponse {
        let request = MetadataRequest::default().with_topics(None);
        let Response::Metadata(response) = self.ask(12, &Request::Metadata(request)).await else {
            panic!("not Metadata")
        };
        response
    }
}

/// A Produce request with one batch for one partition.
pub fn produce_request(topic: &str, partition: i32, acks: i16, records: Bytes) -> ProduceRequest {
    let data = PartitionProduceData::default().with_index(partition).with_records(Some(records));
    let topic = TopicProduceData::default().with_name(topic_name(topic)).with_partition_data(vec![data]);
    ProduceRequest::default().with_acks(acks).with_timeout_ms(10_000).with_topic_data(vec![topic])
}

/// A topic's name in a request.
pub fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}
