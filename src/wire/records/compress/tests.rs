use std::io::Write;

use proptest::prelude::*;

use super::*;
use crate::internal::hex;
use crate::records::golden::{JAVA, LIBRDKAFKA};
use crate::records::records_of;
use counting_allocator::allocated_by;

const PACKED: [Compression; 4] =
    [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

/// Text that packs well, with some noise in it.
fn text(n: usize) -> Vec<u8> {
    (0..n).map(|i| if i % 97 == 0 { (i * i) as u8 } else { b"the quick brown fox "[i % 20] }).collect()
}

fn unpack(codec: Compression, packed: Vec<u8>, max: usize) -> Result<Bytes, DecompressError> {
    decompress(codec, &packed.into(), max)
}

fn is_corrupt(codec: Compression, packed: Vec<u8>) -> bool {
    matches!(unpack(codec, packed, 1 << 20), Err(DecompressError::Corrupt { .. }))
}

#[test]
fn what_java_packed_is_read_in_every_codec() {
    let plain: Vec<_> = records_of(&hex(JAVA[0]).into()).unwrap().map(Result::unwrap).collect();
    assert_eq!(plain.len(), 3);
    for batch in JAVA {
        let read: Vec<_> = records_of(&hex(batch).into()).unwrap().map(Result::unwrap).collect();
        assert_eq!(read, plain);
    }
}

#[test]
fn what_librdkafka_packed_is_read_in_every_codec() {
    for batch in LIBRDKAFKA {
        let read: Vec<_> = records_of(&hex(batch).into()).unwrap().map(Result::unwrap).collect();
        assert_eq!(read.len(), 6);
        for (i, record) in read.iter().enumerate() {
            assert_eq!(record.key.as_deref(), Some(format!("k{}", i + 1).as_bytes()));
            assert_eq!(record.headers.iter().next().unwrap().key, "h");
        }
    }
}

#[test]
fn what_was_packed_unpacks_to_the_same() {
    for codec in PACKED {
        for n in [0, 1, 100, 32 * 1024, 64 * 1024 + 1, 1_000_000] {
            let packed = compress(codec, default_level(codec), &text(n)).unwrap();
            let unpacked = unpack(codec, packed, n).unwrap();
            assert_eq!(unpacked, text(n), "{codec:?} {n}");
        }
    }
}

#[test]
fn levels_are_the_codecs_own() {
    let plain = text(200_000);
    let size = |codec, level| compress(codec, level, &plain).unwrap().len();
    assert!(size(Compression::Gzip, 9) < size(Compression::Gzip, 1));
    assert!(size(Compression::Zstd, 19) < size(Compression::Zstd, -5));
}

#[test]
fn lz4_is_packed_as_java_reads_it() {
    let packed = compress(Compression::Lz4, 9, &text(100)).unwrap();
    // Version 1, independent blocks, of 64 KiB; the third byte is the descriptor's checksum, as Java has it.
    assert_eq!(packed[..7], hex("04224d18604082"));
    assert_eq!(packed[packed.len() - 4..], [0; 4]);
}

#[test]
fn traps_68_a_bomb_stops_at_the_cap() {
    let bomb = vec![0; 64 << 20];
    for codec in PACKED {
        let packed = Bytes::from(compress(codec, default_level(codec), &bomb).unwrap());
        let (allocated, unpacked) = allocated_by(|| decompress(codec, &packed, 1 << 20));
        assert_eq!(unpacked, Err(DecompressError::TooLarge { bytes_max: 1 << 20 }), "{codec:?}");
        assert!(allocated < 8 << 20, "{codec:?} took {allocated} bytes");
    }
}

#[test]
fn traps_68_a_snappy_block_that_claims_2_gib_reserves_nothing() {
    let mut claims = hex("ffffffff07");
    claims.resize(40, 0);
    let framed =
        [&b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01"[..], &(claims.len() as u32).to_be_bytes(), &claims].concat();
    for packed in [claims, framed] {
        let (allocated, corrupt) = allocated_by(|| is_corrupt(Compression::Snappy, packed));
        assert!(corrupt && allocated < 20_000, "{allocated} bytes");
    }
}

#[test]
fn traps_68_a_zstd_window_above_the_limit_is_refused() {
    // The descriptor's five high bits are the window's logarithm less 10.
    let window = |log: u32| {
        let mut packed = hex("28b52ffd0058010000");
        packed[5] = ((log - 10) << 3) as u8;
        unpack(Compression::Zstd, packed, 1 << 20)
    };
    assert_eq!(window(ZSTD_WINDOW_LOG_MAX), Ok(Bytes::new()));
    assert!(matches!(window(ZSTD_WINDOW_LOG_MAX + 1), Err(DecompressError::Corrupt { .. })));
}

#[test]
fn bytes_that_are_cut_are_corrupt() {
    for codec in PACKED {
        let packed = compress(codec, default_level(codec), &text(1000)).unwrap();
        // A snappy stream may be its header only.
        for n in (1..packed.len()).filter(|n| (codec, *n) != (Compression::Snappy, 16)) {
            assert!(is_corrupt(codec, packed[..n].to_vec()), "{codec:?} of {n} bytes");
        }
    }
}

#[test]
fn no_bytes_are_corrupt() {
    for codec in PACKED {
        assert!(is_corrupt(codec, Vec::new()), "{codec:?}");
    }
}

#[test]
fn an_lz4_frame_of_blocks_that_depend_on_one_another_is_corrupt_as_in_java() {
    use lz4_flex::frame::{BlockMode, FrameEncoder, FrameInfo};
    let mut encoder =
        FrameEncoder::with_frame_info(FrameInfo::new().block_mode(BlockMode::Linked), Vec::new());
    encoder.write_all(&text(1000)).unwrap();
    assert!(is_corrupt(Compression::Lz4, encoder.finish().unwrap()));
}

#[test]
fn checksums_of_lz4_frames_are_checked() {
    use lz4_flex::frame::{FrameEncoder, FrameInfo};
    for info in [FrameInfo::new().block_checksums(true), FrameInfo::new().content_checksum(true)] {
        let info = info.content_size(Some(1000));
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(&text(1000)).unwrap();
        let mut packed = encoder.finish().unwrap();
        assert_eq!(unpack(Compression::Lz4, packed.clone(), 1000).unwrap(), text(1000));
        // The last byte before the end mark, or of the content's checksum.
        let at = packed.len() - if packed.ends_with(&[0; 4]) { 5 } else { 1 };
        packed[at] ^= 1;
        assert!(is_corrupt(Compression::Lz4, packed));
    }
}

#[test]
fn what_lies_behind_an_lz4_frame_is_not_read_as_in_java() {
    let packed = compress(Compression::Lz4, 9, &text(100)).unwrap();
    for behind in [&[1, 2, 3][..], &packed] {
        let unpacked = unpack(Compression::Lz4, [&packed[..], behind].concat(), 1000);
        assert_eq!(unpacked.unwrap(), text(100));
    }
}

#[test]
fn snappy_streams_may_follow_one_another() {
    let packed = compress(Compression::Snappy, 0, &text(100)).unwrap();
    let twice = unpack(Compression::Snappy, [&packed[..], &packed].concat(), 1000);
    assert_eq!(twice.unwrap(), [text(100), text(100)].concat());
}

proptest! {
    #[test]
    fn any_bytes_unpack_or_are_an_error(codec in 1_usize..5, front in 0_usize..2, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let codec = PACKED[codec - 1];
        let fronts = [hex("1f8b0800000000000000"), b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec(), hex("04224d18604082"), hex("28b52ffd")];
        let front: &[u8] = if front == 0 { &[] } else { &fronts[codec as usize - 1] };
        let packed = Bytes::from([front, &bytes].concat());
        let (allocated, _) = allocated_by(|| decompress(codec, &packed, 100_000));
        prop_assert!(allocated < 10 << 20, "{} bytes", allocated);
    }
}
