"""The teller dies, is stopped and is killed at every step while customers are told of their calls:
each event arrives at least once under its one id, and none is lost."""

import os
import pathlib
import signal
import sys
import time

import pytest

from stack import eventually
from world import BUSY

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "api"))

from receiver import Receiver  # noqa: E402


@pytest.fixture
def receiver(stack):
    made = Receiver(stack.folder / "tls")
    yield made
    made.close()


@pytest.fixture
def told(world, receiver):
    """The world's customer with a webhook; its path."""
    path = "/" + world.workspace
    answer = world.session().put(world.url("/users/me/webhook"), json={"url": receiver.url(path)},
                                 timeout=15)
    assert answer.status_code == 200, answer.text
    return path


def hurry(world):
    """Spares the wait for the leases of the dead."""
    world.stack.rows("UPDATE webhook_deliveries SET next_at = clock_timestamp() WHERE workspace_id = %s"
                     " AND state = 'pending' AND next_at > clock_timestamp() + interval '11 s'"
                     " AND next_at < clock_timestamp() + interval '18 s'", world.workspace)


def all_arrived(world, receiver, path, seconds=60):
    """How many events the customer has been told of, once nothing is left to be told; the checker, which world
    asks at the end, sees whether that is all."""
    def open_ones():
        hurry(world)
        return world.stack.value("SELECT count(*) FROM webhook_deliveries WHERE workspace_id = %s"
                                 " AND state = 'pending'", world.workspace)
    world.settle()
    eventually(lambda: open_ones() == 0, seconds, "not all were delivered")
    world.hear(receiver.at(path))
    return len({m["id"] for m in world.messages})


def test_the_teller_killed_under_load(stack, world, receiver, told):
    receiver.answers[told] = lambda _: time.sleep(0.05) or 204
    with world.load([world.number(BUSY) for _ in range(60)], per_second=20):
        for _ in range(6):
            os.kill(stack.child("scheduler", "teller"), signal.SIGKILL)
            time.sleep(0.4)
    assert all_arrived(world, receiver, told) >= 60
    world.verify()


@pytest.mark.parametrize("point", ["tell.leased", "tell.sent"])
def test_the_teller_killed_between_its_steps(point, stack, world, receiver, told):
    if not stack.has_crash_points():
        pytest.skip("this build has no crash points")
    once = stack.folder / "tmp" / f"crashed-{os.urandom(4).hex()}"
    with stack.without_scheduler():
        with stack.scheduler(OFFHOOK_CRASH_AT=point + ":3", OFFHOOK_CRASH_ONCE=str(once)):
            with world.load([world.number(BUSY) for _ in range(20)]):
                pass
            eventually(once.exists, 20, "it never came to that point")
            assert all_arrived(world, receiver, told) >= 20
    world.verify()


def test_the_database_dies_while_customers_are_told(stack, world, receiver, told):
    receiver.answers[told] = lambda _: time.sleep(0.05) or 204
    with world.load([world.number(BUSY) for _ in range(30)], per_second=20):
        time.sleep(1)
        stack.kill("postgres", signal.SIGQUIT)
        time.sleep(0.5)
        stack.up()
    assert all_arrived(world, receiver, told) >= 30
    world.verify()


def test_an_endpoint_that_is_mad_loses_nothing(stack, world, receiver, told):
    """Hangs, closes early and answers anything but 2xx, by turns; then it is well again."""
    turns = iter(["hang", "close", 500, 404, 302, 503, 429] * 6)
    receiver.answers[told] = lambda _: next(turns, 204)
    with world.load([world.number(BUSY) for _ in range(12)]):
        pass
    eventually(lambda: len(receiver.at(told)) >= 12, 30, "nothing was tried")
    world.stack.rows("UPDATE webhook_deliveries SET next_at = clock_timestamp() + random() *"
                     " interval '3 s' WHERE workspace_id = %s AND state = 'pending'", world.workspace)
    turns = iter([])
    assert all_arrived(world, receiver, told) >= 12
    world.verify()
