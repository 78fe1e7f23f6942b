"""Whole conversations of voice models: the real programs between a carrier (mediakit) and stand-ins that are as
strict as the real servers."""

import json
import os
import re
import subprocess
import time
from pathlib import Path

import apikit
import gemini_live
import pytest
import realtime
import wskit
from apikit import CANARY, eventually
from conftest import made
from mediakit import Line, babble
from wskit import Plan

END = ("end_call", {"outcome_type": "success_booked", "summary": "A table was booked."})


@pytest.fixture(scope="module", params=["openai", "gemini"])
def talker(request):
    """(a stack, the stand-in that its agent talks by, its kind)"""
    kind = request.param
    fake = realtime.Realtime() if kind == "openai" else gemini_live.GeminiLive()
    fake.pace = 4
    key = realtime.KEY if kind == "openai" else gemini_live.KEY
    apikit.secrets.add(key)
    url = "openai.realtime_url" if kind == "openai" else "gemini.url"
    for stack in made({"queue.enabled": "true", "queue.cps": 40, "voice.transport": "stream",
                       "voice.engine": kind, f"{kind}.api_key": key, url: fake.url}):
        yield stack, fake, kind
    fake.close()
    assert not fake.faults


def turn(kind, says, ms=600, tool=None):
    if kind == "openai":
        return realtime.Turn(says, ms, tool)
    return gemini_live.Turn(says, ms, [tool] if tool else ())


def turns(call, role="bot"):
    return [one["text"].strip() for one in call["transcript_full"] if one["role"] == role]


def test_a_table_is_booked(talker):
    stack, fake, kind = talker
    fake.dialogue[:] = [turn(kind, "Good evening. A table for two at eight, please."),
                        turn(kind, "Thank you. Goodbye.", tool=END)]
    fake.hears[:] = ["Of course, it is booked."]
    line = Line(stack, stack.customer(cap=10))
    stream = line.stream().wait_open()
    eventually(lambda: stream.first("first_sound"), 10)
    eventually(lambda: len(stream.heard) >= 550 * 8)
    stream.talk()
    assert stream.wait_closed(20)[0] == 1000
    call = line.finish()
    assert call["outcome_type"] == "success_booked"
    assert call["outcome_summary"] == "A table was booked."
    assert turns(call)[-2:] == ["Good evening. A table for two at eight, please.",
                                "Thank you. Goodbye."]
    assert turns(call, "operator") == ["Of course, it is booked."]
    session = fake.sessions[-1]
    told = session.config["instructions"] if kind == "openai" else \
        session.setup["systemInstruction"]["parts"][0]["text"]
    assert CANARY in told  # the brief


def test_hello_at_once_cuts_nothing_off_and_is_answered(talker):
    stack, fake, kind = talker
    who = "Hello. This is an automated assistant calling on behalf of a client."
    fake.dialogue[:] = [turn(kind, who, 4000), turn(kind, "Thank you. Goodbye.", tool=END)]
    fake.hears[:] = ["Hello? Who is there?"]
    line = Line(stack, stack.customer(cap=10))
    stream = line.stream().wait_open()
    stream.talk(800)  # before a word of the agent, and into its first ones
    assert stream.wait_closed(40)[0] == 1000
    call = line.finish()
    assert stream.count("clear") == 0 and len(stream.heard) >= 4500 * 8
    assert turns(call) == [who, "Thank you. Goodbye."]
    assert turns(call, "operator") == ["Hello? Who is there?"]
    assert call["outcome_type"] == "success_booked"


def test_the_callee_interrupts(talker):
    stack, fake, kind = talker
    fake.dialogue[:] = [turn(kind, "Hello."),
                        turn(kind, "This takes a long time to say, and nobody wants it all.", 20000),
                        turn(kind, "Goodbye.", tool=END)]
    line = Line(stack, stack.customer(cap=10))
    stream = line.stream().wait_open()
    eventually(lambda: len(stream.heard) >= 550 * 8)
    stream.talk()
    eventually(lambda: len(stream.heard) >= 8000 * 8)  # who is calling has been heard
    stream.talk()
    assert stream.wait_closed(30)[0] == 1000
    assert stream.count("clear") >= 1
    assert len(stream.heard) < 14000 * 8
    line.finish()
    if kind == "openai":
        cut = [item["truncated"] for item in fake.sessions[-1].items.values() if "truncated" in item]
        assert len(cut) == 1 and 5000 < cut[0] < 12000
        assert not fake.refused


@pytest.mark.parametrize("status", [401, 503])
def test_a_model_that_refuses_leaves_an_apology(talker, status):
    stack, fake, _ = talker
    fake.plans += [Plan(refuse=status, body=json.dumps({"error": wskit.CANARY})) for _ in range(2)]
    line = Line(stack, stack.customer(cap=10))
    stream = line.stream().wait_open()
    stream.say(babble(100))
    assert stream.wait_closed(30)[0] == 1000
    fake.plans.clear()
    call = line.finish()
    assert call["outcome_type"] == "failed_technical"
    assert turns(call) and len(stream.heard) > 8000  # it is said aloud


def test_a_model_that_breaks_off_goes_on(talker):
    stack, fake, kind = talker
    fake.dialogue[:] = [turn(kind, "Good evening."), turn(kind, "Thank you. Goodbye.", tool=END)]
    line = Line(stack, stack.customer(cap=10))
    stream = line.stream().wait_open()
    eventually(lambda: len(stream.heard) >= 550 * 8)
    before = len(fake.sessions)
    fake.loop.call_soon_threadsafe(fake.sessions[-1].socket.transport.abort)
    eventually(lambda: len(fake.sessions) > before)
    eventually(lambda: fake.sessions[-1].updated if kind == "openai" else fake.sessions[-1].complete)
    stream.talk()
    assert stream.wait_closed(20)[0] == 1000
    assert line.finish()["outcome_type"] == "success_booked"


BAD = [("ask_user", {"question": 5}), ("ask_user", {}), ("send_dtmf", {"digits": "call me"}),
       ("send_dtmf", {"digits": "1" * 100}), ("transfer", {"to": ["+12025550177"]}),
       ("transfer", {"to": "+19005550100"}), ("no_such_tool", {"x": None})]


def test_tools_with_bad_arguments(talker):
    """Each goes back to the model, which goes on."""
    stack, fake, kind = talker
    fake.dialogue[:] = [*[turn(kind, "Well.", 200, tool=bad) for bad in BAD],
                        turn(kind, "Goodbye.", tool=("end_call", {
                            "outcome_type": 7, "summary": {"a": 1}, "guests": "x"}))]
    line = Line(stack, stack.customer(cap=10))
    stream = line.stream().wait_open()
    assert stream.wait_closed(60)[0] == 1000
    call = line.finish()
    assert call["outcome_type"] == "success_no_booking"
    assert call["outcome_summary"] == "The agent ended the conversation."
    assert not line.events("ask_user") and not line.events("dtmf")
    assert [d["decision"] for d in call["supervisor_decisions"]] == ["transfer_refused"] * 2


def loop_kib(stack):
    """The most memory that the loop of offhook-voice has had."""
    ours = subprocess.run(["pgrep", "-P", str(stack.pid("voice"))], capture_output=True, text=True, check=True)
    return max(int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])
               for pid in ours.stdout.split())


def sent_s(stream):
    """Seconds of sound that the agent has sent, played or not."""
    return (len(stream.heard) + sum(len(one) for one in list(stream.buffer) if not isinstance(one, str))) / 8000


def test_more_speech_than_anybody_can_hear_is_dropped_not_kept(talker):
    """Two minutes of it at once: the carrier is given thirty seconds ahead, some more wait."""
    stack, fake, kind = talker
    before, fake.pace = loop_kib(stack), 100_000
    try:
        fake.dialogue[:] = [turn(kind, "Good evening. " * 10, 120_000)]
        line = Line(stack, stack.customer(cap=10))
        stream = line.stream().wait_open()
        began = time.monotonic()
        eventually(lambda: sent_s(stream) > 28, 20)
        time.sleep(2)
        assert sent_s(stream) < 31 + time.monotonic() - began
    finally:
        fake.pace = 4
    stream.stop()
    line.hung_up()
    line.client.ended(line.call_id)
    assert loop_kib(stack) - before < (64 << 10 if "asan" in os.environ["OFFHOOK_BUILD"] else 8 << 10)


def test_a_thousand_tools_at_once(talker):
    """They are answered one by one, and the call next to it goes on. Of those in one response of OpenAI's, the
    first eight are looked at."""
    stack, fake, kind = talker
    asked = []

    async def thousand(session):
        asked.append(session)
        for _ in range(100):
            if kind == "gemini":
                await session.call([("transfer", {"to": "+19005550100"})] * 10)
            else:
                for _ in range(10):
                    await session.call(session.running, "transfer", {"to": "+19005550100"})

    fake.plans.append(Plan(moment="reply", deed=thousand))
    fake.dialogue[:] = [turn(kind, "One moment.")]
    line = Line(stack, stack.customer(cap=10))
    stream = line.stream().wait_open()
    looked_at = 1000 if kind == "gemini" else 8
    eventually(lambda: len(line.events("supervisor")) == looked_at, 60)
    if kind == "openai":
        def answered():
            return [json.loads(one["item"]["output"]) for one in asked[0].said
                    if one.get("item", {}).get("type") == "function_call_output"]
        eventually(lambda: len(answered()) == 1000, 60)
        refused = [one for one in answered() if "too many" in one.get("error", "")]
        assert len(refused) == 992
    fake.dialogue[:] = [turn(kind, "Good evening.")]
    other = Line(stack, stack.customer(cap=10))
    healthy = other.stream().wait_open()
    eventually(lambda: healthy.first("first_sound"), 20)
    for one, of in ((stream, line), (healthy, other)):
        one.stop()
        of.hung_up()
        of.client.ended(of.call_id)
