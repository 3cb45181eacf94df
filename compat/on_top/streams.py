"""Kafka Streams: WordCount.java counts the words of this project's documents, is stopped, loses its store, and is killed."""

import re
import shutil
from collections import Counter

from brokers import COMPAT
from on_top.tools import create_topic, describe_groups, java, java_ready, kcat, read, soon, stop, topic_settings, worker


def prepare():
    return f"Kafka Streams {java_ready()}"


def text():
    """The lines of documents that do not change from run to run."""
    files = [COMPAT.parent / "README.md", *sorted((COMPAT.parent / "docs").glob("*.md"))]
    return [line for file in files for line in file.read_text().splitlines() if line.strip()]


def words(lines):
    return Counter(word for line in lines for word in re.split("[^a-z]+", line.lower()) if word)


class WordCount:
    def __init__(self, broker, name):
        self.broker, self.name, self.state = broker, name, broker.home / f"{name}-state"
        create_topic(broker, f"{name}-input", 3)
        create_topic(broker, f"{name}-output", 3)

    def write(self, lines):
        kcat(self.broker, "-P", "-t", f"{self.name}-input", "-X", "partitioner=random", text="\n".join(lines) + "\n")

    def running(self):
        return worker(java("WordCount", self.broker.address, self.name, self.state), self.broker.home / f"{self.name}.log")

    def counts(self):
        """The last count of each word: one word is always in one partition, so its counts are in order."""
        rows = read(self.broker, f"{self.name}-output", "-s", "value=q", "-f", "%k %s\n")
        return Counter({word: int(count) for word, count in map(str.split, rows)})


def stopped(broker, lines):
    """Counts half of the text, stops, loses its files, and goes on with the other half: the store comes from its changelog."""
    program, half = WordCount(broker, "stopped"), len(lines) // 2
    program.write(lines[:half])
    with program.running() as process:
        first = soon(program.counts, words(lines[:half]))
        stop(process)
    shutil.rmtree(program.state)
    program.write(lines[half:])
    with program.running() as process:
        second = soon(program.counts, words(lines))
        emptied = soon(lambda: purged(broker, "stopped-counts-repartition"), True)
        stop(process)
    policies = topic_settings(broker, "stopped-counts-.*", "cleanup.policy")
    return [
        ("words of the first half counted right", right(first, words(lines[:half])), len(words(lines[:half]))),
        ("words of the whole counted right by a new process without its files", right(second, words(lines)), len(words(lines))),
        ("what was read of the repartition topic is deleted", emptied, True),
        ("cleanup policies of its own topics", " ".join(sorted(policies.values())), "compact delete"),
    ]


def purged(broker, topic):
    """Whether each partition's log begins after its first record."""
    begins = kcat(broker, "-Q", *(part for partition in range(3) for part in ("-t", f"{topic}:{partition}:-2")))
    return all(int(offset) > 0 for offset in re.findall(r"offset (\d+)", begins))


def right(found, expected):
    return sum(found[word] == count for word, count in expected.items()) - len(set(found) - set(expected))


def killed(broker, lines):
    """Killed while it counts: some words may be counted again, none is lost. After a clean stop the counts go on exactly."""
    program, expected = WordCount(broker, "killed"), words(lines * 5)
    program.write(lines)
    with program.running() as process:
        soon(lambda: program.counts().total() > 0, True)
        # Much more than it can count before the next line, however fast the machine.
        program.write(lines * 4)
        process.kill()
        process.wait()
    before = program.counts().total()
    with program.running() as process:
        soon(lambda: low(program.counts(), expected), 0)
        # What it counts again may have reached that before it read everything.
        soon(lambda: {row[5] for row in describe_groups(broker, program.name)}, {"0"})
        stop(process)
    counted = program.counts()
    program.write(lines[:100])
    with program.running() as process:
        again = soon(program.counts, counted + words(lines[:100]))
        stop(process)
    return [
        ("killed while it counted", 0 < before < expected.total(), True),
        ("words of a text five times as long counted too low after that", low(counted, expected), 0),
        ("words right when it went on after a clean stop", right(again, counted + words(lines[:100])), len(expected)),
    ]


def low(found, expected):
    return sum(found[word] < count for word, count in expected.items())


def run(broker):
    lines = text()
    return stopped(broker, lines) + killed(broker, lines)
