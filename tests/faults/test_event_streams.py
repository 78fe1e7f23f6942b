"""offhook-events dies under load, again and again, and so does its database: every client comes back
where it was, and has every event of its call once and in order."""

import os
import pathlib
import random
import signal
import sys
import time

from stack import eventually

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from sse import Stream  # noqa: E402


def follow(world, call_id):
    return Stream(world.url(f"/calls/{call_id}/events"), world.stack.env["OFFHOOK_CA"],
                  {"X-API-Key": world.key, "Accept": "text/event-stream"}, again=True)


def polled(world, call_id):
    answer = world.session().get(world.url(f"/calls/{call_id}/events"), timeout=15,
                                 headers={"Accept": "application/json"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def follow_calls(world, hurt, count=20):
    """Places calls, follows each while hurt() is called again and again, and holds what came
    against the table."""
    numbers = [world.number(random.choice(("4711", "0001"))) for _ in range(count)]
    streams = {}
    try:
        with world.load(numbers, per_second=10) as load:
            while load.running() or len(streams) < count:
                for call_id in load.calls[len(streams):]:
                    streams[call_id] = follow(world, call_id)
                hurt()
        world.settle()
        world.stack.up()
        for call_id, stream in streams.items():
            whole = polled(world, call_id)
            eventually(lambda: len(stream.frames) >= len(whole), 40,
                       lambda: f"{stream.ids()} of {len(whole)}: {stream.refused[-1:]}")
            assert stream.ids()[:len(whole)] == list(range(1, len(whole) + 1))
            assert stream.frames[:len(whole)] == whole
        return streams.values()
    finally:
        for stream in streams.values():
            stream.close()


def test_the_holder_of_the_streams_is_killed_under_load(stack, world):
    kills = []

    def hurt():
        for pid in stack.children("events", ": streams")[:1]:
            os.kill(pid, signal.SIGKILL)
            kills.append(pid)
        time.sleep(random.uniform(.3, .8))

    streams = follow_calls(world, hurt)
    assert len(set(kills)) >= 3
    assert max(s.opened for s in streams) >= 2
    world.verify()


def test_the_master_is_killed_under_load(stack, world):
    def hurt():
        time.sleep(.7)
        stack.kill("events")
        stack.up()

    streams = follow_calls(world, hurt, 12)
    assert max(s.opened for s in streams) >= 2


def test_the_connection_to_the_database_is_cut_under_load(stack, world):
    """No stream ends for that: what was missed is read when the database is back."""
    def hurt():
        stack.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                   " WHERE application_name = 'offhook-events'")
        time.sleep(random.uniform(.2, .6))

    follow_calls(world, hurt)
    assert stack.children("events", ": streams")
    world.verify()
