//! A consumer of one partition that takes records from librdkafka by the thousand (`BaseConsumer::poll` takes
//! one, and makes an event of it). No group: librdkafka's simple consumer.

use std::ffi::CString;
use std::net::SocketAddr;
use std::ptr;

use rdkafka::bindings as native;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;

use super::{LIMIT, LIMIT_MS, check, config};
use crate::BenchError;

/// Records taken in one call.
const CHUNK: usize = 1000;
const PARTITION: i32 = 0;

/// What was read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Read {
    pub records: u64,
    /// Of their values.
    pub bytes: u64,
}

pub struct Consumer {
    /// Keeps the native client.
    client: BaseConsumer,
    topic: *mut native::rd_kafka_topic_t,
    offset: i64,
}

impl Consumer {
    /// Connects and asks where the topic is; fetches nothing yet.
    pub fn open(address: SocketAddr, name: &str, settings: &[(&str, &str)]) -> Result<Consumer, BenchError> {
        let client: BaseConsumer = config(address, settings).create()?;
        let c_name = CString::new(name).map_err(|e| BenchError::Failed(e.to_string()))?;
        // SAFETY: the handle lives as long as `client`, and `drop` gives the topic back before that.
        let topic = unsafe {
            native::rd_kafka_topic_new(client.client().native_ptr(), c_name.as_ptr(), ptr::null_mut())
        };
        if topic.is_null() {
            return Err(BenchError::Failed("librdkafka does not take the topic's name".into()));
        }
        let consumer = Consumer { client, topic, offset: 0 };
        consumer.client.fetch_metadata(Some(name), LIMIT)?;
        Ok(consumer)
    }

    /// Begins to fetch the partition from its beginning.
    pub fn start(&mut self) -> Result<(), BenchError> {
        // SAFETY: the topic was made in `open`.
        match unsafe { native::rd_kafka_consume_start(self.topic, PARTITION, 0) } {
            0 => Ok(()),
            // SAFETY: no arguments, no state but the thread's last error.
            _ => check("starting to consume", unsafe { native::rd_kafka_last_error() }),
        }
    }

    /// Reads on until `count` records have been read in all; each must have the offset after the one before.
    pub fn read_to(&mut self, count: u64) -> Result<Read, BenchError> {
        let mut messages = [ptr::null_mut(); CHUNK];
        let mut read = Read::default();
        while self.offset < count as i64 {
            // Not more than is wanted: librdkafka waits for as many as it is asked for.
            let wanted = (count as usize - self.offset as usize).min(CHUNK);
            // SAFETY: the array is at least as long as is said; `take` destroys what comes back.
            let taken = unsafe {
                native::rd_kafka_consume_batch(self.topic, PARTITION, LIMIT_MS, messages.as_mut_ptr(), wanted)
            };
            if taken <= 0 {
                return Err(BenchError::Failed(format!("nothing came for {LIMIT:?}")));
            }
            // All of them, also behind a bad one: librdkafka does not end while one is out.
            let lens: Vec<_> = messages[..taken as usize].iter().map(|message| self.take(*message)).collect();
            for len in lens {
                read = Read { records: read.records + 1, bytes: read.bytes + len? };
            }
        }
        Ok(read)
    }

    fn take(&mut self, message: *mut native::rd_kafka_message_t) -> Result<u64, BenchError> {
        // SAFETY: librdkafka has just given it to us; it is not used after it is destroyed.
        let (code, offset, len) = unsafe {
            let of = ((*message).err, (*message).offset, (*message).len);
            native::rd_kafka_message_destroy(message);
            of
        };
        if code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || offset != self.offset {
            let code = RDKafkaErrorCode::from(code);
            return Err(BenchError::Failed(format!("{offset} came, not {}: {code}", self.offset)));
        }
        self.offset += 1;
        Ok(len as u64)
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // SAFETY: made in `open` on the client that still lives.
        unsafe {
            native::rd_kafka_consume_stop(self.topic, PARTITION);
            native::rd_kafka_topic_destroy(self.topic);
        }
    }
}
