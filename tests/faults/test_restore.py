"""The database is lost and restored from its backup, to an instant before calls that were dialed since: none of
them is dialed again. What was accepted until that instant is all there."""

import contextlib
import datetime
import os
import pathlib
import shutil
import signal
import subprocess
import time

import psycopg2
import pytest

import checker
from stack import eventually
from test_scheduler_faults import backlog, wait_for_dials
from world import World

POINT = "restore"


class Backup:
    """A base backup of the stack's PostgreSQL, and its WAL as it is written."""

    def __init__(self, stack):
        self.stack = stack
        self.server = pathlib.Path(f"/proc/{stack.pid('postgres')}/cmdline").read_bytes().decode().split("\0")[:-1]
        self.bin = pathlib.Path(self.server[0]).parent
        self.data, self.base, self.wal = (stack.folder / n for n in ("postgres", "postgres.base", "postgres.wal"))
        self.password = (stack.folder / "state" / "postgres_password").read_text().strip()

    def start(self, *command):
        """As the stack's user, who owns the files."""
        user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        return subprocess.Popen([str(c) for c in command], cwd=self.stack.folder, start_new_session=True,
                                umask=0o077, env={"PGPASSWORD": self.password, "LC_ALL": "C.UTF-8",
                                                  "PATH": os.environ["PATH"]}, **user)

    def run(self, *command):
        assert self.start(*command).wait(120) == 0, command

    def tool(self, name, *options):
        return [self.bin / name, "-h", self.stack.folder / "sock", "-p", "5432", "-U", "postgres", *options]

    def sql(self, statement):
        with contextlib.closing(self.stack.superuser()) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()[0]

    @contextlib.contextmanager
    def archived(self):
        self.run("mkdir", self.wal)
        # A slot: what is not received yet is kept. None is left by an earlier backup.
        self.sql("SELECT count(pg_drop_replication_slot(slot_name)) FROM pg_replication_slots")
        self.sql("SELECT pg_create_physical_replication_slot('archive', true)")
        receiver = self.start(*self.tool("pg_receivewal", "-D", self.wal, "-S", "archive"))
        try:
            eventually(lambda: self.sql("SELECT count(*) FROM pg_stat_replication"), 10, "no WAL is received")
            self.run(*self.tool("pg_basebackup", "-D", self.base, "-X", "none", "-c", "fast", "--no-sync",
                                "--no-manifest"))
            yield
        finally:
            receiver.terminate()
            receiver.wait(10)
            for folder in (self.base, self.wal, self.data.with_name("postgres.lost")):
                shutil.rmtree(folder, ignore_errors=True)

    def point(self):
        """The instant to which restore() goes."""
        self.sql(f"SELECT pg_create_restore_point('{POINT}')")
        return datetime.datetime.now(datetime.timezone.utc)

    def keep_wal(self):
        """Waits until all WAL of before now is in the archive."""
        name = self.sql("SELECT pg_walfile_name(pg_switch_wal())")
        eventually((self.wal / name).exists, 10, f"{name} is not archived")

    def restore(self):
        """In place of the data of a server that is gone; it is up at the end, and nothing else is started."""
        self.data.rename(self.data.with_name("postgres.lost"))
        self.base.rename(self.data)
        with open(self.data / "postgresql.auto.conf", "a") as conf:
            conf.write(f"restore_command = 'cp \"{self.wal}/%f\" \"%p\"'\nrecovery_target_name = '{POINT}'\n"
                       "recovery_target_action = promote\n")
        self.run("touch", self.data / "recovery.signal")
        self.start("sh", "-c", 'log=$1; shift; exec "$@" >>"$log" 2>&1 </dev/null', "sh",
                   self.stack.folder / "log" / "postgres.log", *self.server)
        eventually(lambda: not self.recovering(), 30, "PostgreSQL did not recover")

    def recovering(self):
        try:
            return self.sql("SELECT pg_is_in_recovery()")
        except psycopg2.OperationalError:
            return True


def reconcile(stack, since):
    """The operator's command; it refuses as long as the scheduler whose traces were restored may be alive."""
    def once():
        try:
            return stack.command("reconcile", since.isoformat(timespec="seconds").replace("+00:00", "Z"))
        except AssertionError as error:
            assert "a scheduler dials" in str(error)
            return None

    return eventually(once, 15, "it goes on to refuse")


def forget(world, evidence, since):
    """Takes out of the evidence what no backup can bring back: calls that were accepted after the point."""
    kept = {c["target_phone"] for c in evidence.calls.values()}
    lost = {a["to"] for a in world.answers[since:]} - kept
    for name in ("answers", "dials", "posts"):
        setattr(evidence, name, [x for x in getattr(evidence, name) if x["to"] not in lost])


def bind(evidence):
    """The attempt of a dial that was made after the point was lost; the one that has its sid stands for it."""
    by_sid = {a["call_sid"]: attempt for attempt, a in evidence.attempts.items()}
    for dial in evidence.dials:
        if dial["attempt"] not in evidence.attempts:
            dial["attempt"] = by_sid.get(dial["sid"])


def carried(world):
    """What the carrier has of this customer."""
    return [d for d in world.stack.dials() if d["to"].startswith(world.prefix)]


def start_blindly(stack, worlds):
    """Somebody forgets the carrier: the scheduler sees by itself what has happened, and dials nothing."""
    before = [len(carried(w)) for w in worlds]
    stack.up()
    eventually(lambda: stack.command("status")["stopped"], 20, "nothing is stopped")
    time.sleep(3)
    assert [len(carried(w)) for w in worlds] == before
    assert stack.command("status")["stopped"][0]["by"] == "guard"
    stack.stop("scheduler")


@pytest.mark.parametrize("turn, blindly", [(1, False), (2, True), *(
    pytest.param(n, n % 2 == 0, marks=pytest.mark.slow) for n in range(3, 21))])
def test_after_a_restore_nobody_is_dialed_again(turn, blindly, stack, world):
    other = World(stack, world.workspace + "-2")
    backup = Backup(stack)
    with backup.archived():
        with other.load([other.number() for _ in range(40)], threads=2, per_second=10):
            backlog(world, 80)
            wait_for_dials(stack, world, 8)
            kept = len(other.answers)
            since = backup.point()
            dialed = len(carried(world))
            eventually(lambda: len(carried(world)) >= dialed + 20, 20, "nobody dials")
        backup.keep_wal()
        stack.stop("scheduler")
        stack.stop("postgres", signal.SIGQUIT)
        backup.restore()
        if blindly:
            start_blindly(stack, (world, other))
        said = reconcile(stack, since)
        assert said["unasked"] == 0 and said["found"] >= 15, said
        stack.up()
        for one, first in ((world, len(world.answers)), (other, kept)):
            one.settle()
            evidence = one.evidence()
            forget(one, evidence, first)
            bind(evidence)
            assert checker.violations(evidence) == []
    assert len(world.calls()) == 80
