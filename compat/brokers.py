"""Gracchus and Apache Kafka 4.3.1 as processes, for `matrix` and `programs`: what is installed, how they start and end.

GRACCHUS_BIN and COMPAT_LIBS are read here: README.md says what they mean.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

COMPAT = Path(__file__).resolve().parent
INSTALLED = COMPAT / "target-clients"

# What both brokers are told: no topic by accident, and no waiting for members that are there already.
SETTINGS = ["auto.create.topics.enable=false", "group.initial.rebalance.delay.ms=0"]


def install(command, **settings):
    subprocess.run(command, check=True, stdout=sys.stderr, **settings)


def virtual_environment(name):
    """The Python that has exactly what requirements.txt names."""
    home, wanted = INSTALLED / name, COMPAT / name / "requirements.txt"
    install([sys.executable, "-m", "venv", home])
    install([home / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", wanted])
    return home / "bin/python"


def fetch_jars(pom_folder, target, *settings):
    install(["mvn", "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={target}",
             *settings], cwd=pom_folder)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def gracchus_binary():
    if "GRACCHUS_BIN" in os.environ:
        return os.environ["GRACCHUS_BIN"]
    install(["cargo", "build", "--quiet", "--release", "--bin", "gracchus"], cwd=COMPAT.parent)
    return COMPAT.parent / os.environ.get("CARGO_TARGET_DIR", "target") / "release/gracchus"


def start_gracchus(port, home, durable=False):
    storage = ["--data-dir", home / "gracchus"] if durable else ["--ephemeral"]
    settings = [part for setting in SETTINGS for part in ("--set", setting)]
    command = [gracchus_binary(), *storage, "--listen", f"127.0.0.1:{port}", *settings]
    return subprocess.Popen(command, stdout=(home / "gracchus.log").open("w"), stderr=subprocess.STDOUT)


def reference_jars():
    if "COMPAT_LIBS" in os.environ:
        return os.environ["COMPAT_LIBS"]
    tools = COMPAT / "kafka-tools"
    folder = tools / "target-libs"
    # Written last, and read by compat/harness too: an interrupted fetch is not taken for a whole one.
    if not (folder / "complete").exists():
        fetch_jars(tools, folder)
        shutil.copy(tools / "pom.xml", folder / "complete")
    return folder


def start_reference(port, home):
    """One node that is broker and controller, as compat/harness/reference.rs starts it."""
    controller, file, classes = free_port(), home / "server.properties", f"{reference_jars()}/*"
    file.write_text("\n".join([
        "process.roles=broker,controller", "node.id=1", f"controller.quorum.voters=1@127.0.0.1:{controller}",
        f"listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}", "controller.listener.names=CONTROLLER",
        "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT", f"log.dirs={home / 'reference'}",
        "offsets.topic.replication.factor=1", "transaction.state.log.replication.factor=1",
        "transaction.state.log.min.isr=1", "share.coordinator.state.topic.replication.factor=1",
        "share.coordinator.state.topic.min.isr=1", *SETTINGS]))
    log = (home / "reference.log").open("w")
    quiet = {"stdout": log, "stderr": subprocess.STDOUT}
    subprocess.run(["java", "-cp", classes, "kafka.tools.StorageTool", "format", "-t", "4L6g3nShT-eMCtK--X86sw", "-c", file],
                   check=True, **quiet)
    return subprocess.Popen(["java", "-Xms512M", "-Xmx1G", "-cp", classes, "kafka.Kafka", file], **quiet)


def wait_until_open(port, process):
    until = time.monotonic() + 90
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"a broker did not start: {process.args[0]}")


@contextmanager
def running(start, home):
    """The port of a broker that answers, until the block ends. `start` is one of the two above."""
    port = free_port()
    process = start(port, home)
    try:
        wait_until_open(port, process)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def leave_when_told():
    """Told to end by a signal: as an exception, so that what was started is stopped on the way out."""

    def ended(number, _frame):
        signal.signal(number, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for told in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(told, ended)
