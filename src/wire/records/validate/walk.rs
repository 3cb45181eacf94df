//! The records inside the batch: as many as the header says, at offsets 0, 1, 2 …, with keys and timestamps as the
//! topic asks for.
//!
//! This runs for every record of every batch. A record that is right costs no allocation and no text.

use gracchus_base::ErrorCode::{InvalidRecord, InvalidTimestamp};
use gracchus_base::Timestamp;
use gracchus_base::limits::RECORD_ERRORS_MAX;

use super::{RecordError, Refused, Rules};
use crate::records::header::{BatchHeader, TimestampType};
use crate::records::record::{MalformedRecord, RecordHead, Source, skip_record};

/// What is wrong with the records.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Malformed(#[from] MalformedRecord),
    /// Kafka stores such a batch if it is not compressed, so that its consumers see records at the wrong offsets, and
    /// answers `UNKNOWN_SERVER_ERROR` if it is. Refused in both cases, as invalid.
    #[error("the offsets of the records are not 0, 1, 2 …")]
    OffsetDelta,
    #[error("there are more records than the header says")]
    RecordsLeft,
    #[error("records were refused")]
    Records(Refused),
}

/// Walks over all records; gives the largest timestamp, at least -1.
pub(super) fn walk<S: Source>(
    source: &mut S,
    header: &BatchHeader,
    rules: &Rules,
) -> Result<Timestamp, Fault> {
    let check = Check::new(header, rules);
    let mut bad = BadRecords::default();
    let mut max_timestamp = Timestamp::NONE.0;
    for index in 0..header.records_count {
        let record = skip_record(source)?;
        if record.offset_delta != index {
            return Err(Fault::OffsetDelta);
        }
        // Java's arithmetic wraps, and so do the timestamps of consumers.
        let timestamp = header.base_timestamp.0.wrapping_add(record.timestamp_delta);
        max_timestamp = max_timestamp.max(timestamp);
        if !check.accepts(&record, timestamp) {
            bad.add(&check, index, &record, timestamp);
        }
    }
    if !source.is_at_end()? {
        return Err(Fault::RecordsLeft);
    }
    match bad.total {
        0 => Ok(Timestamp(max_timestamp)),
        _ => Err(Fault::Records(bad.refused())),
    }
}

/// What a single record is held against.
struct Check<'a> {
    header: &'a BatchHeader,
    rules: &'a Rules,
    /// Whether timestamps have bounds; the log's own time has none.
    bounds_timestamps: bool,
    /// Producers leave the timestamp type to the topic.
    has_wrong_type: bool,
}

impl<'a> Check<'a> {
    fn new(header: &'a BatchHeader, rules: &'a Rules) -> Self {
        let bounds_timestamps = rules.timestamp_type == TimestampType::Create;
        // Kafka lets such batches pass on a topic with create times if their max timestamp is in bounds; the records'
        // own timestamps, which it then serves, it has not looked at.
        let has_wrong_type = header.attributes.timestamp_type() == TimestampType::LogAppend;
        Self { header, rules, bounds_timestamps, has_wrong_type }
    }

    #[inline]
    fn accepts(&self, record: &RecordHead, timestamp: i64) -> bool {
        !(self.lacks_key(record) || self.has_wrong_type || self.is_out_of_bounds(timestamp))
    }

    #[inline]
    fn lacks_key(&self, record: &RecordHead) -> bool {
        self.rules.requires_keys && record.key_bytes < 0
    }

    #[inline]
    fn is_out_of_bounds(&self, timestamp: i64) -> bool {
        if !self.bounds_timestamps || timestamp == Timestamp::NONE.0 {
            return false;
        }
        let age = self.rules.now.0.wrapping_sub(timestamp);
        age > self.rules.before_max_ms || age.wrapping_neg() > self.rules.after_max_ms
    }

    /// Kafka's words, and whether the timestamp is what is wrong.
    fn complaint(&self, index: i32, record: &RecordHead, timestamp: i64) -> (String, bool) {
        let rules = self.rules;
        if self.lacks_key(record) {
            let partition = &rules.partition;
            let text =
                format!("Compacted topic cannot accept message without key in topic partition {partition}");
            return (text, false);
        }
        if self.has_wrong_type {
            // Java prints another class for records that it only skimmed.
            let (kind, null) = match self.header.attributes.0 & 7 {
                0 => ("DefaultRecord", 0),
                _ => ("PartialDefaultRecord", -1),
            };
            let (key, value) = (record.key_bytes.max(null), record.value_bytes.max(null));
            let max = self.header.max_timestamp;
            let text = format!(
                "Invalid timestamp type in message {kind}(offset={index}, timestamp={max}, key={key} bytes, \
                 value={value} bytes). Producer should not set timestamp type to LogAppendTime."
            );
            return (text, true);
        }
        let earliest = rules.now.0.wrapping_sub(rules.before_max_ms);
        let latest = rules.now.0.wrapping_add(rules.after_max_ms);
        let text = format!(
            "Timestamp {timestamp} of message with offset {index} is out of range. The timestamp should be within \
             [{earliest}, {latest}]"
        );
        (text, true)
    }
}

/// The records that are refused; the first [`RECORD_ERRORS_MAX`] in words.
#[derive(Default)]
struct BadRecords {
    total: usize,
    any_timestamp: bool,
    errors: Vec<RecordError>,
}

impl BadRecords {
    #[cold]
    fn add(&mut self, check: &Check<'_>, batch_index: i32, record: &RecordHead, timestamp: i64) {
        self.total = self.total.saturating_add(1);
        let wants_words = self.errors.len() < RECORD_ERRORS_MAX;
        if wants_words || !self.any_timestamp {
            let (text, is_timestamp) = check.complaint(batch_index, record, timestamp);
            self.any_timestamp |= is_timestamp;
            if wants_words {
                self.errors.push(RecordError { batch_index, message: Some(text) });
            }
        }
    }

    fn refused(self) -> Refused {
        let (error, message) = if self.any_timestamp {
            let text = "One or more records have been rejected due to invalid timestamp";
            (InvalidTimestamp, text.to_owned())
        } else {
            (InvalidRecord, self.summary())
        };
        Refused { error, message: Some(message.clone()), record_errors: self.errors, reason: message }
    }

    fn summary(&self) -> String {
        let first: Vec<String> = self.errors.iter().take(3).map(shown).collect();
        format!(
            "One or more records have been rejected due to {} record errors in total, and only showing the first \
             three errors at most: [{}]",
            self.total,
            first.join(", ")
        )
    }
}

fn shown(error: &RecordError) -> String {
    let message = error.message.as_deref().unwrap_or("null");
    format!("RecordError(batchIndex={}, message='{message}')", error.batch_index)
}
