"""Avro records whose schema changes, through confluent-kafka: avro_records.py writes and reads with both versions."""

import json

from on_top.tools import HERE, PYTHON, create_topic, printed, python_ready


def prepare():
    return f"confluent-kafka {python_ready()}"


def run(broker):
    create_topic(broker, "people", 3, cleanup_policy="compact")
    seen = json.loads(printed([PYTHON, HERE / "avro_records.py", broker.address, "people"]))
    rows = []
    for reader, values in seen.items():
        for writer in "12":
            rows.append((f"records of schema {writer} that a reader with schema {reader} saw right", values[f"of {writer}"], 110))
        rows.append(("tombstones with headers that it saw", values["tombstones"], 20))
    return rows
