"""GET /calls/{call_id}/transcript-merged and its rebuilding, with and without speech to text."""

import contextlib
import os
import pathlib
import signal
import time

import deepgram
import pytest
from apikit import Client, eventually, name, number, once
from test_reload import children

PATH = "/calls/{}/transcript-merged"


def merged(client, call_id, version=1, seconds=40):
    """The transcript once there is one of that version."""
    def look():
        answer = client.get(PATH.format(call_id))
        if answer.status_code == 202:
            assert answer.json() == {"status": "merger_pending"}
            return None
        assert answer.status_code == 200, answer.text
        return answer.json()["version"] >= version and answer.json()
    return eventually(look, seconds)


def events(client, call_id, kind):
    return [e for e in client.events(call_id) if e["event_type"] == kind]


def check_shape(transcript):
    """What holds of each, whatever it was made of."""
    turns = transcript["turns"]
    for turn, following in zip(turns, [*turns[1:], None]):
        assert 0 <= turn["start_ms"] <= turn["end_ms"] <= transcript["duration_ms"]
        assert turn["speaker"] in ("bot", "operator")
        assert turn["source"] in ("deepgram", "live", "supervisor_stt")
        assert ("words" in turn) == (turn["source"] == "deepgram")
        over = following is not None and turn["end_ms"] > following["start_ms"]
        assert turn.get("overlap_with_next", False) is over
        if following:
            assert turn["start_ms"] <= following["start_ms"]
        last = turn["start_ms"]
        for word in turn.get("words", []):
            assert last <= word["start_ms"] <= word["end_ms"] <= turn["end_ms"]
            assert word["word"] and 0 <= word["confidence"] <= 1
            last = word["end_ms"]


def said(client, call_id, *roles):
    return [e["data"]["text"] for e in events(client, call_id, "transcript")
            if e["data"]["role"] in roles]


@pytest.fixture
def talker(media_stack, stt):
    """A customer; speech to text is as it was afterwards."""
    yield media_stack.customer()
    stt.mishaps.clear()
    stt.gate.set()
    stt.says = ""


def talk(client, stt, words="two words", **more):
    """A finished call; speech to text will hear what the bot says to it."""
    to = number()
    client.stack.rule(to, ring_ms=50, talk_ms=600, say=["Yes, of course, we have a table"])
    with held(stt):
        call_id = client.start(to, brief=f"Please book {words}.", **more)
        client.ended(call_id)
        stt.says = " ".join(said(client, call_id, "bot"))
    return call_id


class held:
    """While this lasts, speech to text lets everybody wait."""

    def __init__(self, stt):
        self.stt = stt

    def __enter__(self):
        self.stt.gate.clear()

    def __exit__(self, *_):
        self.stt.gate.set()


# ---- what it is ----

def test_the_bots_words_get_their_times_from_the_recording(talker, stt):
    before = len(stt.requests)
    call_id = talk(talker, stt, language="en")
    transcript = merged(talker, call_id)
    check_shape(transcript)
    assert transcript["version"] == 1 and transcript["timing_estimated"] is False
    assert isinstance(transcript["calibration_delta_ms"], int)
    assert "estimated_because" not in transcript
    bot = [t for t in transcript["turns"] if t["speaker"] == "bot"]
    assert [t["text"] for t in bot] == said(talker, call_id, "bot")
    assert all(t["source"] == "deepgram" for t in bot)
    words = [w["word"] for t in bot for w in t["words"]]
    assert words == stt.says.split(), "each word once, in its order"
    other = [t for t in transcript["turns"] if t["speaker"] == "operator"]
    assert [t["text"] for t in other] == said(talker, call_id, "operator") != []
    [request] = [r for r in stt.requests[before:]]
    assert request["path"] == "/v1/listen?model=nova-3&punctuate=true&language=en"
    assert request["headers"]["Authorization"] == f"Token {deepgram.KEY}"


def test_it_is_told_of_after_the_recording_and_once(talker, stt):
    call_id = talk(talker, stt)
    merged(talker, call_id)
    kinds = [e["event_type"] for e in talker.events(call_id)]
    assert kinds.count("transcript_ready") == 1
    assert kinds.index("transcript_ready") > kinds.index("recording_ready")
    [event] = events(talker, call_id, "transcript_ready")
    assert event["data"] == {"url": PATH.format(call_id)}


def test_until_then_it_is_202(talker, stt):
    call_id, to = talker.talk()
    assert talker.get(PATH.format(call_id)).status_code == 202
    assert talker.post(PATH.format(call_id) + "/rebuild").status_code == 202
    with held(stt):
        talker.cancel(call_id)
        eventually(lambda: events(talker, call_id, "recording_ready"), 60)
        answer = talker.get(PATH.format(call_id))
        assert answer.status_code == 202 and answer.json() == {"status": "merger_pending"}
        assert answer.headers["Retry-After"]
    check_shape(merged(talker, call_id))


def test_without_a_key_the_times_are_estimated(stack):
    client = stack.customer()
    call_id = client.start()
    client.ended(call_id)
    transcript = merged(client, call_id)
    check_shape(transcript)
    assert transcript["timing_estimated"] is True
    assert transcript["calibration_delta_ms"] is None and "estimated_because" not in transcript
    assert [t["text"] for t in transcript["turns"]] == said(client, call_id, "bot", "operator")
    assert not any(t.get("overlap_with_next") for t in transcript["turns"])


def test_a_recording_that_is_silent_is_no_failure(talker, stt):
    call_id = talk(talker, stt)
    stt.says = ""
    talker.stack.sql("SELECT fn.transcript_rebuild(%s, %s)", talker.workspace, call_id)
    transcript = merged(talker, call_id)
    check_shape(transcript)
    assert [t["text"] for t in transcript["turns"] if t["speaker"] == "bot"] == said(
        talker, call_id, "bot")


def test_words_that_the_bot_did_not_send_are_not_lost(talker, stt):
    call_id = talk(talker, stt)
    merged(talker, call_id)
    stt.says = "Uh " + stt.says.replace("Would", "Could") + " indeed"
    assert talker.post(PATH.format(call_id) + "/rebuild").status_code == 202
    transcript = merged(talker, call_id, 2)
    check_shape(transcript)
    assert [w["word"] for t in transcript["turns"] for w in t.get("words", [])] == stt.says.split()


# ---- whose it is ----

def bytes_of(answer):
    headers = {n.lower(): v for n, v in answer.headers.items() if n.lower() != "date"}
    return answer.status_code, headers, answer.content


def test_it_is_the_owners_alone(talker, stt):
    stack = talker.stack
    call_id = talk(talker, stt)
    merged(talker, call_id)
    foreign = stack.new_workspace()
    same = {"X-Request-Id": "same"}
    for method, suffix in (("GET", ""), ("POST", "/rebuild")):
        absent = Client(stack, talker.key, headers=same).request(
            method, PATH.format("call_" + "0" * 26) + suffix)
        assert absent.status_code == 404
        for key, more in ((stack.new_key("workspace", foreign), {}),
                          (stack.new_key("workspace", foreign, admin=True), {}),
                          (stack.new_key("platform", admin=True), {"X-Workspace-Id": foreign}),
                          (stack.new_key("platform"), {"X-Workspace-Id": name("none")})):
            client = Client(stack, key, headers={**same, **more})
            for one in (call_id, "call_" + "0" * 26, "nonsense"):
                assert bytes_of(client.request(method, PATH.format(one) + suffix)) == bytes_of(
                    absent)
        for client in (stack.client, stack.with_key("wrong")):
            assert client.request(method, PATH.format(call_id) + suffix).status_code == 401
    assert merged(talker, call_id)["version"] == 1
    assert stack.with_key(stack.new_key("platform"), X_Workspace_Id=talker.workspace).get(
        PATH.format(call_id)).status_code == 200


def test_a_key_in_the_query_is_for_recordings_alone(talker, stt):
    assert talker.stack.client.get(PATH.format("x") + f"?api_key={talker.key}").status_code == 401


@pytest.mark.parametrize("digits", ["0001", "0002"])
def test_of_a_call_that_nobody_answered_there_is_none(talker, digits):
    call_id = talker.ended(talker.start(number(digits)))["call_id"]
    for answer in (talker.get(PATH.format(call_id)), talker.post(PATH.format(call_id) + "/rebuild")):
        assert answer.status_code == 404
        assert answer.json() == {"detail": "There is no transcript: nobody answered this call"}


# ---- again ----

def test_building_it_again_makes_one_new_version(talker, stt):
    call_id = talk(talker, stt)
    first = merged(talker, call_id)
    with held(stt):
        for _ in range(3):
            answer = talker.post(PATH.format(call_id) + "/rebuild")
            assert answer.status_code == 202 and answer.json() == {"status": "merger_pending"}
        assert talker.get(PATH.format(call_id)).status_code == 202
    second = merged(talker, call_id, 2)
    assert second == {**first, "version": 2}
    time.sleep(1.5)
    assert merged(talker, call_id)["version"] == 2
    assert len(events(talker, call_id, "transcript_ready")) == 2


# ---- when things go wrong ----

def hurry(stack, call_id):
    """Spares the wait for the next try, or for the lease of one who died."""
    stack.sql("UPDATE transcripts SET check_at = clock_timestamp() WHERE call_id = %s"
              " AND check_at > clock_timestamp()", call_id)


def trouble(stack):
    return [line for line in stack.client.get("/metrics").text.splitlines()
            if line.startswith("offhook_transcripts")]


def test_what_is_away_is_asked_again(talker, stt):
    before = len(stt.requests)
    stt.mishaps += [deepgram.Refusal(503, "Service Unavailable"),
                    deepgram.old_shape(429, "TOO_MANY_REQUESTS"),
                    deepgram.Refusal(200, {"request_id": "only this"})]
    call_id = talk(talker, stt)

    def look():
        hurry(talker.stack, call_id)
        return talker.get(PATH.format(call_id)).status_code == 200
    eventually(look, 40, 0.7)
    transcript = merged(talker, call_id)
    assert transcript["timing_estimated"] is False and "estimated_because" not in transcript
    assert len(stt.requests) == before + 4
    assert len(events(talker, call_id, "transcript_ready")) == 1


@pytest.mark.parametrize("refusal, says", [
    (deepgram.old_shape(401, "INVALID_AUTH"), "Deepgram answered 401 INVALID_AUTH"),
    (deepgram.new_shape(402, "INSUFFICIENT"), "Deepgram answered 402 INSUFFICIENT"),
    (deepgram.Refusal(400, "plain text"), "Deepgram answered 400")])
def test_what_is_refused_is_not_asked_again_and_said(talker, stt, refusal, says):
    before = len(stt.requests)
    stt.mishaps.append(refusal)
    call_id = talk(talker, stt)
    transcript = merged(talker, call_id)
    check_shape(transcript)
    assert transcript["timing_estimated"] is True
    assert transcript["estimated_because"].startswith(says)
    assert len(stt.requests) == before + 1
    assert any("trouble" in line and not line.endswith(" 0") for line in trouble(talker.stack))
    talker.post(PATH.format(call_id) + "/rebuild")
    assert merged(talker, call_id, 2)["timing_estimated"] is False


def test_what_is_away_for_long_is_done_without(talker, stt):
    stt.mishaps += [deepgram.Refusal(500, "")] * 9
    call_id = talk(talker, stt)

    def look():
        hurry(talker.stack, call_id)
        return talker.get(PATH.format(call_id)).status_code == 200
    eventually(look, 60, 0.7)
    transcript = merged(talker, call_id)
    assert transcript["timing_estimated"] is True
    assert transcript["estimated_because"] == "Deepgram answered 500"
    assert not stt.mishaps


def test_one_that_its_mergers_do_not_survive_has_failed_until_it_is_built_again(talker, stt):
    with held(stt):
        call_id = talk_while_held(talker, stt)
        talker.stack.sql("UPDATE transcripts SET attempts = 12, check_at = clock_timestamp()"
                         " WHERE call_id = %s", call_id)
        answer = once(lambda: talker.get(PATH.format(call_id)), 500)
    assert "could not be merged" in answer.json()["detail"]
    assert events(talker, call_id, "transcript_ready") == []
    assert talker.post(PATH.format(call_id) + "/rebuild").status_code == 202
    check_shape(merged(talker, call_id))


def talk_while_held(client, stt):
    """A finished call that speech to text has been asked about and has not answered."""
    before = len(stt.requests)
    call_id = client.start()
    client.ended(call_id)
    stt.says = " ".join(said(client, call_id, "bot"))
    eventually(lambda: len(stt.requests) > before, 40)
    return call_id


def merger(stack):
    for pid in children(stack, "scheduler"):
        with contextlib.suppress(OSError):  # it may just have ended
            if b"merger" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
    return None


def test_a_merger_that_is_killed_loses_nothing_and_does_nothing_twice(talker, stt):
    with held(stt):
        call_id = talk_while_held(talker, stt)
        pid = eventually(lambda: merger(talker.stack))
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: merger(talker.stack) not in (None, pid))
        assert talker.get(PATH.format(call_id)).status_code == 202
    hurry(talker.stack, call_id)
    transcript = merged(talker, call_id)
    check_shape(transcript)
    assert transcript["version"] == 1 and transcript["timing_estimated"] is False
    time.sleep(1)
    assert len(events(talker, call_id, "transcript_ready")) == 1


def test_a_merger_that_was_overtaken_writes_nothing(talker, stt):
    with held(stt):
        call_id = talk_while_held(talker, stt)
        hurry(talker.stack, call_id)  # its lease is taken for run out
        before = len(stt.requests)
        eventually(lambda: len(stt.requests) > before)
    transcript = merged(talker, call_id)
    assert transcript["version"] == 1
    time.sleep(1)
    assert len(events(talker, call_id, "transcript_ready")) == 1


# ---- for the operator ----

def findings(stack, part):
    return [(f["result"], f["text"]) for f in stack.offhook("doctor", status=None)["findings"]
            if f["part"] == part]


def test_the_doctor_looks_at_the_store_and_at_speech_to_text(media_stack, store, stt):
    assert [r for r, _ in findings(media_stack, "store")] == ["ok"]
    assert ("ok", f"{stt.url} takes this key") in findings(media_stack, "speech")
    with store.denied():
        [(result, text)] = findings(media_stack, "store")
        assert result == "fail" and "s3.access_key" in text
    store.stop()
    try:
        [(result, text)] = findings(media_stack, "store")
        assert result == "fail" and "did not answer" in text
    finally:
        store.start()


def test_the_doctor_says_what_is_missing(stack):
    assert findings(stack, "store") == []
    assert [r for r, _ in findings(stack, "speech")] == ["warn"]
