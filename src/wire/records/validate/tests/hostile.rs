use proptest::prelude::*;

use super::*;
use crate::internal::hex;
use crate::records::golden::{JAVA, LIBRDKAFKA};
use crate::records::records;
use counting_allocator::allocated_by;

/// length 8, attributes, timestamp delta, offset delta, key "a", value "b", no headers
const GOOD: &str = "100000000261026200";

#[test]
fn records_whose_shape_kafka_refuses_are_invalid() {
    for (what, bytes) in [
        ("one byte short of its length", "0e0000000261026200"),
        ("one byte beyond its length", "120000000261026200"),
        ("a length with a byte too many", "12000000026102620000"),
        ("a negative length", "010000000261026200"),
        ("a byte behind the last record", "10000000026102620000"),
        ("-1 headers", "100000000261026201"),
        ("more headers than bytes", "1200000002610262c801"),
        ("a header without a key", "1400000002610262020101"),
        ("a key that goes beyond the end", "100000007e61026200"),
        ("a number of six bytes", "10000080808080800000000000"),
        ("no record at all", ""),
    ] {
        for codec in CODECS {
            let refused = refusal(raw(codec, 1, &hex(bytes)), &rules());
            assert_eq!(refused.error, ErrorCode::InvalidRecord, "{what} in {codec:?}");
        }
    }
}

#[test]
fn records_whose_shape_kafka_takes_are_taken() {
    for (what, bytes) in [
        ("plain", GOOD),
        ("a header without a value", "160000000261026202026301"),
        ("a header key that is no text", "16000000026102620202ff01"),
        ("attributes that mean nothing", "10ff00000261026200"),
        ("a number with a byte that says nothing", "90000000000261026200"),
    ] {
        for codec in CODECS {
            assert!(validate(Some(raw(codec, 1, &hex(bytes))), &rules()).is_ok(), "{what} in {codec:?}");
        }
    }
}

#[test]
fn offsets_other_than_0_1_2_are_invalid_where_kafka_stores_them_or_fails() {
    for codec in CODECS {
        assert_eq!(error(raw(codec, 1, &hex("1000000a0261026200"))), ErrorCode::InvalidRecord);
        let twice = hex(&[GOOD, GOOD].concat());
        assert_eq!(error(raw(codec, 2, &twice)), ErrorCode::InvalidRecord);
    }
}

#[test]
fn a_null_that_is_not_minus_one_is_invalid_where_kafka_takes_it() {
    assert_eq!(error(raw(Compression::None, 1, &hex("0e00000003026200"))), ErrorCode::InvalidRecord);
}

#[test]
fn what_does_not_unpack_is_an_unknown_server_error_as_in_kafka() {
    for codec in CODECS.into_iter().filter(|codec| *codec != Compression::None) {
        assert_eq!(error(packed(codec, 1, (1..31).collect())), ErrorCode::UnknownServerError);
        let whole = batch_of(codec).body;
        let cut = whole[..whole.len() - 4].to_vec();
        assert_eq!(error(packed(codec, 2, cut)), ErrorCode::UnknownServerError, "{codec:?}");
    }
    let lies = hex("ffffffff0700000000000000000000000000000000");
    assert_eq!(error(packed(Compression::Snappy, 1, lies)), ErrorCode::UnknownServerError);
}

/// One record without a key whose value is `n` zeros.
fn record_of_zeros(n: u32) -> Vec<u8> {
    let put_length = |out: &mut Vec<u8>, n: u32| crate::records::put_unsigned(out, u64::from(n) << 1);
    let mut front = hex("00000001");
    put_length(&mut front, n);
    let mut record = Vec::new();
    put_length(&mut record, front.len() as u32 + n + 1);
    record.extend_from_slice(&front);
    // The zero behind the value says that there are no headers.
    record.resize(record.len() + n as usize + 1, 0);
    record
}

#[test]
fn traps_68_a_decompression_bomb_is_too_large_and_takes_no_memory() {
    let records = record_of_zeros(64 << 20);
    for codec in CODECS.into_iter().filter(|codec| *codec != Compression::None) {
        let batch = raw(codec, 1, &records);
        let big = Rules { max_message_bytes: 8 << 20, ..rules() };
        let (allocated, refused) = allocated_by(|| refusal(batch.clone(), &big));
        assert_eq!(refused.error, ErrorCode::MessageTooLarge, "{codec:?}");
        assert!(allocated < 1 << 20, "{codec:?} took {allocated} bytes");
        let target = Some((Compression::None, 0));
        let (allocated, refused) = allocated_by(|| refusal(batch.clone(), &Rules { target, ..big.clone() }));
        assert_eq!(refused.error, ErrorCode::MessageTooLarge, "{codec:?}");
        assert!(allocated < 4 << 20, "{codec:?} took {allocated} bytes");
        // With room for it, it is walked over without being held.
        let roomy = Rules { decompressed_bytes_max: 65 << 20, ..big };
        let (allocated, validated) = allocated_by(|| validate(Some(batch), &roomy));
        assert!(validated.is_ok() && allocated < 1 << 20, "{codec:?} took {allocated} bytes");
    }
}

#[test]
fn traps_68_walking_allocates_nothing_per_record() {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    for _ in 0..10_000 {
        builder.push(NOW, Some(b"key"), Some(b"value"), &[("header", Some(b"x"))]);
    }
    let bytes = builder.finish().unwrap().to_bytes();
    let (allocated, validated) = allocated_by(|| validate(Some(bytes), &rules()));
    assert!(validated.is_ok() && allocated < 200, "{allocated} bytes");
}

#[test]
fn traps_68_reading_records_takes_no_memory_for_their_headers() {
    // One record with a million headers of two bytes.
    let mut fields = hex("0000000101");
    crate::records::put_unsigned(&mut fields, 2_000_000);
    fields.extend([0, 1].repeat(1_000_000));
    let mut record = Vec::new();
    crate::records::put_unsigned(&mut record, 2 * fields.len() as u64);
    record.extend_from_slice(&fields);
    for codec in CODECS {
        let batch = raw(codec, 1, &record);
        let (peak, headers) = counting_allocator::peak_of(|| {
            let read = crate::records::records_of(&batch).unwrap().next().unwrap().unwrap();
            read.headers.iter().count()
        });
        assert_eq!(headers, 1_000_000);
        // An LZ4 frame may ask for blocks of 4 MiB, twice; what is unpacked may be there twice while it grows.
        assert!(peak < 14 << 20, "{codec:?}: {peak} bytes");
    }
}

#[test]
fn a_record_beyond_the_last_offset_of_its_batch_is_not_read() {
    for offset_delta in ["02", "03"] {
        let batch = raw(Compression::None, 1, &hex(&format!("100000{offset_delta}0261026200")));
        let read = crate::records::records_of(&batch).unwrap().next().unwrap();
        assert!(matches!(read, Err(crate::records::MalformedRecord::OffsetDelta(_))), "{read:?}");
    }
}

/// Whole batches of several writers and codecs.
fn seeds() -> Vec<Vec<u8>> {
    let ours = CODECS.map(|codec| batch_of(codec).to_bytes().to_vec());
    ours.into_iter().chain(JAVA.map(hex)).chain(LIBRDKAFKA.map(hex)).collect()
}

/// The bytes with base offset 0 and the CRC set right, so that what lies behind is reached.
fn with_crc(mut bytes: Vec<u8>) -> Bytes {
    if bytes.len() > 61 {
        bytes[..8].fill(0);
        let crc = crc32c::crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    }
    bytes.into()
}

/// Whatever is accepted can be read, to the last record, at the offsets that the header promises.
fn check(bytes: Bytes, rules: &Rules) -> Result<(), TestCaseError> {
    let (allocated, validated) = allocated_by(|| validate(Some(bytes), rules));
    // An LZ4 frame may ask for blocks of 4 MiB, twice.
    prop_assert!(allocated < 16 << 20, "{allocated} bytes");
    let Ok(Validated { batch, .. }) = validated else { return Ok(()) };
    let read: Result<Vec<_>, _> = records(&batch).unwrap().collect();
    let read = read.map_err(|e| TestCaseError::fail(format!("accepted, but unreadable: {e}")))?;
    prop_assert_eq!(read.len() as i32, batch.header.records_count);
    prop_assert!(read.iter().zip(0..).all(|(record, offset)| record.offset.0 == offset));
    let newest = read.iter().map(|record| record.timestamp).max();
    prop_assert_eq!(newest.map(|t| t.max(Timestamp::NONE)), Some(batch.header.max_timestamp));
    prop_assert!(crate::records::crc_matches(&batch.header, &batch.to_bytes()));
    Ok(())
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let target = proptest::option::of((0_usize..5).prop_map(|codec| (CODECS[codec], 1)));
    (any::<bool>(), any::<bool>(), target).prop_map(|(lat, requires_keys, target)| Rules {
        timestamp_type: if lat { TimestampType::LogAppend } else { TimestampType::Create },
        requires_keys,
        target,
        now: Timestamp(1_800_000_000_000),
        decompressed_bytes_max: 100_000,
        ..rules()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn changed_batches_are_readable_or_refused(
        seed in 0_usize..15,
        changes in proptest::collection::vec((21_usize..400, any::<u8>()), 0..4),
        rules in any_rules(),
    ) {
        let mut bytes = seeds()[seed].clone();
        for (at, byte) in changes {
            let n = bytes.len();
            bytes[21 + at % (n - 21)] = byte;
        }
        check(with_crc(bytes), &rules)?;
    }

    #[test]
    fn cut_and_grown_batches_are_readable_or_refused(
        seed in 0_usize..15, cut in 0_usize..120, tail in proptest::collection::vec(any::<u8>(), 0..20), rules in any_rules(),
    ) {
        let mut bytes = seeds()[seed].clone();
        bytes.truncate(bytes.len().saturating_sub(cut));
        bytes.extend_from_slice(&tail);
        if bytes.len() > 61 {
            let length = bytes.len() as i32 - 12;
            bytes[8..12].copy_from_slice(&length.to_be_bytes());
        }
        check(with_crc(bytes), &rules)?;
    }

    #[test]
    fn any_records_are_readable_or_refused(codec in 0_usize..5, count in 1_i32..5, bytes in proptest::collection::vec(any::<u8>(), 0..60), rules in any_rules()) {
        check(raw(CODECS[codec], count, &bytes), &rules)?;
    }

    #[test]
    fn any_bytes_are_readable_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), rules in any_rules()) {
        check(bytes.into(), &rules)?;
    }
}
