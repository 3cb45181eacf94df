use super::*;
use crate::records::{Attributes, BatchBuilder, BatchOptions, MalformedRecord};

/// Offsets 100 to 104 at the times 50, 30, 70, 70, 60.
fn batch(compression: Compression) -> Vec<u8> {
    let base_offset = Offset(100);
    let mut builder = BatchBuilder::new(BatchOptions { base_offset, compression, ..BatchOptions::default() });
    for timestamp in [50, 30, 70, 70, 60] {
        builder.push(Timestamp(timestamp), None, Some(b"value"), &[]);
    }
    builder.finish().unwrap().to_bytes().to_vec()
}

const CODECS: [Compression; 5] =
    [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

#[test]
fn traps_36_the_first_record_that_is_not_older_is_found() {
    for codec in CODECS {
        let find = |target| first_at_or_after(&batch(codec), Timestamp(target), Offset(0)).unwrap();
        assert_eq!(find(-5), Some((Offset(100), Timestamp(50))));
        assert_eq!(find(50), Some((Offset(100), Timestamp(50))));
        assert_eq!(find(51), Some((Offset(102), Timestamp(70))));
        assert_eq!(find(71), None);
    }
}

#[test]
fn records_before_the_start_of_the_log_do_not_count() {
    let find = |from| first_at_or_after(&batch(Compression::None), Timestamp(1), Offset(from)).unwrap();
    assert_eq!(find(101), Some((Offset(101), Timestamp(30))));
    assert_eq!(find(104), Some((Offset(104), Timestamp(60))));
    assert_eq!(find(105), None);
}

#[test]
fn traps_36_the_first_record_with_the_max_timestamp_is_found() {
    for codec in CODECS {
        let found = first_with_max_timestamp(&batch(codec)).unwrap();
        assert_eq!(found, Some((Offset(102), Timestamp(70))));
    }
}

#[test]
fn with_log_append_time_every_record_has_the_batchs_time() {
    let mut bytes = batch(Compression::None);
    let mut header = BatchHeader::parse(&bytes).unwrap();
    header.attributes = Attributes(0).with_timestamp_type(TimestampType::LogAppend);
    header.max_timestamp = Timestamp(900);
    bytes[..BATCH_HEADER_BYTES].copy_from_slice(&header.encode());
    let found = first_at_or_after(&bytes, Timestamp(100), Offset(103)).unwrap();
    assert_eq!(found, Some((Offset(103), Timestamp(900))));
    let found = first_with_max_timestamp(&bytes).unwrap();
    assert_eq!(found, Some((Offset(100), Timestamp(900))));
}

#[test]
fn a_batch_that_is_cut_is_an_error() {
    let bytes = batch(Compression::None);
    let there = bytes.len() - 1;
    let cut = first_with_max_timestamp(&bytes[..there]);
    assert_eq!(cut, Err(ReadError::BatchLength { declared: bytes.len(), there }));
    let mut bytes = bytes;
    // One more record than there are.
    bytes[60] = 6;
    let found = first_at_or_after(&bytes, Timestamp(1000), Offset(0));
    assert_eq!(found, Err(ReadError::Record(MalformedRecord::Truncated)));
}
