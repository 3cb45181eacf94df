//! `kill -9` of the broker while it is being written to: what was acknowledged is there, once and in order.

use std::thread;
use std::time::Duration;

use compat_harness::{Broker, wait_until};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::Producer;
use rdkafka::{Offset, TopicPartitionList};

use crate::support::{
    self, LIMIT, Record, TestProducer, broker, config, create_topic, producer, read_each, send,
};

const PARTITIONS: i32 = 3;
const RECORD_BYTES: usize = 1000;
/// Long enough for 200 MB on a machine that does other things too.
const CRASH_LIMIT: Duration = Duration::from_secs(180);
const RESTART_LIMIT: Duration = Duration::from_secs(1);

/// 200 MB as promised for a release build. An unoptimised one is slow at it and proves the same with less.
fn record_count() -> u64 {
    let release =
        std::env::current_exe().is_ok_and(|path| path.components().any(|c| c.as_os_str() == "release"));
    let binary = std::env::var("GRACCHUS_BIN").unwrap_or_default();
    if release || binary.contains("release") || cfg!(not(debug_assertions)) { 200_000 } else { 40_000 }
}

fn value(id: u64) -> Vec<u8> {
    let mut value = vec![b'.'; RECORD_BYTES];
    value[..8].copy_from_slice(&id.to_be_bytes());
    value
}

fn send_all(producer: &TestProducer, count: u64) {
    for id in 0..count {
        let value = value(id);
        let record = Record::with_opaque_to("crash", Box::new(id)).payload(&value);
        send(producer, record.partition((id % PARTITIONS as u64) as i32));
    }
    let flushed = producer.flush(CRASH_LIMIT);
    let receipts = producer.context().count();
    assert!(flushed.is_ok(), "{flushed:?}: {receipts} of {count} receipts\n{}", producer.context().said());
}

fn wait_for_receipts(producer: &TestProducer, count: u64) {
    let there = wait_until(CRASH_LIMIT, || (producer.context().count() as u64 >= count).then_some(()));
    assert!(there.is_some(), "only {} of {count}", producer.context().count());
}

fn group(broker: &Broker) -> BaseConsumer {
    config(broker, &[("group.id", "crash-group"), ("enable.auto.commit", "false")])
        .create()
        .expect("a consumer")
}

fn commit(broker: &Broker, offset: i64) {
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset("crash", 1, Offset::Offset(offset)).expect("an offset");
    support::commit(&group(broker), &offsets);
}

fn committed(broker: &Broker) -> Offset {
    let mut asked = TopicPartitionList::new();
    asked.add_partition("crash", 1);
    let found = group(broker).committed_offsets(asked, LIMIT).expect("offsets");
    found.find_partition("crash", 1).expect("the partition").offset()
}

/// Every id that lies in the topic, in the order of each partition, with its offset.
fn stored(broker: &Broker) -> Vec<Vec<(u64, i64)>> {
    let mut partitions = vec![Vec::new(); PARTITIONS as usize];
    read_each(broker, "crash", PARTITIONS, |message| {
        let bytes = message.payload().expect("a value");
        assert_eq!(bytes.len(), RECORD_BYTES);
        let id = u64::from_be_bytes(bytes[..8].try_into().expect("eight bytes"));
        partitions[message.partition() as usize].push((id, message.offset()));
    });
    partitions
}

/// Checks that what was acknowledged is stored where the receipt says.
fn check_receipts(producer: &TestProducer, stored: &[Vec<(u64, i64)>]) {
    for (id, receipt) in producer.context().list() {
        let (partition, offset) = receipt.expect("no record fails for good");
        let at = stored[partition as usize].binary_search_by_key(&offset, |(_, offset)| *offset);
        let found = at.ok().map(|at| stored[partition as usize][at].0);
        assert_eq!(found, Some(id), "record {id} was acknowledged at {partition}/{offset}");
    }
}

fn check_restart(broker: &Broker) {
    println!("restarted in {:?}", broker.start_took());
    if !broker.is_reference() && record_count() == 200_000 {
        assert!(broker.start_took() < RESTART_LIMIT, "the restart took {:?}", broker.start_took());
    }
}

#[test]
fn kill_9_during_a_produce_with_acks_all_loses_and_doubles_nothing() {
    let mut broker = broker();
    create_topic(&broker, "crash", PARTITIONS, &[]);
    let count = record_count();
    let settings = [
        ("enable.idempotence", "true"),
        ("acks", "all"),
        ("linger.ms", "5"),
        ("queue.buffering.max.messages", "20000"),
        ("reconnect.backoff.max.ms", "500"),
        ("message.timeout.ms", "0"),
    ];
    let producer = producer(&broker, &settings);
    thread::scope(|scope| {
        let sending = scope.spawn(|| send_all(&producer, count));
        for part in 1..=2 {
            wait_for_receipts(&producer, count * part / 4);
            commit(&broker, part as i64 * 100);
            broker.kill();
            broker.restart().expect("the broker starts again");
            check_restart(&broker);
            assert_eq!(committed(&broker), Offset::Offset(part as i64 * 100), "the group's offset");
        }
        assert!(sending.join().is_ok(), "the broker's log:\n{}", broker.log());
    });
    let stored = stored(&broker);
    check_receipts(&producer, &stored);
    for (partition, records) in stored.iter().enumerate() {
        let ids: Vec<u64> = records.iter().map(|(id, _)| *id).collect();
        let expected: Vec<u64> = (partition as u64..count).step_by(PARTITIONS as usize).collect();
        assert!(ids == expected, "partition {partition} does not hold each record once and in order");
    }
}

#[test]
fn what_was_acknowledged_before_a_kill_9_is_all_there_when_the_producer_is_gone() {
    let mut broker = broker();
    create_topic(&broker, "crash", PARTITIONS, &[]);
    let count = record_count() / 4;
    let producer = producer(&broker, &[("acks", "all"), ("linger.ms", "5"), ("message.timeout.ms", "0")]);
    for id in 0..count {
        let value = value(id);
        let record = Record::with_opaque_to("crash", Box::new(id)).payload(&value);
        send(&producer, record.partition((id % PARTITIONS as u64) as i32));
    }
    wait_for_receipts(&producer, count / 2);
    broker.kill();
    // Nothing of what is still queued may reach the restarted broker.
    let before = producer.context().list();
    producer.purge(rdkafka::producer::PurgeConfig::default().queue().inflight());
    drop(producer);
    broker.restart().expect("the broker starts again");
    check_restart(&broker);
    let stored = stored(&broker);
    for (id, receipt) in before {
        let (partition, offset) = receipt.expect("acknowledged");
        let at = stored[partition as usize].binary_search_by_key(&offset, |(_, offset)| *offset);
        assert!(at.is_ok_and(|at| stored[partition as usize][at].0 == id), "record {id} is not at {offset}");
    }
}
