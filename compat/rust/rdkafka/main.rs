//! What librdkafka does through rdkafka with one broker: `rdkafka HOST:PORT` prints a row per capability.

use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewTopic, OwnedResourceSpecifier, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Headers, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use report::{Outcome, check, compressible, equal, large_batch, now_ms, sees, soon, too_large};
use tokio::time::timeout;

mod groups;
#[path = "../../report/report.rs"]
mod report;

const READ: &str = "rdkafka-read";
const LIMIT: Duration = Duration::from_secs(20);

type Settings<'a> = &'a [(&'a str, &'a str)];
type Record<'a> = FutureRecord<'a, str, [u8]>;

fn config(settings: Settings) -> Outcome<ClientConfig> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", std::env::args().nth(1).ok_or("usage: rdkafka HOST:PORT")?);
    settings.iter().for_each(|(name, value)| _ = config.set(*name, *value));
    Ok(config)
}

fn admin() -> Outcome<AdminClient<DefaultClientContext>> {
    Ok(config(&[])?.create()?)
}

/// How many partitions a topic has, with leaders; none when there is no such topic.
fn partitions(name: &str) -> Outcome<usize> {
    let found = admin()?.inner().fetch_metadata(Some(name), LIMIT)?;
    let partitions = found.topics().iter().flat_map(|topic| topic.partitions());
    Ok(partitions.filter(|partition| partition.leader() >= 0).count())
}

async fn topic(name: &str, count: i32) -> Outcome {
    let wanted = NewTopic::new(name, count, TopicReplication::Fixed(1));
    for result in admin()?.create_topics([&wanted], &AdminOptions::new()).await? {
        result.map_err(|(name, code)| format!("{name}: {code}"))?;
    }
    soon(async || Ok(partitions(name)? == count as usize)).await
}

/// The offsets that were acknowledged.
async fn produce(records: Vec<Record<'_>>, settings: Settings<'_>) -> Outcome<Vec<i64>> {
    let producer: FutureProducer = config(settings)?.set("linger.ms", "200").create()?;
    let mut sent = Vec::new();
    for record in records {
        sent.push(producer.send_result(record).map_err(|(error, _)| error)?);
    }
    let mut offsets = Vec::new();
    for delivery in sent {
        offsets.push(delivery.await?.map_err(|(error, _)| error)?.offset);
    }
    Ok(offsets)
}

fn values<'a, T: AsRef<[u8]>>(name: &'a str, texts: &'a [T]) -> Vec<Record<'a>> {
    texts.iter().map(|text| FutureRecord::to(name).partition(0).payload(text.as_ref())).collect()
}

/// A consumer of a group, which takes part in it once it subscribes.
fn consumer(group: &str, settings: Settings) -> Outcome<StreamConsumer> {
    let mut config = config(settings)?;
    config.set("group.id", format!("rdkafka-{group}")).set("auto.offset.reset", "earliest");
    config
        .set("enable.auto.commit", "false")
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "500");
    Ok(config.create()?)
}

fn member(group: &str, topics: &[&str]) -> Outcome<StreamConsumer> {
    let consumer = consumer(group, &[])?;
    consumer.subscribe(topics)?;
    Ok(consumer)
}

fn assignment(places: &[(&str, i64)]) -> Outcome<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for (name, offset) in places {
        list.add_partition_offset(name, 0, Offset::Offset(*offset))?;
    }
    Ok(list)
}

/// Reads the first partition from an offset on, without a group's help.
fn reader(name: &str, offset: i64) -> Outcome<StreamConsumer> {
    let consumer = consumer("unused", &[])?;
    consumer.assign(&assignment(&[(name, offset)])?)?;
    Ok(consumer)
}

async fn take(consumer: &StreamConsumer, count: usize) -> Outcome<Vec<OwnedMessage>> {
    let mut taken = Vec::new();
    while taken.len() < count {
        taken.push(consumer.recv().await?.detach());
    }
    Ok(taken)
}

fn texts(records: &[OwnedMessage]) -> Vec<&str> {
    records.iter().filter_map(|record| record.payload_view().and_then(Result::ok)).collect()
}

/// Takes as many records as are expected and compares their values.
async fn comes(consumer: &StreamConsumer, expected: &[&str]) -> Outcome {
    equal(texts(&take(consumer, expected.len()).await?), expected.to_vec())
}

/// Makes a topic, produces to it and reads it back.
async fn round_trip(
    name: &str,
    records: Vec<Record<'_>>,
    settings: Settings<'_>,
) -> Outcome<Vec<OwnedMessage>> {
    let count = records.len();
    topic(name, 1).await?;
    produce(records, settings).await?;
    take(&reader(name, 0)?, count).await
}

async fn sent(capability: &str, texts: &[String], settings: Settings<'_>) {
    let name = format!("rdkafka-{capability}");
    check(capability, async {
        let found = round_trip(&name, values(&name, texts), settings).await?;
        equal(found.iter().map(Message::offset).collect(), Vec::from_iter(0..texts.len() as i64))?;
        equal(self::texts(&found), texts.iter().map(String::as_str).collect())
    })
    .await;
}

async fn admin_checks() {
    let name = "rdkafka-created";
    check("admin-create", topic(name, 3)).await;
    check("admin-describe", async { equal(partitions(name)?, 3) }).await;
    check("admin-alter-config", async {
        let change = AlterConfig::new(ResourceSpecifier::Topic(name)).set("retention.ms", "123456789");
        let changed = admin()?.alter_configs([&change], &AdminOptions::new()).await?;
        equal(changed, vec![Ok(OwnedResourceSpecifier::Topic(name.to_owned()))])?;
        soon(async || {
            let found =
                admin()?.describe_configs([&ResourceSpecifier::Topic(name)], &AdminOptions::new()).await?;
            let entry = found.iter().flatten().find_map(|resource| resource.get("retention.ms"));
            Ok(entry.and_then(|entry| entry.value.as_deref()) == Some("123456789"))
        })
        .await
    })
    .await;
    check("admin-delete", async {
        equal(admin()?.delete_topics(&[name], &AdminOptions::new()).await?, vec![Ok(name.to_owned())])?;
        soon(async || Ok(partitions(name)? == 0)).await
    })
    .await;
}

async fn produce_checks() {
    let few = ["a", "b", "c"].map(String::from);
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        sent(&format!("produce-{codec}"), &compressible(), &[("compression.type", codec)]).await;
    }
    sent("produce-idempotent", &few, &[("enable.idempotence", "true")]).await;
    for acks in ["0", "1", "all"] {
        sent(&format!("produce-acks-{acks}"), &few, &[("acks", acks)]).await;
    }
    check("produce-headers", async {
        let headers = [("one", Some("1")), ("one", Some("2")), ("null", None)];
        let add = |list: OwnedHeaders, (key, value)| list.insert(Header { key, value });
        let headers = headers.into_iter().fold(OwnedHeaders::new(), add);
        let record = FutureRecord::to("rdkafka-headers").payload(&b"a"[..]).headers(headers.clone());
        let found = round_trip("rdkafka-headers", vec![record], &[]).await?;
        let found = found[0].headers().ok_or("no headers")?;
        equal(Vec::from_iter(found.iter()), Vec::from_iter(headers.iter()))
    })
    .await;
    check("produce-null-value", async {
        let found = round_trip("rdkafka-null", vec![FutureRecord::to("rdkafka-null").key("k")], &[]).await?;
        equal((found[0].key(), found[0].payload()), (Some(&b"k"[..]), None))
    })
    .await;
    let one_batch = [("batch.size", "900000"), ("batch.num.messages", "10000")];
    sent("produce-large-batch", &large_batch(), &one_batch).await;
}

async fn consume_checks() {
    check("consume-beginning", async {
        topic(READ, 1).await?;
        produce(values(READ, &["a", "b", "c", "d"]), &[]).await?;
        comes(&member("beginning", &[READ])?, &["a", "b", "c", "d"]).await
    })
    .await;
    check("consume-timestamp", async {
        let (name, now) = ("rdkafka-times", now_ms()?);
        let records = values(name, &["A", "B", "C"]).into_iter().zip([3000, 2000, 1000]);
        let records = records.map(|(record, ago)| record.timestamp(now - ago)).collect();
        round_trip(name, records, &[]).await?;
        let found = reader(name, 0)?.offsets_for_times(assignment(&[(name, now - 2500)])?, LIMIT)?;
        equal(found.elements()[0].offset(), Offset::Offset(1))?;
        comes(&reader(name, 1)?, &["B", "C"]).await
    })
    .await;
    check("consume-assign", async { comes(&reader(READ, 2)?, &["c", "d"]).await }).await;
    check("consume-subscribe", async {
        topic("rdkafka-pattern-1", 1).await?;
        produce(values("rdkafka-pattern-1", &["one"]), &[]).await?;
        comes(&member("pattern", &["^rdkafka-pattern-.*"])?, &["one"]).await
    })
    .await;
    check("consume-pause", pause()).await;
    check("consume-seek", async {
        let consumer = reader(READ, 0)?;
        comes(&consumer, &["a", "b", "c", "d"]).await?;
        consumer.seek(READ, 0, Offset::Offset(1), LIMIT)?;
        comes(&consumer, &["b", "c"]).await
    })
    .await;
}

async fn pause() -> Outcome {
    let [held, flowing] = [("rdkafka-paused", 0), ("rdkafka-flowing", 0)];
    for ((name, _), text) in [(held, "held"), (flowing, "flows")] {
        topic(name, 1).await?;
        produce(values(name, &[text]), &[]).await?;
    }
    let consumer = consumer("unused", &[])?;
    consumer.assign(&assignment(&[held, flowing])?)?;
    consumer.pause(&assignment(&[held])?)?;
    comes(&consumer, &["flows"]).await?;
    if let Ok(record) = timeout(Duration::from_secs(2), consumer.recv()).await {
        return Err(format!("{record:?} while its partition was paused").into());
    }
    consumer.resume(&assignment(&[held])?)?;
    comes(&consumer, &["held"]).await
}

/// The kind of the error that the client ends with.
fn kind<T>(result: Outcome<T>) -> Outcome<String> {
    let error = result.err().ok_or("there was no error")?;
    match error.downcast_ref::<KafkaError>().and_then(KafkaError::rdkafka_error_code) {
        Some(code) => Ok(format!("{code:?}")),
        None => Err(error),
    }
}

async fn error_checks() {
    sees("error-unknown-topic", async {
        let at_once = [("topic.metadata.propagation.max.ms", "0")];
        kind(produce(values("rdkafka-nowhere", &["a"]), &at_once).await)
    })
    .await;
    sees("error-too-large", async {
        topic("rdkafka-too-large", 1).await?;
        kind(produce(values("rdkafka-too-large", &[too_large()]), &[("message.max.bytes", "5000000")]).await)
    })
    .await;
    sees("error-fenced-member", groups::fenced()).await;
}

#[tokio::main]
async fn main() {
    admin_checks().await;
    produce_checks().await;
    consume_checks().await;
    groups::group_checks().await;
    error_checks().await;
}
