"""Something runs out: file descriptors, memory, the database's connections. What cannot be done is refused or put
off, and nobody tries so often that it gets worse; when there is enough again all goes on."""

import contextlib
import os
import pathlib
import signal
import subprocess
import time

import psycopg2
import pytest

from stack import eventually, parent_and_state, private_kib
from test_event_streams import follow, polled
from world import BUSY, TALKS

BACK = 15  # seconds, at most, until all goes on


def family(stack, name):
    """A program's processes."""
    master = stack.pid(name)
    return [master, *stack.children(name, "")]


def limit_files(pid, limit):
    """As the program's own user: root of a container may not."""
    user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    subprocess.run(["prlimit", f"--pid={pid}", f"--nofile={limit}:"], check=True, cwd="/", **user)


def soft_limit(pid):
    with open(f"/proc/{pid}/limits") as limits:
        return next(line for line in limits if line.startswith("Max open files")).split()[3]


def files(pid):
    return {int(n) for n in os.listdir(f"/proc/{pid}/fd")}


@contextlib.contextmanager
def no_more_files(pids):
    """They keep what they have open for long, and can open nothing more."""
    before = {pid: soft_limit(pid) for pid in pids}
    kept = {pid: files(pid) for pid in pids}
    for _ in range(20):
        time.sleep(0.01)
        kept = {pid: used & files(pid) for pid, used in kept.items()}
    try:
        for pid, used in kept.items():
            limit_files(pid, min(set(range(len(used) + 1)) - used))
        yield
    finally:
        for pid, limit in before.items():
            limit_files(pid, limit)


def told(world, since):
    return [a for a in world.answers[since:] if a["status"] in (201, 202)]


def busy_seconds(pids):
    """Of the processor, so far."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/stat") as stat:
            ticks += sum(int(n) for n in stat.read().rpartition(") ")[2].split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def at_ease(pids, log):
    """They neither spin nor fill their log."""
    size, busy, began = len(log()), busy_seconds(pids), time.monotonic()
    yield
    took = time.monotonic() - began
    lines, busy = log()[size:].count("\n"), busy_seconds(pids) - busy
    print(f"{lines} lines in the log and {busy:.2f} s of the processor in {took:.1f} s")
    assert lines <= 20 * took and busy <= took / 8


def test_the_api_has_no_file_left(stack, world):
    """Requests wait, until nginx or the customer has had enough."""
    with world.load([world.number() for _ in range(80)], threads=6, per_second=20) as load:
        pids = family(stack, "api")
        with no_more_files(pids):
            time.sleep(0.5)
            mark = len(world.answers)
            with at_ease(pids, lambda: stack.log("api")):
                time.sleep(2.5)
            assert not told(world, mark), "accepted without a file"
        eventually(lambda: told(world, mark), BACK, "nothing is accepted")
        assert load.running()
    world.verify()
    assert len(world.calls()) == 80


def test_the_event_streams_have_no_file_left(stack, world):
    """Those that are open go on, others are opened when there are files again."""
    calls = [world.post(world.number(TALKS)) for _ in range(3)]
    streams = {call: follow(world, call) for call in calls}
    try:
        eventually(lambda: all(s.frames for s in streams.values()), 10, "no stream begins")
        pids = family(stack, "events")
        with no_more_files(pids):
            late = [world.post(world.number(TALKS)) for _ in range(3)]
            streams.update((call, follow(world, call)) for call in late)
            with at_ease(pids, lambda: stack.log("events")):
                time.sleep(2.5)
            assert not any(streams[call].frames for call in late), "opened without a file"
            world.settle()
            for call in calls:
                eventually(lambda s=streams[call], all_of=polled(world, call): len(s.frames) >= len(all_of), 10,
                           "a stream that was open stands still")
        for call, stream in streams.items():
            whole = polled(world, call)
            eventually(lambda s=stream, count=len(whole): len(s.frames) >= count, BACK, "it is not opened any more")
            assert stream.frames[:len(whole)] == whole
    finally:
        for stream in streams.values():
            stream.close()
    world.verify()


@pytest.mark.parametrize("role", ["dialer", *(pytest.param(r, marks=pytest.mark.slow)
                                               for r in ("watcher", "recorder"))])
def test_a_child_of_the_scheduler_has_no_file_left(role, stack, world):
    with world.load([world.number(s) for s in (BUSY, TALKS) * 10], per_second=20):
        pids = stack.children("scheduler", role)
        with no_more_files(pids), at_ease(pids, lambda: stack.log("scheduler")):
            time.sleep(3)
    world.verify()
    dials = [c["dials"] for c in world.calls().values()]
    assert max(dials) <= 6, dials


class Memory:
    """A cgroup of processes which may touch little more than they have; what they fork, too."""

    ONE, TWO = pathlib.Path("/sys/fs/cgroup/memory"), pathlib.Path("/sys/fs/cgroup")

    def __init__(self):
        self.root = self.ONE if self.ONE.exists() else self.TWO
        self.limit, self.events = (("memory.limit_in_bytes", "memory.oom_control") if self.root == self.ONE
                                   else ("memory.max", "memory.events"))
        self.group = self.root / f"offhook-test-{os.getpid()}"

    def __enter__(self):
        try:
            self.group.mkdir()
            self.bound(1 << 30)
        except OSError as error:
            with contextlib.suppress(OSError):
                self.group.rmdir()
            pytest.skip(f"no cgroup of memory can be made here: {error}")
        return self

    def take(self, pids):
        for pid in pids:
            with contextlib.suppress(OSError):  # it has just died
                (self.group / "cgroup.procs").write_text(str(pid))

    def bound(self, kib):
        (self.group / self.limit).write_text(str(kib * 1024))

    def killed(self):
        """How often the kernel has killed one of them."""
        return int(dict(line.split() for line in (self.group / self.events).read_text().splitlines())["oom_kill"])

    def __exit__(self, *_):
        def left():
            for pid in (self.group / "cgroup.procs").read_text().split():
                with contextlib.suppress(OSError):
                    (self.root / "cgroup.procs").write_text(pid)
            with contextlib.suppress(OSError):
                self.group.rmdir()
            return not self.group.exists()
        eventually(left, BACK, "the cgroup is in use")


def kill_children(stack, name):
    """How many there were."""
    pids = stack.children(name, "")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return len(pids)


def begun_again(stack, name):
    """What the service manager does for a master that is dead. Whether it was."""
    if parent_and_state(stack.pid(name))[1] not in (None, "Z"):
        return False
    stack.launch(name)
    return True


@pytest.mark.parametrize("name", ["api", "scheduler"])
def test_no_memory_is_left_for_children_of(name, stack, world):
    """Each may touch a little more than it has when it is noticed, and dies. They are begun again, after ever longer
    pauses."""
    seconds = 4
    with Memory() as memory, world.load([world.number(s) for s in (BUSY, TALKS) * 40], threads=6, per_second=20):
        size, until = len(stack.log(name)), time.monotonic() + seconds
        count = kill_children(stack, name)
        memory.bound(16 * count)
        while time.monotonic() < until:
            memory.take(stack.children(name, ""))
            time.sleep(0.005)
        died, killed = stack.log(name)[size:].count("was killed by signal 9"), memory.killed()
        memory.bound(1 << 30)
        print(f"{count} children died {died} times in {seconds} s, {killed} times by the kernel's choice")
        assert killed >= count, "there was room for all"
        assert died <= 8 * count, "they are begun again without a pause"
    world.verify()
    assert len(world.calls()) == 80


@pytest.mark.parametrize("name", ["api", "scheduler"])
def test_no_memory_is_left_for(name, stack, world):
    """All its children are begun anew, and a third of these would have room: now this one dies for another, now the
    master, whom the service manager begins again after a second."""
    seconds, masters = 4, 0
    with Memory() as memory, world.load([world.number(s) for s in (BUSY, TALKS) * 40], threads=6, per_second=20):
        # First once with room, to see what new ones have: old ones have more, a third of which may do for all.
        count = kill_children(stack, name)
        time.sleep(1.5)
        eventually(lambda: len(stack.children(name, "")) == count, 10, "they are not begun again")
        memory.take(family(stack, name))
        memory.bound(sum(private_kib(stack.children(name, ""))) // 3)
        kill_children(stack, name)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(1)
            masters += begun_again(stack, name)
            memory.take(family(stack, name))
        killed = memory.killed()
        memory.bound(1 << 30)
        begun_again(stack, name)
        print(f"the master of {count} children was begun {masters} times in {seconds} s, {killed} killed")
        assert killed > 0, "there was room for all"
    world.verify()
    assert len(world.calls()) == 80


@contextlib.contextmanager
def others(stack):
    """Who takes all of PostgreSQL's connections that are free, those of the superuser too: two functions, which
    take ours from us as well, and give all back."""
    held = []

    def take_free():
        with contextlib.suppress(psycopg2.OperationalError):
            while True:
                held.append(stack.superuser())

    def take_all():
        still = 3
        while still:  # one that is just being let in is not seen yet
            with held[0].cursor() as cursor:
                cursor.execute("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                               " WHERE usename = 'offhook' AND application_name <> 'fault-tests'")
                still = 3 if cursor.fetchone()[0] else still - 1
            take_free()
            time.sleep(0.1)

    def give_back():
        while held:
            held.pop().close()

    try:
        take_free()
        yield take_all, give_back
    finally:
        give_back()


def test_too_many_clients_of_the_database(stack, world):
    seconds = 6
    with contextlib.ExitStack() as end:
        take_all, give_back = end.enter_context(others(stack))
        load = end.enter_context(
            world.load([world.number() for _ in range(80)], threads=6, per_second=20))
        time.sleep(0.5)
        take_all()
        size = len(stack.log("postgres"))
        time.sleep(seconds)
        refused = stack.log("postgres")[size:].count("too many clients")
        programs = sum(len(family(stack, name)) for name in ("api", "scheduler", "events", "voice"))
        assert world.get("/readyz").status_code == 503
        assert {a["status"] for a in world.failed_tries()} == {503}
        assert load.running()
        mark = len(world.answers)
        give_back()
        eventually(lambda: told(world, mark), BACK, "nothing is accepted")
    print(f"{refused} connections tried in {seconds} s by {programs} processes")
    assert refused <= 3 * programs, "they try in a circle"
    world.verify()
    assert len(world.calls()) == 80
