"""The same with the queue off: the client waits for its dial, and is told the truth."""

import json
import os
import signal
import time

import pytest

from world import BUSY, TALKS


@pytest.fixture
def direct(stack):
    """The stack with queue.enabled = false."""
    def switch(value):
        stack.environment["OFFHOOK_QUEUE_ENABLED"] = value
        stack.stop("api")
        stack.up()

    switch("false")
    yield stack
    switch("true")


def test_dialers_die_while_clients_wait(direct, world):
    with world.load([world.number(s) for s in (BUSY, TALKS) * 6], threads=4) as load:
        while load.running():
            time.sleep(1)
            for pid in direct.children("scheduler", "dialer"):
                os.kill(pid, signal.SIGKILL)
    world.verify()
    # Whoever was told 201 has the sid that the carrier knows.
    sids = {d["sid"] for d in world.evidence().dials}
    told = [json.loads(a["body"])["call"]["call_sid"] for a in world.answers if a["status"] == 201]
    assert told and set(told) <= sids


def test_lost_replies_are_not_called_failures(direct, world):
    calls = {s: world.post(world.number(s)) for s in ("0006", "0007")}
    assert {a["status"] for a in world.answers} == {202}
    world.verify()
    assert {world.calls()[c]["status"] for c in calls.values()} == {"completed"}


def test_a_repetition_gets_the_first_answer(direct, world):
    number = world.number(TALKS)
    first = world.post(number)
    for pid in direct.children("api", ": worker"):
        os.kill(pid, signal.SIGKILL)
    assert world.post(number) == first
    world.verify()
