//! Produce requests that are encoded once and sent many times, and what is read of their answers.

use std::ops::Range;

use bytes::Bytes;
use gracchus_base::limits::BATCH_HEADER_BYTES;
use gracchus_base::{Clock, Timestamp};
use gracchus_wire::messages::ProduceRequest;
use gracchus_wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
use gracchus_wire::records::{BatchBuilder, BatchOptions};
use gracchus_wire::{Request, client};

use crate::BenchError;
use crate::protocol_client::topic_name;

/// By topic name, flexible, served by the reference and by ours.
pub const VERSION: i16 = 11;
/// A head takes about 100 bytes and the topic's name.
const HEAD_BYTES_MAX: usize = 192;
/// Where the correlation id stands in a request.
const CORRELATION_ID: Range<usize> = 8..12;
/// Where these stand in the header of a batch.
const CRC: Range<usize> = 17..21;
/// The CRC covers what follows it.
const CRC_COVERS_FROM: usize = CRC.end;
const BASE_TIMESTAMP: Range<usize> = 27..35;
const MAX_TIMESTAMP: Range<usize> = 35..43;
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

/// A request to one partition. What differs from one sending to the next is in its head: the correlation id, and the
/// time of the batch with its CRC.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Up to the end of the batch's header.
    head: Vec<u8>,
    /// The records and what follows them; shared between all that send it.
    pub rest: Bytes,
    /// Which of the round's partitions it goes to.
    pub partition: usize,
    crc: RecordsCrc,
}

/// The part of a batch's CRC that the records make.
#[derive(Clone, Copy, Debug)]
struct RecordsCrc {
    crc: u32,
    /// What each bit of the CRC of the header adds to the CRC of the whole: CRCs are linear.
    shifted: [u32; 32],
}

impl RecordsCrc {
    fn of(records: &[u8]) -> RecordsCrc {
        let mut shifted = [0; 32];
        for (bit, shifted) in shifted.iter_mut().enumerate() {
            *shifted = crc32c::crc32c_combine(1 << bit, 0, records.len());
        }
        RecordsCrc { crc: crc32c::crc32c(records), shifted }
    }

    /// The CRC of `header` with the records behind it.
    fn behind(&self, header: &[u8]) -> u32 {
        let header = crc32c::crc32c(header);
        let set = self.shifted.iter().enumerate().filter(|(bit, _)| header >> bit & 1 == 1);
        set.fold(self.crc, |crc, (_, shifted)| crc ^ shifted)
    }
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
        let batch_at = whole.windows(batch.len()).position(|window| window == batch);
        let head_bytes = batch_at.map_or(whole.len(), |at| at + BATCH_HEADER_BYTES);
        if head_bytes > HEAD_BYTES_MAX {
            return Err(BenchError::Failed("the topic's name is too long for a replay".into()));
        }
        Ok(Frame {
            head: whole[..head_bytes].to_vec(),
            rest: whole.slice(head_bytes..),
            partition,
            crc: RecordsCrc::of(&batch[BATCH_HEADER_BYTES..]),
        })
    }

    /// Its head with that correlation id, the batch stamped with that time.
    pub fn head(&self, correlation_id: i32, time: Timestamp) -> Head {
        let mut bytes = [0; HEAD_BYTES_MAX];
        bytes[..self.head.len()].copy_from_slice(&self.head);
        bytes[CORRELATION_ID].copy_from_slice(&correlation_id.to_be_bytes());
        let header = &mut bytes[self.head.len() - BATCH_HEADER_BYTES..self.head.len()];
        header[BASE_TIMESTAMP].copy_from_slice(&time.0.to_be_bytes());
        header[MAX_TIMESTAMP].copy_from_slice(&time.0.to_be_bytes());
        let crc = self.crc.behind(&header[CRC_COVERS_FROM..]);
        header[CRC].copy_from_slice(&crc.to_be_bytes());
        Head { bytes, length: self.head.len() }
    }
}

/// The head of one sending.
#[derive(Clone, Debug)]
pub struct Head {
    bytes: [u8; HEAD_BYTES_MAX],
    length: usize,
}

impl Head {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
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
    fn a_stamped_batch_has_the_checksum_of_its_bytes() {
        let batch = BatchShape::of_bytes(16_384).encode().unwrap();
        let frame = Frame::produce("topic", 3, &batch).unwrap();
        for (correlation_id, time) in [(1, 0), (0x0102_0304, 1_790_000_000_123)] {
            let sent = [frame.head(correlation_id, Timestamp(time)).bytes(), &frame.rest].concat();
            assert_eq!(sent.len(), 4 + u32::from_be_bytes(sent[..4].try_into().unwrap()) as usize);
            assert_eq!(sent[CORRELATION_ID], correlation_id.to_be_bytes());
            let stored = &sent[frame.head.len() - BATCH_HEADER_BYTES..][..batch.len()];
            assert_eq!(stored[MAX_TIMESTAMP], time.to_be_bytes());
            assert_eq!(stored[CRC], crc32c::crc32c(&stored[CRC_COVERS_FROM..]).to_be_bytes());
            assert_eq!(stored[MAX_TIMESTAMP.end..], batch[MAX_TIMESTAMP.end..]);
        }
    }

    #[test]
    fn an_answer_is_read_up_to_its_base_offset() {
        let answer = [0, 0, 0, 9, 0, 2, 3, b'a', b'b', 2, 0, 0, 0, 5, 0, 6, 0, 0, 0, 0, 0, 0, 1, 0, 255];
        let read = Answer::read(&answer).unwrap();
        assert_eq!(read, Answer { correlation_id: 9, error_code: 6, base_offset: 256 });
        assert_eq!(Answer::read(&answer[..20]), None);
    }
}
