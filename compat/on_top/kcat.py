"""kcat as a person uses it in a shell: keys choose partitions, a time finds an offset, and a group goes on where it was."""

import json

from on_top.tools import create_topic, kcat, printed, read

FORMAT = ("-f", "%p %o %k %s\n")


def prepare():
    """kcat is the machine's own; `compat/run` installs Debian's."""
    return "kcat " + printed(["kcat", "-V"]).split("Version ")[1].split()[0]


def write(broker, first, count):
    lines = "".join(f"user-{number % 10}:event {number}\n" for number in range(first, first + count))
    kcat(broker, "-P", "-t", "events", "-K:", "-X", "partitioner=murmur2_random", "-z", "lz4", "-H", "app=shell", "-H", "empty", text=lines)


def consume(broker, count):
    return kcat(broker, "-X", "auto.offset.reset=earliest", *FORMAT, "-c", str(count), "-G", "shell", "events").splitlines()


def at_time(broker, partition, when):
    """The offset that -Q finds for a time, in milliseconds or one of its words."""
    answer = kcat(broker, "-Q", "-t", f"events:{partition}:{when}")
    return int(answer.split("offset ")[1])


def times_found(broker):
    """For each record: asked for its time, its partition names the first record that is as late."""
    rows = [tuple(map(int, row.split())) for row in read(broker, "events", "-f", "%p %o %T\n")]
    asked = {(partition, time) for partition, _, time in rows}
    right = [at_time(broker, partition, time) == min(o for p, o, t in rows if p == partition and t >= time) for partition, time in asked]
    return sum(right) == len(asked) > 1


def run(broker):
    create_topic(broker, "events", 4)
    write(broker, 0, 60)
    begun = consume(broker, 60)
    write(broker, 60, 40)
    went_on = consume(broker, 40)
    records = read(broker, "events", *FORMAT)
    homes = {row.split()[2]: set() for row in records}
    for row in records:
        homes[row.split()[2]].add(row.split()[0])
    listed = json.loads(kcat(broker, "-L", "-J", "-t", "events"))
    return [
        ("records, each read once by a group in two turns", len(set(begun + went_on)), 100),
        ("records like those without a group", sorted(begun + went_on) == sorted(records), True),
        ("keys, each in one partition", sum(len(partitions) == 1 for partitions in homes.values()), 10),
        ("headers of the records", " ".join(set(read(broker, "events", "-f", "%h\n"))), "app=shell,empty=NULL"),
        ("partitions with a leader in -L -J", len(listed["topics"][0]["partitions"]), 4),
        ("offsets found by the time of their records", times_found(broker), True),
    ]
