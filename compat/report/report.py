"""The rows of a client written in Python: each check prints one line, PASS, FAIL or NONE, its name, and what was seen."""

import asyncio
import inspect
import signal
import sys
import time

LIMIT_SECONDS = 60
checks = []


def check(name):
    """Marks a function as the check of that capability. What it returns is what the client saw (or nothing)."""

    def mark(function):
        checks.append((name, function))
        return function

    return mark


def none(name, why):
    """The library has no such thing: a dash in the table."""

    def say():
        raise NotInLibrary(why)

    checks.append((name, say))


class NotInLibrary(Exception):
    pass


def out_of_time(_signal, _frame):
    raise TimeoutError(f"not done after {LIMIT_SECONDS} s")


def outcome(function):
    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(LIMIT_SECONDS)
    try:
        seen = asyncio.run(function()) if inspect.iscoroutinefunction(function) else function()
        return "PASS", seen or ""
    except NotInLibrary as error:
        return "NONE", str(error)
    except Exception as error:  # whatever goes wrong is this row's result, and the next row has its turn
        return "FAIL", f"{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)


def run():
    for name, function in checks:
        verdict, seen = outcome(function)
        print(" ".join(f"{verdict} {name} {seen}".split())[:300], flush=True)
    sys.exit(0)


def equal(found, expected):
    if found != expected:
        raise AssertionError(f"found {str(found)[:120]}, expected {str(expected)[:120]}")


def soon(holds):
    """Waits for what a broker may show a moment after it said so, such as a change of a setting."""
    until = time.monotonic() + 10
    while not holds():
        if time.monotonic() > until:
            raise AssertionError("not so after 10 s")
        time.sleep(0.05)


def raises(kind, action):
    """The error of that kind that the action ends with."""
    try:
        action()
    except kind as error:
        return error
    raise AssertionError("there was no error")


def values(*texts):
    """Records with these values, as the arguments of a library's own call."""
    return [{"value": text.encode()} for text in texts]


def field(record, name):
    """What a library's record has under that name, which is a method in some."""
    found = getattr(record, name)
    return found() if callable(found) else found


def texts(records):
    return [field(record, "value").decode() for record in records]


def collect(poll, count, seconds):
    """That many records, or those that came in time. `poll` gives at most as many as it is told."""
    until, taken = time.monotonic() + seconds, []
    while len(taken) < count and time.monotonic() < until:
        taken += poll(count - len(taken))
    return taken


def share(members, wanted, poll):
    """Polls the members of a group until each has as many partitions as it should."""
    until = time.monotonic() + 20
    while [len(member.assignment()) for member in members] != wanted and time.monotonic() < until:
        for member in members:
            poll(member)
    equal([len(member.assignment()) for member in members], wanted)


def produce_checks(topic, produce, read, *, compression, acks, idempotent, one_batch, null_header=()):
    """The rows about producing: a topic is made, records are produced (which gives their offsets) and read again.

    What follows the star is how a library spells its settings; a header with a null value is not in every library.
    """

    def sent(name, records, settings, offsets=None):
        def attempt():
            made = topic(name)
            acknowledged = produce(made, records, **settings)
            if offsets is not None:
                equal(acknowledged, offsets)
            found = read(made, len(records))
            for part in ["key", "value", "headers"]:
                seen = [field(record, part) for record in found]
                equal([list(map(tuple, one or ())) if part == "headers" else one for one in seen],
                      [record.get(part, [] if part == "headers" else None) for record in records])

        checks.append((f"produce-{name}", attempt))

    for kind in ["gzip", "snappy", "lz4", "zstd"]:
        sent(kind, values(*["again and again " * 20] * 50), compression(kind))
    sent("idempotent", values("a", "b", "c"), idempotent, offsets=[0, 1, 2])
    for level in [0, 1, "all"]:
        sent(f"acks-{level}", values("a", "b"), acks(level))
    headers = [("one", b"1"), ("one", b"2"), ("empty", b""), *null_header]
    sent("headers", [{"value": b"a", "headers": headers}], {})
    sent("null-value", [{"key": b"k", "value": None}], {})
    sent("large-batch", values(*["x" * 100] * 5000), one_batch, offsets=list(range(5000)))
