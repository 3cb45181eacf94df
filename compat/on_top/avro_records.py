"""Avro with two versions of a schema: `python avro_records.py HOST:PORT TOPIC` prints what each reader saw, as JSON.

The registry is the one inside of confluent-kafka (`mock://`); what goes through the broker are its five bytes and the record.
"""

import json
import sys

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

ADDRESS, TOPIC = {"bootstrap.servers": sys.argv[1]}, sys.argv[2]
COUNT = 100
FIELDS = [{"name": "name", "type": "string"}, {"name": "age", "type": "int"}]
CITY = {"name": "city", "type": "string", "default": "unknown"}


def schema(fields):
    return json.dumps({"type": "record", "name": "Person", "fields": fields})


SCHEMAS = {"1": schema(FIELDS), "2": schema([*FIELDS, CITY])}
registry = SchemaRegistryClient.new_client({"url": "mock://registry"})
context = SerializationContext(TOPIC, MessageField.VALUE)


def person(version, number):
    return {"name": f"person {number}", "age": number, **({"city": f"city {number}"} if version == "2" else {})}


def write(version, produce):
    """People as that version knows them, and after every tenth one a tombstone of the same key."""
    serialize = AvroSerializer(registry, SCHEMAS[version])
    for number in range(COUNT):
        key = f"{version}-{number}"
        produce(key=key, value=serialize(person(version, number), context), headers=[("version", version.encode())])
        if number % 10 == 9:
            produce(key=key, value=None, headers=[("version", version.encode()), ("gone", None)])


def write_all():
    failed = []
    producer = Producer({**ADDRESS, "compression.type": "zstd", "enable.idempotence": True})
    for version in SCHEMAS:
        write(version, lambda **record: producer.produce(TOPIC, on_delivery=lambda error, _: error and failed.append(error), **record))
    if producer.flush(30) or failed:
        raise SystemExit(f"not written: {failed[:1]}")


def read_all(reader_version):
    """All records as a reader with that version's schema sees them, up to the end of every partition."""
    deserialize = AvroDeserializer(registry, SCHEMAS[reader_version])
    reader = Consumer({**ADDRESS, "group.id": f"avro-{reader_version}", "auto.offset.reset": "earliest", "enable.auto.commit": False})
    reader.subscribe([TOPIC])
    records = []
    while len(records) < 2 * (COUNT + COUNT // 10):
        record = reader.poll(30)
        if record is None or record.error():
            raise KafkaException(record.error() if record else f"nothing after {len(records)} records")
        records.append((record.key().decode(), deserialize(record.value(), context), dict(record.headers())))
    reader.close()
    return records


def expected(key, reader_version, gone):
    if gone:
        return None
    version, number = key.split("-")
    seen = person(version, int(number))
    return {**seen, "city": seen.get("city", "unknown")} if reader_version == "2" else {"name": seen["name"], "age": seen["age"]}


def summary(reader_version):
    """How many records of each writer are exactly what this reader has to see, and how many tombstones there are."""
    records = read_all(reader_version)
    right = [headers["version"].decode() for key, value, headers in records
             if value == expected(key, reader_version, "gone" in headers) and key.startswith(headers["version"].decode())]
    tombstones = sum(value is None and headers.get("gone", "") is None for _, value, headers in records)
    return {"of 1": right.count("1"), "of 2": right.count("2"), "tombstones": tombstones}


write_all()
print(json.dumps({version: summary(version) for version in SCHEMAS}))
