"""What the programs share: kcat, Kafka's own tools, processes that run beside them, and waiting for what must come true."""

import re
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from brokers import COMPAT, INSTALLED, fetch_jars, install, reference_jars, running, virtual_environment

HERE = COMPAT / "on_top"
JARS = INSTALLED / "on_top-jars"
PYTHON = INSTALLED / "on_top/bin/python"
COMMAND_SECONDS = 120


@dataclass
class Broker:
    """One broker, and a folder for what one program leaves there."""

    start: Callable
    port: int
    home: Path

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @contextmanager
    def another(self):
        """A second broker of the same kind, with nothing in it."""
        home = self.home / "another"
        home.mkdir()
        with running(self.start, home) as port:
            yield Broker(self.start, port, home)


def java_ready():
    """The jars of Streams, Connect and MirrorMaker 2, and WordCount compiled. Gives their version."""
    JARS.mkdir(parents=True, exist_ok=True)
    pom, fetched = HERE / "pom.xml", JARS / "pom.xml"
    # Written last: an interrupted fetch is not taken for a whole one.
    if not fetched.exists() or fetched.read_text() != pom.read_text():
        fetch_jars(HERE, JARS)
        shutil.copy(pom, fetched)
    install(["javac", "-cp", f"{JARS}/*", "-d", JARS, HERE / "WordCount.java"])
    return re.search("kafka-streams</artifactId>\\s*<version>(.*)</version>", pom.read_text()).group(1)


def java(main, *arguments):
    return ["java", "-Xmx512M", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{JARS}:{JARS}/*", main, *arguments]


def python_ready():
    """PYTHON, with what requirements.txt names. Gives the version of confluent-kafka."""
    virtual_environment("on_top")
    return re.search("==(.*)", (HERE / "requirements.txt").read_text()).group(1)


class CommandFailed(Exception):
    pass


def printed(command, text=None):
    """What a command prints. It ends with an error if the command does."""
    ended = subprocess.run([str(part) for part in command], input=text, capture_output=True, text=True, timeout=COMMAND_SECONDS)
    if ended.returncode:
        raise CommandFailed(f"{' '.join(ended.args)[-200:]} ended with {ended.returncode}: {ended.stderr[-500:]}")
    return ended.stdout


def kcat(broker, *arguments, text=None):
    return printed(["kcat", "-b", broker.address, *arguments], text)


def read(broker, topic, *arguments):
    """The records of a topic from its beginning to its end, a line each, as kcat prints them."""
    return kcat(broker, "-C", "-t", topic, "-o", "beginning", "-e", "-q", *arguments).splitlines()


def kafka_tool(main, broker, *arguments):
    command = ["java", "-Xmx256M", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"]
    return printed([*command, "-cp", f"{reference_jars()}/*", main, "--bootstrap-server", broker.address, *arguments])


def create_topic(broker, name, partitions, **settings):
    more = [part for key, value in settings.items() for part in ("--config", f"{key.replace('_', '.')}={value}")]
    kafka_tool("org.apache.kafka.tools.TopicCommand", broker, "--create", "--topic", name, "--partitions", str(partitions), *more)


def topic_settings(broker, name, setting):
    """What `kafka-topics --describe` says about that setting, by topic, for topics whose names match."""
    described = kafka_tool("org.apache.kafka.tools.TopicCommand", broker, "--describe", "--topic", name)
    found = re.findall(rf"^Topic: (\S+).*Configs: (?:.*,)?{re.escape(setting)}=([^,\s]*(?:,(?!\S+=)[^,\s]+)*)", described, re.MULTILINE)
    return dict(found)


def describe_groups(broker, *groups):
    """Rows of `kafka-consumer-groups --describe`: group, topic, partition, committed offset, end, lag."""
    chosen = [part for group in groups for part in ("--group", group)] or ["--all-groups"]
    described = kafka_tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", broker, "--describe", *chosen)
    return sorted(tuple(line.split()[:6]) for line in described.splitlines() if re.match(r"\S+ +\S+ +\d+ ", line))


@contextmanager
def worker(command, log):
    """A process beside the program; it is killed at the end of the block if it is still there."""
    with log.open("a") as out:
        process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def stop(process):
    """As a service manager does it; the process has to end by itself."""
    process.terminate()
    process.wait(COMMAND_SECONDS)


def soon(look, wanted, seconds=180):
    """Looks until it sees what is wanted, and gives what it saw last, wanted or not."""
    until = time.monotonic() + seconds
    while (seen := attempt(look)) != wanted and time.monotonic() < until:
        time.sleep(0.2)
    return seen


def attempt(look):
    """A topic that is not there yet is an error of kcat, and only not yet what is wanted."""
    try:
        return look()
    except CommandFailed as error:
        return error
