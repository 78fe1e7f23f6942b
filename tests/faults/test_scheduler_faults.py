"""Schedulers die, are stopped, are replaced and stand by for each other while calls are dialed."""

import os
import signal
import statistics
import subprocess
import time

import pytest

from stack import CPS, children_of, eventually
from world import BUSY, TALKS


def backlog(world, count, suffix=BUSY):
    """Calls that wait: more than a second's worth."""
    with world.load([world.number(suffix) for _ in range(count)]):
        pass


def last_post(stack):
    posts = stack.posts()
    return posts[-1]["at"] / 1e6 if posts else 0


def boot_now():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def wait_for_dials(stack, world, count):
    eventually(lambda: sum(c["dials"] for c in world.calls().values()) >= count, 15,
               "the dialer does not dial")


@pytest.mark.parametrize("role", ["dialer", "waker", "watcher", "recorder", "teller", "reporter",
                                  "appraiser", "talker", "poller", "keeper"])
def test_a_child_killed_under_load(role, stack, world):
    with world.load([world.number(s) for s in (BUSY, BUSY, TALKS) * 10], per_second=20):
        for _ in range(3):
            os.kill(stack.child("scheduler", role), signal.SIGKILL)
            time.sleep(0.5)
    world.verify()
    assert stack.children("scheduler", role)


def test_master_killed_under_load(stack, world):
    with world.load([world.number(s) for s in (BUSY, TALKS) * 15], per_second=20):
        time.sleep(0.5)
        stack.kill("scheduler")
        time.sleep(0.3)
        stack.up()
    world.verify()


@pytest.mark.alone
def test_hot_standby_takes_over(stack, world):
    with stack.scheduler():
        backlog(world, 80)
        wait_for_dials(stack, world, 5)
        os.killpg(stack.pid("scheduler"), signal.SIGKILL)
        killed = boot_now()
        eventually(lambda: last_post(stack) > killed + 0.5, 8, "nobody took over")
        took = min(p["at"] / 1e6 for p in stack.posts() if p["at"] / 1e6 > killed + 0.5) - killed
        assert took < 6, f"{took:.1f} s without a dial"
        world.settle()
        stack.up()  # the old leader's program comes back, and stands by
    world.verify()


def test_two_schedulers_share_the_work(stack, world):
    with stack.scheduler():
        backlog(world, 3 * CPS)
        world.settle()
    world.verify()
    epochs = stack.value("SELECT count(DISTINCT epoch) FROM attempts WHERE workspace_id = %s",
                         world.workspace)
    assert epochs == 1, "the lead went to and fro without need"


@pytest.mark.alone
def test_a_stopped_leader_is_replaced_and_sends_nothing_late(stack, world):
    with stack.scheduler() as standby:
        backlog(world, 100)
        wait_for_dials(stack, world, 5)
        old = stack.child("scheduler", "dialer")
        os.kill(old, signal.SIGSTOP)
        try:
            stopped = boot_now()
            eventually(lambda: last_post(stack) > stopped + 1, 8, "nobody took over")
            holder = stack.value("SELECT pid FROM pacer")
            assert holder in children_of(standby.pid, "dialer")
        finally:
            os.kill(old, signal.SIGCONT)
        world.settle(90)
        assert stack.value("SELECT pid FROM pacer") == holder, "the old leader took it back"
        world.verify()


def test_a_short_pause_costs_nothing_but_time(stack, world):
    backlog(world, 60)
    wait_for_dials(stack, world, 3)
    old = stack.child("scheduler", "dialer")
    for _ in range(4):
        os.kill(old, signal.SIGSTOP)
        time.sleep(0.35)
        os.kill(old, signal.SIGCONT)
        time.sleep(0.3)
    world.verify()
    assert {c["dials"] for c in world.calls().values()} <= {1, 2, 3, 4, 5}


@pytest.mark.alone
def test_a_leader_that_nobody_can_see_is_replaced_carefully(stack, world):
    """The standby runs where the old leader's process cannot be looked at, as on another host: it
    waits for its signs of life to cease, and then dials one less a second."""
    apart = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0 or subprocess.run([*apart, "true"], capture_output=True).returncode != 0:
        pytest.skip("no namespace can be made here")
    with stack.scheduler(before=apart):
        backlog(world, 120)
        wait_for_dials(stack, world, 5)
        # All of it at once: a dialer that outlived its master would lay the lead down.
        os.killpg(stack.pid("scheduler"), signal.SIGKILL)
        killed = boot_now()
        eventually(lambda: last_post(stack) > killed + 1, 10, "nobody took over")
        world.settle()
    world.verify()
    # A window that happens to be full says little about one less; the usual gap does.
    at = [p["at"] for p in world.evidence().posts if p["at"] / 1e6 > killed + 1]
    assert len(at) > CPS
    gap = statistics.median(b - a for a, b in zip(at, at[1:]))
    assert gap > 1_060_000 / (CPS - 0.5), f"a usual gap of {gap / 1000:.1f} ms is the whole rate"


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [10, 40, 90])
def test_a_long_pause(seconds, stack, world):
    with stack.scheduler():
        backlog(world, 100)
        wait_for_dials(stack, world, 5)
        old = stack.child("scheduler", "dialer")
        os.kill(old, signal.SIGSTOP)
        try:
            time.sleep(seconds)
            backlog(world, 100)
        finally:
            os.kill(old, signal.SIGCONT)
        world.verify(120)


def test_reloads_and_restarts_under_load(stack, world):
    with world.load([world.number(s) for s in (BUSY, TALKS) * 20], per_second=20):
        for _ in range(2):
            stack.kill("scheduler", signal.SIGHUP)
            time.sleep(0.4)
        stack.stop("scheduler")
        stack.up()
    world.verify()
    unknown = [c for c in world.calls().values() if c["status"] == "failed" and
               "lost" in (c["outcome_summary"] or "")]
    assert unknown == [], "an orderly end leaves no dial in doubt"


def test_cancel_at_every_moment(stack, world):
    """Some still wait, some are being dialed, some ring, some are over."""
    numbers = [world.number(TALKS) for _ in range(40)]
    for number in numbers:
        stack.rule(to=number, ring_ms=20000)
    calls = []
    for number in numbers:
        calls.append(world.post(number))
        if len(calls) > 8 and len(calls) % 2:
            assert world.cancel(calls[-8])  # dialed a while ago, or just now, or not yet
    said = {c: world.cancel(c) for c in calls}
    assert not any(world.cancel(c) for c in calls), "a second time there is nothing to cancel"
    world.verify(45)
    assert sum(said.values()) >= 20
    assert {c["status"] for c in world.calls().values()} == {"cancelled"}
    # Nobody's telephone goes on ringing: a natural end would have come after 20 s.
    ends = {d["status"] for d in world.evidence().dials}
    assert ends <= {"canceled", "completed"}, ends
