"""MirrorMaker 2 from one broker to a second of the same kind: topics, settings, records, and where a group is."""

from on_top.connect import in_order, properties
from on_top.tools import create_topic, describe_groups, java, java_ready, kcat, read, soon, stop, topic_settings, worker

FORMAT = ("-f", "%p %o %k %s %h\n")


def prepare():
    return f"MirrorMaker 2 {java_ready()}"


def settings(source, target):
    one = ["replication.factor", "offset-syncs.topic.replication.factor", "checkpoints.topic.replication.factor",
           "heartbeats.topic.replication.factor", "offset.storage.replication.factor", "status.storage.replication.factor",
           "config.storage.replication.factor"]
    soon_enough = ["refresh.topics.interval.seconds", "refresh.groups.interval.seconds", "sync.topic.configs.interval.seconds",
                   "emit.checkpoints.interval.seconds", "sync.group.offsets.interval.seconds", "emit.heartbeats.interval.seconds"]
    return {"clusters": "a, b", "a.bootstrap.servers": source.address, "b.bootstrap.servers": target.address,
            "a->b.enabled": "true", "a->b.topics": "orders", "a->b.groups": "shop", "b->a.enabled": "false",
            "sync.group.offsets.enabled": "true", "offset.lag.max": 0, "offset.flush.interval.ms": 1000,
            **dict.fromkeys(one, 1), **dict.fromkeys(soon_enough, 1)}


def write(broker, first, count):
    """Records whose key says their partition, so that what is compared is the same in every run."""
    for partition in range(2):
        lines = "".join(f"k{partition}:order {number}\n" for number in range(first + partition, first + count, 2))
        kcat(broker, "-P", "-t", "orders", "-p", str(partition), "-K:", "-H", "from=shop", "-H", f"at={partition}", text=lines)


def consume(broker, topic, count):
    """What a member of the group reads, which commits as it leaves."""
    return sorted(kcat(broker, "-X", "auto.offset.reset=earliest", *FORMAT, "-c", str(count), "-G", "shop", topic).splitlines())


def mirrored(source, target):
    create_topic(source, "orders", 2, retention_ms=123456789)
    write(source, 0, 500)
    consume(source, "orders", 500)
    file = properties(source.home / "mirror.properties", settings(source, target))
    with worker(java("org.apache.kafka.connect.mirror.MirrorMaker", file), source.home / "mirror.log") as process:
        where = soon(lambda: group(target), "0:250 1:250")
        write(source, 500, 20)
        records = read(source, "orders", *FORMAT)
        copies = soon(lambda: read_mirrored(target), sorted(records))
        kept = soon(lambda: topic_settings(target, "a.orders", "retention.ms"), {"a.orders": "123456789"})
        stop(process)
    new = [record for record in records if int(record.split()[1]) >= 250]
    return [
        ("records with partitions, offsets, keys and headers that are the same on the target", in_order(copies, sorted(records)), 520),
        ("where the group is on the target", where, "0:250 1:250"),
        ("records that the group reads there, which are those it had not read", in_order(consume(target, "a.orders", 20), sorted(new)), 20),
        ("retention.ms of the copy", kept.get("a.orders"), "123456789"),
        ("heartbeats on the target", len(read(target, "heartbeats", "-f", "%o\n")) > 0, True),
    ]


def group(broker):
    """The group's committed offsets, by partition."""
    return " ".join(f"{partition}:{offset}" for name, topic, partition, offset, *_ in describe_groups(broker)
                    if (name, topic) == ("shop", "a.orders"))


def read_mirrored(broker):
    return sorted(read(broker, "a.orders", *FORMAT))


def run(broker):
    with broker.another() as target:
        return mirrored(broker, target)
