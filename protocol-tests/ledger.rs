//! Idempotent producers that remember what was acknowledged, and check that it is there: once, in order, at its offset.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use gracchus_wire::messages::{FetchRequest, InitProducerIdRequest, fetch_request as f};
use gracchus_wire::{ApiKey, Request, Response};

use crate::client::{produce_request, topic_name};
use crate::{Client, batch};

/// Batches that a producer has in flight.
pub const IN_FLIGHT: i32 = 5;

/// A producer that writes to a partition of its own: its record with sequence `n` stands at offset `n`.
#[derive(Clone, Debug)]
pub struct Producer {
    topic: &'static str,
    partition: i32,
    id: i64,
    /// Everything below it was acknowledged.
    acknowledged: Arc<AtomicI32>,
}

impl Producer {
    /// A producer for each partition of a topic.
    pub async fn for_each(client: &mut Client, topic: &'static str, partitions: i32) -> Vec<Self> {
        let mut producers = Vec::new();
        for partition in 0..partitions {
            let init = InitProducerIdRequest::default().with_transactional_id(None);
            let id = client.call(4, init).await.producer_id.0;
            producers.push(Self { topic, partition, id, acknowledged: Arc::default() });
        }
        producers
    }

    /// The partition it writes to.
    pub const fn partition(&self) -> i32 {
        self.partition
    }

    /// How many records were acknowledged.
    pub fn acknowledged(&self) -> i32 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Writes until the broker is gone.
    ///
    /// # Panics
    /// When a batch is refused.
    pub async fn write(self, address: SocketAddr) {
        assert_eq!(self.write_until_refused(address).await, None);
    }

    /// Writes until the broker is gone, or refuses a batch: answers the error.
    pub async fn write_until_refused(self, address: SocketAddr) -> Option<i16> {
        let mut client = Client::try_connect(address).await?;
        let mut sent = self.acknowledged();
        loop {
            while sent < self.acknowledged() + IN_FLIGHT {
                let request = produce_request(self.topic, self.partition, -1, self.records(sent));
                client.try_send(9, &Request::Produce(request)).await?;
                sent += 1;
            }
            let (_, answer) = client.try_receive(ApiKey::Produce, 9).await?;
            let Response::Produce(answer) = answer else { panic!("not Produce") };
            let answer = &answer.responses[0].partition_responses[0];
            if answer.error_code != 0 {
                return Some(answer.error_code);
            }
            assert_eq!(answer.base_offset, i64::from(self.acknowledged()));
            self.acknowledged.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Reads all of the partition, of which `acknowledged` records must be there; what was only written may be there too.
    /// Retries of that are duplicates. Answers how many records there are.
    pub async fn check(&self, client: &mut Client, acknowledged: i32) -> i32 {
        let mut there = 0;
        loop {
            let records = fetch(client, self.topic, self.partition, there.into()).await;
            if records.is_empty() {
                break;
            }
            for (offset, value) in records {
                let expected = (i64::from(there), self.value(there));
                assert_eq!((offset, value), expected, "once and in order");
                there += 1;
            }
        }
        assert!(there >= acknowledged, "partition {}: {there} of {acknowledged}", self.partition);
        for sequence in (there - IN_FLIGHT).max(0)..there {
            let answer = client.produce(self.topic, self.partition, -1, self.records(sequence)).await;
            let answer = &answer.responses[0].partition_responses[0];
            assert_eq!((answer.error_code, answer.base_offset), (0, i64::from(sequence)), "a duplicate");
        }
        there
    }

    /// Goes on behind what is there.
    pub fn go_on_from(&self, there: i32) {
        self.acknowledged.store(there, Ordering::SeqCst);
    }

    fn value(&self, sequence: i32) -> String {
        format!("{}-{sequence}", self.partition)
    }

    fn records(&self, sequence: i32) -> bytes::Bytes {
        batch::idempotent(self.id, 0, sequence, &[&self.value(sequence)])
    }
}

/// Offset and value of the records from an offset on, as many as one answer has.
pub async fn fetch(client: &mut Client, topic: &str, partition: i32, from: i64) -> Vec<(i64, String)> {
    let wanted = f::FetchPartition::default()
        .with_partition(partition)
        .with_fetch_offset(from)
        .with_partition_max_bytes(1 << 20);
    let topic = f::FetchTopic::default().with_topic(topic_name(topic)).with_partitions(vec![wanted]);
    let request = FetchRequest::default().with_max_wait_ms(0).with_max_bytes(1 << 24);
    let answer = client.call(12, request.with_topics(vec![topic])).await;
    let data = &answer.responses[0].partitions[0];
    assert_eq!(data.error_code, 0);
    batch::records_from(from, data.records.clone().unwrap_or_default())
}
