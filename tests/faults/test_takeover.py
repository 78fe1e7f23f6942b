"""What a leader must bear in mind: that the database's clock is set, and whom the leader before it had to
beware of. tests/model/README.md says which guards these are."""

import os
import pathlib
import signal
import statistics
import subprocess
import time

import pytest

import checker
from stack import CPS, children_of, eventually, parent_and_state
from world import BUSY

FEW = 5  # calls a second: one dial too many stands out


def boot_now():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def backlog(world, count):
    with world.load([world.number(BUSY) for _ in range(count)]):
        pass


def dialed_since(stack, instant):
    return [p["at"] for p in stack.posts() if p["at"] / 1e6 > instant]


@pytest.fixture
def clock(stack):
    """A function that sets the clock of the database, for those who find it by the search path in the
    URL that stands in clock.url."""
    stack.rows("CREATE SCHEMA set_clock")
    stack.rows("CREATE TABLE set_clock.step (by interval)")
    stack.rows("INSERT INTO set_clock.step VALUES (interval '0')")
    stack.rows("CREATE FUNCTION set_clock.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS"
               " $$ BEGIN RETURN pg_catalog.clock_timestamp() + (SELECT by FROM set_clock.step);"
               " END $$")

    def by(seconds):
        stack.rows("UPDATE set_clock.step SET by = by + %s * interval '1 s'", seconds)

    url = stack.env["DATABASE_URL"]
    by.url = url + ("&" if "?" in url else "?") + \
        "options=-csearch_path%3Dset_clock,public,pg_catalog"
    try:
        yield by
    finally:
        stack.rows("DROP SCHEMA set_clock CASCADE")


@pytest.mark.alone
@pytest.mark.parametrize("seconds", [-4, 3])
def test_the_clock_of_the_database_is_set(seconds, clock, stack, world):
    """Set back, the next slot would be far off, and its dial still on its way when others have long been
    granted; set forward, it would be at once."""
    with stack.without_scheduler(), stack.scheduler(
            OFFHOOK_DATABASE_URL=clock.url, OFFHOOK_QUEUE_CPS=str(FEW)):
        backlog(world, 50)
        eventually(lambda: len(dialed_since(stack, world.since / 1e6)) > 5, 15, "nobody dials")
        before = stack.value("SELECT epoch FROM pacer")
        clock(seconds)
        world.settle()
    evidence = world.evidence()
    evidence.cps = FEW
    assert checker.violations(evidence) == []
    assert stack.value("SELECT epoch FROM pacer") > before, "the clock's step was not noticed"


def usual_gap(stack, instant):
    at = sorted(dialed_since(stack, instant))
    assert len(at) > 2 * CPS
    return statistics.median(b - a for a, b in zip(at, at[1:]))


@pytest.mark.alone
def test_who_is_known_to_be_dead_is_replaced_without_care(stack, world):
    """At once, and at the whole rate."""
    stack.rows("UPDATE pacer SET doubted_at = NULL")
    backlog(world, 100)
    eventually(lambda: dialed_since(stack, world.since / 1e6), 15, "nobody dials")
    os.kill(stack.child("scheduler", "dialer"), signal.SIGKILL)
    killed = boot_now()
    world.verify()
    gap = usual_gap(stack, killed + 0.1)
    assert gap < 1_060_000 / (CPS - 0.5), f"a usual gap of {gap / 1000:.1f} ms is a careful one"


@pytest.mark.alone
def test_a_successor_of_a_careful_leader_is_as_careful(stack, world):
    """The standby cannot know whether the leader before it is alive, as on another host, and is careful.
    It dies; who follows it on its own host knows that it is dead, but not what it knew."""
    apart = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0 or subprocess.run([*apart, "true"], capture_output=True).returncode != 0:
        pytest.skip("no namespace can be made here")
    with stack.scheduler(before=apart) as standby:
        backlog(world, 160)
        eventually(lambda: dialed_since(stack, world.since / 1e6), 15, "nobody dials")
        os.killpg(stack.pid("scheduler"), signal.SIGKILL)
        killed = boot_now()
        eventually(lambda: len(dialed_since(stack, killed + 1)) > 5, 12, "nobody took over")
        master, = [int(e.name) for e in pathlib.Path("/proc").iterdir()
                   if e.name.isdigit() and parent_and_state(e.name)[0] == standby.pid]
        dialer, = children_of(master, "dialer")
        os.kill(dialer, signal.SIGKILL)
        again = boot_now()
        world.settle()
    world.verify()
    gap = usual_gap(stack, again + 0.1)
    assert gap > 1_060_000 / (CPS - 0.5), f"a usual gap of {gap / 1000:.1f} ms is the whole rate"
