use proptest::prelude::*;

use super::*;
use crate::internal::hex;
use crate::records::golden::JAVA;
use crate::records::{Record, RecordHeader, crc_matches, records};

fn producer() -> Option<BatchProducer> {
    Some(BatchProducer {
        producer_id: ProducerId(9001),
        producer_epoch: ProducerEpoch(3),
        base_sequence: Sequence(17),
    })
}

#[test]
fn a_batch_has_the_bytes_that_java_gives_it() {
    let mut builder = BatchBuilder::new(BatchOptions { producer: producer(), ..BatchOptions::default() });
    let headers = [("h", Some(&b"x"[..])), ("n", None)];
    builder.push(Timestamp(1_700_000_000_000), Some(b"key-1"), Some(b"value one"), &headers);
    builder.push(Timestamp(1_699_999_999_000), None, Some(&[b'v'; 100]), &[]);
    builder.push(Timestamp(1_700_000_000_500), Some(b"key-3"), None, &[]);
    assert_eq!(builder.plain_bytes(), hex(JAVA[0]).len());
    assert_eq!(builder.finish().unwrap().to_bytes(), hex(JAVA[0]));
}

#[test]
fn what_stands_in_the_header_is_what_was_asked_for() {
    let options = BatchOptions {
        base_offset: Offset(40),
        leader_epoch: LeaderEpoch(6),
        compression: Compression::Zstd,
        level: 3,
        producer: producer(),
        is_transactional: true,
        is_control: true,
    };
    let mut builder = BatchBuilder::new(options);
    builder.push(Timestamp(10), Some(b"k"), None, &[]);
    builder.push(Timestamp(7), Some(b"k"), None, &[]);
    assert_eq!(builder.count(), 2);
    let batch = builder.finish().unwrap();
    let bytes = batch.to_bytes();
    let header = BatchHeader::parse(&bytes).unwrap();
    assert_eq!(header, batch.header);
    assert!(crc_matches(&header, &bytes));
    assert_eq!(header.attributes, Attributes(0b11_0100));
    assert_eq!((header.base_timestamp, header.max_timestamp), (Timestamp(10), Timestamp(10)));
    assert_eq!((header.base_offset, header.last_offset()), (Offset(40), Offset(41)));
    assert_eq!(header.last_sequence(), Sequence(18));
    let offsets: Vec<_> = records(&batch).unwrap().map(|r| r.unwrap().offset).collect();
    assert_eq!(offsets, [Offset(40), Offset(41)]);
}

#[test]
fn a_batch_without_records_is_an_error() {
    let built = BatchBuilder::new(BatchOptions::default()).finish();
    assert!(matches!(built, Err(BuildError::Empty)));
}

type Field = Option<Vec<u8>>;
type Entry = (i64, Field, Field, Vec<(String, Field)>);

fn entry() -> impl Strategy<Value = Entry> {
    let field = || proptest::option::of(proptest::collection::vec(any::<u8>(), 0..200));
    let headers = proptest::collection::vec((".{0,9}", field()), 0..4);
    (any::<i64>(), field(), field(), headers)
}

fn read_back(record: &Record) -> (Entry, i64) {
    let field = |field: &Option<Bytes>| field.as_ref().map(|bytes| bytes.to_vec());
    let header = |header: RecordHeader| {
        (String::from_utf8(header.key.to_vec()).unwrap(), header.value.map(|value| value.to_vec()))
    };
    let headers = record.headers.iter().map(header).collect();
    ((record.timestamp.0, field(&record.key), field(&record.value), headers), record.offset.0)
}

proptest! {
    #[test]
    fn records_read_back_as_they_were_pushed(entries in proptest::collection::vec(entry(), 1..20), codec in 0_usize..5) {
        let compression = [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd][codec];
        let mut builder = BatchBuilder::new(BatchOptions { compression, base_offset: Offset(5), ..BatchOptions::default() });
        for (timestamp, key, value, headers) in &entries {
            let headers: Vec<_> = headers.iter().map(|(k, v)| (k.as_str(), v.as_deref())).collect();
            builder.push(Timestamp(*timestamp), key.as_deref(), value.as_deref(), &headers);
        }
        let batch = builder.finish().unwrap();
        let read: Vec<_> = records(&batch).unwrap().map(|record| read_back(&record.unwrap())).collect();
        prop_assert_eq!(read, entries.into_iter().zip(5..).collect::<Vec<_>>());
    }
}
