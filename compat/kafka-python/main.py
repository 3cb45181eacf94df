"""What kafka-python does with one broker: `python main.py HOST:PORT` prints a row per capability."""

import os
import sys
import time
from functools import partial

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic
from kafka.errors import KafkaError
from report import check, collect, equal, produce_checks, raises, run, share, soon, texts, values

ADDRESS = {"bootstrap_servers": sys.argv[1]}
admin = KafkaAdminClient(**ADDRESS)


def topic(name, partitions=1):
    name = f"kafka-python-{name}"
    admin.create_topics([NewTopic(name=name, num_partitions=partitions, replication_factor=1)], wait_for_metadata=True)
    return name


def produce(name, records, **settings):
    """Records are the arguments of send; gives the offsets that were acknowledged."""
    producer = KafkaProducer(**ADDRESS, **{"linger_ms": 200, **settings})
    try:
        sent = [producer.send(name, **record) for record in records]
        return [future.get(timeout=30).offset for future in sent]
    finally:
        producer.close(timeout=5)


def consumer(group=None, **settings):
    # The library may share out partitions before it has the topic's metadata, and then none until it asks again.
    usual = {"auto_offset_reset": "earliest", "enable_auto_commit": False, "session_timeout_ms": 6000,
             "heartbeat_interval_ms": 500, "metadata_max_age_ms": 1000}
    return KafkaConsumer(**ADDRESS, **usual, group_id=group and f"kafka-python-{group}", **settings)


def poll(reader, most=1):
    return [record for records in reader.poll(timeout_ms=200, max_records=most).values() for record in records]


def take(reader, count, seconds=30):
    """That many records."""
    return collect(partial(poll, reader), count, seconds)


def read(name, count, offset=0):
    reader = consumer()
    reader.assign([TopicPartition(name, 0)])
    reader.seek(TopicPartition(name, 0), offset)
    records = take(reader, count)
    reader.close()
    return records


@check("admin-create")
def admin_create():
    topic("created", 3)


@check("admin-describe")
def admin_describe():
    (found,) = admin.describe_topics(["kafka-python-created"])
    equal(sorted(partition["partition_index"] for partition in found["partitions"]), [0, 1, 2])


@check("admin-alter-config")
def admin_alter_config():
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, "kafka-python-created", {"retention.ms": "123456789"})])
    asked = [ConfigResource(ConfigResourceType.TOPIC, "kafka-python-created")]
    soon(lambda: "123456789" in str(admin.describe_configs(asked)))


@check("admin-delete")
def admin_delete():
    admin.delete_topics(["kafka-python-created"])
    equal("kafka-python-created" in admin.list_topics(), False)


produce_checks(topic, produce, read, compression=lambda kind: {"compression_type": kind},
               acks=lambda level: {"acks": level, "enable_idempotence": level == "all"},
               idempotent={"enable_idempotence": True}, one_batch={"batch_size": 900_000})


@check("consume-beginning")
def consume_beginning():
    produce(topic("read"), values("a", "b", "c", "d"))
    reader = consumer("beginning")
    reader.subscribe(["kafka-python-read"])
    equal(texts(take(reader, 4)), ["a", "b", "c", "d"])
    reader.close()


@check("consume-timestamp")
def consume_timestamp():
    name, now = topic("times"), int(time.time() * 1000)
    produce(name, [{"value": bytes([65 + n]), "timestamp_ms": now - 3000 + 1000 * n} for n in range(3)])
    reader, partition = consumer(), TopicPartition(name, 0)
    found = reader.offsets_for_times({partition: now - 2500})[partition].offset
    reader.close()
    equal(found, 1)
    equal(texts(read(name, 2, found)), ["B", "C"])


@check("consume-assign")
def consume_assign():
    equal(texts(read("kafka-python-read", 2, offset=2)), ["c", "d"])


@check("consume-subscribe")
def consume_subscribe():
    produce(topic("pattern-1"), values("one"))
    reader = consumer("pattern")
    reader.subscribe(pattern="^kafka-python-pattern-.*")
    equal(texts(take(reader, 1)), ["one"])
    reader.close()


@check("consume-pause")
def consume_pause():
    first, second = TopicPartition(topic("paused"), 0), TopicPartition(topic("flowing"), 0)
    produce(first.topic, values("held"))
    produce(second.topic, values("flows"))
    reader = consumer()
    reader.assign([first, second])
    reader.pause(first)
    equal(texts(take(reader, 2, seconds=2)), ["flows"])
    reader.resume(first)
    equal(texts(take(reader, 1)), ["held"])
    reader.close()


@check("consume-seek")
def consume_seek():
    reader, partition = consumer(), TopicPartition("kafka-python-read", 0)
    reader.assign([partition])
    take(reader, 4)
    reader.seek(partition, 1)
    equal(texts(take(reader, 2)), ["b", "c"])
    reader.close()


@check("group-rebalance")
def group_rebalance():
    name, members = topic("shared", 4), [consumer("shared"), consumer("shared")]
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
    reader.subscribe(["kafka-python-committed"])
    equal(texts(take(reader, 2)), ["a", "b"])
    reader.commit()
    equal(reader.committed(TopicPartition("kafka-python-committed", 0)), 2)
    reader.close()


@check("group-resume")
def group_resume():
    reader = consumer("commits")
    reader.subscribe(["kafka-python-committed"])
    equal(texts(take(reader, 1)), ["c"])
    reader.close()


@check("group-lag")
def group_lag():
    reader, partition = consumer(), TopicPartition("kafka-python-committed", 0)
    group = admin.list_group_offsets("kafka-python-commits")
    committed = group.get("kafka-python-commits", group)[partition].offset
    equal(reader.end_offsets([partition])[partition] - committed, 1)
    reader.close()


@check("error-unknown-topic")
def error_unknown_topic():
    error = raises(KafkaError, lambda: produce("kafka-python-nowhere", values("a"), max_block_ms=5000))
    return type(error).__name__


@check("error-too-large")
def error_too_large():
    name, value = topic("too-large"), os.urandom(2_000_000)
    settings = {"max_request_size": 5_000_000, "batch_size": 4_000_000}
    return type(raises(KafkaError, lambda: produce(name, [{"value": value}], **settings))).__name__


@check("error-fenced-member")
def error_fenced_member():
    first, second = consumer("static", group_instance_id="one"), consumer("static", group_instance_id="one")
    first.subscribe(["kafka-python-read"])
    equal(texts(take(first, 1)), ["a"])
    second.subscribe(["kafka-python-read"])
    equal(texts(take(second, 1)), ["a"])
    # The library only logs what its heartbeats are told; a commit tells the caller.
    error = raises(KafkaError, first.commit)
    second.close()
    return type(error).__name__


run()
