"""What aiokafka does with one broker: `python main.py HOST:PORT` prints a row per capability."""

import asyncio
import os
import sys
import time
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError
from report import check, equal, produce_checks, run, texts, values

ADDRESS = {"bootstrap_servers": sys.argv[1]}


@asynccontextmanager
async def started(client):
    await client.start()
    try:
        yield client
    finally:
        await (client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())


def administrator():
    return started(AIOKafkaAdminClient(**ADDRESS))


async def topic(name, partitions=1):
    name = f"aiokafka-{name}"
    async with administrator() as admin:
        await admin.create_topics([NewTopic(name, partitions, 1)])
        while not [found for found in await admin.describe_topics([name]) if len(found["partitions"]) == partitions]:
            await asyncio.sleep(0.1)
    return name


async def produce(name, records, **settings):
    """Records are the arguments of send; gives the offsets that were acknowledged (none with acks=0)."""
    async with started(AIOKafkaProducer(**ADDRESS, **{"linger_ms": 200, **settings})) as producer:
        sent = [await producer.send(name, partition=0, **record) for record in records]
        return [answer and answer.offset for answer in await asyncio.gather(*sent)]


def consumer(group=None, topics=(), **settings):
    return started(AIOKafkaConsumer(*topics, **ADDRESS, **{"group_id": group and f"aiokafka-{group}",
                   "auto_offset_reset": "earliest", "enable_auto_commit": False, **settings}))


async def take(reader, count, seconds=30):
    """That many records."""
    until, taken = time.monotonic() + seconds, []
    while len(taken) < count and time.monotonic() < until:
        for records in (await reader.getmany(timeout_ms=200, max_records=count - len(taken))).values():
            taken += records
    return taken


async def read(name, count, offset=0):
    async with consumer() as reader:
        reader.assign([TopicPartition(name, 0)])
        reader.seek(TopicPartition(name, 0), offset)
        return await take(reader, count)


async def raises(action):
    """The client's error that the action ends with."""
    try:
        await action
    except KafkaError as error:
        return error
    raise AssertionError("there was no error")


@check("admin-create")
async def admin_create():
    await topic("created", 3)


@check("admin-describe")
async def admin_describe():
    async with administrator() as admin:
        (found,) = await admin.describe_topics(["aiokafka-created"])
    equal(sorted(partition["partition"] for partition in found["partitions"]), [0, 1, 2])


@check("admin-alter-config")
async def admin_alter_config():
    async with administrator() as admin:
        change = ConfigResource(ConfigResourceType.TOPIC, "aiokafka-created", {"retention.ms": "123456789"})
        await admin.alter_configs([change])
        asked, found = [ConfigResource(ConfigResourceType.TOPIC, "aiokafka-created")], ""
        # A broker may show a moment later what it said it did; the check has a limit of its own.
        while "123456789" not in found:
            found = str([answer.to_object() for answer in await admin.describe_configs(asked)])


@check("admin-delete")
async def admin_delete():
    async with administrator() as admin:
        await admin.delete_topics(["aiokafka-created"])
        equal("aiokafka-created" in await admin.list_topics(), False)


def waited(action):
    """The action for who does not await: it opens and closes what it needs, so that each can have a loop of its own."""
    return lambda *arguments, **settings: asyncio.run(action(*arguments, **settings))


produce_checks(waited(topic), waited(produce), waited(read), compression=lambda kind: {"compression_type": kind},
               acks=lambda level: {"acks": level}, idempotent={"enable_idempotence": True}, one_batch={"max_batch_size": 900_000})


@check("consume-beginning")
async def consume_beginning():
    name = await topic("read")
    await produce(name, values("a", "b", "c", "d"))
    async with consumer("beginning", [name]) as reader:
        equal(texts(await take(reader, 4)), ["a", "b", "c", "d"])


@check("consume-timestamp")
async def consume_timestamp():
    name, now = await topic("times"), int(time.time() * 1000)
    await produce(name, [{"value": bytes([65 + n]), "timestamp_ms": now - 3000 + 1000 * n} for n in range(3)])
    partition = TopicPartition(name, 0)
    async with consumer() as reader:
        found = (await reader.offsets_for_times({partition: now - 2500}))[partition].offset
    equal(found, 1)
    equal(texts(await read(name, 2, found)), ["B", "C"])


@check("consume-assign")
async def consume_assign():
    equal(texts(await read("aiokafka-read", 2, offset=2)), ["c", "d"])


@check("consume-subscribe")
async def consume_subscribe():
    await produce(await topic("pattern-1"), values("one"))
    async with consumer("pattern") as reader:
        reader.subscribe(pattern="^aiokafka-pattern-.*")
        equal(texts(await take(reader, 1)), ["one"])


@check("consume-pause")
async def consume_pause():
    first, second = TopicPartition(await topic("paused"), 0), TopicPartition(await topic("flowing"), 0)
    await produce(first.topic, values("held"))
    await produce(second.topic, values("flows"))
    async with consumer() as reader:
        reader.assign([first, second])
        reader.pause(first)
        equal(texts(await take(reader, 2, seconds=2)), ["flows"])
        reader.resume(first)
        equal(texts(await take(reader, 1)), ["held"])


@check("consume-seek")
async def consume_seek():
    partition = TopicPartition("aiokafka-read", 0)
    async with consumer() as reader:
        reader.assign([partition])
        await take(reader, 4)
        reader.seek(partition, 1)
        equal(texts(await take(reader, 2)), ["b", "c"])


async def poll_until(readers, assigned):
    """Polls until each has so many partitions."""
    until = time.monotonic() + 20
    while [len(reader.assignment()) for reader in readers] != assigned and time.monotonic() < until:
        for reader in readers:
            await reader.getmany(timeout_ms=200)
    equal([len(reader.assignment()) for reader in readers], assigned)


@check("group-rebalance")
async def group_rebalance():
    name, settings = await topic("shared", 4), {"session_timeout_ms": 6000, "heartbeat_interval_ms": 500}
    async with consumer("shared", [name], **settings) as first:
        async with consumer("shared", [name], **settings) as second:
            await poll_until([first, second], [2, 2])
        await poll_until([first], [4])


@check("group-commit")
async def group_commit():
    name = await topic("committed")
    await produce(name, values("a", "b", "c"))
    async with consumer("commits", [name]) as reader:
        equal(texts(await take(reader, 2)), ["a", "b"])
        await reader.commit()
        equal(await reader.committed(TopicPartition(name, 0)), 2)


@check("group-resume")
async def group_resume():
    async with consumer("commits", ["aiokafka-committed"]) as reader:
        equal(texts(await take(reader, 1)), ["c"])


@check("group-lag")
async def group_lag():
    partition = TopicPartition("aiokafka-committed", 0)
    async with administrator() as admin, consumer() as reader:
        committed = (await admin.list_consumer_group_offsets("aiokafka-commits"))[partition].offset
        equal((await reader.end_offsets([partition]))[partition] - committed, 1)


@check("error-unknown-topic")
async def error_unknown_topic():
    # The error is logged and asked again; what the caller gets is that its time was up.
    return type(await raises(produce("aiokafka-nowhere", values("a"), request_timeout_ms=3000))).__name__


@check("error-too-large")
async def error_too_large():
    name, settings = await topic("too-large"), {"max_request_size": 5_000_000, "max_batch_size": 4_000_000}
    return type(await raises(produce(name, [{"value": os.urandom(2_000_000)}], **settings))).__name__


@check("error-fenced-member")
async def error_fenced_member():
    settings = {"group_instance_id": "one", "session_timeout_ms": 6000, "heartbeat_interval_ms": 500}
    async with consumer("static", ["aiokafka-read"], **settings) as first:
        equal(texts(await take(first, 1)), ["a"])
        async with consumer("static", ["aiokafka-read"], **settings) as second:
            equal(texts(await take(second, 1)), ["a"])
            # The library only logs what its heartbeats are told; a commit tells the caller.
            return type(await raises(first.commit())).__name__


run()
