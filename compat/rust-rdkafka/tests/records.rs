//! What is sent comes back as it was, for every form a record may have.

use std::time::{Duration, Instant};

use rdkafka::Timestamp;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::Producer;

use crate::support::{LIMIT, Record, broker, create_topic, producer, read_all, send};

#[test]
fn keys_values_headers_timestamps_and_nulls_come_back_as_sent() {
    let broker = broker();
    create_topic(&broker, "forms", 1, &[("retention.ms", "-1")]);
    let producer = producer(&broker, &[]);
    let headers = OwnedHeaders::new()
        .insert(Header { key: "name", value: Some(b"one".as_slice()) })
        .insert(Header { key: "name", value: Some(b"again, and in order".as_slice()) })
        .insert(Header { key: "nothing", value: None::<&[u8]> })
        .insert(Header { key: "", value: Some(b"".as_slice()) });
    let new = |id| Record::with_opaque_to("forms", Box::new(id)).timestamp(1_500_000_000_000 + id as i64);
    send(&producer, new(0).key(b"key").payload(b"value").headers(headers));
    send(&producer, new(1).key(b"tombstone"));
    send(&producer, new(2).payload(b"no key"));
    send(&producer, new(3).key(b"").payload(b""));
    send(&producer, new(4).key(&[0, 255, 10]).payload(&[b'x'; 100_000]));
    producer.flush(LIMIT).unwrap();

    let got = read_all(&broker, "forms", 1);
    let keys: Vec<Option<&[u8]>> = got.iter().map(|record| record.key.as_deref()).collect();
    assert_eq!(keys, [Some(&b"key"[..]), Some(b"tombstone"), None, Some(b""), Some(&[0, 255, 10])]);
    let sizes: Vec<Option<usize>> = got.iter().map(|record| record.value.as_ref().map(Vec::len)).collect();
    assert_eq!(sizes, [Some(5), None, Some(6), Some(0), Some(100_000)]);
    for (id, record) in got.iter().enumerate() {
        assert_eq!(record.offset, id as i64);
        assert_eq!(record.timestamp, Timestamp::CreateTime(1_500_000_000_000 + id as i64));
    }
    let headers: Vec<(&str, Option<&[u8]>)> =
        got[0].headers.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
    let again = b"again, and in order".as_slice();
    assert_eq!(
        headers,
        [("name", Some(&b"one"[..])), ("name", Some(again)), ("nothing", None), ("", Some(b""))]
    );
}

#[test]
fn every_codec_comes_back_as_sent() {
    let broker = broker();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        create_topic(&broker, codec, 1, &[]);
        let producer = producer(&broker, &[("compression.codec", codec), ("linger.ms", "20")]);
        let value = |id: u64| format!("{id}: {}", codec.repeat(200));
        for id in 0..500 {
            send(&producer, Record::with_opaque_to(codec, Box::new(id)).payload(value(id).as_bytes()));
        }
        producer.flush(LIMIT).unwrap();
        let got = read_all(&broker, codec, 1);
        assert_eq!(got.len(), 500, "{codec}");
        for (id, record) in got.iter().enumerate() {
            assert_eq!(record.value, Some(value(id as u64).into_bytes()), "{codec}");
        }
    }
}

#[test]
fn a_topic_that_names_another_codec_still_gives_back_what_was_sent() {
    let broker = broker();
    for (topic, wanted, sent) in
        [("as-zstd", "zstd", "lz4"), ("as-gzip", "gzip", "none"), ("plain", "uncompressed", "snappy")]
    {
        create_topic(&broker, topic, 1, &[("compression.type", wanted)]);
        let producer = producer(&broker, &[("compression.codec", sent), ("linger.ms", "20")]);
        for id in 0..200u64 {
            let value = id.to_string().repeat(50);
            send(&producer, Record::with_opaque_to(topic, Box::new(id)).payload(value.as_bytes()));
        }
        producer.flush(LIMIT).unwrap();
        let got = read_all(&broker, topic, 1);
        let values: Vec<String> =
            got.into_iter().filter_map(|record| String::from_utf8(record.value?).ok()).collect();
        assert_eq!(values, (0..200u64).map(|id| id.to_string().repeat(50)).collect::<Vec<_>>(), "{topic}");
    }
}

#[test]
fn acks_zero_one_and_all_are_kept_in_order() {
    let broker = broker();
    for acks in ["0", "1", "all"] {
        let topic = format!("acks-{acks}");
        create_topic(&broker, &topic, 1, &[]);
        let producer = producer(&broker, &[("acks", acks), ("max.in.flight", "1")]);
        for id in 0..1000u64 {
            send(&producer, Record::with_opaque_to(&topic, Box::new(id)).payload(&id.to_be_bytes()));
        }
        producer.flush(LIMIT).unwrap();
        // With acks=0 the flush ends when the bytes have left, not when they are stored.
        let count = compat_harness::wait_until(LIMIT, || {
            let got = read_all(&broker, &topic, 1);
            (got.len() == 1000).then_some(got)
        });
        let got = count.expect("all of them arrive");
        assert!(
            (0..1000u64).all(|id| got[id as usize].value.as_deref() == Some(&id.to_be_bytes())),
            "{acks}"
        );
    }
}

#[test]
fn an_idempotent_producer_writes_each_record_once_and_in_order() {
    let broker = broker();
    create_topic(&broker, "once", 3, &[]);
    let settings = [("enable.idempotence", "true"), ("batch.num.messages", "10"), ("linger.ms", "1")];
    let producer = producer(&broker, &settings);
    for id in 0..6000u64 {
        let record = Record::with_opaque_to("once", Box::new(id)).payload(b"x").partition((id % 3) as i32);
        send(&producer, record);
    }
    producer.flush(LIMIT).unwrap();
    let mut receipts = producer.context().list();
    receipts.sort_by_key(|(id, _)| *id);
    for (id, receipt) in receipts {
        assert_eq!(receipt, Ok(((id % 3) as i32, (id / 3) as i64)));
    }
    assert_eq!(read_all(&broker, "once", 3).len(), 6000);
}

#[test]
fn a_record_over_the_topics_limit_is_refused_and_the_next_one_is_not() {
    let broker = broker();
    create_topic(&broker, "small", 1, &[("max.message.bytes", "1000")]);
    let producer = producer(&broker, &[("linger.ms", "0"), ("enable.idempotence", "false")]);
    send(&producer, Record::with_opaque_to("small", Box::new(0)).payload(&[b'x'; 5000]));
    producer.flush(LIMIT).unwrap();
    send(&producer, Record::with_opaque_to("small", Box::new(1)).payload(b"fits"));
    producer.flush(LIMIT).unwrap();
    let too_large = KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge);
    assert_eq!(producer.context().list(), [(0, Err(too_large)), (1, Ok((0, 0)))]);
}

#[test]
fn with_log_append_time_the_broker_sets_the_timestamp() {
    let broker = broker();
    create_topic(&broker, "stamped", 1, &[("message.timestamp.type", "LogAppendTime")]);
    let producer = producer(&broker, &[]);
    send(&producer, Record::with_opaque_to("stamped", Box::new(0)).payload(b"x").timestamp(5));
    producer.flush(LIMIT).unwrap();
    let got = read_all(&broker, "stamped", 1);
    let Timestamp::LogAppendTime(time) = got[0].timestamp else { panic!("{:?}", got[0]) };
    assert!(time > 1_600_000_000_000, "{time}");
}

#[test]
fn a_transactional_id_gets_a_fatal_error_at_once_while_transactions_are_not_served() {
    let broker = broker();
    if broker.is_reference() {
        return;
    }
    let producer = producer(&broker, &[("transactional.id", "nobody")]);
    let asked = Instant::now();
    let Err(KafkaError::Transaction(error)) = producer.init_transactions(LIMIT) else { panic!("an error") };
    assert_eq!(error.code(), RDKafkaErrorCode::TransactionalIdAuthorizationFailed);
    assert!(error.is_fatal() && !error.is_retriable(), "{error}");
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
}
