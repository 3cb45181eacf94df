//! Produce requests that are encoded once and sent many times: only the correlation id in the head differs.

use bytes::Bytes;
use gracchus_base::Clock;
use gracchus_wire::messages::ProduceRequest;
use gracchus_wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
use gracchus_wire::records::{BatchBuilder, BatchOptions};
use gracchus_wire::{Request, client};

use crate::BenchError;
use crate::control::topic_name;

/// By topic name, flexible, served by the reference and by ours.
pub const VERSION: i16 = 11;
/// Length, API key, version, correlation id: the part that is made anew for each sending.
pub const HEAD_BYTES: usize = 12;
/// Where the correlation id stands in it.
const CORRELATION_ID_AT: usize = 8;
/// About what a record holds where the batch is larger.
const RECORD_BYTES: usize = 1024;

/// What one batch holds.
#[derive(Clone, Copy, Debug)]
pub struct BatchShape {
    pub records: usize,
    pub value_bytes: usize,
}

impl BatchShape {
    /// Records of about 1 KB that make a batch of about `bytes`; one smaller record if a batch is smaller.
    pub fn of_bytes(bytes: usize) -> BatchShape {
        /// The header of a batch.
        const BATCH: usize = 61;
        /// What stands around a value of this size: lengths, deltas, no key, no headers.
        const AROUND: usize = 9;
        let records = (bytes / RECORD_BYTES).max(1);
        let value_bytes = (bytes.saturating_sub(BATCH) / records).saturating_sub(AROUND).max(1);
        BatchShape { records, value_bytes }
    }

    /// A batch with one record, of so many bytes.
    pub const fn one_record(value_bytes: usize) -> BatchShape {
        BatchShape { records: 1, value_bytes }
    }

    /// The batch, stamped with the time of now; its values cannot be compressed.
    pub fn encode(self) -> Result<Bytes, BenchError> {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        let now = Clock::system().now();
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut value = vec![0; self.value_bytes];
        for _ in 0..self.records {
            for eight in value.chunks_mut(8) {
                // xorshift64
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                eight.copy_from_slice(&state.to_le_bytes()[..eight.len()]);
            }
            builder.push(now, None, Some(&value), &[]);
        }
        let batch = builder.finish().map_err(|error| BenchError::Failed(error.to_string()))?;
        Ok(batch.to_bytes())
    }
}

/// A request to one partition, without its head.
#[derive(Clone, Debug)]
pub struct Frame {
    head: [u8; HEAD_BYTES],
    /// Shared between all that send it.
    pub rest: Bytes,
    /// Which of the round's partitions it goes to.
    pub partition: usize,
}

impl Frame {
    /// The request that appends `batch` to a partition of `topic`, acknowledged by all replicas.
    pub fn produce(topic: &str, partition: usize, batch: &Bytes) -> Result<Frame, BenchError> {
        let data =
            PartitionProduceData::default().with_index(partition as i32).with_records(Some(batch.clone()));
        let topic = TopicProduceData::default().with_name(topic_name(topic)).with_partition_data(vec![data]);
        let request =
            ProduceRequest::default().with_acks(-1).with_timeout_ms(30_000).with_topic_data(vec![topic]);
        let whole = client::encode_request(VERSION, 0, Some("replay"), &Request::Produce(request))
            .map_err(|error| BenchError::Failed(error.to_string()))?;
        let mut head = [0; HEAD_BYTES];
        head.copy_from_slice(&whole[..HEAD_BYTES]);
        Ok(Frame { head, rest: whole.slice(HEAD_BYTES..), partition })
    }

    /// Its head with that correlation id.
    pub fn head(&self, correlation_id: i32) -> [u8; HEAD_BYTES] {
        let mut head = self.head;
        head[CORRELATION_ID_AT..].copy_from_slice(&correlation_id.to_be_bytes());
        head
    }
}

/// What matters of an answer to such a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub correlation_id: i32,
    pub error_code: i16,
    pub base_offset: i64,
}

impl Answer {
    /// Reads an answer (without its length) that names one topic and one partition; `None` if it has another form.
    pub fn read(answer: &[u8]) -> Option<Answer> {
        // Correlation id, no tagged fields, one topic, its name, one partition, index, error code, base offset.
        let (correlation_id, rest) = answer.split_first_chunk::<4>()?;
        let rest = rest.strip_prefix(&[0, 2])?;
        let (name_length, rest) = rest.split_first()?;
        let rest = rest.get(usize::from(*name_length).checked_sub(1)?..)?;
        let rest = rest.strip_prefix(&[2])?.get(4..)?;
        let (error_code, rest) = rest.split_first_chunk::<2>()?;
        let (base_offset, _) = rest.split_first_chunk::<8>()?;
        Some(Answer {
            correlation_id: i32::from_be_bytes(*correlation_id),
            error_code: i16::from_be_bytes(*error_code),
            base_offset: i64::from_be_bytes(*base_offset),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_comes_close_to_the_wanted_size() {
        for bytes in [921_600, 16_384, 1_100, 500] {
            let made = BatchShape::of_bytes(bytes).encode().unwrap().len();
            assert!(made.abs_diff(bytes) * 100 <= bytes, "{made} instead of {bytes}");
        }
    }

    #[test]
    fn a_frame_is_the_same_request_under_any_correlation_id() {
        let batch = BatchShape::one_record(100).encode().unwrap();
        let frame = Frame::produce("topic", 3, &batch).unwrap();
        let (one, other) = (frame.head(1), frame.head(0x0102_0304));
        assert_eq!(one[..CORRELATION_ID_AT], other[..CORRELATION_ID_AT]);
        assert_eq!(other[CORRELATION_ID_AT..], [1, 2, 3, 4]);
        let length = u32::from_be_bytes(one[..4].try_into().unwrap()) as usize;
        assert_eq!(length + 4, HEAD_BYTES + frame.rest.len());
    }

    #[test]
    fn an_answer_is_read_up_to_its_base_offset() {
        let answer = [0, 0, 0, 9, 0, 2, 3, b'a', b'b', 2, 0, 0, 0, 5, 0, 6, 0, 0, 0, 0, 0, 0, 1, 0, 255];
        let read = Answer::read(&answer).unwrap();
        assert_eq!(read, Answer { correlation_id: 9, error_code: 6, base_offset: 256 });
        assert_eq!(Answer::read(&answer[..20]), None);
    }
}
