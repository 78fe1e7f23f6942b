"""Every call that can fail does, once each: of memory, the kernel, libpq, libcurl and libevent, in the processes
that accept calls, dial them, hear from the carrier and stream events. Whatever it is, nothing crashes but by
our own decision (no memory left), nothing hangs, and every promise to the customer is kept.

By default a sample of all; TORTURE=all takes each, and TORTURE_REPORT names a file for where they are."""

import collections
import contextlib
import functools
import os
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import time

import pytest

from stack import Stack, eventually, parent_and_state
from torture import HALF, Control, Source
from world import BUSY, World

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from sse import Stream  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parents[2]
ALL = os.environ.get("TORTURE") == "all"
SAMPLE = 6     # of each process, unless all are wanted
LOST_REPLY = "0006"
TOGETHER = 40  # calls that are held against the promises at once
LIVES_S = 1.1  # a process that lives shorter is started again with a pause (sys/supervise.c)

# Process, its program, its title's end.
ROLES = {"committer": ("api", "committer"), "worker": ("api", "worker"), "carrier worker": ("api", "carrier worker"),
         "dialer": ("scheduler", "dialer"), "watcher": ("scheduler", "watcher"), "streams": ("events", "streams")}

# What dials, books, remembers keys and tells events; most of its rules stand in sql/.
FILES = {f"src/{name}" for name in (
    "work/dial.c", "work/line.c", "work/holder.c", "work/watch.c", "work/commit.c", "domain/accept.c",
    "domain/event.c", "domain/leg.c", "domain/pacer.c", "domain/queue.c", "base/gaps.c", "base/texts.c",
    "sys/asker.c", "sys/exchange.c", "stream/conn.c", "stream/feed.c", "stream/frame.c", "stream/hub.c",
    "stream/request.c", "stream/serve.c", "http/fetch.c")}


@pytest.fixture(scope="module")
def running_stack():
    """A stack whose calls can be made to fail."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="offhook-torture-", dir="/tmp"))
    folder.chmod(0o711)
    control = Control(folder / "control")
    try:
        with Stack({"OFFHOOK_API_WORKERS": "2", "OFFHOOK_TORTURE": str(control.path)}) as stack:
            stack.control = control
            if b"OFFHOOK_TORTURE" not in stack.program("scheduler").read_bytes():
                pytest.skip("the programs were built without --enable-torture")
            yield stack
    finally:
        shutil.rmtree(folder)


class Rack:
    """One kind of process, and a customer who uses it."""

    def __init__(self, stack, world, role):
        self.stack, self.world, self.role = stack, world, role
        self.daemon, self.title = ROLES[role]
        self.control = stack.control
        self.source = Source(stack.program(self.daemon), TOP)
        self.calls = {}  # id: the way that failed while it was made
        self.log_from = {d: len(stack.log(d)) for d in ("api", "scheduler", "events")}
        self.failed = {}  # (key, partial): way

    def processes(self):
        return self.stack.children(self.daemon, ": " + self.title)

    def restart(self, meanwhile=lambda: None):
        """Other processes of this kind; meanwhile there are none. They end as they are asked to, so that what they
        have run is counted (./dev coverage)."""
        master, pids = self.stack.pid(self.daemon), self.processes()
        os.kill(master, signal.SIGSTOP)
        try:
            for number in (signal.SIGTERM, signal.SIGKILL):
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, number)
                with contextlib.suppress(AssertionError):
                    eventually(lambda: all(parent_and_state(p)[1] in (None, "Z") for p in pids), 5, "they go on")
                    break
            meanwhile()
        finally:
            os.kill(master, signal.SIGCONT)
        time.sleep(LIVES_S)
        eventually(self.processes, 20, f"no {self.role} any more")

    def one_call(self, about=None):
        """A call from its key to its last event, listened to."""
        world = self.world
        # The watcher has nothing to do unless a reply of the carrier is lost.
        call_id = world.post(world.number(LOST_REPLY if self.role == "watcher" else BUSY))
        self.calls[call_id] = about
        stream = Stream(world.url(f"/calls/{call_id}/events"), self.stack.env["OFFHOOK_CA"],
                        {"X-API-Key": world.key, "Accept": "text/event-stream"}, again=True)
        try:
            end = time.monotonic() + 3
            while time.monotonic() < end and not (
                    stream.frames and stream.frames[-1]["event_type"] == "outcome"):
                time.sleep(0.02)
            eventually(lambda: stream.frames, 20, lambda: f"no event of {call_id} for {about}: {stream.refused}")
            assert stream.ids() == list(range(1, len(stream.ids()) + 1)), about
            assert [f for f in stream.faults if "cut off" not in f] == [], about
        finally:
            stream.close()

    def try_way(self, way, partial, restarting):
        """Whether it came to that."""
        where = "{}:{} {}".format(*self.source.place(way))
        about = f"{self.role}: {way.function} {'partial ' if partial else ''}in {where}"
        began = time.monotonic()
        arm = functools.partial(self.control.arm, self.role, way.key, partial)
        if restarting:
            self.restart(arm)
        else:
            arm()
        self.one_call(about)
        end = time.monotonic() + 0.3
        while not self.control.fired() and time.monotonic() < end:
            time.sleep(0.02)
        self.control.disarm()
        if self.control.fired():
            self.failed[way.key, partial] = way
            time.sleep(max(0, began + LIVES_S - time.monotonic()))
        return self.control.fired()

    def learn(self):
        """The ways of everyday, and those of a beginning."""
        self.control.forget()
        self.control.arm(self.role)
        for _ in range(3):
            self.one_call()
        everyday = self.control.ways()
        self.restart()
        for _ in range(2):
            self.one_call()
        return everyday, self.control.ways()

    def verify(self):
        """Ends what is open, and holds everything against the promises."""
        self.control.disarm()
        try:
            self.world.verify(90)
        except AssertionError as error:
            about = {c: a for c, a in self.calls.items() if c in str(error)}
            raise AssertionError(f"{error}\n{about or list(self.calls.values())[-TOGETHER:]}") from None
        for daemon, begin in self.log_from.items():
            log = self.stack.log(daemon)[begin:]
            killed = collections.Counter(re.findall(r"was killed by signal (\d+)", log))
            aborts = log.count("out of memory") + log.count("no memory")
            del killed["9"]  # by us
            assert killed.keys() <= {"6"} and killed.total() <= aborts, \
                f"{daemon}: signals {killed}, {aborts} times without memory"
        reports = [p for p in (self.stack.folder / "log").glob("sanitizer.*") if p.stat().st_size > 0]
        assert not reports, reports[0].read_text()[:5000]

    def one_a_place(self, ways):
        """Of the ways that ask for the same in the same line, the first."""
        places = {}
        for way in ways.values():
            places.setdefault((self.source.place(way)[:2], way.function), way)
        return {way.key: way for _, way in sorted(places.items())}

    def report(self, path, todo):
        """What failed, and the calls of FILES in this program that can fail and were not made to."""
        reached = set()
        with open(path, "a") as f:
            for way, partial, _ in todo:
                file, line, function = self.source.place(way)
                reached.add((file, line))
                how = "failed" if (way.key, partial) in self.failed else "not again"
                print(self.role, how, f"{file}:{line}", way.function + (" half" if partial else ""), function,
                      sep="\t", file=f)
            for place, callee in sorted(self.source.calls(FILES).items()):
                if place not in reached:
                    print(self.role, "never", "{}:{}".format(*place), callee, "", sep="\t", file=f)

    def torture(self):
        everyday, all_ways = self.learn()
        todo = [(way, partial, way.key not in everyday) for way in self.one_a_place(all_ways).values()
                for partial in ((False, True) if HALF.fullmatch(way.function) else (False,))]
        if not ALL:
            todo = todo[::max(1, len(todo) // SAMPLE)]
        for count, (way, partial, restarting) in enumerate(todo, 1):
            # What seemed everyday may have been the beginning of a process that was not needed before.
            if not self.try_way(way, partial, restarting) and not restarting:
                self.try_way(way, partial, True)
            if count % TOGETHER == 0:
                self.verify()
        self.verify()
        return todo


@pytest.mark.parametrize("role", ROLES)
def test_each_call_that_can_fail_does(stack, world, role):
    rack = Rack(stack, world, role)
    todo = rack.torture()
    assert todo, "no call was seen"
    assert len(rack.failed) >= 0.7 * len(todo), f"only {len(rack.failed)} of {len(todo)} came about"
    if "TORTURE_REPORT" in os.environ:
        rack.report(os.environ["TORTURE_REPORT"], todo)
