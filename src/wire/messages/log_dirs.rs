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
