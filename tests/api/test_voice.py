"""The voice: conversations over the carrier's media stream, whose other end is mediakit."""

import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

import pytest
import requests
from apikit import CANARY, Stack, clean_environment, eventually, number
from conftest import made
from mediakit import Line, Refused, SILENCE, Stream, babble, loudness, sid, tone

SAYS = "This is an automated assistant calling on behalf of a client."
ALLOWED = "+12025550177"
DIALOGUE = {
    "opening": "Press a key, please.",
    "turns": [
        [{"when": "1", "say": "I will ask.", "ask": "Is eight fine?",
          "answered": "My client says: {answer}.", "dropped": "Nobody answers. Goodbye."},
         {"when": "2", "say": "I press.", "press": "12w#"},
         {"when": "3", "say": "I will connect you.", "transfer": ALLOWED},
         {"when": "4", "say": "I will connect you.", "transfer": "+19005550100"},
         {"when": "5", "say": "Booked. Goodbye.", "end": "success_booked",
          "summary": "A table was booked."},
         {"when": "6", "say": "One. Two. Three. Four. Five. Six. Seven. Eight. Nine. Ten. Eleven."
                              " Twelve. Thirteen. Fourteen. Fifteen. Sixteen. Seventeen."},
         {"say": "That is no key of mine. Goodbye.", "end": "success_refused"}],
        {"say": "Good. Goodbye.", "end": "success_booked", "summary": "It was agreed."},
    ]}


@pytest.fixture(scope="module")
def voice_stack():
    """The agent talks over media streams, with its built-in dialogue."""
    yield from made({"queue.enabled": "true", "queue.cps": 40, "voice.transport": "stream"})


@pytest.fixture(scope="module")
def file_stack():
    """The same with a dialogue file, and calls that may last for 40 s."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = pathlib.Path(folder, "dialogue.json")
        path.write_text(json.dumps(DIALOGUE))
        path.chmod(0o644)
        yield from made({"queue.enabled": "true", "queue.cps": 40, "voice.transport": "stream",
                         "voice.script": path, "calls.max_duration_seconds": 40})


@pytest.fixture
def client(voice_stack):
    return voice_stack.customer(cap=100)


@pytest.fixture
def other(file_stack):
    return file_stack.customer(cap=100)


def loops(stack):
    """The processes that hold conversations."""
    text = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True,
                          check=True).stdout
    return [int(line.split()[0]) for line in text.splitlines()
            if "offhook-voice: loop" in line and int(line.split()[1]) == stack.pid("voice")]


def turns(call, role="bot"):
    return [turn["text"] for turn in call["transcript_full"] if turn["role"] == role]


def hears(stream, seconds=20):
    """Until all that the agent had to say has been played, and a little is past."""
    def quiet():
        return stream.played and time.monotonic() - stream.played[-1][0] > 0.6
    eventually(quiet, seconds)


def pressed(stack, client, key, **body):
    """A conversation whose callee has pressed a key."""
    line = Line(stack, client, **body)
    stream = line.stream().wait_open()
    hears(stream)
    stream.press(key)
    return line, stream


# ---- a whole conversation ----

def test_a_call_talks_from_its_answer_to_its_end(voice_stack, client):
    line = Line(voice_stack, client)
    answer = line.answer()
    assert answer.verbs == ["Connect", "Redirect"]
    assert answer.url == voice_stack.media_url(line.call_id) and "?" not in answer.url
    assert re.fullmatch("[0-9a-f]{64}", answer.token)
    stream = line.stream(answer).wait_open()
    eventually(lambda: stream.first("first_sound"), 5)
    assert stream.first("first_sound") < 0.7
    hears(stream)
    stream.talk()
    assert stream.wait_closed(20)[0] == 1000
    call = line.finish()
    assert call["outcome_type"] == "success_no_booking"
    first, last = turns(call)
    assert SAYS in first and CANARY in first and "Goodbye" in last
    at = [turn["at_ms"] for turn in call["transcript_full"]]
    assert at == sorted(at) and at[0] < 1000
    assert loudness(bytes(stream.heard)) > 200


def test_the_turns_are_told_while_the_call_goes_on(voice_stack, client):
    line = Line(voice_stack, client)
    stream = line.stream().wait_open()
    eventually(lambda: line.events("transcript"), 20)
    assert client.status(line.call_id) == "in_progress"
    stream.stop()
    line.hung_up()
    assert client.ended(line.call_id)["outcome_type"] == "success_no_booking"


def test_the_token_is_not_in_the_database(voice_stack, client):
    line = Line(voice_stack, client)
    answer = line.answer()
    [[row]] = voice_stack.sql("SELECT s::text FROM voice_streams s WHERE call_id = %s", line.call_id)
    assert answer.token not in row
    line.hung_up()


# ---- who is refused ----

@pytest.mark.parametrize("odd", ["unsigned", "another_url", "https_url", "garbage"])
def test_a_handshake_without_the_carriers_signature_is_403(voice_stack, client, odd):
    line = Line(voice_stack, client)
    answer = line.answer()
    url = voice_stack.media_url(line.call_id)
    how = {"unsigned": {"unsigned": True},
           "another_url": {"signed": url[:-1] + "x"},
           "https_url": {"signed": "https" + url[3:]},
           "garbage": {"signature": "AAAA"}}[odd]
    with pytest.raises(Refused) as refused:
        line.stream(answer, **how).wait_open()
    assert refused.value.status == 403
    stream = line.stream(answer).wait_open()  # which has cost nothing
    eventually(lambda: stream.first("first_sound"), 5)
    stream.stop()
    line.hung_up()


@pytest.mark.parametrize("path", ["call_x", "call_" + "0" * 25, "task_" + "0" * 26, ""])
def test_a_path_that_names_no_call_is_403(voice_stack, path):
    url = voice_stack.media_url(path)
    stream = Stream(voice_stack, path, sid("CA"), "0" * 64, url=url)
    with pytest.raises(Refused) as refused:
        stream.wait_open()
    assert refused.value.status == 403


def test_a_query_is_refused(voice_stack, client):
    line = Line(voice_stack, client)
    url = voice_stack.media_url(line.call_id) + "?token=1"
    with pytest.raises(Refused) as refused:
        line.stream(url=url, signed=url).wait_open()
    assert refused.value.status == 403
    line.hung_up()


def test_a_request_that_is_no_websocket_is_404(voice_stack, client):
    line = Line(voice_stack, client)
    answer = requests.get(voice_stack.url + f"/twilio/media/{line.call_id}", verify=voice_stack.ca,
                          timeout=10)
    assert answer.status_code == 404
    line.hung_up()


def closes(stream, code=1008):
    stream.wait_open()
    assert stream.wait_closed(15)[0] == code
    assert not stream.count("media")


@pytest.mark.parametrize("odd", [
    {"token": "0" * 64}, {"token": None}, {"call_sid": sid("CA")}, {"account": sid("AC")},
    {"format": {"encoding": "audio/x-alaw", "sampleRate": 8000, "channels": 1}},
    {"format": {"encoding": "audio/x-mulaw", "sampleRate": 16000, "channels": 1}},
], ids=["token", "no_token", "sid", "account", "alaw", "rate"])
def test_a_start_that_is_not_this_calls_is_closed(voice_stack, client, odd):
    line = Line(voice_stack, client)
    answer = line.answer()
    closes(line.stream(answer, **odd))
    stream = line.stream(answer).wait_open()  # the token is still good
    eventually(lambda: stream.first("first_sound"), 5)
    stream.stop()
    line.hung_up()


def test_a_token_is_good_once(voice_stack, client):
    line = Line(voice_stack, client)
    answer = line.answer()
    stream = line.stream(answer).wait_open()
    eventually(lambda: stream.first("first_sound"), 5)
    closes(line.stream(answer))
    assert not stream.over.is_set()
    assert line.answer().verbs == ["Hangup"]  # nor is there a second one
    stream.stop()
    line.hung_up()


def test_a_token_is_good_for_its_call_alone(voice_stack, client):
    one, two = Line(voice_stack, client), Line(voice_stack, client)
    first, second = one.answer(), two.answer()
    closes(one.stream(second))
    closes(two.stream(first))
    one.hung_up()
    two.hung_up()


def test_an_answer_that_is_given_again_brings_another_token(voice_stack, client):
    line = Line(voice_stack, client)
    first, second = line.answer(), line.answer()
    assert first.token != second.token
    closes(line.stream(first))
    stream = line.stream(second).wait_open()
    eventually(lambda: stream.first("first_sound"), 5)
    stream.stop()
    line.hung_up()


def test_a_token_is_good_for_a_minute(voice_stack, client):
    line = Line(voice_stack, client)
    answer = line.answer()
    voice_stack.sql("UPDATE voice_streams SET expires_at = now() WHERE call_id = %s", line.call_id)
    closes(line.stream(answer))
    line.hung_up()


def test_without_a_start_a_socket_is_closed_after_ten_seconds(voice_stack, client):
    line = Line(voice_stack, client)
    began = time.monotonic()
    closes(line.stream(silent=True))
    assert 9.5 < time.monotonic() - began < 13
    line.hung_up()


@pytest.mark.parametrize("text", [
    "{", "[]", '{"event": 1}', '{"event":"media"}', "x" * 20000, b"\x00\x01",
    '{"event":"media","streamSid":"MZ' + "0" * 32
    + '","media":{"track":"inbound","payload":"!!!"}}'],
    ids=["cut", "array", "number", "bare", "long", "binary", "base64"])
def test_what_the_carrier_does_not_send_closes_the_stream_and_no_other(voice_stack, client, text):
    good, bad = Line(voice_stack, client), Line(voice_stack, client)
    healthy = good.stream().wait_open()
    stream = bad.stream().wait_open()
    eventually(lambda: stream.first("first_sound") and healthy.first("first_sound"), 5)
    stream.send_text(text)
    assert stream.wait_closed()[0] == 1008
    assert bad.after().verbs == ["Say", "Hangup"]
    heard = healthy.spoken_ms()
    eventually(lambda: healthy.spoken_ms() > heard + 500, 5)
    healthy.stop()
    good.hung_up()
    bad.hung_up()
    assert client.ended(bad.call_id)["outcome_type"] == "failed_technical"


def test_a_flood_of_strangers_leaves_a_conversation_alone(voice_stack, client):
    line = Line(voice_stack, client)
    stream = line.stream().wait_open()
    eventually(lambda: stream.first("first_sound"), 5)
    strangers = [Stream(voice_stack, line.call_id, line.call_sid, "0" * 64, unsigned=True)
                 for _ in range(100)]
    for one in strangers:
        with pytest.raises(Refused):
            one.wait_open(20)
    assert {one.status for one in strangers} <= {403, 429}
    hears(stream)
    stream.talk()
    assert stream.wait_closed(20)[0] == 1000
    line.finish()


# ---- interruptions ----

def test_an_interruption_clears_and_only_what_was_heard_is_told(voice_stack, client):
    line = Line(voice_stack, client, brief=f"{CANARY} " + "Please tell them all of this. " * 20)
    stream = line.stream().wait_open()
    eventually(lambda: stream.spoken_ms() > 6000, 15)
    assert not stream.count("clear")
    at = time.monotonic() - stream.began
    stream.talk(800)
    eventually(lambda: stream.count("clear"), 3)
    assert stream.first("clear") - at < 0.5
    heard = stream.spoken_ms()
    [turn] = eventually(lambda: line.events("transcript"), 5)
    assert turn["text"].endswith("…") and SAYS in turn["text"]
    assert heard * 0.5 < len(turn["text"]) * 65 < heard * 2
    eventually(lambda: stream.spoken_ms() > heard + 2000, 20)  # it goes on from there
    stream.stop()
    eventually(lambda: len(line.events("transcript")) == 2, 5)
    line.hung_up()
    call = client.ended(line.call_id)
    assert len(turns(call)) == 2 and not turns(call)[1].startswith("Hello")


def test_who_is_calling_is_heard_whatever_the_callee_says(voice_stack, client):
    line = Line(voice_stack, client)
    stream = line.stream().wait_open()
    eventually(lambda: stream.first("first_sound"), 5)
    stream.talk(1500)
    eventually(lambda: stream.spoken_ms() > 3500, 10)
    assert not stream.count("clear")
    stream.stop()
    line.hung_up()


def test_marks_come_in_order_behind_the_sound(voice_stack, client):
    line = Line(voice_stack, client)
    stream = line.stream().wait_open()
    hears(stream)
    kinds = [kind for _, kind, _ in stream.log if kind in ("media", "mark")]
    assert kinds[0] == "media" and kinds[-1] == "mark"
    sent = [value for _, kind, value in stream.log if kind == "mark"]
    assert sent == stream.marks and len(sent) == len(set(sent)) > 3
    stream.stop()
    line.hung_up()


def test_without_marks_a_call_goes_on_by_the_clock(voice_stack, client):
    line = Line(voice_stack, client)
    stream = line.stream(markless=True).wait_open()
    hears(stream)
    time.sleep(1)
    stream.talk()
    assert stream.wait_closed(30)[0] == 1000
    assert SAYS in turns(line.finish())[0]


# ---- a peer that is slow ----

def test_a_carrier_that_takes_nothing_costs_only_its_own_call(voice_stack, client):
    slow = Line(voice_stack, client, brief=f"{CANARY} " + "A long brief. " * 200)
    stream = slow.stream(deaf=True).wait_open()
    line = Line(voice_stack, client)
    healthy = line.stream().wait_open()
    eventually(lambda: healthy.first("first_sound"), 5)
    assert healthy.first("first_sound") < 0.7
    hears(healthy)
    healthy.stop()
    line.hung_up()
    [loop] = loops(voice_stack)
    status = pathlib.Path(f"/proc/{loop}/status").read_text()
    assert int(re.search(r"VmRSS:\s+(\d+)", status)[1]) < 300000
    stream.odd["deaf"] = False
    eventually(lambda: stream.first("first_sound"), 10)
    stream.stop()
    slow.hung_up()


# ---- silence, machines, music ----

def test_silence_is_asked_about_and_ends_the_call(voice_stack, client):
    line = Line(voice_stack, client)
    stream = line.stream().wait_open()
    assert stream.wait_closed(60)[0] == 1000
    call = line.finish()
    assert call["outcome_type"] == "success_no_booking"
    said = turns(call)
    assert sum("did not hear" in text for text in said) == 2
    at = [turn["at_ms"] for turn in call["transcript_full"]]
    assert at[1] - at[0] > 8000


@pytest.mark.parametrize("by", ["machine_start", "machine_end_beep", "fax"])
def test_a_machine_ends_the_call_when_there_is_no_message(voice_stack, client, by):
    line = Line(voice_stack, client)
    stream = line.stream(line.answer(AnsweredBy=by)).wait_open()
    assert stream.wait_closed(10)[0] == 1000
    assert not stream.heard
    call = line.finish()
    assert (call["status"], call["outcome_type"]) == ("completed", "failed_voicemail")
    assert call["outcome_charge_cents"] == 0
    [noted] = line.events("supervisor")
    assert noted["decision"] == "voicemail"
    assert [d["decision"] for d in call["supervisor_decisions"]] == ["voicemail"]


def with_message(stack, client):
    answer = client.request("PATCH", f"/api/v1/config/workspace/{client.workspace}",
                            json={"voice": {"voicemail_message": "Please call Ada back."}})
    assert answer.status_code == 200, answer.text


def test_a_machine_is_told_the_message_after_its_beep(voice_stack, client):
    with_message(voice_stack, client)
    line = Line(voice_stack, client)
    stream = line.stream(line.answer(AnsweredBy="machine_start")).wait_open()
    stream.say(babble(2500) + SILENCE * 5 + tone(1000, 400) + SILENCE * 20)
    time.sleep(2.5)
    assert not stream.heard
    assert stream.wait_closed(20)[0] == 1000
    call = line.finish()
    assert turns(call) == ["Please call Ada back."]
    assert call["outcome_type"] == "failed_voicemail" and "message" in call["outcome_summary"]


def test_a_beep_gives_a_machine_away(voice_stack, client):
    with_message(voice_stack, client)
    line = Line(voice_stack, client)
    stream = line.stream().wait_open()
    stream.say(babble(2000) + SILENCE * 5 + tone(1400, 500) + SILENCE * 20)
    assert stream.wait_closed(20)[0] == 1000
    call = line.finish()
    assert call["outcome_type"] == "failed_voicemail"
    assert turns(call)[-1] == "Please call Ada back."


def test_late_word_of_a_machine_is_heeded(voice_stack, client):
    line = Line(voice_stack, client)
    stream = line.stream().wait_open()
    eventually(lambda: stream.first("first_sound"), 5)
    voice_stack.hook(f"/twilio/amd/{line.call_id}?attempt={line.attempt}",
                     line.form(AnsweredBy="machine_end_other"))
    assert stream.wait_closed(10)[0] == 1000
    assert line.finish()["outcome_type"] == "failed_voicemail"


def test_music_is_no_conversation(voice_stack, client):
    line = Line(voice_stack, client)
    stream = line.stream().wait_open()
    hears(stream)
    stream.say(tone(440, 20) + b"".join(tone(330 + 40 * (i % 7), 200, 9000) for i in range(70)))
    noted = eventually(lambda: [e for e in line.events("supervisor")
                                if e["decision"] == "on_hold"], 25)
    assert noted and not stream.over.is_set()
    stream.stop()
    line.hung_up()


# ---- tools ----

def test_a_question_waits_for_its_answer_which_is_spoken(file_stack, other):
    line, stream = pressed(file_stack, other, "1")
    [asked] = eventually(lambda: line.events("ask_user"), 10)
    assert asked["message"] == "Is eight fine?"
    assert asked["answer_url"].endswith(f"/calls/{line.call_id}/answer")
    answer = other.post(f"/calls/{line.call_id}/answer",
                        {"request_id": asked["request_id"], "answer": "Eight is fine"})
    assert answer.json()["delivered"] is True
    [spoken] = eventually(lambda: line.events("answer_spoken"), 10)
    assert spoken["request_id"] == asked["request_id"]
    hears(stream)
    stream.talk()
    assert stream.wait_closed(20)[0] == 1000
    call = line.finish()
    assert call["outcome_type"] == "success_booked"
    assert "My client says: Eight is fine." in turns(call)


def test_an_answer_in_silence_is_gone_by(file_stack, other):
    line, stream = pressed(file_stack, other, "1")
    eventually(lambda: line.events("ask_user"), 10)
    other.post(f"/calls/{line.call_id}/answer", {"answer": "Eight is fine", "mode": "context"})
    hears(stream)
    eventually(lambda: line.events("answered"), 5)
    stream.talk()
    assert stream.wait_closed(20)[0] == 1000
    call = line.finish()
    assert not line.events("answer_spoken")
    assert not any("Eight is fine" in text for text in turns(call))


def test_who_waits_is_told_so(file_stack, other):
    line, stream = pressed(file_stack, other, "1")
    eventually(lambda: any("patience" in e["text"] for e in line.events("transcript")), 30)
    assert not stream.over.is_set()
    stream.stop()
    line.hung_up()
    other.ended(line.call_id)
    [dropped] = line.events("answer_dropped")
    assert dropped["reason"] == "call_ended"


def power(sound, hertz):
    """How much of a frequency is in mu-law sound (Goertzel)."""
    import math
    from mediakit import linear
    turn = 2 * math.cos(2 * math.pi * hertz / 8000)
    one = two = 0.0
    for byte in sound:
        one, two = linear(byte) + turn * one - two, one
    return one * one + two * two - turn * one * two


def keys_in(sound):
    """The keys whose tones are in the sound, 50 ms a look."""
    low, high = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
    names = ["123A", "456B", "789C", "*0#D"]
    found, last = "", None
    for at in range(0, len(sound) - 400, 200):
        part = bytes(sound[at:at + 400])
        total = sum((linear_of(b)) ** 2 for b in part) or 1
        rows, columns = [power(part, f) for f in low], [power(part, f) for f in high]
        strong = max(rows) > 60 * total and max(columns) > 60 * total
        key = names[rows.index(max(rows))][columns.index(max(columns))] if strong else None
        if key and key != last:
            found += key
        last = key
    return found


def linear_of(byte):
    from mediakit import linear
    return linear(byte)


def test_keys_are_pressed_as_tones(file_stack, other):
    line, stream = pressed(file_stack, other, "2")
    out = eventually(lambda: [e for e in line.events("dtmf") if e["direction"] == "out"], 10)
    assert out == [{"digits": "12w#", "direction": "out"}]
    eventually(lambda: keys_in(stream.heard).endswith("12#"), 10)
    [pressed_in] = [e for e in line.events("dtmf") if e["direction"] == "in"]
    assert pressed_in["digits"] == "2"
    stream.stop()
    line.hung_up()


def test_a_callee_is_connected_with_an_allowed_number_alone(file_stack, other):
    answer = other.request("PATCH", f"/api/v1/config/workspace/{other.workspace}",
                           json={"voice": {"transfer_numbers": [ALLOWED]}})
    assert answer.status_code == 200
    line, stream = pressed(file_stack, other, "3")
    assert stream.wait_closed(20)[0] == 1000
    after = line.after()
    assert after.verbs == ["Dial", "Hangup"]
    dial = after.root.find("Dial")
    assert dial.text == ALLOWED and dial.get("callerId") == "+15005550006"
    assert 1 <= int(dial.get("timeLimit")) <= 40
    assert line.after().verbs == ["Hangup"]  # once
    line.hung_up()
    call = other.ended(line.call_id)
    assert call["outcome_type"] == "success_no_booking" and "connected" in call["outcome_summary"]


@pytest.mark.parametrize("key", ["3", "4"])
def test_another_number_is_refused(file_stack, other, key):
    line, stream = pressed(file_stack, other, key)
    eventually(lambda: [e for e in line.events("supervisor")
                        if e["decision"] == "transfer_refused"], 10)
    stream.stop()
    assert line.after().verbs == ["Say", "Hangup"]
    line.hung_up()


def test_the_end_has_its_outcome(file_stack, other):
    line, stream = pressed(file_stack, other, "5")
    assert stream.wait_closed(20)[0] == 1000
    assert line.after().verbs == ["Hangup"]
    line.hung_up()
    call = other.ended(line.call_id)
    assert (call["outcome_type"], call["outcome_summary"]) == (
        "success_booked", "A table was booked.")
    assert "Booked. Goodbye." in turns(call)


def test_the_time_of_a_call_ends_it_with_a_goodbye(file_stack, other):
    line, stream = pressed(file_stack, other, "1")
    assert stream.wait_closed(60)[0] == 1000
    call = line.finish()
    assert call["outcome_type"] == "success_no_booking"
    assert "time" in turns(call)[-1]
    assert stream.log[-1][0] < 40


# ---- ends ----

def test_a_line_that_breaks_off_is_an_apology_and_a_technical_failure(voice_stack, client):
    before = client.usage()
    line = Line(voice_stack, client)
    stream = line.stream().wait_open()
    eventually(lambda: stream.first("first_sound"), 5)
    stream.drop()
    stream.over.wait(5)
    after = line.after()
    assert after.verbs == ["Say", "Hangup"] and "technical" in after.root.findtext("Say")
    line.hung_up()
    call = client.ended(line.call_id)
    assert call["outcome_type"] == "failed_technical" and call["outcome_charge_cents"] == 0
    assert client.usage() == before


def test_a_stream_that_never_began_is_no_agent(voice_stack, client):
    line = Line(voice_stack, client)
    line.answer()
    assert line.after().verbs == ["Say", "Hangup"]
    line.hung_up()
    assert client.ended(line.call_id)["outcome_type"] == "failed_no_agent_available"


def test_a_cancelled_call_is_quiet_at_once(voice_stack, client):
    line = Line(voice_stack, client)
    stream = line.stream().wait_open()
    eventually(lambda: stream.first("first_sound"), 5)
    assert client.cancel(line.call_id) is True
    assert stream.wait_closed(5)[0] == 1000


def test_no_sound_of_the_callee_is_kept(voice_stack, client):
    line = Line(voice_stack, client)
    stream = line.stream().wait_open()
    hears(stream)
    stream.talk()
    stream.wait_closed(20)
    line.finish()
    assert not list(pathlib.Path(voice_stack.folder, "data").rglob("*.wav"))


# ---- restarts and crashes ----

def test_a_reload_lets_conversations_finish_and_new_ones_begin(voice_stack, client):
    line = Line(voice_stack, client)
    stream = line.stream().wait_open()
    eventually(lambda: stream.first("first_sound"), 5)
    [old] = loops(voice_stack)
    voice_stack.kill("voice", signal.SIGHUP)
    eventually(lambda: len(set(loops(voice_stack)) | {old}) == 2, 10)
    second = Line(voice_stack, client)
    other_stream = second.stream().wait_open()
    eventually(lambda: other_stream.first("first_sound"), 5)
    hears(stream)
    stream.talk()
    assert stream.wait_closed(20)[0] == 1000
    assert line.finish()["outcome_type"] == "success_no_booking"
    eventually(lambda: loops(voice_stack) and old not in loops(voice_stack), 10)
    other_stream.stop()
    second.hung_up()


def test_a_restart_lets_conversations_finish(voice_stack, client):
    line = Line(voice_stack, client)
    stream = line.stream().wait_open()
    eventually(lambda: stream.first("first_sound"), 5)
    [old] = loops(voice_stack)
    voice_stack.stop("voice")
    voice_stack.up()
    assert old not in loops(voice_stack)
    second = Line(voice_stack, client)
    other_stream = second.stream().wait_open()
    eventually(lambda: other_stream.first("first_sound"), 5)
    hears(stream)
    stream.talk()
    assert stream.wait_closed(20)[0] == 1000
    assert line.finish()["outcome_type"] == "success_no_booking"
    eventually(lambda: not pathlib.Path(f"/proc/{old}").exists(), 10)
    other_stream.stop()
    second.hung_up()


def test_a_loop_that_is_killed_ends_its_calls_truthfully(voice_stack, client):
    before = client.usage()
    lines = [Line(voice_stack, client) for _ in range(5)]
    streams = [line.stream().wait_open() for line in lines]
    for stream in streams:
        eventually(lambda s=stream: s.first("first_sound"), 5)
    [loop] = loops(voice_stack)
    os.kill(loop, signal.SIGKILL)
    for stream in streams:
        assert stream.over.wait(10)
    for line in lines:
        assert line.after().verbs == ["Say", "Hangup"]
        line.hung_up()
        call = client.ended(line.call_id)
        assert (call["status"], call["outcome_type"]) == ("completed", "failed_technical")
    assert client.usage() == before
    line = Line(voice_stack, client)
    stream = line.stream().wait_open()
    eventually(lambda: stream.first("first_sound"), 5)
    stream.stop()
    line.hung_up()


def test_an_engine_that_is_not_there_is_refused_at_start(voice_stack):
    program = pathlib.Path(voice_stack.env["OFFHOOK_BIN"], "offhook-voice")
    done = subprocess.run([program, "--config", voice_stack.env["OFFHOOK_CONF"]],
                          env={**clean_environment(), "OFFHOOK_VOICE_SCRIPT": "/nowhere.json"},
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "/nowhere.json is no dialogue" in done.stderr
