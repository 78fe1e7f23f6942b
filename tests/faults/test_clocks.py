"""A clock is set, or runs wrong: the database's, or that of a host which dials or accepts. The pace is kept, nothing
is lost, and no call is dialed before its time. Only the clock of day is false, as on a real host: faketime(1) tells
the programs another."""

import contextlib
import datetime
import os
import pathlib
import signal
import subprocess
import time
from unittest import mock

import pytest

from stack import CPS, eventually
from test_campaigns import carried, place, verify
from test_takeover import boot_now, dialed_since
from world import BUSY, TALKS, World

LIBRARY = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
SHARED = pathlib.Path("/dev/shm")  # where the library leaves what its processes share
HOUR = 3600


class Clock:
    """The clock of those who are started with its environment: so far off, so fast."""

    def __init__(self, path):
        self.path = path
        self.set(0)
        self.environment = {"LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(path),
                            "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def set(self, seconds, speed=1):
        new = self.path.with_suffix(".new")
        new.write_text(f"{seconds:+} x{speed}\n")
        new.chmod(0o644)
        new.rename(self.path)

    def shows(self):
        """How far off it is for the programs' user, in seconds."""
        user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        told = subprocess.run(["date", "+%s.%N"], env={**os.environ, **self.environment}, capture_output=True,
                              check=True, **user).stdout
        return float(told) - time.time()


@pytest.fixture
def clock(stack):
    """Its file lies where the programs' user may read it: whom they cannot read, they do not believe."""
    before = set(SHARED.glob("*faketime_*"))
    yield Clock(stack.folder / "tmp" / "clock")
    for left in set(SHARED.glob("*faketime_*")) - before:
        left.unlink(missing_ok=True)


@contextlib.contextmanager
def by_clock(stack, name, clock):
    """A program of the stack lives by that clock for a while."""
    if name == "postgres":
        command = pathlib.Path(f"/proc/{stack.pid(name)}/cmdline").read_bytes().decode().split("\0")[:-1]
        user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        stack.stop(name, signal.SIGINT)
        with open(stack.folder / "log" / "postgres.log", "ab") as log:
            subprocess.Popen(command, env={**clock.environment, "LC_ALL": "C.UTF-8"}, cwd=stack.folder, stdout=log,
                             stderr=log, start_new_session=True, umask=0o077, **user)
    else:
        programs = pathlib.Path(os.environ.get("OFFHOOK_TEST_OPERATOR", stack.program("api"))).parent
        if b"__asan_init" in (programs / f"offhook-{name}").read_bytes():
            pytest.skip("the library and a sanitizer wait for each other for ever")
        with mock.patch.dict(stack.env, OFFHOOK_BIN=str(programs)):
            stack.launch(name, **clock.environment)
    stack.ready()
    try:
        yield
    finally:
        stack.stop(name, signal.SIGINT if name == "postgres" else signal.SIGTERM)
        stack.up()


def wrong(seconds, speed=1, slow=False):
    return pytest.param(seconds, speed, marks=[pytest.mark.slow] if slow else [])


@pytest.mark.parametrize("name", ["postgres", "scheduler", "api"])
@pytest.mark.parametrize("seconds, speed", [wrong(HOUR), wrong(-HOUR), wrong(1, slow=True), wrong(-1, slow=True),
                                            wrong(0, 1.05, slow=True), wrong(0, 0.95, slow=True)])
def test_a_clock_is_wrong(name, seconds, speed, stack, world, clock):
    punctual = World(stack, f"p-{os.urandom(4).hex()}")
    later = punctual.number(BUSY)
    with by_clock(stack, name, clock):
        at = time.time() + 12
        place(punctual, [later], rank=1, at=datetime.datetime.fromtimestamp(at, datetime.timezone.utc))
        with world.load([world.number(s) for s in (BUSY, TALKS) * 30], per_second=10):
            eventually(lambda: len(dialed_since(stack, world.since / 1e6)) > 5, 15, "nobody dials")
            clock.set(seconds, speed)
            set_at = boot_now()
            assert abs(clock.shows() - seconds) < 0.5, "nobody believes it"
            eventually(lambda: len(dialed_since(stack, set_at + 2)) > 5, 25, "nobody dials any more")
        clock.set(0)
        world.settle()
    world.verify()
    verify(punctual, [later], CPS)
    lost = [c for c in world.calls().values() if "lost" in (c["outcome_summary"] or "")]
    assert lost == []
    if name != "postgres":  # whose clock says when it is time
        assert carried(stack, [later])[0][0] >= at, "dialed before its time"
