"""Lag read from `__consumer_offsets`, as Burrow does it, beside what `kafka-consumer-groups` says of the same groups."""

import json

from on_top.tools import (
    HERE, PYTHON, create_topic, describe_groups, kafka_tool, kcat, printed, python_ready, soon, worker,
)

GROUPS = ["idle", "live"]


def prepare():
    return f"offsets_reader.py with confluent-kafka {python_ready()}"


def consume(broker, group):
    kcat(broker, "-X", "auto.offset.reset=earliest", "-c", "300", "-G", group, "visits")


def change_group(broker, *arguments):
    kafka_tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", broker, *arguments)


def committed(broker):
    """What Kafka's own formatter finds in the topic, in the same words as offsets_reader.py's."""
    formatter = "org.apache.kafka.tools.consumer.OffsetsMessageFormatter"
    text = kafka_tool("org.apache.kafka.tools.consumer.ConsoleConsumer", broker, "--topic", "__consumer_offsets", "--from-beginning",
                       "--formatter", formatter, "--timeout-ms", "3000")
    last = {}
    # The formatter ends no line.
    for record in map(json.loads, text.replace("}{", "}\n{").splitlines()):
        key, value = record["key"]["data"], record["value"] and record["value"]["data"]
        last[key["group"], key["topic"], key["partition"]] = value and str(value["offset"])
    return sorted((group, topic, str(partition), offset) for (group, topic, partition), offset in last.items()
                  if offset is not None and group in GROUPS)


def run(broker):
    create_topic(broker, "visits", 3)
    for partition in range(3):
        kcat(broker, "-P", "-t", "visits", "-p", str(partition), text="".join(f"visit {number}\n" for number in range(100)))
    consume(broker, "idle")
    consume(broker, "deleted")
    change_group(broker, "--group", "idle", "--topic", "visits", "--reset-offsets", "--to-offset", "40", "--execute")
    change_group(broker, "--group", "deleted", "--delete")
    live = ["kcat", "-b", broker.address, "-u", "-X", "auto.offset.reset=earliest", "-X", "auto.commit.interval.ms=200",
            "-G", "live", "visits"]
    with worker(live, broker.home / "live.txt"):
        soon(lambda: [row[5] for row in describe_groups(broker, "live")], ["0"] * 3)
        described = describe_groups(broker, *GROUPS)
        read = json.loads(printed([PYTHON, HERE / "offsets_reader.py", broker.address]))
        lags = [tuple(row) for row in read["lags"] if row[0] in GROUPS]
        # The tool stops when it was told nothing for some seconds, which may be before it read everything.
        formatted = soon(lambda: committed(broker), [row[:4] for row in lags])
    assigned = [str(partition) for member in read["groups"]["live"]["members"] for _, partition in member["assigned"]]
    return [
        ("lag of the idle group", sum(int(row[5]) for row in lags if row[0] == "idle"), 180),
        ("lag of the live group", sum(int(row[5]) for row in lags if row[0] == "live"), 0),
        ("rows like kafka-consumer-groups'", sum(a == b for a, b in zip(lags, described)), 6),
        ("offsets like kafka-console-consumer's with its formatter", sum(a[:4] == b for a, b in zip(lags, formatted)), 6),
        ("partitions of the live member", " ".join(sorted(assigned)), "0 1 2"),
        ("members of the idle group", len(read["groups"]["idle"]["members"]), 0),
        ("traces of the deleted group", "deleted" in read["groups"] or any(row[0] == "deleted" for row in read["lags"]), False),
    ]
