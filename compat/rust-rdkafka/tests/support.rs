//! What the tests share: a broker, clients for it, and the records that come back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use compat_harness::Broker;
pub use compat_harness::block_on;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Headers, Message};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};

/// For one conversation on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A fresh broker. Sessions may be short, so that tests of dying members do not have to wait for long.
pub fn broker() -> Broker {
    let settings = [("group.initial.rebalance.delay.ms", "0"), ("group.min.session.timeout.ms", "1000")];
    let kind = Broker::subject_kind().expect("a broker to test");
    Broker::start(kind, &settings).expect("the broker starts")
}

pub fn config(broker: &Broker, settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.address()).set("broker.address.family", "v4");
    for (name, value) in settings {
        config.set(*name, *value);
    }
    config
}

pub fn admin(broker: &Broker) -> AdminClient<DefaultClientContext> {
    config(broker, &[]).create().expect("an admin client")
}

pub fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(LIMIT)).request_timeout(Some(LIMIT))
}

/// Creates a topic and waits until its partitions have leaders (the reference answers before that).
pub fn create_topic(broker: &Broker, name: &str, partitions: i32, settings: &[(&str, &str)]) {
    let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    for (name, value) in settings {
        topic = topic.set(name, value);
    }
    let client = admin(broker);
    let results = block_on(client.create_topics(&[topic], &options())).expect("an answer");
    results.into_iter().for_each(|result| assert_eq!(result, Ok(name.to_owned())));
    let ready = compat_harness::wait_until(LIMIT, || {
        let metadata = client.inner().fetch_metadata(Some(name), LIMIT).ok()?;
        let led = |p: &rdkafka::metadata::MetadataPartition| p.error().is_none() && p.leader() >= 0;
        metadata.topics().iter().all(|topic| topic.partitions().iter().all(led)).then_some(())
    });
    ready.expect("every partition gets a leader");
}

/// What became of one record that was sent: where it is, or why not.
pub type Receipt = (u64, Result<(i32, i64), KafkaError>);

/// Collects receipts in the order in which they came, and what the client had to say, for the message of a failure.
#[derive(Clone, Debug, Default)]
pub struct Receipts {
    receipts: Arc<Mutex<Vec<Receipt>>>,
    said: Arc<Mutex<Vec<String>>>,
}

impl Receipts {
    pub fn list(&self) -> Vec<Receipt> {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn count(&self) -> usize {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub fn said(&self) -> String {
        let lines = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        lines[lines.len().saturating_sub(100)..].join("\n")
    }
}

impl ClientContext for Receipts {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        let mut lines = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(format!("{facility} {message}"));
    }
}

impl ProducerContext for Receipts {
    type DeliveryOpaque = Box<u64>;

    fn delivery(&self, result: &DeliveryResult<'_>, id: Box<u64>) {
        let receipt = match result {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, _)) => Err(error.clone()),
        };
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner).push((*id, receipt));
    }
}

pub type TestProducer = ThreadedProducer<Receipts>;
pub type Record<'a> = BaseRecord<'a, [u8], [u8], Box<u64>>;

pub fn producer(broker: &Broker, settings: &[(&str, &str)]) -> TestProducer {
    let config = config(broker, settings);
    TestProducer::from_config_and_context(&config, Receipts::default()).expect("a producer")
}

/// Sends, waiting while the producer's own queue is full.
pub fn send(producer: &TestProducer, mut record: Record<'_>) {
    while let Err((error, rejected)) = producer.send(record) {
        assert_eq!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
        record = rejected;
        // Returns early once the queue is empty; a timeout only means that it is not.
        producer.flush(Duration::from_millis(20)).ok();
    }
}

/// Sends `count` records with their number as key to partition number mod `partitions`, and waits for all receipts.
pub fn produce_numbered(broker: &Broker, topic: &str, partitions: i32, numbers: std::ops::Range<u64>) {
    let producer = producer(broker, &[("enable.idempotence", "true"), ("linger.ms", "5")]);
    for number in numbers {
        let key = number.to_string();
        let partition = (number % partitions as u64) as i32;
        let record = Record::with_opaque_to(topic, Box::new(number)).key(key.as_bytes());
        send(&producer, record.payload(key.as_bytes()).partition(partition));
    }
    producer.flush(LIMIT).expect("everything is sent");
    producer.context().list().iter().for_each(|(_, receipt)| assert!(receipt.is_ok(), "{receipt:?}"));
}

/// A record as it came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    pub partition: i32,
    pub offset: i64,
    pub timestamp: rdkafka::Timestamp,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Got {
    pub fn of(message: &BorrowedMessage<'_>) -> Got {
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        Got {
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers.map(|h| (h.key.to_owned(), h.value.map(<[u8]>::to_vec))).collect(),
        }
    }
}

/// A consumer that reads given partitions from their beginning, without a group's help.
pub fn reader(broker: &Broker, topic: &str, partitions: i32) -> BaseConsumer {
    let settings =
        [("group.id", "reader"), ("enable.auto.commit", "false"), ("enable.partition.eof", "true")];
    let consumer: BaseConsumer = config(broker, &settings).create().expect("a consumer");
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        assignment.add_partition_offset(topic, partition, Offset::Beginning).expect("an offset");
    }
    consumer.assign(&assignment).expect("the assignment is taken");
    consumer
}

/// Calls `each` for every record from the beginning to the end of all partitions.
pub fn read_each(broker: &Broker, topic: &str, partitions: i32, mut each: impl FnMut(&BorrowedMessage<'_>)) {
    let consumer = reader(broker, topic, partitions);
    let mut ended = 0;
    while ended < partitions {
        match next(&consumer) {
            Ok(message) => each(&message),
            Err(KafkaError::PartitionEOF(_)) => ended += 1,
            Err(error) => panic!("{error}"),
        }
    }
}

/// The next record or error. (`poll` alone also returns when it has handled a rebalance.)
pub fn next<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> Result<BorrowedMessage<'_>, KafkaError> {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(result) = consumer.poll(Duration::from_secs(1)) {
            return result;
        }
        assert!(Instant::now() < deadline, "nothing came for {LIMIT:?}");
    }
}

/// Commits for a group without members; waits for a coordinator that is still loading, as group members do.
pub fn commit(consumer: &BaseConsumer, offsets: &TopicPartitionList) {
    let committed = compat_harness::wait_until(LIMIT, || match consumer.commit(offsets, CommitMode::Sync) {
        Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NotCoordinator)) => None,
        Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::CoordinatorLoadInProgress)) => None,
        result => Some(result),
    });
    committed.expect("a coordinator").expect("committed");
}

pub fn read_all(broker: &Broker, topic: &str, partitions: i32) -> Vec<Got> {
    let mut got = Vec::new();
    read_each(broker, topic, partitions, |message| got.push(Got::of(message)));
    got
}
