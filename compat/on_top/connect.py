"""Kafka Connect, one worker and then the distributed kind: a file's lines travel through a topic into another file."""

import json
import urllib.request

from brokers import free_port
from on_top.tools import java, java_ready, read, soon, stop, topic_settings, worker

BOTH = {"key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.storage.StringConverter", "offset.flush.interval.ms": "500"}
STANDALONE = "org.apache.kafka.connect.cli.ConnectStandalone"
DISTRIBUTED = "org.apache.kafka.connect.cli.ConnectDistributed"


def prepare():
    return f"Kafka Connect {java_ready()}"


def properties(file, settings):
    file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return file


class Worker:
    """A worker, the two files, and the connectors between them."""

    def __init__(self, broker, name, main, settings):
        self.broker, self.name, self.main, self.topic = broker, name, main, f"{name}-lines"
        self.source, self.sink = broker.home / f"{name}-source.txt", broker.home / f"{name}-sink.txt"
        self.rest = f"http://127.0.0.1:{free_port()}"
        self.settings = {"bootstrap.servers": broker.address, "listeners": self.rest, **BOTH, **settings}

    def connectors(self):
        file = "org.apache.kafka.connect.file.FileStream"
        # The broker creates no topic by accident, so that the worker has to ask for it.
        yield {"name": f"{self.name}-source", "connector.class": f"{file}SourceConnector", "file": self.source, "topic": self.topic,
               "tasks.max": 1, "topic.creation.default.partitions": 1, "topic.creation.default.replication.factor": 1}
        yield {"name": f"{self.name}-sink", "connector.class": f"{file}SinkConnector", "file": self.sink, "topics": self.topic,
               "tasks.max": 1}

    def running(self):
        """Standalone, the connectors are files that the worker is given; distributed, it has them from its topics."""
        home = self.broker.home
        files = [properties(home / f"{self.name}.properties", self.settings)]
        if self.main == STANDALONE:
            files += [properties(home / f"{connector['name']}.properties", connector) for connector in self.connectors()]
        return worker(java(self.main, *files), home / f"{self.name}.log")

    def ask(self, path, body=None):
        """What the worker's REST interface says, or nothing while it does not answer. With a body it is told something."""
        told = json.dumps(body, default=str).encode() if body else None
        request = urllib.request.Request(self.rest + path, told, {"Content-Type": "application/json"}, method="PUT" if told else "GET")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except OSError:
            return None

    def create(self):
        """Asked again until it is done: a worker refuses while its group is rebalanced."""
        for connector in self.connectors():
            soon(lambda: self.ask(f"/connectors/{connector['name']}/config", connector) is None, False)

    def states(self):
        status = self.ask("/connectors?expand=status") or {}
        return sorted(task["state"] for each in status.values() for task in (each["status"]["connector"], *each["status"]["tasks"]))

    def append(self, lines):
        with self.source.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

    def arrived(self):
        return self.sink.read_text().splitlines() if self.sink.exists() else []


def there_and_on(connect, create):
    """Lines arrive; those that are appended while no worker runs arrive after it was started again, and nothing twice."""
    first, more = [f"line {number}" for number in range(1000)], [f"later {number}" for number in range(500)]
    connect.append(first)
    with connect.running() as process:
        create()
        arrived = [soon(connect.arrived, first)]
        states = soon(connect.states, ["RUNNING"] * 4)
        stop(process)
    connect.append(more)
    with connect.running() as process:
        arrived.append(soon(connect.arrived, first + more))
        stop(process)
    kind = connect.name
    return [
        (f"{kind}: connectors and tasks that run", states.count("RUNNING"), 4),
        (f"{kind}: lines in the other file, in order", in_order(arrived[0], first), len(first)),
        (f"{kind}: lines there after more and another start", in_order(arrived[1], first + more), len(first + more)),
        (f"{kind}: records in the topic", len(read(connect.broker, connect.topic)), len(first + more)),
    ]


def in_order(found, expected):
    """How many lines arrived, if all did and each in its place."""
    return len(found) if found == expected else f"{len(found)} that are not the {len(expected)} that were written"


def standalone(broker):
    kept = {"offset.storage.file.filename": broker.home / "connect.offsets"}
    return there_and_on(Worker(broker, "standalone", STANDALONE, kept), lambda: None)


def distributed(broker):
    """The same with what the worker remembers in compacted topics, which it makes, and with a group of its own kind."""
    topics = {f"{kind}.storage.{setting}": value for kind in ("offset", "config", "status")
              for setting, value in (("topic", f"distributed-{kind}"), ("replication.factor", 1))}
    connect = Worker(broker, "distributed", DISTRIBUTED, {"group.id": "distributed", **topics})
    rows = there_and_on(connect, connect.create)
    policies = topic_settings(broker, "distributed-(offset|config|status)", "cleanup.policy")
    own = ", ".join(sorted(name for name, policy in policies.items() if policy == "compact"))
    return [*rows, ("distributed: compacted topics of its own", own, "distributed-config, distributed-offset, distributed-status")]


def run(broker):
    return standalone(broker) + distributed(broker)
