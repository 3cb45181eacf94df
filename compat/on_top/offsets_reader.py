"""Lag as Burrow reads it: `python offsets_reader.py HOST:PORT` reads `__consumer_offsets` to its end and prints JSON.

Nothing is asked of the groups' coordinators: keys and values are decoded here, by the versions that they begin with
(OffsetCommitKey/Value, GroupMetadataKey/Value), the newest record of a key counts, and a null value takes it away.
"""

import json
import struct
import sys

from confluent_kafka import Consumer, KafkaException, TopicPartition

TOPIC = "__consumer_offsets"
reader = Consumer({"bootstrap.servers": sys.argv[1], "group.id": "unused", "enable.auto.commit": False})


class Bytes:
    """Takes Kafka's types from the front of a value. From `flexible` on, lengths are varints, and tagged fields may follow."""

    def __init__(self, value, versions=None, flexible=None):
        self.value, self.at, self.flexible = value, 0, False
        self.version = self.number("h")
        if versions and self.version not in versions:
            raise ValueError(f"version {self.version}, known are {versions}")
        self.flexible = flexible is not None and self.version >= flexible

    def number(self, kind):
        (number,) = struct.unpack_from(f">{kind}", self.value, self.at)
        self.at += struct.calcsize(kind)
        return number

    def varint(self):
        number = shift = 0
        while True:
            byte = self.number("B")
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    def length(self, kind):
        """-1 is null."""
        return self.varint() - 1 if self.flexible else self.number(kind)

    def bytes(self, kind="i"):
        length = self.length(kind)
        if length < 0:
            return None
        self.at += length
        return self.value[self.at - length:self.at]

    def text(self):
        text = self.bytes("h")
        return None if text is None else text.decode()

    def tags(self):
        """Tagged fields are for readers that know them."""
        for _ in range(self.varint() if self.flexible else 0):
            self.varint()
            length = self.varint()
            self.at += length

    def end(self):
        self.tags()
        if self.at != len(self.value):
            raise ValueError(f"{len(self.value) - self.at} bytes more than the layout has")


def commit_value(raw):
    value = Bytes(raw, range(5), flexible=4)
    commit = {"offset": value.number("q"), "epoch": value.number("i") if value.version >= 3 else None,
              "metadata": value.text(), "committed_at": value.number("q")}
    if value.version == 1:
        value.number("q")
    value.end()
    return commit


def group_value(raw):
    value = Bytes(raw, range(5), flexible=4)
    group = {"type": value.text(), "generation": value.number("i"), "protocol": value.text(), "leader": value.text()}
    if value.version >= 2:
        value.number("q")
    group["members"] = [member_value(value, group["type"]) for _ in range(value.length("i"))]
    value.end()
    return group


def member_value(value, kind):
    member = {"id": value.text(), "instance": value.text() if value.version >= 3 else None, "client": value.text(),
              "host": value.text()}
    if value.version >= 1:
        value.number("i")
    value.number("i")
    value.bytes()
    raw = value.bytes()
    # Groups of another kind, such as those of Connect, write something else there; a member may have nothing yet.
    member["assigned"] = assignment(raw) if kind == "consumer" and raw else []
    value.tags()
    return member


def assignment(raw):
    """The partitions of a consumer's assignment. Its layout is the clients' own, behind a version too."""
    value = Bytes(raw)
    assigned = []
    for _ in range(value.number("i")):
        topic = value.text()
        assigned += [[topic, value.number("i")] for _ in range(value.number("i"))]
    return assigned


def ends(partitions):
    """Where each partition begins and ends now."""
    return {(partition.topic, partition.partition): reader.get_watermark_offsets(partition, timeout=20) for partition in partitions}


def records():
    """All records of the internal topic that are there now."""
    numbers = reader.list_topics(TOPIC, timeout=20).topics[TOPIC].partitions
    marks = ends(TopicPartition(TOPIC, number) for number in numbers)
    left = {number: end for (_, number), (begin, end) in marks.items() if end > begin}
    reader.assign([TopicPartition(TOPIC, number, 0) for number in left])
    while left:
        record = reader.poll(30)
        if record is None or record.error():
            raise KafkaException(record.error() if record else f"nothing more, left: {left}")
        yield record
        if record.offset() + 1 >= left[record.partition()]:
            del left[record.partition()]


def collect():
    """The newest value of each key."""
    offsets, groups = {}, {}
    for record in records():
        key = Bytes(record.key(), range(3))
        if key.version < 2:
            kept, name, decode = offsets, (key.text(), key.text(), key.number("i")), commit_value
        else:
            kept, name, decode = groups, key.text(), group_value
        key.end()
        kept.pop(name, None)
        if record.value() is not None:
            kept[name] = decode(record.value())
    return offsets, groups


offsets, groups = collect()
marks = ends(TopicPartition(topic, partition) for _, topic, partition in offsets)
lags = sorted([group, topic, str(partition), str(commit["offset"]), str(marks[topic, partition][1]),
               str(marks[topic, partition][1] - commit["offset"])] for (group, topic, partition), commit in offsets.items())
print(json.dumps({"lags": lags, "groups": groups}))
