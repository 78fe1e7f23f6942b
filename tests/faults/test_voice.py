"""Conversations of the voice daemon, many at once, through nginx with the simulator's callees, while loops,
their master and PostgreSQL are killed, stopped and restarted: whoever is not hit talks to his end, each call has
a truthful outcome, and no turn is told twice or lost."""

import collections
import json
import os
import re
import signal
import time

import pytest

import lossy
from conftest import LARGE
from stack import Stack, children_of, eventually, parent_and_state
from world import World

CALLS = 100 if LARGE else 20
TURNS = 8 if LARGE else 4  # of the agent after its opening
SAYS = ["Good evening, the restaurant.", "For how many people?", "Yes, that is possible.",
        "Under which name?", "And a telephone number?", "I have written it down.", "Is there anything else?",
        "Very well.", "Goodbye."]
DIALOGUE = {"opening": "It is about a table.",
            "turns": [{"say": f"This is sentence {n} about it."} for n in range(1, TURNS)]
            + [{"say": "Thank you. Goodbye.", "end": "success_booked", "summary": "A table was booked."}]}
BEGAN = re.compile(r"offhook-voice\[(\d+)\] (call_\w+): a conversation begins")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    made = Stack({"OFFHOOK_VOICE_TRANSPORT": "stream", "OFFHOOK_VOICE_LOOPS": "2"})
    made.folder.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    script = made.folder.with_name(made.folder.name + "-dialogue.json")
    script.write_text(json.dumps(DIALOGUE))
    script.chmod(0o644)
    made.environment["OFFHOOK_VOICE_SCRIPT"] = str(script)
    try:
        made.up()
        yield made
    finally:
        made.down()
        script.unlink()


@pytest.fixture
def stack(whole):
    whole.up()
    return whole


class Talks(World):
    """A customer whose calls are conversations."""

    def start(self, count=CALLS):
        numbers = [self.number("4711") for _ in range(count)]
        for number in numbers:
            self.stack.rule(to=number, outcome="answer", say=SAYS[:TURNS + 1])
        with self.load(numbers) as load:
            pass
        return load.calls

    def talking(self, count=CALLS):
        """So many calls, all of which talk at once: the agent has been heard."""
        calls = self.start(count)
        eventually(lambda: self.heard(calls) == count, 60,
                   lambda: f"{self.heard(calls)} of {count} calls talk")
        return calls

    def spread(self, loops, count=CALLS):
        """The same, and more of them until each of these loops holds one."""
        calls = self.talking(count)
        for _ in range(10):
            by = self.loop_of()
            if set(loops) <= {by[call] for call in calls}:
                return calls
            calls += self.talking(2)
        raise AssertionError("a loop takes no call")

    def heard(self, calls):
        return self.stack.value("SELECT count(*) FROM calls WHERE call_id = ANY (%s) AND agent_spoke"
                                " AND status = 'in_progress'", calls)

    def loop_of(self):
        """{call: the process that has talked for it}"""
        return {call: int(pid) for pid, call in BEGAN.findall(self.stack.log("voice"))}

    def outcomes(self, calls):
        return collections.Counter(r["what"] for r in self.stack.rows(
            "SELECT concat_ws(' ', status, outcome_type) AS what FROM calls WHERE call_id = ANY (%s)", calls))

    def finish(self, seconds=150):
        self.settle(seconds, hurry=False)
        self.verify()
        assert self.stack.rows(  # of all, those who were hit included
            "SELECT call_id, data::text, count(*) FROM call_events WHERE workspace_id = %s AND event_type ="
            " 'transcript' GROUP BY call_id, data::text HAVING count(*) > 1", self.workspace) == []

    def went_well(self, calls):
        """Each has come to its verdict, and all that the agent said is there, once and in order."""
        assert self.outcomes(calls) == {"completed success_booked": len(calls)}
        said = self.stack.rows(
            "SELECT call_id, json_agg(data->>'text' ORDER BY event_id) AS texts FROM call_events WHERE call_id ="
            " ANY (%s) AND event_type = 'transcript' AND data->>'role' = 'bot' GROUP BY call_id", calls)
        assert len(said) == len(calls)
        wanted = [turn["say"] for turn in DIALOGUE["turns"]]
        assert [r for r in said if r["texts"][1:] != wanted] == []


@pytest.fixture
def world(stack, request):
    return Talks(stack, f"voice-{os.urandom(3).hex()}", 2 * CALLS)


def loops(stack):
    return eventually(lambda: [found for found in [stack.children("voice", "loop")] if len(found) == 2], 20,
                      "there are not two loops")[0]


def test_a_loop_that_is_killed(stack, world):
    """Its calls end, each with an apology; those of the other know nothing of it; it is replaced."""
    before = loops(stack)
    calls = world.spread(before)
    by = world.loop_of()
    hit = [call for call in calls if by[call] == before[0]]
    others = [call for call in calls if by[call] == before[1]]
    os.kill(before[0], signal.SIGKILL)
    eventually(lambda: world.outcomes(hit) == {"completed failed_technical": len(hit)}, 40,
               lambda: world.outcomes(hit))
    assert world.outcomes(others) == {"in_progress": len(others)}
    [new] = set(loops(stack)) - set(before)
    later = world.spread([new], 4)
    world.finish()
    world.went_well(others + later)
    assert world.outcomes(hit) == {"completed failed_technical": len(hit)}


def test_a_master_that_is_killed(stack, world):
    """Its loops finish what they talk about; the next master takes what is new."""
    before = loops(stack)
    calls = world.talking()
    stack.kill("voice")
    stack.up()
    later = world.talking(10)
    assert not {world.loop_of()[call] for call in later} & set(before)
    world.finish()
    world.went_well(calls + later)
    eventually(lambda: not any(parent_and_state(pid)[0] for pid in before), 20, "a loop never ends")


def test_a_sigterm_drains(stack, world):
    """The same with manners. Who is answered while nobody takes streams is told so, and nothing is charged."""
    before = loops(stack)
    calls = world.talking()
    stack.stop("voice", seconds=5)
    alone = world.start(3)
    eventually(lambda: world.outcomes(alone) == {"completed failed_no_agent_available": 3}, 40,
               lambda: world.outcomes(alone))
    stack.up()
    later = world.talking(5)
    assert not {world.loop_of()[call] for call in later} & set(before)
    world.finish()
    world.went_well(calls + later)
    eventually(lambda: not any(parent_and_state(pid)[0] for pid in before), 20, "a loop never ends")


def test_a_loop_that_stands_still_for_a_while(stack, world):
    before = loops(stack)
    calls = world.spread(before)
    os.kill(before[0], signal.SIGSTOP)
    try:
        time.sleep(4)
    finally:
        os.kill(before[0], signal.SIGCONT)
    assert world.outcomes(calls) == {"in_progress": len(calls)}
    world.finish()
    world.went_well(calls)


def test_the_loops_lose_their_backends(stack, world):
    """Again and again, and at last by a kill -9 that takes all backends along."""
    calls = world.talking()
    ours = "FROM pg_stat_activity WHERE application_name = 'offhook-voice'"
    for _ in range(20):
        stack.rows("SELECT pg_terminate_backend(pid) " + ours)
        time.sleep(0.2)
    [victim] = eventually(lambda: stack.rows(f"SELECT pid {ours} LIMIT 1"), 20, "no loop is connected")
    os.kill(victim["pid"], signal.SIGKILL)
    world.finish()
    world.went_well(calls)


def test_postgresql_restarts_at_once(stack, world):
    calls = world.talking()
    stack.stop("postgres", signal.SIGQUIT)
    time.sleep(1)
    stack.up()
    world.finish()
    world.went_well(calls)


def test_an_answer_that_never_comes(stack, world):
    """The statement was done, and the connection drops before its answer: the turn is told once."""
    stack.stop("voice", seconds=5)
    with lossy.database(stack.env["DATABASE_URL"], b"voice_told", 6) as (url, lost), \
            stack.by_hand("voice", OFFHOOK_DATABASE_URL=url) as process:
        eventually(lambda: len(children_of(process.pid, "loop")) == 2, 20, "there are not two loops")
        calls = world.talking(5)
        world.finish()
    world.went_well(calls)
    assert len(lost) == 6
