"""No room is left: for PostgreSQL's tables, its WAL, recordings, logs, the bodies of requests. What is needed is
refused with 503, nothing is lost, and all goes on by itself when there is room again. As root: each of these lies
on a small file system of its own."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

import psycopg2
import pytest

from stack import Stack, eventually
from world import BUSY, TALKS, World

ROOM = {"disk": 640, "data": 256, "log": 64, "tmp": 64}  # MiB
GIVEN = 32  # MiB at least, when there is room again
BACK = 30  # seconds, at most, until all goes on


def mount(folder, mib, owner):
    return subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0700,uid={owner.st_uid},gid={owner.st_gid}",
                           "tmpfs", folder], capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def running_stack():
    """A stack of this file's own: log, tmp and data are mounted before its programs start, and what PostgreSQL has
    is then moved to disk."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    stack = Stack()
    mounted = []
    try:
        stack.up()
        stack.dev("down")
        owner = stack.folder.stat()
        for name, mib in ROOM.items():
            folder, aside = stack.folder / name, stack.folder / f"{name}.aside"
            if folder.exists():
                folder.rename(aside)
            folder.mkdir()
            if not mount(folder, mib, owner):
                pytest.skip("no file system can be mounted here")
            mounted.append(folder)
            if aside.exists():
                subprocess.run(["cp", "-a", f"{aside}/.", folder], check=True)
                shutil.rmtree(aside)
        subprocess.run(["cp", "-a", stack.folder / "postgres", stack.folder / "disk"], check=True)
        shutil.rmtree(stack.folder / "postgres")
        (stack.folder / "postgres").symlink_to("disk/postgres")
        stack.up()
        with superuser(stack) as cursor:  # by itself it would keep more WAL than there is room
            cursor.execute("ALTER SYSTEM SET max_wal_size = '64MB'")
            cursor.execute("ALTER SYSTEM SET min_wal_size = '32MB'")
            cursor.execute("SELECT pg_reload_conf()")
        yield stack
    finally:
        if stack.ours:
            stack.dev("down")
        for folder in mounted:
            subprocess.run(["umount", folder], check=True)
        stack.down()


def fill(folder):
    """To the last byte."""
    with open(folder / "filler", "ab", buffering=0) as file:
        with contextlib.suppress(OSError):  # others take of it meanwhile
            free = os.statvfs(folder)
            os.posix_fallocate(file.fileno(), file.tell(), max(1, free.f_bavail * free.f_frsize))
        with contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))


@contextlib.contextmanager
def full(stack, *names):
    """Whatever becomes free meanwhile is taken at once."""
    folders = [stack.folder / name for name in names]
    room = threading.Event()

    def run():
        while not room.wait(0.05):
            for folder in folders:
                fill(folder)

    for folder in folders:
        fill(folder)
    filler = threading.Thread(target=run, daemon=True)
    filler.start()
    try:
        assert all((f / "filler").stat().st_size >= GIVEN << 20 for f in folders), "it was full before"
        yield
    finally:
        room.set()
        filler.join()
        for folder in folders:
            (folder / "filler").unlink()


@contextlib.contextmanager
def superuser(stack):
    """A cursor of PostgreSQL's own user."""
    with contextlib.closing(stack.superuser()) as connection, connection.cursor() as cursor:
        yield cursor


def use_up_wal(stack):
    """Has PostgreSQL need new segments of WAL until there is none, which it panics without."""
    with superuser(stack) as cursor, pytest.raises(psycopg2.Error):
        for _ in range(100):
            cursor.execute("SELECT pg_logical_emit_message(false, 'full', 'x'), pg_switch_wal()")


def tries(world, since, status):
    return [a for a in world.answers[since:] if a["status"] == status]


@pytest.mark.parametrize("turn", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in range(2, 16))])
@pytest.mark.parametrize("what", ["tables", "WAL"])
def test_no_room_for(what, turn, stack, world):
    world.brief += " " + os.urandom(1800).hex()  # which takes rows of its own
    with superuser(stack) as cursor:  # what the turn before has left of WAL is no room
        cursor.execute("CHECKPOINT")
    with world.load([world.number(s) for s in (BUSY, BUSY, TALKS) * 60], threads=6, per_second=20) as load:
        time.sleep(0.5)
        with full(stack, "disk"):
            mark = len(world.answers)
            if what == "WAL":
                use_up_wal(stack)
            eventually(lambda: tries(world, mark, 503), 20, "everything is accepted on a full disk")
            time.sleep(2)
            assert load.running()
        room = time.monotonic()
        mark = len(world.answers)
        stack.up()  # its service manager starts PostgreSQL again, when it could not recover without room
        eventually(lambda: tries(world, mark, 201) + tries(world, mark, 202), BACK, "nothing is accepted")
        print(f"accepted again after {time.monotonic() - room:.1f} s")
    assert {a["status"] for a in world.failed_tries()} == {503}
    world.verify()
    assert len(world.calls()) == 180
    for recording in (stack.folder / "data" / "recordings").glob("*.mp3"):  # what comes after has as much room
        recording.unlink()


def test_no_room_for_recordings(stack, world):
    """They are fetched when there is room: none is lost, and the calls go on meanwhile."""
    def stored():
        world.hurry()
        return stack.value("SELECT count(*) FROM recordings WHERE workspace_id = %s AND state = 'stored'",
                           world.workspace)

    with full(stack, "data"):
        calls = [world.post(world.number(TALKS)) for _ in range(4)]
        world.settle()
        eventually(lambda: "recording" in stack.log("scheduler"), 20, "nobody has tried")
        time.sleep(2)
        assert stored() == 0
        assert not any((stack.folder / "data" / "recordings" / f"{call}.mp3").exists() for call in calls)
    eventually(lambda: stored() == 4, BACK, stored)
    for call in calls:
        assert (stack.folder / "data" / "recordings" / f"{call}.mp3").stat().st_size > 0
    world.verify()


def test_no_room_for_logs_and_bodies(stack, world):
    """Nobody needs either: nginx keeps the largest body that we take in memory."""
    session = world.session()
    with full(stack, "log", "tmp"):
        with world.load([world.number() for _ in range(20)], per_second=20):
            pass
        answer = session.post(world.url("/api/v1/campaigns?name=large&message=Hello"), timeout=15,
                              headers={"Content-Type": "text/csv"},
                              data="to_number,name\n" + f"{world.number()},{'x' * 900000}\n")
        assert 400 <= answer.status_code < 500, answer.text
        for name in ("api", "scheduler"):
            stack.kill(name, signal.SIGHUP)
        world.post(world.number(), session)
    assert world.failed_tries() == []
    world.verify()
    size = len(stack.log("api"))
    stack.kill("api", signal.SIGHUP)
    eventually(lambda: len(stack.log("api")) > size, 10, "nothing is logged any more")
