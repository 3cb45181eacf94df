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
