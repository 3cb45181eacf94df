//! How fast produced batches are validated: `cargo run --release -p gracchus-wire --example validate_speed`.
//!
//! Batches of 1 MiB, of 1 KiB and of 100 byte records, uncompressed and in each codec. What counts is bytes of records,
//! before compression, per second on one core; the CRC alone stands beside it, since nothing can be faster.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gracchus_base::{PartitionIndex, Timestamp, TopicName, TopicPartition};
use gracchus_wire::records::{BatchBuilder, BatchOptions, Compression, Rules, TimestampType, validate};

const BATCH_BYTES: usize = 1 << 20;
const MEASURE: Duration = Duration::from_millis(500);
const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn rules(timestamp_type: TimestampType) -> Rules {
    let topic = TopicName::parse("speed").expect("a legal name");
    Rules {
        partition: TopicPartition { topic, partition: PartitionIndex(0) },
        now: NOW,
        max_message_bytes: 2 * BATCH_BYTES,
        timestamp_type,
        before_max_ms: i64::MAX,
        after_max_ms: 3_600_000,
        requires_keys: true,
        target: None,
        header_only: false,
        produce_version: 12,
        decompressed_bytes_max: 16 * BATCH_BYTES,
    }
}

/// A batch of about [`BATCH_BYTES`] with values of words and numbers; also its size before compression.
fn batch(compression: Compression, record_bytes: usize) -> (Bytes, usize) {
    let mut builder = BatchBuilder::new(BatchOptions { compression, ..BatchOptions::default() });
    let mut noise = 1_u64;
    while builder.plain_bytes() < BATCH_BYTES {
        let key = format!("key-{:06}", builder.count());
        let value: String = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            format!("{{\"name\":\"order\",\"id\":{}}},", noise >> 40)
        })
        .flat_map(|text| text.chars().collect::<Vec<_>>())
        .take(record_bytes)
        .collect();
        builder.push(NOW, Some(key.as_bytes()), Some(value.as_bytes()), &[]);
    }
    let plain_bytes = builder.plain_bytes();
    (builder.finish().expect("a batch").to_bytes(), plain_bytes)
}

/// Megabytes per second of `work`, which handles `bytes` each time.
fn speed(bytes: usize, mut work: impl FnMut()) -> f64 {
    work();
    let start = Instant::now();
    let mut rounds = 0_u32;
    while start.elapsed() < MEASURE {
        work();
        rounds += 1;
    }
    f64::from(rounds) * bytes as f64 / start.elapsed().as_secs_f64() / 1e6
}

fn main() {
    println!(
        "{:<8} {:>7} {:>10} {:>12} {:>14} {:>10}",
        "codec", "record", "CRC MB/s", "validate", "LogAppendTime", "ns/record"
    );
    for codec in
        [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd]
    {
        for record_bytes in [1024, 100] {
            let (bytes, plain_bytes) = batch(codec, record_bytes);
            let crc = speed(bytes.len(), || {
                black_box(crc32c::crc32c(black_box(&bytes)));
            });
            let walk = |timestamp_type| {
                let rules = rules(timestamp_type);
                speed(plain_bytes, || {
                    black_box(validate(Some(bytes.clone()), black_box(&rules)).expect("a right batch"));
                })
            };
            let (create, append) = (walk(TimestampType::Create), walk(TimestampType::LogAppend));
            let ns = (record_bytes as f64) * 1e3 / create;
            println!("{codec:<8?} {record_bytes:>7} {crc:>10.0} {create:>12.0} {append:>14.0} {ns:>10.1}");
        }
    }
}
