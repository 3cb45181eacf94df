"""What confluent-kafka (librdkafka) does with one broker: `python main.py HOST:PORT` prints a row per capability."""

import os
import sys
import time
from functools import partial

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, OffsetSpec, ResourceType,
)
from report import check, collect, equal, produce_checks, raises, run, share, soon, texts, values

ADDRESS = {"bootstrap.servers": sys.argv[1]}
admin = AdminClient(ADDRESS)


def done(futures):
    """The one result of a request that was made for one thing."""
    (future,) = futures.values()
    return future.result(timeout=20)


def topic(name, partitions=1):
    name = f"confluent-{name}"
    done(admin.create_topics([NewTopic(name, partitions, 1)]))
    return name


def produce(name, records, **settings):
    """Records are the arguments of Producer.produce; gives the offsets that were acknowledged."""
    answers = []
    producer = Producer({**ADDRESS, "linger.ms": 200, **settings})
    for record in records:
        producer.produce(name, on_delivery=lambda error, record: answers.append((error, record)), **record)
    equal(producer.flush(30), 0)
    for error, _ in answers:
        if error:
            raise KafkaException(error)
    return [record.offset() for _, record in answers]


def consumer(group="unused", **settings):
    return Consumer({**ADDRESS, "group.id": f"confluent-{group}", "auto.offset.reset": "earliest",
                     "enable.auto.commit": False, **settings})


def poll(reader, _most=1):
    record = reader.poll(0.2)
    if record is not None and record.error():
        raise KafkaException(record.error())
    return [record] if record is not None else []


def take(reader, count, seconds=30):
    """That many records."""
    return collect(partial(poll, reader), count, seconds)


def read(name, count, offset=0):
    reader = consumer()
    reader.assign([TopicPartition(name, 0, offset)])
    records = take(reader, count)
    reader.close()
    return records


@check("admin-create")
def admin_create():
    topic("created", 3)


@check("admin-describe")
def admin_describe():
    found = admin.list_topics("confluent-created", timeout=10).topics["confluent-created"]
    equal(sorted(found.partitions), [0, 1, 2])


@check("admin-alter-config")
def admin_alter_config():
    entry = ConfigEntry("retention.ms", "123456789", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, "confluent-created", incremental_configs=[entry])
    done(admin.incremental_alter_configs([resource]))
    asked = [ConfigResource(ResourceType.TOPIC, "confluent-created")]
    soon(lambda: done(admin.describe_configs(asked))["retention.ms"].value == "123456789")


@check("admin-delete")
def admin_delete():
    done(admin.delete_topics(["confluent-created"]))
    equal("confluent-created" in admin.list_topics(timeout=10).topics, False)


produce_checks(topic, produce, read, compression=lambda kind: {"compression.type": kind}, acks=lambda level: {"acks": level},
               idempotent={"enable.idempotence": True}, one_batch={"batch.size": 900_000, "batch.num.messages": 10_000},
               null_header=[("null", None)])


@check("consume-beginning")
def consume_beginning():
    produce(topic("read"), values("a", "b", "c", "d"))
    reader = consumer("beginning")
    reader.subscribe(["confluent-read"])
    equal(texts(take(reader, 4)), ["a", "b", "c", "d"])
    reader.close()


@check("consume-timestamp")
def consume_timestamp():
    name, now = topic("times"), int(time.time() * 1000)
    produce(name, [{"value": bytes([65 + n]), "timestamp": now - 3000 + 1000 * n} for n in range(3)])
    reader = consumer()
    (found,) = reader.offsets_for_times([TopicPartition(name, 0, now - 2500)], timeout=10)
    reader.close()
    equal(found.offset, 1)
    equal(texts(read(name, 2, found.offset)), ["B", "C"])


@check("consume-assign")
def consume_assign():
    equal(texts(read("confluent-read", 2, offset=2)), ["c", "d"])


@check("consume-subscribe")
def consume_subscribe():
    produce(topic("pattern-1"), values("one"))
    reader = consumer("pattern")
    reader.subscribe(["^confluent-pattern-.*"])
    equal(texts(take(reader, 1)), ["one"])
    reader.close()


@check("consume-pause")
def consume_pause():
    first, second = topic("paused"), topic("flowing")
    produce(first, values("held"))
    produce(second, values("flows"))
    reader = consumer()
    reader.assign([TopicPartition(first, 0, 0), TopicPartition(second, 0, 0)])
    reader.pause([TopicPartition(first, 0)])
    equal(texts(take(reader, 2, seconds=2)), ["flows"])
    reader.resume([TopicPartition(first, 0)])
    equal(texts(take(reader, 1)), ["held"])
    reader.close()


@check("consume-seek")
def consume_seek():
    reader = consumer()
    reader.assign([TopicPartition("confluent-read", 0, 0)])
    take(reader, 4)
    reader.seek(TopicPartition("confluent-read", 0, 1))
    equal(texts(take(reader, 2)), ["b", "c"])
    reader.close()


@check("group-rebalance")
def group_rebalance():
    name, settings = topic("shared", 4), {"session.timeout.ms": 6000, "heartbeat.interval.ms": 500}
    members = [consumer("shared", **settings), consumer("shared", **settings)]
    for member in members:
        member.subscribe([name])
    share(members, [2, 2], poll)
    members[1].close()
    share(members[:1], [4], poll)
    members[0].close()


@check("group-commit")
def group_commit():
    produce(topic("committed"), values("a", "b", "c"))
    reader = consumer("commits")
    reader.subscribe(["confluent-committed"])
    reader.commit(take(reader, 2)[1], asynchronous=False)
    (found,) = reader.committed([TopicPartition("confluent-committed", 0)], timeout=10)
    equal(found.offset, 2)
    reader.close()


@check("group-resume")
def group_resume():
    reader = consumer("commits")
    reader.subscribe(["confluent-committed"])
    equal(texts(take(reader, 1)), ["c"])
    reader.close()


@check("group-lag")
def group_lag():
    partition = TopicPartition("confluent-committed", 0)
    committed = done(admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions("confluent-commits")]))
    latest = done(admin.list_offsets({partition: OffsetSpec.latest()}))
    equal(latest.offset - committed.topic_partitions[0].offset, 1)


@check("error-unknown-topic")
def error_unknown_topic():
    settings = {"topic.metadata.propagation.max.ms": 0}
    error = raises(KafkaException, lambda: produce("confluent-nowhere", values("a"), **settings))
    return error.args[0].name()


@check("error-too-large")
def error_too_large():
    name, value = topic("too-large"), os.urandom(2_000_000)
    error = raises(KafkaException, lambda: produce(name, [{"value": value}], **{"message.max.bytes": 5_000_000}))
    equal(error.args[0].code(), KafkaError.MSG_SIZE_TOO_LARGE)
    return error.args[0].name()


@check("error-fenced-member")
def error_fenced_member():
    settings = {"group.instance.id": "one", "session.timeout.ms": 6000, "heartbeat.interval.ms": 500}
    first, second = consumer("static", **settings), consumer("static", **settings)
    first.subscribe(["confluent-read"])
    take(first, 1)
    second.subscribe(["confluent-read"])
    take(second, 1)
    error = raises(KafkaException, lambda: take(first, 1000))
    second.close()
    return error.args[0].str()


run()
