"""Workers kill themselves at every step of a skill's run, and the client comes again with the same
Idempotency-Key: it is told the truth, and nobody is called twice. Needs programs built with
--enable-crash-points."""

import contextlib
import os
import signal
import time

import pytest
import requests

from stack import eventually
from world import TALKS

# The point, whether the queue is on, and what a repetition is told at once and after a minute.
POINTS = [("place.asked", True, "new", None), ("place.accepted", True, "replay", None),
          ("place.asked", False, "new", None),
          ("place.accepted", False, "idempotency_in_progress", "idempotency_state_unknown"),
          ("place.dialed", False, "idempotency_in_progress", "idempotency_state_unknown"),
          ("place.stored", False, "replay", None)]


@pytest.fixture
def crash(stack):
    """Restarts the API so that one worker crashes once at that point; the mark that it leaves."""
    if not stack.has_crash_points():
        pytest.skip("the programs have no crash points")
    plain = dict(stack.environment)

    def arm(point, queue):
        mark = stack.folder / "tmp" / f"crashed.{point}.{queue}"
        mark.unlink(missing_ok=True)
        stack.environment.update(OFFHOOK_CRASH_AT=point, OFFHOOK_CRASH_ONCE=str(mark),
                                 OFFHOOK_QUEUE_ENABLED=str(queue).lower())
        stack.stop("api")
        stack.up()
        return mark

    yield arm
    stack.environment = plain
    stack.stop("api")
    stack.up()


class Runner:
    """Runs one skill with one key, again and again."""

    def __init__(self, world, to):
        self.world, self.to, self.key = world, to, "run-" + to
        self.slots = {"target_phone": to, "request": "Ask for a table for two."}

    def run(self):
        """The answer; None when the connection broke."""
        answer = None
        with contextlib.suppress(requests.RequestException):
            answer = self.world.session().post(
                self.world.url("/skills/concierge/run"), json=self.slots, timeout=30,
                headers={"Idempotency-Key": self.key})
        # A repetition differs in one word, which the checker is not to see.
        self.world.answers.append({
            "key": self.key, "to": self.to, "status": answer and answer.status_code,
            "body": answer and answer.text.replace('"replayed":true', '"replayed":false')})
        return answer

    def told(self):
        """What a repetition is told, in a word."""
        answer = self.run()
        if answer.status_code in (201, 202):
            again = answer.headers.get("Idempotent-Replayed") == "true"
            assert answer.json()["replayed"] is again
            return "replay" if again else "new"
        return answer.json()["detail"]["error_code"]


@pytest.mark.parametrize("point, queue, at_once, later", POINTS)
def test_a_worker_dies_at(point, queue, at_once, later, crash, stack, world):
    runner = Runner(world, world.number(TALKS))
    mark = crash(point, queue)
    first = runner.run()
    assert first is None or first.status_code in (502, 503), first.text
    eventually(mark.exists, 10, f"{point} was never reached")
    assert runner.told() == at_once
    if later is not None:
        # The client looks, as it is told to, and sees the call.
        calls = world.get("/calls?since=2020-01-01T00:00:00Z").json()
        assert [c["target_phone"] for c in calls] == [runner.to]
        stack.rows("UPDATE idempotency_keys SET created_at = created_at - interval '61 s'"
                   " WHERE key = %s", runner.key)
        assert runner.told() == later
    world.verify()
    assert len(world.calls()) == 1
    assert {c["status"] for c in world.calls().values()} == {"completed"}
    assert len([d for d in stack.dials() if d["to"] == runner.to]) == 1


def test_webhook_workers_die_while_bookings_are_made(stack, world):
    """A booking is made with the end of its call, or not at all: never two, never half of one."""
    numbers = [world.number(TALKS) for _ in range(10)]
    with world.load(numbers):
        pass
    end = time.monotonic() + 3
    while time.monotonic() < end:
        for worker in stack.children("api", "carrier worker")[:1]:
            os.kill(worker, signal.SIGKILL)
        time.sleep(0.2)
    world.verify()
    booked = stack.rows("SELECT call_id FROM calls WHERE workspace_id = %s AND outcome_type ="
                        " 'success_booked'", world.workspace)
    made = stack.rows("SELECT call_id FROM bookings WHERE workspace_id = %s", world.workspace)
    assert sorted(r["call_id"] for r in made) == sorted(r["call_id"] for r in booked)
