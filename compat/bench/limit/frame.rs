//! Produce requests with one batch for one partition, Fetch and DeleteTopics of one topic; answers to the first and last.

use std::ops::RangeInclusive;

use gracchus_wire::ApiKey;

/// What the server needs of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Produce<'a> {
    pub correlation_id: i32,
    pub topic: &'a [u8],
    pub partition: i32,
    /// Where the batch stands in the frame.
    pub batch_at: usize,
    pub batch_bytes: usize,
}

impl Produce<'_> {
    /// Reads a request of version 9 to 11 without its length; `None` if it is another one or has another form.
    pub fn read(frame: &[u8]) -> Option<Produce<'_>> {
        let mut fields = Fields { frame, at: 0 };
        let correlation_id = fields.header(ApiKey::Produce, 9..=11)?;
        // Transactional id, acks, timeout.
        fields.compact()?;
        fields.skip(2 + 4)?;
        fields.one_element()?;
        let topic = fields.compact()?;
        fields.one_element()?;
        let partition = fields.i32()?;
        let batch_bytes = fields.compact()?.len();
        let batch_at = fields.at - batch_bytes;
        Some(Produce { correlation_id, topic, partition, batch_at, batch_bytes })
    }
}

/// Appends the answer to one request, with its length.
pub fn put_answer(out: &mut Vec<u8>, correlation_id: i32, topic: &[u8], partition: i32, base_offset: i64) {
    let begin = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&correlation_id.to_be_bytes());
    // No tagged fields in the header; one topic.
    out.extend_from_slice(&[0, 2, topic.len() as u8 + 1]);
    out.extend_from_slice(topic);
    out.push(2);
    out.extend_from_slice(&partition.to_be_bytes());
    out.extend_from_slice(&0i16.to_be_bytes());
    out.extend_from_slice(&base_offset.to_be_bytes());
    // Log append time, log start offset.
    out.extend_from_slice(&(-1i64).to_be_bytes());
    out.extend_from_slice(&0i64.to_be_bytes());
    // No record errors, no message, no tagged fields of the partition and the topic; throttle time; no tagged fields.
    out.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0, 0]);
    let length = (out.len() - begin - 4) as u32;
    out[begin..begin + 4].copy_from_slice(&length.to_be_bytes());
}

/// What the server needs of a Fetch request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch<'a> {
    pub correlation_id: i32,
    pub topic: &'a [u8],
    /// Index, offset, most bytes.
    pub partitions: Vec<(i32, i64, i32)>,
}

impl Fetch<'_> {
    /// Reads a request of version 12 without its length; `None` if it is another one or has another form.
    pub fn read(frame: &[u8]) -> Option<Fetch<'_>> {
        let mut fields = Fields { frame, at: 0 };
        let correlation_id = fields.header(ApiKey::Fetch, 12..=12)?;
        // Replica id, longest wait, least bytes, most bytes, isolation level, session id and epoch.
        fields.skip(4 + 4 + 4 + 4 + 1 + 4 + 4)?;
        fields.one_element()?;
        let topic = fields.compact()?;
        let mut partitions = Vec::new();
        for _ in 1..fields.varint()? {
            let index = fields.i32()?;
            // The leader's epoch.
            fields.skip(4)?;
            let offset = i64::from_be_bytes(fields.array()?);
            // The epoch of what was fetched last, the log's start.
            fields.skip(4 + 8)?;
            partitions.push((index, offset, fields.i32()?));
            fields.no_tags()?;
        }
        Some(Fetch { correlation_id, topic, partitions })
    }
}

/// A DeleteTopics request of one topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delete<'a> {
    pub correlation_id: i32,
    pub topic: &'a [u8],
}

impl Delete<'_> {
    /// Reads a request of version 5 without its length; `None` if it is another one or has another form.
    pub fn read(frame: &[u8]) -> Option<Delete<'_>> {
        let mut fields = Fields { frame, at: 0 };
        let correlation_id = fields.header(ApiKey::DeleteTopics, 5..=5)?;
        fields.one_element()?;
        Some(Delete { correlation_id, topic: fields.compact()? })
    }

    /// Appends the answer, with its length.
    pub fn put_answer(&self, out: &mut Vec<u8>) {
        // Behind the name: error code, no message, no tagged fields of the topic and the answer.
        let length = 4 + 1 + 4 + 1 + 1 + self.topic.len() + 2 + 1 + 1 + 1;
        out.extend_from_slice(&(length as u32).to_be_bytes());
        out.extend_from_slice(&self.correlation_id.to_be_bytes());
        // No tagged fields in the header, throttle time, one topic.
        out.extend_from_slice(&[0, 0, 0, 0, 0, 2, self.topic.len() as u8 + 1]);
        out.extend_from_slice(self.topic);
        out.extend_from_slice(&[0; 5]);
    }
}

/// Reads a frame front to back.
struct Fields<'a> {
    frame: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    /// A flexible request's header; gives the correlation id.
    fn header(&mut self, api: ApiKey, versions: RangeInclusive<i16>) -> Option<i32> {
        if self.i16()? != api.code() || !versions.contains(&self.i16()?) {
            return None;
        }
        let correlation_id = self.i32()?;
        let client_id = self.i16()?;
        self.skip(usize::try_from(client_id).unwrap_or(0))?;
        self.no_tags()?;
        Some(correlation_id)
    }

    fn skip(&mut self, count: usize) -> Option<&'a [u8]> {
        let skipped = self.frame.get(self.at..)?.get(..count)?;
        self.at += count;
        Some(skipped)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.skip(N)?.try_into().ok()
    }

    fn i16(&mut self) -> Option<i16> {
        Some(i16::from_be_bytes(self.array()?))
    }

    fn i32(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.array()?))
    }

    fn varint(&mut self) -> Option<usize> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array()?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A compact string or bytes; null is empty.
    fn compact(&mut self) -> Option<&'a [u8]> {
        let length = self.varint()?.saturating_sub(1);
        self.skip(length)
    }

    fn one_element(&mut self) -> Option<()> {
        (self.varint()? == 2).then_some(())
    }

    fn no_tags(&mut self) -> Option<()> {
        (self.varint()? == 0).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use gracchus_base::Timestamp;
    use gracchus_wire::{Response, client};

    use super::*;
    use crate::replay::frame::{Answer, BatchShape, Frame, VERSION};

    #[test]
    fn the_drivers_requests_are_understood() {
        let batch = BatchShape::of_bytes(4000).encode().unwrap();
        let frame = Frame::produce("some-topic", 5, &batch).unwrap();
        let sent = [frame.head(77, Timestamp(1)).bytes(), &frame.rest].concat();
        let whole = &sent[4..];
        let read = Produce::read(whole).unwrap();
        assert_eq!((read.correlation_id, read.topic, read.partition), (77, &b"some-topic"[..], 5));
        let stored = &whole[read.batch_at..read.batch_at + read.batch_bytes];
        assert_eq!(stored[61..], batch[61..]);
        assert_eq!(Produce::read(&whole[..whole.len() - 10]), None);
    }

    #[test]
    fn the_answer_is_one_of_the_protocol() {
        let mut out = Vec::new();
        put_answer(&mut out, 77, b"some-topic", 5, 1000);
        let answer = Bytes::from(out.split_off(4));
        assert_eq!(Answer::read(&answer).map(|answer| answer.base_offset), Some(1000));
        let (correlation_id, response) = client::decode_response(ApiKey::Produce, VERSION, answer).unwrap();
        let Response::Produce(response) = response else { panic!("not Produce") };
        assert_eq!(correlation_id, 77);
        assert_eq!(response.responses[0].partition_responses[0].base_offset, 1000);
    }
}
