"""offhook-events dies under load, again and again, and so does its database: every client comes back
where it was, and has every event of its call once and in order."""

import os
import pathlib
import random
import signal
import sys
import time

from conftest import LARGE
from stack import eventually

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from sse import Stream  # noqa: E402


def follow(world, call_id, pause_s=1):
    return Stream(world.url(f"/calls/{call_id}/events"), world.stack.env["OFFHOOK_CA"],
                  {"X-API-Key": world.key, "Accept": "text/event-stream"}, again=True, pause_s=pause_s)


def polled(world, call_id):
    answer = world.session().get(world.url(f"/calls/{call_id}/events"), timeout=15,
                                 headers={"Accept": "application/json"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def follow_calls(world, hurt, count=20, times=0, pause_s=1):
    """Places calls, follows each while hurt() is called with the streams again and again, so often at least, and holds
    what came against the table."""
    numbers = [world.number(random.choice(("4711", "0001"))) for _ in range(count)]
    streams = {}
    try:
        with world.load(numbers, per_second=10) as load:
            hurts = 0
            while load.running() or len(streams) < count or hurts < times:
                for call_id in load.calls[len(streams):]:
                    streams[call_id] = follow(world, call_id, pause_s)
                hurt(streams.values())
                hurts += 1
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

    def hurt(_streams):
        for pid in stack.children("events", ": streams")[:1]:
            os.kill(pid, signal.SIGKILL)
            kills.append(pid)
        time.sleep(random.uniform(.3, .8))

    streams = follow_calls(world, hurt)
    assert len(set(kills)) >= 3
    assert max(s.opened for s in streams) >= 2
    world.verify()


def test_the_master_is_killed_under_load(stack, world):
    def hurt(_streams):
        time.sleep(.7)
        stack.kill("events")
        stack.up()

    streams = follow_calls(world, hurt, 12)
    assert max(s.opened for s in streams) >= 2


def test_the_connection_to_the_database_is_cut_under_load(stack, world):
    """No stream ends for that: what was missed is read when the database is back."""
    def hurt(_streams):
        stack.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                   " WHERE application_name = 'offhook-events'")
        time.sleep(random.uniform(.2, .6))

    follow_calls(world, hurt)
    assert stack.children("events", ": streams")
    world.verify()


def test_connections_break_off_again_and_again(stack, world):
    """At any place of what is being told; ten thousand times in large."""
    def hurt(streams):
        for stream in streams:
            stream.cut()
        time.sleep(random.uniform(.1, .4))

    streams = follow_calls(world, hurt, 40, 350 if LARGE else 8, pause_s=0.05)
    resumed = sum(s.opened - 1 for s in streams)
    print(f"{resumed} streams were taken up again")
    assert resumed >= (10000 if LARGE else 40)
    assert [s.refused for s in streams if s.refused] == []
