//! A producer that spends as little as librdkafka allows on each record: whole arrays of records are handed
//! over without copying their values, and delivery reports are counted from the library's own lists, on the
//! same thread. `BaseProducer::send` looks the topic up by name and copies the value, once a record, and
//! takes twice the CPU (measured: 1.3 against 0.7 s/GB with 1 KB values, 4.8 against 2.7 with 100 bytes).

use std::ffi::{CStr, CString};
use std::net::SocketAddr;
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::Statistics;
use rdkafka::bindings as native;
use rdkafka::producer::{BaseProducer, Producer as _};

use super::{LIMIT, Topic, Values, check, config};
use crate::BenchError;

/// Records handed over in one call.
const CHUNK: usize = 500;
/// Records that are not acknowledged yet, at most; librdkafka is given room for more than that.
const WINDOW: u64 = 200_000;
const FIXED: &[(&str, &str)] = &[
    ("acks", "all"),
    ("linger.ms", "5"),
    ("batch.size", "1000000"),
    ("queue.buffering.max.messages", "1000000"),
    ("queue.buffering.max.kbytes", "2000000"),
    ("statistics.interval.ms", "250"),
];

pub struct Producer {
    /// Keeps the native client, which `queue` and `topic` belong to.
    _client: BaseProducer,
    queue: *mut native::rd_kafka_queue_t,
    topic: *mut native::rd_kafka_topic_t,
    partitions: i32,
    /// librdkafka points into them until their delivery is reported.
    values: Arc<Values>,
    chunk: Vec<native::rd_kafka_message_t>,
    sent: u64,
    acknowledged: u64,
    statistics: Option<String>,
}

impl Producer {
    /// With `acks=all`, batches of up to 1 MB and 5 ms of linger, and `settings` on top.
    pub fn open(
        address: SocketAddr,
        topic: &Topic,
        values: &Arc<Values>,
        settings: &[(&str, &str)],
    ) -> Result<Producer, BenchError> {
        let client: BaseProducer = config(address, &[FIXED, settings].concat()).create()?;
        let name = CString::new(topic.name()).map_err(|e| BenchError::Failed(e.to_string()))?;
        let handle = client.client().native_ptr();
        // SAFETY: the handle lives as long as `client`; both are given back in `drop`, before `client` is.
        let (queue, native_topic) = unsafe {
            let no_settings = ptr::null_mut();
            (
                native::rd_kafka_queue_get_main(handle),
                native::rd_kafka_topic_new(handle, name.as_ptr(), no_settings),
            )
        };
        let mut producer = Producer {
            _client: client,
            queue,
            topic: native_topic,
            partitions: topic.partitions(),
            values: Arc::clone(values),
            chunk: Vec::with_capacity(CHUNK),
            sent: 0,
            acknowledged: 0,
            statistics: None,
        };
        if producer.topic.is_null() {
            return Err(BenchError::Failed("librdkafka does not take the topic's name".into()));
        }
        // The connection and the topic's metadata are there before anything is measured.
        producer.send(topic.partitions() as u64)?;
        Ok(producer)
    }

    /// Sends `count` more records, to the partitions in turn, and returns when all are acknowledged. The
    /// first one that is refused ends it with an error.
    pub fn send(&mut self, count: u64) -> Result<(), BenchError> {
        let (end, mut heard) = (self.sent + count, Instant::now());
        let mut partition = 0;
        while self.acknowledged < end {
            let room = (WINDOW - (self.sent - self.acknowledged)).min(end - self.sent);
            let wait = if self.sent < end && room > 0 {
                let share = count.div_ceil(self.partitions as u64).min(CHUNK as u64);
                self.enqueue(partition, room.min(share))?;
                partition = (partition + 1) % self.partitions;
                Duration::ZERO
            } else {
                Duration::from_millis(100)
            };
            let before = self.acknowledged;
            self.serve(wait)?;
            if self.acknowledged > before {
                heard = Instant::now();
            } else if heard.elapsed() > LIMIT {
                return Err(BenchError::Failed(format!("no record was acknowledged for {LIMIT:?}")));
            }
        }
        Ok(())
    }

    /// Records sent since it was opened.
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// Bytes of the values of the latest `count` records.
    pub fn bytes_of_last(&self, count: u64) -> u64 {
        self.values.total(self.sent) - self.values.total(self.sent - count)
    }

    /// Produce requests sent since it was opened, from librdkafka's next statistics.
    pub fn requests(&mut self) -> Result<u64, BenchError> {
        self.statistics = None;
        let asked = Instant::now();
        let text = loop {
            self.serve(Duration::from_millis(100))?;
            match self.statistics.take() {
                Some(text) => break text,
                None if asked.elapsed() > LIMIT => {
                    return Err(BenchError::Failed("librdkafka gives no statistics".into()));
                }
                None => {}
            }
        };
        let statistics: Statistics = serde_json::from_str(&text)?;
        let requests = statistics.brokers.values().filter_map(|broker| broker.req.get("Produce"));
        Ok(requests.sum::<i64>() as u64)
    }

    fn enqueue(&mut self, partition: i32, count: u64) -> Result<(), BenchError> {
        self.chunk.clear();
        for number in self.sent..self.sent + count {
            let value = self.values.get(number);
            // SAFETY: a C structure of numbers and pointers, of which zero is a valid value of each.
            let mut message: native::rd_kafka_message_t = unsafe { std::mem::zeroed() };
            (message.payload, message.len) = (value.as_ptr().cast_mut().cast(), value.len());
            self.chunk.push(message);
        }
        // SAFETY: the array is as long as is said. Without flags librdkafka neither copies nor frees the
        // values; it only reads them, and the `Arc` keeps them until the client is gone.
        let taken = unsafe {
            native::rd_kafka_produce_batch(self.topic, partition, 0, self.chunk.as_mut_ptr(), count as i32)
        };
        self.sent += taken as u64;
        self.chunk.iter().try_for_each(|message| check("handing a record to librdkafka", message.err))
    }

    /// Takes what librdkafka has to say; waits for the first of it.
    fn serve(&mut self, wait: Duration) -> Result<(), BenchError> {
        let mut wait_ms = wait.as_millis() as i32;
        loop {
            // SAFETY: the queue lives until `drop`; the event is destroyed below, after its last use.
            let event = unsafe { native::rd_kafka_queue_poll(self.queue, wait_ms) };
            if event.is_null() {
                return Ok(());
            }
            let served = self.take(event);
            // SAFETY: as above.
            unsafe { native::rd_kafka_event_destroy(event) };
            served?;
            wait_ms = 0;
        }
    }

    fn take(&mut self, event: *mut native::rd_kafka_event_t) -> Result<(), BenchError> {
        // SAFETY: the event is alive, and each function is only called on an event of its type.
        unsafe {
            match native::rd_kafka_event_type(event) {
                native::RD_KAFKA_EVENT_DR => loop {
                    let Some(message) = native::rd_kafka_event_message_next(event).as_ref() else {
                        return Ok(());
                    };
                    check("a record was not stored", message.err)?;
                    self.acknowledged += 1;
                },
                native::RD_KAFKA_EVENT_STATS => {
                    let text = CStr::from_ptr(native::rd_kafka_event_stats(event));
                    self.statistics = Some(text.to_string_lossy().into_owned());
                    Ok(())
                }
                native::RD_KAFKA_EVENT_ERROR => check("the producer", native::rd_kafka_event_error(event)),
                _ => Ok(()),
            }
        }
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        // SAFETY: made in `open`, used nowhere else; a topic that was not made is null.
        unsafe {
            if !self.topic.is_null() {
                native::rd_kafka_topic_destroy(self.topic);
            }
            native::rd_kafka_queue_destroy(self.queue);
        }
    }
}
