"""PostgreSQL loses backends, restarts at once, and dies, while calls are accepted and dialed."""

import contextlib
import os
import signal
import time

from stack import children_of, eventually
from world import BUSY, TALKS


def test_a_backend_killed_under_load(stack, world):
    """kill -9 of one backend: the server ends all others and recovers."""
    with world.load([world.number(s) for s in (BUSY, TALKS) * 20], per_second=20):
        for _ in range(2):
            # Again only once the programs have come back from the first.
            victim, = eventually(lambda: stack.rows(
                "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'offhook%%'"
                " AND pid <> pg_backend_pid() ORDER BY state_change DESC LIMIT 1"), 20,
                                 "no program is connected")
            os.kill(victim["pid"], signal.SIGKILL)
            time.sleep(1)
    world.verify()


def test_every_connection_ended_at_once(stack, world):
    with world.load([world.number() for _ in range(40)], per_second=20):
        for _ in range(3):
            stack.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                       " WHERE application_name LIKE 'offhook%%'")
            time.sleep(0.5)
    world.verify()


def test_an_immediate_restart_under_load(stack, world):
    with world.load([world.number(s) for s in (BUSY, TALKS) * 20], per_second=20):
        time.sleep(0.5)
        stack.stop("postgres", signal.SIGQUIT)
        time.sleep(0.3)
        stack.up()
        # Each worker finds its own way back, after a pause that grew while it was in vain.
        eventually(lambda: all(world.get("/readyz").status_code == 200 for _ in range(8)), 6,
                   "workers without a database")
    world.verify()


def test_the_postmaster_killed_under_load(stack, world):
    with world.load([world.number() for _ in range(40)], per_second=20):
        time.sleep(0.5)
        master = stack.pid("postgres")
        backends = children_of(master, "")
        os.kill(master, signal.SIGKILL)
        for pid in backends:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.3)
        stack.up()
    world.verify()


def test_who_holds_a_call_does_not_hold_up_the_others(stack, world):
    """Somebody's transaction is at one call, and stays open: it waits, and all others are dialed meanwhile."""
    def dialed():
        return {id for id, call in world.calls().items() if call["dials"] > 0}

    with contextlib.ExitStack() as holding:
        with stack.without_scheduler():
            held = world.post(world.number(BUSY))
            others = {world.post(world.number(BUSY)) for _ in range(10)}
            holding.enter_context(stack.transaction("SELECT FROM calls WHERE call_id = %s FOR UPDATE", held))
        eventually(lambda: dialed() == others, 8, lambda: f"{len(dialed())} were dialed")
    eventually(lambda: held in dialed(), 5, "it goes on waiting")
    world.verify()


@contextlib.contextmanager
def slow_commits(stack, ms):
    """Each commit takes so much longer, as with a standby that is far away."""
    def configure(*settings):
        with contextlib.closing(stack.superuser()) as connection, connection.cursor() as cursor:
            for setting in settings:
                cursor.execute(f"ALTER SYSTEM {setting}")
            cursor.execute("SELECT pg_reload_conf()")

    configure(f"SET commit_delay = {1000 * ms}", "SET commit_siblings = 0")
    try:
        yield
    finally:
        configure("RESET commit_delay", "RESET commit_siblings")


def test_commits_that_take_longer_than_a_dial_may_be_late(stack, world):
    """The dialer learns how long they take, and claims so much earlier."""
    with slow_commits(stack, 100):
        with world.load([world.number(BUSY) for _ in range(30)], per_second=20):
            pass
        began = time.monotonic()
        eventually(lambda: all(call["dials"] > 0 for call in world.calls().values()), 30, "not all are dialed")
        took = time.monotonic() - began
        assert took < 20, took  # a claim and a report each, of 100 ms, by one connection
    missed = sum(call["dials"] for call in world.calls().values()) - 30
    assert missed <= 5, missed
    world.verify()
