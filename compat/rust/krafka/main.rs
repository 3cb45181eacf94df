//! What krafka, a client in Rust alone, does with one broker: `krafka HOST:PORT` prints a row per capability.

use std::time::Duration;

use krafka::admin::{ConfigOp, ConfigResource, NewTopic};
use krafka::consumer::{AutoOffsetReset, Consumer, ConsumerBuilder, ConsumerRecord};
use krafka::error::KrafkaError;
use krafka::producer::{Acks, ProducerBuilder};

use krafka::{Compression, Kafka, Record};
use report::{Outcome, check, compressible, equal, large_batch, now_ms, sees, soon, too_large};
use tokio::time::timeout;

mod groups;
#[path = "../../report/report.rs"]
mod report;

const READ: &str = "krafka-read";

/// Creates a topic and waits until its partitions have leaders.
async fn topic(kafka: &Kafka, name: &str, partitions: i32) -> Outcome {
    let wanted = NewTopic::new(name, partitions, 1)?;
    for result in kafka.admin().create_topics([wanted], Default::default()).await?.into_values() {
        result?;
    }
    soon(async || {
        let found = kafka.admin().describe_topics([name], Default::default()).await?;
        let leaders = found.into_values().flatten().flat_map(|topic| topic.partitions);
        Ok(leaders.filter(|partition| partition.leader.is_some()).count() == partitions as usize)
    })
    .await
}

type Change = fn(ProducerBuilder) -> ProducerBuilder;

fn as_it_is(producer: ProducerBuilder) -> ProducerBuilder {
    producer
}

/// The offsets that were acknowledged.
async fn produce(kafka: &Kafka, records: Vec<Record>, change: Change) -> Outcome<Vec<i64>> {
    let producer = change(kafka.producer().linger(Duration::from_millis(200))).build().await?;
    let mut sent = Vec::new();
    for record in records {
        sent.push(producer.enqueue(record).await?);
    }
    let mut offsets = Vec::new();
    for handle in sent {
        offsets.push(handle.await?.offset);
    }
    producer.close().await?;
    Ok(offsets)
}

fn values<T: AsRef<str>>(name: &str, texts: &[T]) -> Vec<Record> {
    texts.iter().map(|text| Record::new(name, text.as_ref().to_owned())).collect()
}

/// What every consumer of these checks is told.
fn usual(consumer: ConsumerBuilder) -> ConsumerBuilder {
    let times =
        consumer.session_timeout(Duration::from_secs(6)).heartbeat_interval(Duration::from_millis(500));
    times.auto_offset_reset(AutoOffsetReset::Earliest).enable_auto_commit(false)
}

async fn member(kafka: &Kafka, group: &str, topics: &[&str]) -> Outcome<Consumer> {
    let consumer = usual(kafka.consumer(format!("krafka-{group}"))).build().await?;
    consumer.subscribe(topics).await?;
    Ok(consumer)
}

/// Reads the first partition from an offset on, without a group.
async fn reader(kafka: &Kafka, name: &str, offset: i64) -> Outcome<Consumer> {
    let consumer = usual(kafka.consumer_without_group()).build().await?;
    consumer.assign(name, vec![0]).await?;
    consumer.seek(name, 0, offset).await?;
    Ok(consumer)
}

async fn take(consumer: &Consumer, count: usize) -> Outcome<Vec<ConsumerRecord>> {
    let mut taken = Vec::new();
    while taken.len() < count {
        taken.extend(consumer.recv().await?);
    }
    Ok(taken)
}

fn texts(records: &[ConsumerRecord]) -> Vec<&str> {
    records.iter().filter_map(ConsumerRecord::value_str).collect()
}

/// Takes as many records as are expected and compares their values.
async fn comes(consumer: &Consumer, expected: &[&str]) -> Outcome {
    equal(texts(&take(consumer, expected.len()).await?), expected.to_vec())
}

/// Makes a topic, produces to it and reads it back.
async fn round_trip(
    kafka: &Kafka,
    name: &str,
    records: Vec<Record>,
    change: Change,
) -> Outcome<Vec<ConsumerRecord>> {
    let count = records.len();
    topic(kafka, name, 1).await?;
    produce(kafka, records, change).await?;
    take(&reader(kafka, name, 0).await?, count).await
}

async fn sent(kafka: &Kafka, capability: &str, texts: &[String], change: Change) {
    let name = format!("krafka-{capability}");
    check(capability, async {
        let found = round_trip(kafka, &name, values(&name, texts), change).await?;
        equal(found.iter().map(|record| record.offset).collect(), Vec::from_iter(0..texts.len() as i64))?;
        equal(self::texts(&found), texts.iter().map(String::as_str).collect())
    })
    .await;
}

async fn admin_checks(kafka: &Kafka) {
    let (name, admin) = ("krafka-created", kafka.admin());
    check("admin-create", topic(kafka, name, 3)).await;
    check("admin-describe", async {
        let found =
            admin.describe_topics([name], Default::default()).await?.remove(name).ok_or("no topic")??;
        equal(found.partitions.iter().map(|partition| partition.partition).collect(), vec![0, 1, 2])
    })
    .await;
    check("admin-alter-config", async {
        let (resource, change) =
            (ConfigResource::topic(name), vec![ConfigOp::set("retention.ms", "123456789")]);
        let changed =
            admin.incremental_alter_configs([(resource.clone(), change)], Default::default()).await?;
        changed.into_values().collect::<Result<Vec<()>, _>>()?;
        soon(async || {
            let found = admin.describe_configs([resource.clone()], Default::default()).await?;
            let mut entries = found.into_values().flatten().flatten();
            Ok(entries
                .any(|entry| entry.name == "retention.ms" && entry.value.as_deref() == Some("123456789")))
        })
        .await
    })
    .await;
    check("admin-delete", async {
        admin.delete_topics([name], Default::default()).await?.remove(name).ok_or("no answer")??;
        soon(async || Ok(!admin.list_topics(Default::default()).await?.iter().any(|found| found == name)))
            .await
    })
    .await;
}

async fn produce_checks(kafka: &Kafka) {
    let few = ["a", "b", "c"].map(String::from);
    sent(kafka, "produce-gzip", &compressible(), |producer| producer.compression(Compression::Gzip)).await;
    sent(kafka, "produce-snappy", &compressible(), |producer| producer.compression(Compression::Snappy))
        .await;
    sent(kafka, "produce-lz4", &compressible(), |producer| producer.compression(Compression::Lz4)).await;
    sent(kafka, "produce-zstd", &compressible(), |producer| producer.compression(Compression::Zstd)).await;
    sent(kafka, "produce-idempotent", &few, |producer| producer.idempotent(true)).await;
    sent(kafka, "produce-acks-0", &few, |producer| producer.idempotent(false).acks(Acks::None)).await;
    sent(kafka, "produce-acks-1", &few, |producer| producer.idempotent(false).acks(Acks::Leader)).await;
    sent(kafka, "produce-acks-all", &few, |producer| producer.idempotent(false).acks(Acks::All)).await;
    check("produce-headers", async {
        let record =
            Record::new("krafka-headers", "a").header("one", "1").header("one", "2").null_header("null");
        let (name, headers) = (record.topic.clone(), record.headers.clone());
        equal(&round_trip(kafka, &name, vec![record], as_it_is).await?[0].headers, &headers)
    })
    .await;
    check("produce-null-value", async {
        let found =
            round_trip(kafka, "krafka-null", vec![Record::tombstone("krafka-null", "k")], as_it_is).await?;
        equal((found[0].key_str(), found[0].value.as_deref()), (Some("k"), None))
    })
    .await;
    sent(kafka, "produce-large-batch", &large_batch(), |producer| producer.batch_size(900_000)).await;
}

async fn consume_checks(kafka: &Kafka) {
    check("consume-beginning", async {
        topic(kafka, READ, 1).await?;
        produce(kafka, values(READ, &["a", "b", "c", "d"]), as_it_is).await?;
        let consumer = member(kafka, "beginning", &[READ]).await?;
        comes(&consumer, &["a", "b", "c", "d"]).await?;
        Ok(consumer.close().await?)
    })
    .await;
    check("consume-timestamp", async {
        let (name, now) = ("krafka-times", now_ms()?);
        let records = values(name, &["A", "B", "C"]).into_iter().zip([3000, 2000, 1000]);
        let records = records.map(|(record, ago)| record.timestamp(now - ago)).collect();
        round_trip(kafka, name, records, as_it_is).await?;
        let consumer = reader(kafka, name, 0).await?;
        consumer.seek_to_timestamp(name, 0, now - 2500).await?;
        comes(&consumer, &["B", "C"]).await
    })
    .await;
    check("consume-assign", async { comes(&reader(kafka, READ, 2).await?, &["c", "d"]).await }).await;
    check("consume-subscribe", async {
        let names = ["krafka-subscribed-1", "krafka-subscribed-2"];
        for name in names {
            topic(kafka, name, 1).await?;
            produce(kafka, values(name, &["one"]), as_it_is).await?;
        }
        let consumer = member(kafka, "subscribed", &names).await?;
        comes(&consumer, &["one", "one"]).await?;
        Ok(consumer.close().await?)
    })
    .await;
    check("consume-pause", pause(kafka)).await;
    check("consume-seek", async {
        let consumer = reader(kafka, READ, 0).await?;
        comes(&consumer, &["a", "b", "c", "d"]).await?;
        consumer.seek(READ, 0, 1).await?;
        comes(&consumer, &["b", "c"]).await
    })
    .await;
}

async fn pause(kafka: &Kafka) -> Outcome {
    let [held, flowing] = ["krafka-paused", "krafka-flowing"];
    for (name, text) in [(held, "held"), (flowing, "flows")] {
        topic(kafka, name, 1).await?;
        produce(kafka, values(name, &[text]), as_it_is).await?;
    }
    let consumer = usual(kafka.consumer_without_group()).build().await?;
    consumer.assign(held, vec![0]).await?;
    consumer.assign(flowing, vec![0]).await?;
    consumer.pause(held, &[0]).await;
    comes(&consumer, &["flows"]).await?;
    if let Ok(record) = timeout(Duration::from_secs(2), consumer.recv()).await {
        return Err(format!("{record:?} while its partition was paused").into());
    }
    consumer.resume(held, &[0]).await;
    comes(&consumer, &["held"]).await
}

/// What kind of error the client ends with: the protocol's own name where it has one.
fn kind<T>(result: Outcome<T>) -> Outcome<String> {
    let error = result.err().ok_or("there was no error")?;
    match error.downcast_ref() {
        Some(KrafkaError::Broker { code, .. }) => Ok(format!("{code:?}")),
        Some(_) => Ok(error.to_string()),
        None => Err(error),
    }
}

async fn error_checks(kafka: &Kafka) {
    sees("error-unknown-topic", async {
        let nowhere = values("krafka-nowhere", &["a"]);
        kind(produce(kafka, nowhere, |producer| producer.max_block(Duration::from_secs(2))).await)
    })
    .await;
    sees("error-too-large", async {
        topic(kafka, "krafka-too-large", 1).await?;
        kind(produce(kafka, vec![Record::new("krafka-too-large", too_large())], as_it_is).await)
    })
    .await;
    sees("error-fenced-member", groups::fenced(kafka)).await;
}

async fn connected() -> Outcome<Kafka> {
    let address = std::env::args().nth(1).ok_or("usage: krafka HOST:PORT")?;
    Ok(Kafka::builder(address).connect().await?)
}

#[tokio::main]
async fn main() -> Outcome {
    let kafka = connected().await?;
    admin_checks(&kafka).await;
    produce_checks(&kafka).await;
    consume_checks(&kafka).await;
    groups::group_checks(&kafka).await;
    error_checks(&kafka).await;
    Ok(())
}
