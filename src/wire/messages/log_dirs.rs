//! The response of DescribeLogDirs, all versions: version 5 has a field that `kafka_protocol` 0.18 does not know.

use bytes::BufMut;
use kafka_protocol::messages::TopicName;
use kafka_protocol::protocol::StrBytes;

use crate::primitive::Writer;

/// The response of DescribeLogDirs. Fields that a version does not have are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescribeLogDirsResponse {
    pub throttle_time_ms: i32,
    /// From version 3.
    pub error_code: i16,
    pub results: Vec<DescribeLogDirsResult>,
}

/// One log directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribeLogDirsResult {
    pub error_code: i16,
    /// The absolute path.
    pub log_dir: StrBytes,
    pub topics: Vec<DescribeLogDirsTopic>,
    /// Size of the volume in bytes, -1 if not known. From version 4.
    pub total_bytes: i64,
    /// Free bytes of the volume, -1 if not known. From version 4.
    pub usable_bytes: i64,
    /// Whether no new partitions are placed here (KIP-1066). From version 5.
    pub is_cordoned: bool,
}

impl Default for DescribeLogDirsResult {
    fn default() -> Self {
        Self {
            error_code: 0,
            log_dir: StrBytes::new(),
            topics: Vec::new(),
            total_bytes: -1,
            usable_bytes: -1,
            is_cordoned: false,
        }
    }
}

/// The partitions of one topic in a log directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescribeLogDirsTopic {
    pub name: TopicName,
    pub partitions: Vec<DescribeLogDirsPartition>,
}

/// One partition in a log directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescribeLogDirsPartition {
    pub partition_index: i32,
    /// Bytes of the log's segments.
    pub partition_size: i64,
    /// How far the log's end is behind the high watermark, or behind the current replica for a future one.
    pub offset_lag: i64,
    /// Whether the log is being moved here from another directory.
    pub is_future_key: bool,
}

impl DescribeLogDirsResponse {
    pub(crate) fn encode(&self, version: i16, w: &mut Writer) {
        w.out.put_i32(self.throttle_time_ms);
        if version >= 3 {
            w.out.put_i16(self.error_code);
        }
        w.length(self.results.len());
        for result in &self.results {
            result.encode(version, w);
        }
        w.no_tags();
    }
}

impl DescribeLogDirsResult {
    fn encode(&self, version: i16, w: &mut Writer) {
        w.out.put_i16(self.error_code);
        w.text(Some(&self.log_dir));
        w.length(self.topics.len());
        for topic in &self.topics {
            w.text(Some(&topic.name));
            w.length(topic.partitions.len());
            for partition in &topic.partitions {
                w.out.put_i32(partition.partition_index);
                w.out.put_i64(partition.partition_size);
                w.out.put_i64(partition.offset_lag);
                w.boolean(partition.is_future_key);
                w.no_tags();
            }
            w.no_tags();
        }
        if version >= 4 {
            w.out.put_i64(self.total_bytes);
            w.out.put_i64(self.usable_bytes);
        }
        if version >= 5 {
            w.boolean(self.is_cordoned);
        }
        w.no_tags();
    }
}

/// What a client reads.
#[cfg(any(test, feature = "client"))]
impl DescribeLogDirsResponse {
    pub(crate) fn decode(body: &mut bytes::Bytes, version: i16) -> Result<Self, crate::primitive::ReadError> {
        let mut reader = crate::primitive::Reader::new(body, version >= 2);
        let response = Self {
            throttle_time_ms: reader.int32()?,
            error_code: if version >= 3 { reader.int16()? } else { 0 },
            results: reader.array(|reader| DescribeLogDirsResult::decode(reader, version))?,
        };
        reader.skip_tags()?;
        Ok(response)
    }
}

#[cfg(any(test, feature = "client"))]
impl DescribeLogDirsResult {
    fn decode(
        reader: &mut crate::primitive::Reader<'_>,
        version: i16,
    ) -> Result<Self, crate::primitive::ReadError> {
        let result = Self {
            error_code: reader.int16()?,
            log_dir: reader.text()?,
            topics: reader.array(|reader| {
                let topic = DescribeLogDirsTopic {
                    name: TopicName(reader.text()?),
                    partitions: reader.array(|reader| {
                        let partition = DescribeLogDirsPartition {
                            partition_index: reader.int32()?,
                            partition_size: reader.int64()?,
                            offset_lag: reader.int64()?,
                            is_future_key: reader.boolean()?,
                        };
                        reader.skip_tags()?;
                        Ok(partition)
                    })?,
                };
                reader.skip_tags()?;
                Ok(topic)
            })?,
            total_bytes: if version >= 4 { reader.int64()? } else { -1 },
            usable_bytes: if version >= 4 { reader.int64()? } else { -1 },
            is_cordoned: version >= 5 && reader.boolean()?,
        };
        reader.skip_tags()?;
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ApiKey;
    use crate::client;
    use crate::response::{self, Response};
    use kafka_protocol::messages::{DescribeLogDirsResponse as Theirs, describe_log_dirs_response as theirs};
    use kafka_protocol::protocol::Encodable;

    fn sample() -> DescribeLogDirsResponse {
        let partition = DescribeLogDirsPartition {
            partition_index: 3,
            partition_size: 4444,
            offset_lag: 55,
            is_future_key: true,
        };
        let topic = DescribeLogDirsTopic {
            name: TopicName(StrBytes::from_static_str("topic")),
            partitions: vec![partition.clone(), partition],
        };
        let result = DescribeLogDirsResult {
            error_code: 56,
            log_dir: StrBytes::from_static_str("/data"),
            topics: vec![topic],
            total_bytes: 1 << 40,
            usable_bytes: 1 << 30,
            is_cordoned: true,
        };
        DescribeLogDirsResponse { throttle_time_ms: 7, error_code: 31, results: vec![result] }
    }

    fn as_theirs(ours: DescribeLogDirsResponse) -> Theirs {
        let partition = |p: DescribeLogDirsPartition| {
            theirs::DescribeLogDirsPartition::default()
                .with_partition_index(p.partition_index)
                .with_partition_size(p.partition_size)
                .with_offset_lag(p.offset_lag)
                .with_is_future_key(p.is_future_key)
        };
        let topic = |t: DescribeLogDirsTopic| {
            theirs::DescribeLogDirsTopic::default()
                .with_name(t.name)
                .with_partitions(t.partitions.into_iter().map(partition).collect())
        };
        let result = |r: DescribeLogDirsResult| {
            theirs::DescribeLogDirsResult::default()
                .with_error_code(r.error_code)
                .with_log_dir(r.log_dir)
                .with_topics(r.topics.into_iter().map(topic).collect())
                .with_total_bytes(r.total_bytes)
                .with_usable_bytes(r.usable_bytes)
        };
        Theirs::default()
            .with_throttle_time_ms(ours.throttle_time_ms)
            .with_error_code(ours.error_code)
            .with_results(ours.results.into_iter().map(result).collect())
    }

    #[test]
    fn versions_that_kafka_protocol_knows_have_its_bytes() {
        for version in 1..=4 {
            let header = if version >= 2 { 9 } else { 8 };
            let frame = response::encode(version, 1, &Response::DescribeLogDirs(sample())).unwrap();
            let mut expected = bytes::BytesMut::new();
            as_theirs(sample()).encode(&mut expected, version).unwrap();
            assert_eq!(frame[header..], expected[..], "version {version}");
        }
    }

    #[test]
    fn version_5_says_whether_a_directory_is_cordoned() {
        let sample = Response::DescribeLogDirs(sample());
        let frame = response::encode(5, 1, &sample).unwrap();
        let read = client::decode_response(ApiKey::DescribeLogDirs, 5, frame.slice(4..));
        assert_eq!(read, Ok((1, sample)));
    }
}
