//! Record batches as a producer sends them.

use bytes::Bytes;
use gracchus_base::{ProducerEpoch, ProducerId, Sequence, Timestamp};
use gracchus_wire::records::{BatchBuilder, BatchHeader, BatchOptions, BatchProducer, records_of};

/// A batch of values without keys.
pub fn values(values: &[&str]) -> Bytes {
    build(BatchOptions::default(), values)
}

/// A batch of an idempotent producer.
pub fn idempotent(producer_id: i64, epoch: i16, base_sequence: i32, values: &[&str]) -> Bytes {
    let now = gracchus_base::Clock::system().now();
    idempotent_at(now, producer_id, epoch, base_sequence, values)
}

/// The same at another time.
pub fn idempotent_at(
    now: Timestamp,
    producer_id: i64,
    epoch: i16,
    base_sequence: i32,
    values: &[&str],
) -> Bytes {
    let producer = BatchProducer {
        producer_id: ProducerId(producer_id),
        producer_epoch: ProducerEpoch(epoch),
        base_sequence: Sequence(base_sequence),
    };
    build_at(now, BatchOptions { producer: Some(producer), ..BatchOptions::default() }, values)
}

/// A batch with those options, its records stamped with a time of today.
pub fn build(options: BatchOptions, values: &[&str]) -> Bytes {
    build_at(gracchus_base::Clock::system().now(), options, values)
}

fn build_at(now: Timestamp, options: BatchOptions, values: &[&str]) -> Bytes {
    let mut builder = BatchBuilder::new(options);
    for (at, value) in (0..).zip(values) {
        builder.push(Timestamp(now.0 + at), None, Some(value.as_bytes()), &[]);
    }
    builder.finish().expect("a batch with records").to_bytes()
}

/// Offset and value of the records from an offset on in what a Fetch has brought; the last batch may be cut off.
pub fn records_from(from: i64, mut rest: Bytes) -> Vec<(i64, String)> {
    let mut found = Vec::new();
    while let Ok(header) = BatchHeader::parse(&rest) {
        if header.total_bytes() > rest.len() {
            break;
        }
        let batch = rest.split_to(header.total_bytes());
        for record in records_of(&batch).expect("a batch that can be read") {
            let record = record.expect("a whole record");
            let value = String::from_utf8(record.value.unwrap_or_default().to_vec()).expect("text");
            // A batch that holds the offset begins before it.
            if record.offset.0 >= from {
                found.push((record.offset.0, value));
            }
        }
    }
    found
}
