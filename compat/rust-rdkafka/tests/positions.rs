//! Offsets: by time, at the ends, committed by a group.

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::Producer;
use rdkafka::{Offset, TopicPartitionList};

use crate::support::{
    LIMIT, Record, admin, block_on, broker, commit, config, create_topic, next, options, produce_numbered,
    producer, reader, send,
};

const START: i64 = 1_500_000_000_000;

#[test]
fn an_offset_is_found_by_time() {
    let broker = broker();
    create_topic(&broker, "times", 1, &[("retention.ms", "-1"), ("index.interval.bytes", "100")]);
    let producer = producer(&broker, &[("batch.num.messages", "7")]);
    for id in 0..1000u64 {
        let record =
            Record::with_opaque_to("times", Box::new(id)).payload(b"x").timestamp(START + 10 * id as i64);
        send(&producer, record);
    }
    producer.flush(LIMIT).unwrap();
    let consumer = reader(&broker, "times", 1);
    let at = |time: i64| {
        let mut asked = TopicPartitionList::new();
        asked.add_partition_offset("times", 0, Offset::Offset(time)).unwrap();
        let found = consumer.offsets_for_times(asked, LIMIT).unwrap();
        found.find_partition("times", 0).unwrap().offset()
    };
    assert_eq!(at(START - 5), Offset::Offset(0));
    for id in [1, 6, 7, 8, 500, 993, 999] {
        assert_eq!(at(START + 10 * id), Offset::Offset(id), "exactly at {id}");
        assert_eq!(at(START + 10 * id - 9), Offset::Offset(id), "just before {id}");
    }
    assert_eq!(at(START + 10_000), Offset::End);
    assert_eq!(consumer.fetch_watermarks("times", 0, LIMIT).unwrap(), (0, 1000));
}

#[test]
fn an_offset_out_of_range_is_reported_or_reset_as_the_client_wants() {
    let broker = broker();
    create_topic(&broker, "range", 1, &[]);
    produce_numbered(&broker, "range", 1, 0..10);
    for (policy, expected) in [("earliest", Some(0)), ("error", None)] {
        let settings =
            [("group.id", "range"), ("auto.offset.reset", policy), ("enable.auto.commit", "false")];
        let consumer: BaseConsumer = config(&broker, &settings).create().unwrap();
        let mut beyond = TopicPartitionList::new();
        beyond.add_partition_offset("range", 0, Offset::Offset(500)).unwrap();
        consumer.assign(&beyond).unwrap();
        match (next(&consumer), expected) {
            (Ok(message), Some(offset)) => assert_eq!(message.offset(), offset),
            (Err(error), None) => {
                let code = RDKafkaErrorCode::AutoOffsetReset;
                assert!(matches!(error, KafkaError::MessageConsumption(c) if c == code), "{error}");
            }
            (other, _) => panic!("{policy}: {other:?}"),
        }
    }
}

#[test]
fn committed_offsets_come_back_with_their_metadata_until_the_group_is_deleted() {
    let broker = broker();
    create_topic(&broker, "commits", 3, &[]);
    produce_numbered(&broker, "commits", 3, 0..30);
    let group = |name: &str| -> BaseConsumer {
        config(&broker, &[("group.id", name), ("enable.auto.commit", "false")]).create().unwrap()
    };
    let consumer = group("commits-one");
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset("commits", 0, Offset::Offset(4)).unwrap();
    offsets.add_partition("commits", 2).set_offset(Offset::Offset(7)).unwrap();
    offsets.find_partition("commits", 2).unwrap().set_metadata("a note");
    commit(&consumer, &offsets);

    let committed = |consumer: &BaseConsumer| {
        let mut asked = TopicPartitionList::new();
        asked.add_partition_range("commits", 0, 2);
        let found = consumer.committed_offsets(asked, LIMIT).unwrap();
        let each = |p: i32| {
            let element = found.find_partition("commits", p).unwrap();
            (element.offset(), element.metadata().to_owned())
        };
        [each(0), each(1), each(2)]
    };
    let none = || (Offset::Invalid, String::new());
    let expected = [(Offset::Offset(4), String::new()), none(), (Offset::Offset(7), "a note".to_owned())];
    assert_eq!(committed(&consumer), expected);
    assert_eq!(committed(&group("commits-two")), [none(), none(), none()]);
    let listed = consumer.fetch_group_list(None, LIMIT).unwrap();
    assert_eq!(listed.groups().iter().map(|group| group.name()).collect::<Vec<_>>(), ["commits-one"]);

    let deleted = block_on(admin(&broker).delete_groups(&["commits-one"], &options())).unwrap();
    assert_eq!(deleted, [Ok("commits-one".to_owned())]);
    assert_eq!(committed(&consumer), [none(), none(), none()]);
}

#[test]
fn a_consumer_goes_on_where_its_group_stopped() {
    let broker = broker();
    create_topic(&broker, "resume", 1, &[]);
    produce_numbered(&broker, "resume", 1, 0..20);
    let settings =
        [("group.id", "resume"), ("enable.auto.commit", "false"), ("auto.offset.reset", "earliest")];
    for expected in [0..8, 8..20] {
        let consumer: BaseConsumer = config(&broker, &settings).create().unwrap();
        consumer.subscribe(&["resume"]).unwrap();
        for offset in expected {
            let message = next(&consumer).expect("a record");
            assert_eq!(message.offset(), offset);
            consumer.commit_message(&message, CommitMode::Sync).unwrap();
        }
    }
}
