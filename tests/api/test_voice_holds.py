"""Those who do not talk to the agent at once: music on hold, and services that screen calls; between offhook-voice
and the simulator's callee, with other ears that know the words."""

import apikit
import deepgram_live
import pytest
from apikit import number
from conftest import made
from test_voice_line import media

SCREENING = "Please state your name and why you are calling."


@pytest.fixture(scope="module")
def ears():
    fake = deepgram_live.DeepgramLive()
    yield fake
    fake.close()


@pytest.fixture(scope="module")
def stack(ears):
    apikit.secrets.add(deepgram_live.KEY)
    yield from made({"queue.enabled": "true", "queue.cps": 40, "voice.transport": "stream",
                     "voice.hold_seconds": 4, "deepgram.api_key": deepgram_live.KEY,
                     "deepgram.live_url": ears.url})


@pytest.fixture
def client(stack):
    return stack.customer(cap=10)


def talks(client, ears, hears, **rule):
    """A call to a callee of that kind, ended, what the carrier has measured, and what was noticed."""
    to = number()
    ears.hears[:] = hears
    client.stack.rule(to, outcome="answer", **rule)
    call = client.ended(client.start(to, language="en"), 90)
    noticed = [e["data"]["decision"] for e in client.events(call["call_id"])
               if e["event_type"] == "supervisor"]
    return call, media(client.stack, to), noticed


def bot(call):
    return [turn["text"] for turn in call["transcript_full"] if turn["role"] == "bot"]


def stt(call):
    return [turn["text"] for turn in call["transcript_full"] if turn["role"] == "supervisor_stt"]


def test_music_without_end_is_left(client, ears):
    call, line, noticed = talks(client, ears, [""], say=["Never said."], hold_ms=120_000)
    assert (call["status"], call["outcome_type"]) == ("completed", "success_no_booking")
    assert call["outcome_summary"] == "The callee left the agent on hold."
    assert noticed == ["on_hold"] and line["warnings"] == []
    assert line["ended_by"] != "callee"
    assert stt(call) == []
    assert len(bot(call)) == 1 and not any("still there" in text for text in bot(call))


def test_after_music_the_talk_goes_on(client, ears):
    """The music is told for what it is, ends in time, and is neither a machine's beep nor anybody's turn. The
    callee is back at once, so that the ears hear both as one."""
    call, line, noticed = talks(client, ears, ["Yes, it is booked."],
                                say=["Yes, it is booked."], hold_ms=14_000)
    assert (call["status"], call["outcome_type"]) == ("completed", "success_booked")
    assert noticed == ["on_hold"] and line["warnings"] == []
    assert stt(call) == ["Yes, it is booked."]
    opening, thanks = bot(call)
    assert thanks.startswith("Wonderful.")


def test_a_screening_is_answered_and_the_call_goes_on(client, ears):
    call, line, noticed = talks(client, ears, [SCREENING, "Yes, it is booked."],
                                say=[SCREENING, "Yes, it is booked."])
    assert (call["status"], call["outcome_type"]) == ("completed", "success_booked")
    assert noticed == ["call_screening"] and line["warnings"] == []
    opening, again, thanks = bot(call)
    assert opening == again, "who is calling and what for, once more"
    assert thanks.startswith("Wonderful.")
    assert stt(call) == [SCREENING, "Yes, it is booked."]


def test_a_screening_that_asks_at_once_hears_who_is_calling(client, ears):
    call, line, noticed = talks(client, ears, [SCREENING, "Yes, it is booked."],
                                say=[SCREENING, "Yes, it is booked."], first_ms=0)
    assert (call["status"], call["outcome_type"]) == ("completed", "success_booked")
    assert noticed == ["call_screening"] and line["warnings"] == []
    assert any(text.startswith("Hello. This is an automated assistant calling on behalf of a client.")
               for text in bot(call))
