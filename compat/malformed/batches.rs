//! Record batches that lie, each sent in every version of Produce.

use bytes::Bytes;
use gracchus_base::{Offset, ProducerEpoch, ProducerId, Sequence, Timestamp};
use gracchus_wire::ApiKey;
use gracchus_wire::records::{Attributes, BatchHeader, BatchOptions, Compression};

use crate::case::{Case, Group, request, versions};
use crate::fill::{Set, body, varint};
use crate::values::batch;

/// Bytes of the header.
const HEADER: usize = 61;

pub fn batches(cases: &mut Vec<Case>) {
    let mut lies = headers();
    lies.extend(wholes());
    lies.extend(codecs());
    lies.extend(records());
    for (name, records) in lies {
        for version in versions(ApiKey::Produce) {
            let settings = [("records", records.clone())];
            let frame =
                request(ApiKey::Produce, version, &body(ApiKey::Produce, version, 0, &settings).bytes);
            let (name, api) = (name.to_owned(), Some(ApiKey::Produce));
            cases.push(Case { group: Group::Batches, name, api, version, frame });
        }
    }
}

type Lie = (&'static str, Set);

/// An ordinary batch with a changed header, its CRC right about it.
fn with(change: impl FnOnce(&mut BatchHeader)) -> Set {
    with_body(batch(BatchOptions::default(), 2).split_off(HEADER), change)
}

fn with_body(body: Vec<u8>, change: impl FnOnce(&mut BatchHeader)) -> Set {
    let mut header = BatchHeader::parse(&batch(BatchOptions::default(), 2)).expect("an ordinary batch");
    header.length = (HEADER - 12 + body.len()) as i32;
    change(&mut header);
    header.crc = header.crc_with(&body);
    Set::Bytes([&header.encode()[..], &body].concat())
}

fn headers() -> Vec<Lie> {
    let attributes = |bits: i16| with(|h| h.attributes = Attributes(bits));
    let producer = |id: i64, epoch: i16, sequence: i32| {
        with(|h| {
            h.producer_id = ProducerId(id);
            h.producer_epoch = ProducerEpoch(epoch);
            h.base_sequence = Sequence(sequence);
        })
    };
    let times = |base: i64, max: i64| {
        with(|h| (h.base_timestamp, h.max_timestamp) = (Timestamp(base), Timestamp(max)))
    };
    vec![
        ("nothing is wrong", with(|_| {})),
        ("batch length 0", with(|h| h.length = 0)),
        ("batch length -1", with(|h| h.length = -1)),
        ("batch length one too small", with(|h| h.length -= 1)),
        ("batch length one too large", with(|h| h.length += 1)),
        ("batch length 2^31-1", with(|h| h.length = i32::MAX)),
        ("one record more counted", with(|h| (h.records_count, h.last_offset_delta) = (3, 2))),
        ("one record fewer counted", with(|h| (h.records_count, h.last_offset_delta) = (1, 0))),
        ("records count 3, last offset delta 1", with(|h| h.records_count = 3)),
        ("records count 0", with(|h| h.records_count = 0)),
        ("records count -1", with(|h| h.records_count = -1)),
        ("records count 2^31-1", with(|h| (h.records_count, h.last_offset_delta) = (i32::MAX, i32::MAX - 1))),
        ("last offset delta 5", with(|h| h.last_offset_delta = 5)),
        ("last offset delta 0", with(|h| h.last_offset_delta = 0)),
        ("last offset delta -1", with(|h| h.last_offset_delta = -1)),
        ("base offset 1", with(|h| h.base_offset = Offset(1))),
        ("base offset -1", with(|h| h.base_offset = Offset(-1))),
        ("base offset 2^63-1", with(|h| h.base_offset = Offset(i64::MAX))),
        ("leader epoch 99", with(|h| h.leader_epoch = gracchus_base::LeaderEpoch(99))),
        ("magic 0", with(|h| h.magic = 0)),
        ("magic 1", with(|h| h.magic = 1)),
        ("magic 3", with(|h| h.magic = 3)),
        ("magic -1", with(|h| h.magic = -1)),
        ("control bit", attributes(32)),
        ("transactional bit without a producer", attributes(16)),
        ("log append time bit", attributes(8)),
        ("delete horizon bit", attributes(64)),
        ("attribute bit 7", attributes(128)),
        ("all unused attribute bits", attributes(0x7f80)),
        ("negative attributes", attributes(i16::MIN)),
        ("base timestamp -1", times(-1, -1)),
        ("base timestamp -2", times(-2, -1)),
        ("base timestamp -2^63", times(i64::MIN, 0)),
        ("max timestamp before the base", times(crate::values::TIMESTAMP, 5)),
        ("timestamps in the year 2100", times(4_102_444_800_000, 4_102_444_800_001)),
        ("producer id -2", producer(-2, -1, -1)),
        ("producer id -1 with epoch 0 and sequence 0", producer(-1, 0, 0)),
        ("producer id 7 with epoch -1", producer(7, -1, 0)),
        ("producer id 8 with sequence -1", producer(8, 0, -1)),
        ("producer id 9 with sequence -2", producer(9, 0, -2)),
        ("producer id 10 that begins at sequence 5", producer(10, 0, 5)),
        ("producer id 2^63-1", producer(i64::MAX, 0, 0)),
        ("producer epoch 32767", producer(11, i16::MAX, 0)),
    ]
}

fn wholes() -> Vec<Lie> {
    let good = batch(BatchOptions::default(), 2);
    let mut crc = good.clone();
    crc[17] ^= 1;
    let bytes = |parts: &[&[u8]]| Set::Bytes(parts.concat());
    vec![
        ("bad CRC", Set::Bytes(crc)),
        ("two batches", bytes(&[&good, &good])),
        ("five bytes behind the batch", bytes(&[&good, b"extra"])),
        ("60 bytes behind the batch", bytes(&[&good, &good[..60]])),
        ("one byte of a batch", bytes(&[&good[..1]])),
        ("60 bytes of a batch", bytes(&[&good[..60]])),
        ("a header without records", bytes(&[&good[..HEADER]])),
        ("the last byte is missing", bytes(&[&good[..good.len() - 1]])),
        (
            "a batch of no records",
            with_body(Vec::new(), |h| (h.records_count, h.last_offset_delta) = (0, -1)),
        ),
        ("a batch of no records, last offset delta 0", {
            with_body(Vec::new(), |h| (h.records_count, h.last_offset_delta) = (0, 0))
        }),
        ("100 zeros", Set::Bytes(vec![0; 100])),
        ("no bytes of records", Set::Bytes(Vec::new())),
        ("null records", Set::Null),
    ]
}

fn codecs() -> Vec<Lie> {
    let claimed = |codec: i16| with(|h| h.attributes = Attributes(codec));
    let cut = |compression| {
        let options = BatchOptions { compression, ..BatchOptions::default() };
        let mut body = batch(options, 2).split_off(HEADER);
        body.truncate(body.len() - 4);
        with_body(body, |h| h.attributes = Attributes::of(compression, false, false))
    };
    let more = |compression| {
        let options = BatchOptions { compression, ..BatchOptions::default() };
        let body = [batch(options, 2).split_off(HEADER), b"more".to_vec()].concat();
        with_body(body, |h| h.attributes = Attributes::of(compression, false, false))
    };
    let whole = |compression| Set::Bytes(batch(BatchOptions { compression, ..BatchOptions::default() }, 2));
    vec![
        ("gzip that is none", claimed(1)),
        ("snappy that is none", claimed(2)),
        ("lz4 that is none", claimed(3)),
        ("zstd that is none", claimed(4)),
        ("codec 5", claimed(5)),
        ("codec 6", claimed(6)),
        ("codec 7", claimed(7)),
        ("gzip cut short", cut(Compression::Gzip)),
        ("snappy cut short", cut(Compression::Snappy)),
        ("lz4 cut short", cut(Compression::Lz4)),
        ("zstd cut short", cut(Compression::Zstd)),
        ("gzip with bytes behind", more(Compression::Gzip)),
        ("snappy with bytes behind", more(Compression::Snappy)),
        ("lz4 with bytes behind", more(Compression::Lz4)),
        ("zstd with bytes behind", more(Compression::Zstd)),
        ("zstd", whole(Compression::Zstd)),
    ]
}

/// A batch of one record that is these bytes behind its length.
fn one(record: &[u8]) -> Set {
    let length = zigzag(record.len() as i64);
    of_one(&[&length, record].concat())
}

/// A batch of one record with whatever stands for it.
fn of_one(body: &[u8]) -> Set {
    with_body(body.to_vec(), |h| (h.records_count, h.last_offset_delta) = (1, 0))
}

fn records() -> Vec<Lie> {
    // Attributes, timestamp delta, offset delta, key, value, headers.
    let record: &[u8] = &[0, 0, 0, 2, b'k', 2, b'v', 0];
    let length = |length: i64| of_one(&[&zigzag(length)[..], record].concat());
    let mut other = vec![("one record", one(record))];
    let mut add = |name, record: &[u8]| other.push((name, one(record)));
    add("record attributes 1", &[1, 0, 0, 2, b'k', 2, b'v', 0]);
    add("offset delta 1 in the first record", &[0, 0, 2, 2, b'k', 2, b'v', 0]);
    add("offset delta -1 in the first record", &[0, 0, 1, 2, b'k', 2, b'v', 0]);
    add(
        "timestamp delta that takes the time below 0",
        &[&[0][..], &zigzag(-(1 << 50)), &record[2..]].concat(),
    );
    add("timestamp delta of 11 bytes", &[&[0][..], &[0x80; 10], &[1], &record[2..]].concat());
    add("key of length -2", &[0, 0, 0, 3, 2, b'v', 0]);
    add("key longer than the record", &[0, 0, 0, 100, b'k', 2, b'v', 0]);
    add("value of length -2", &[0, 0, 0, 1, 3, 0]);
    add("value longer than the record", &[0, 0, 0, 1, 100, b'v', 0]);
    add("-1 headers", &[0, 0, 0, 1, 1, 1]);
    add("100 headers that are not there", &[0, 0, 0, 1, 1, 0x80 | 72, 1]);
    add("2^31-1 headers", &[&[0, 0, 0, 1, 1][..], &zigzag(i64::from(i32::MAX))].concat());
    add("header with a null key", &[0, 0, 0, 1, 1, 2, 1, 1]);
    add("header key of length -2", &[0, 0, 0, 1, 1, 2, 3, 1]);
    add("header key that is not UTF-8", &[0, 0, 0, 1, 1, 2, 4, 0xc3, 0x28, 1]);
    add("header value of length -2", &[0, 0, 0, 1, 1, 2, 2, b'h', 3]);
    add("a byte behind the headers", &[0, 0, 0, 2, b'k', 2, b'v', 0, 0]);
    add("no headers count", &[0, 0, 0, 2, b'k', 2, b'v']);
    other.extend([
        ("record length one too small", length(record.len() as i64 - 1)),
        ("record length one too large", length(record.len() as i64 + 1)),
        ("record length 0", length(0)),
        ("record length -1", length(-1)),
        ("record length 2^31-1", length(i64::from(i32::MAX))),
        ("record length of 6 bytes", of_one(&[&[0x90, 0x80, 0x80, 0x80, 0x80, 0x01][..], record].concat())),
        ("a byte behind the last record", of_one(&[&zigzag(record.len() as i64)[..], record, &[0]].concat())),
    ]);
    other
}

/// A signed varint.
fn zigzag(value: i64) -> Vec<u8> {
    varint(((value << 1) ^ (value >> 63)) as u64)
}

/// A batch that the setup can send to a topic.
pub fn ordinary() -> Bytes {
    batch(BatchOptions::default(), 2).into()
}
