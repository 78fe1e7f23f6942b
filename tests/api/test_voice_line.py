"""The whole line: calls that Offhook has placed, through nginx and TLS, between offhook-voice with its
built-in agent and the simulator's callee, who hears and speaks over the carrier's media stream."""

import pytest
from apikit import eventually, number
from conftest import made


@pytest.fixture(scope="module")
def stack():
    yield from made({"queue.enabled": "true", "queue.cps": 40, "voice.transport": "stream"})


@pytest.fixture
def client(stack):
    return stack.customer(cap=10)


def media(stack, to):
    """What the carrier has measured of the one call to a number, once it is over."""
    [call] = stack.dials(to)
    return eventually(lambda: [m for m in [stack.get_sim(f"/sim/calls/{call['sid']}/media")]
                               if m["ended_by"]])[0]


def talks(client, to, **rule):
    """A call to a callee of that kind, ended, and what the carrier has measured of it."""
    client.stack.rule(to, **rule)
    call = client.ended(client.start(to), 60)
    assert call["status"] == "completed", call
    return call, media(client.stack, to)


def test_a_conversation(client):
    call, line = talks(client, number(), outcome="answer", say=["Hello?", "Yes, of course."])
    assert line["warnings"] == [] and line["agent_turns"]
    assert call["transcript_full"][0]["role"] == "bot"
    assert call["transcript_full"][0]["text"].startswith("Hello. This is an automated assistant")


@pytest.mark.alone
def test_the_first_word_and_the_silence_after_an_interruption(client):
    _, line = talks(client, number(), outcome="answer", say=["Hello?", "Excuse me, who is there?"],
                    interrupt_ms=6000)
    assert line["first_word_us"] < 700_000
    [silent] = [t["silence_us"] for t in line["turns"] if t["interrupts"]]
    assert silent < 1_000_000  # the goal of 100 ms is a benchmark's, on a quiet machine


def test_a_callee_who_hangs_up(client):
    call, line = talks(client, number(), outcome="answer", say=["No, thank you."], leaves=True)
    assert line["warnings"] == []
    assert call["outcome_type"] in ("success_no_booking", "failed_short_hangup")
