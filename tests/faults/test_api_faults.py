"""Workers and the master of offhook-api die while calls are accepted."""

import os
import random
import signal
import time

from world import BUSY


def test_workers_killed_under_load(stack, world):
    kills = 0
    with world.load([world.number() for _ in range(60)], per_second=30) as load:
        while load.running():
            worker = random.choice(stack.children("api", ": worker") or [0])
            if worker:
                os.kill(worker, signal.SIGKILL)
                kills += 1
            time.sleep(0.15)
    assert kills >= 5
    # Nothing but the killed request is lost; its repetition with the same key is one call.
    assert len(world.failed_tries()) <= 2 * kills, world.failed_tries()
    world.verify()
    assert len(world.calls()) == 60


def test_webhook_workers_killed_while_calls_talk(stack, world):
    numbers = [world.number("4711") for _ in range(15)]
    with world.load(numbers):
        pass
    end = time.monotonic() + 3
    while time.monotonic() < end:
        for worker in stack.children("api", "carrier worker")[:1]:
            os.kill(worker, signal.SIGKILL)
        time.sleep(0.2)
    world.verify()
    assert {c["status"] for c in world.calls().values()} <= {"completed", "failed"}


def test_master_killed_under_load(stack, world):
    with world.load([world.number() for _ in range(50)], per_second=25):
        time.sleep(0.5)
        stack.kill("api")
        time.sleep(0.3)
        stack.up()
    world.verify()
    assert len(world.calls()) == 50


def test_reloads_and_restarts_lose_no_request(stack, world):
    with world.load([world.number() for _ in range(60)], per_second=30) as load:
        while load.running():
            stack.kill("api", signal.SIGHUP)
            time.sleep(0.4)
    assert world.failed_tries() == []
    world.verify()


def test_an_answer_that_never_came_is_given_again(stack, world):
    """The worker is killed once the call is accepted, before the client can read about it."""
    to = world.number(BUSY)
    first = world.post(to)
    for worker in stack.children("api", ": worker"):
        os.kill(worker, signal.SIGKILL)
    assert world.post(to) == first
    world.verify()
    assert len(world.calls()) == 1
