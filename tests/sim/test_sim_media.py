"""The media streams of offhook-sim: what it sends, when, what it accepts, who the callee is, and
what it tells of it afterwards. The agent is a script in this file."""

import array
import asyncio
import base64
import http
import io
import json
import re
import statistics
import subprocess
import time
import wave

import pytest
import requests

import streamkit
import simkit
from streamkit import connect, tone
from simkit import ACCOUNT, API, HANGUP, eventually

TO = "+14155550100"
SILENCE = 0xff


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("tls")
    streamkit.make_certificates(where)
    return where


@pytest.fixture
def media(folder):
    server = streamkit.Media(folder)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def sim(folder, tmp_path_factory):
    running = simkit.Sim(tmp_path_factory.mktemp("sim"), "--ca-file", str(folder / "ca.pem"))
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def no_rules(sim):
    requests.delete(sim.url + "/sim/rules")


def told(sim, sid):
    answer = requests.get(f"{sim.url}/sim/calls/{sid}/media")
    assert answer.status_code == 200, answer.text
    return answer.json()


def over(sim, sid):
    """What is told of a stream once it is over."""
    def said():
        answer = requests.get(f"{sim.url}/sim/calls/{sid}/media")
        return answer.status_code == 200 and answer.json()["state"] == "over" and answer.json()

    return eventually(said, 20)


def tape(sim, sid):
    """(the callee's samples, the agent's)"""
    answer = requests.get(f"{sim.url}/sim/calls/{sid}/media.wav")
    assert answer.status_code == 200, answer.text
    with wave.open(io.BytesIO(answer.content)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8000)
        samples = array.array("h", file.readframes(file.getnframes()))
    return samples[0::2], samples[1::2]


def loud(samples):
    return [abs(s) > 1000 for s in samples]


def frames(count):
    async def script(line):
        await line.until(lambda: len(line.of("media")) >= count)
    return script


def talks_until_hung_up(seconds=0.4):
    """An agent that says something, and then waits for the end."""
    async def script(line):
        await line.say(tone(seconds))
        await line.socket.wait_closed()
    return script


def call(sim, hooks, media, script, to=TO, inside="", rest="<Hangup/>", attributes="", **more):
    media.script = script
    hooks.answers["/v"] = connect(media.url + "/media/c1", inside, rest, attributes)
    return sim.call(to, hooks.url + "/v", **more)


# --- what it sends ---


def test_the_messages_of_a_stream(sim, hooks, media):
    sid = call(sim, hooks, media, frames(10), inside='<Parameter name="token" value="a&quot;b\\"/>'
               '<Parameter name="x" value=""/>')
    line = media.line()
    assert sim.ended(sid)["status"] == "completed"
    assert line.path == "/media/c1"
    assert line.messages[0] == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    stream = line.sid
    assert re.fullmatch("MZ[0-9a-f]{32}", stream)
    assert line.messages[1] == {
        "event": "start", "sequenceNumber": "1", "streamSid": stream,
        "start": {"streamSid": stream, "accountSid": ACCOUNT, "callSid": sid, "tracks": ["inbound"],
                  "customParameters": {"token": 'a"b\\', "x": ""},
                  "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}}}
    assert len(line.messages) >= 12
    for number, message in enumerate(line.messages[2:], 1):
        payload = message["media"]["payload"]
        assert message == {
            "event": "media", "sequenceNumber": str(number + 1), "streamSid": stream,
            "media": {"track": "inbound", "chunk": str(number), "timestamp": str(20 * (number - 1)),
                      "payload": payload}}
        assert len(payload) == 216 and len(base64.b64decode(payload)) == 160
    assert set(line.heard()) == {SILENCE}
    # Our side has closed: the next verb ran, and nobody said stop.
    assert told(sim, sid)["ended_by"] == "server"
    assert told(sim, sid)["parameters"] == {"token": 'a"b\\', "x": ""}
    assert told(sim, sid)["close_code"] == 1000
    assert not sim.errors(sid)


def test_what_follows_a_stream_is_obeyed(sim, hooks, media):
    call(sim, hooks, media, frames(2), rest='<Redirect>/next</Redirect>')
    hooks.answers["/next"] = HANGUP
    line = media.line()
    assert len(hooks.wait("/next")) == 1
    assert not line.of("stop")


def drift(line, count, begin=0):
    """How much later than by 20 ms a frame the last of count frames came than those from begin on: of
    the most punctual of thirty each, since anything may be late once."""
    late = [t - number * 0.020 for number, t in enumerate(
        t for m, t in zip(line.messages, line.times) if m["event"] == "media")]
    return min(late[count - 30:count]) - min(late[begin:begin + 30])


@pytest.mark.alone
def test_a_frame_every_20_ms_without_drift(sim, hooks, media):
    sid = call(sim, hooks, media, frames(250))
    line = media.line()
    sim.ended(sid)
    times = [t for m, t in zip(line.messages, line.times) if m["event"] == "media"]
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert statistics.median(gaps) == pytest.approx(0.020, abs=0.002)
    assert max(gaps) < 0.060
    assert drift(line, 250) == pytest.approx(0, abs=0.010)
    said = told(sim, sid)
    assert said["sent_frames"] >= 250
    assert said["worst_late_us"] < 20000


# --- what is played ---


@pytest.mark.alone
def test_a_mark_comes_back_when_its_sound_has_been_played(sim, hooks, media):
    sent = {}

    async def script(line):
        await line.send("mark", mark={"name": "nothing before"})
        await line.until(lambda: line.marks())
        sent["first"] = time.monotonic()
        await line.say(tone(0.5), "half")
        await line.say(tone(0.3), "more \u00e9\"")
        await line.until(lambda: len(line.marks()) == 3)

    sid = call(sim, hooks, media, script)
    line = media.line()
    over(sim, sid)
    assert line.marks() == ["nothing before", "half", "more \u00e9\""]
    mark = line.of("mark")[1]
    assert set(mark) == {"event", "sequenceNumber", "streamSid", "mark"}
    numbers = [int(m["sequenceNumber"]) for m in line.messages[1:]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert 0.5 <= line.time_of("mark", 1) - sent["first"] < 0.62
    assert 0.8 <= line.time_of("mark", 2) - sent["first"] < 0.92
    agent = loud(tape(sim, sid)[1])
    assert sum(agent) == pytest.approx(0.8 * 8000, rel=0.15)


@pytest.mark.alone
def test_clear_drops_what_waits_and_echoes_its_marks(sim, hooks, media):
    sent = {}

    async def script(line):
        await line.say(tone(3), "a")
        await line.say(tone(3), "b")
        await line.until(lambda: len(line.of("media")) >= 20)
        sent["clear"] = time.monotonic()
        await line.send("clear")
        await line.until(lambda: len(line.marks()) == 2)
        await line.say(tone(0.2), "c")
        await line.until(lambda: len(line.marks()) == 3)

    sid = call(sim, hooks, media, script)
    line = media.line()
    over(sim, sid)
    assert line.marks() == ["a", "b", "c"]
    assert line.time_of("mark", 1) - sent["clear"] < 0.1
    assert 0.2 <= line.time_of("mark", 2) - line.time_of("mark", 1) < 0.35
    received = told(sim, sid)["received"]
    assert received["clears"] == 1
    assert received["samples"] == 6.2 * 8000
    assert 5 * 8000 < received["cleared_samples"] < 6 * 8000
    assert sum(loud(tape(sim, sid)[1])) < 1.2 * 8000


def test_more_than_ten_minutes_are_not_held(sim, hooks, media):
    async def script(line):
        block = base64.b64encode(bytes([0x80]) * 480000).decode()
        for _ in range(11):
            await line.send("media", media={"payload": block})
        await line.send("clear")
        await line.send("mark", mark={"name": "end"})
        await line.until(lambda: line.marks())

    sid = call(sim, hooks, media, script)
    said = over(sim, sid)
    assert said["warnings"] == [31931]
    assert sim.errors(sid) == [31931]
    assert said["received"]["overflow_samples"] == pytest.approx(480000, abs=32000)
    assert said["received"]["cleared_samples"] <= 600 * 8000


# --- what it accepts ---

GOOD = base64.b64encode(bytes([0x80]) * 160).decode()
OTHER = "MZ" + "0" * 32

BAD = {
    "binary": (31950, lambda sid: b"\x00\x01"),
    "binary json": (31950, lambda sid: json.dumps({"event": "clear", "streamSid": sid}).encode()),
    "no json": (31951, lambda sid: "hello"),
    "half a json": (31951, lambda sid: '{"event":"clear"'),
    "an array": (31951, lambda sid: "[]"),
    "two of a name": (31951, lambda sid: f'{{"event":"clear","event":"clear","streamSid":"{sid}"}}'),
    "no event": (31951, lambda sid: {"streamSid": sid}),
    "unknown event": (31951, lambda sid: {"event": "dtmf", "streamSid": sid, "dtmf": {"digit": "1"}}),
    "a stop": (31951, lambda sid: {"event": "stop", "streamSid": sid}),
    "no streamSid": (31951, lambda sid: {"event": "clear"}),
    "stream_sid": (31951, lambda sid: {"event": "clear", "stream_sid": sid}),
    "another's streamSid": (31951, lambda sid: {"event": "clear", "streamSid": OTHER}),
    "clear with more": (31951, lambda sid: {"event": "clear", "streamSid": sid, "clear": {}}),
    "media without payload": (31951, lambda sid: {"event": "media", "streamSid": sid, "media": {}}),
    "media with a track": (31951, lambda sid: {
        "event": "media", "streamSid": sid, "media": {"payload": GOOD, "track": "outbound"}}),
    "media with a sequence": (31951, lambda sid: {
        "event": "media", "sequenceNumber": "1", "streamSid": sid, "media": {"payload": GOOD}}),
    "media of a number": (31951, lambda sid: {
        "event": "media", "streamSid": sid, "media": {"payload": 1}}),
    "media that is no base64": (31951, lambda sid: {
        "event": "media", "streamSid": sid, "media": {"payload": "a b="}}),
    "empty media": (31951, lambda sid: {"event": "media", "streamSid": sid, "media": {"payload": ""}}),
    "media as a text": (31951, lambda sid: {"event": "media", "streamSid": sid, "media": GOOD}),
    "mark without name": (31951, lambda sid: {"event": "mark", "streamSid": sid, "mark": {}}),
    "mark with more": (31951, lambda sid: {
        "event": "mark", "streamSid": sid, "mark": {"name": "x", "at": 1}}),
    "mark of a number": (31951, lambda sid: {"event": "mark", "streamSid": sid, "mark": {"name": 1}}),
    "too long": (31951, lambda sid: {"event": "mark", "streamSid": sid,
                                     "mark": {"name": "x" * (1024 * 1024)}}),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_what_is_no_message_is_ignored_with_one_warning(sim, hooks, media, name):
    code, make = BAD[name]

    async def script(line):
        message = make(line.sid)
        for _ in range(2):
            await line.socket.send(message if isinstance(message, (str, bytes)) else json.dumps(message))
        await line.send("mark", mark={"name": "good"})
        await line.until(lambda: line.marks())

    sid = call(sim, hooks, media, script)
    said = over(sim, sid)
    assert media.lines[0].marks() == ["good"]
    assert said["warnings"] == [code]
    assert said["received"]["ignored"] == 2
    assert said["received"]["media"] == 0
    assert sim.errors(sid) == [code]
    assert sim.calls()[-1]["errors"] == [code]


def test_a_message_may_come_in_pieces(sim, hooks, media):
    async def script(line):
        text = json.dumps({"event": "mark", "streamSid": line.sid, "mark": {"name": "pieces"}})
        await line.socket.send([text[:10], text[10:40], text[40:]])
        await line.until(lambda: line.marks())

    sid = call(sim, hooks, media, script)
    assert over(sim, sid)["received"]["marks"] == 1
    assert media.lines[0].marks() == ["pieces"]


# --- how it ends ---


def stopped(line, sid):
    """The last message, which must be a stop."""
    assert line.closed.wait(5)
    last = line.messages[-1]
    assert last == {"event": "stop", "sequenceNumber": last["sequenceNumber"], "streamSid": line.sid,
                    "stop": {"accountSid": ACCOUNT, "callSid": sid}}
    assert int(last["sequenceNumber"]) == len(line.messages) - 1
    assert line.close_code == 1000
    return last


def test_the_callee_hangs_up(sim, hooks, media):
    sim.rule(to="+14155550120", say=[], hangup_ms=600)
    sid = call(sim, hooks, media, talks_until_hung_up(), to="+14155550120")
    line = media.line()
    assert sim.ended(sid)["status"] == "completed"
    stopped(line, sid)
    assert over(sim, sid)["ended_by"] == "carrier"


def test_number_0005_hangs_up_after_a_second(sim, hooks, media):
    sid = call(sim, hooks, media, talks_until_hung_up(), to="+14155550005")
    line = media.line()
    stopped(line, sid)
    assert 20 <= len(line.of("media")) <= 55


def test_rest_ends_the_call(sim, hooks, media):
    sid = call(sim, hooks, media, talks_until_hung_up())
    line = media.line()
    assert sim.post(f"{API}/Calls/{sid}.json", {"Status": "completed"}).status_code == 200
    stopped(line, sid)
    assert sim.ended(sid)["status"] == "completed"


def test_a_redirect_leaves_the_stream(sim, hooks, media):
    sid = call(sim, hooks, media, talks_until_hung_up())
    line = media.line()
    hooks.answers["/other"] = HANGUP
    assert sim.post(f"{API}/Calls/{sid}.json", {"Url": hooks.url + "/other"}).status_code == 200
    stopped(line, sid)
    assert len(hooks.wait("/other")) == 1
    assert sim.ended(sid)["status"] == "completed"


@pytest.mark.parametrize("code,errors", [(1000, []), (1001, []), (1011, [31921])])
def test_how_our_side_closes(sim, hooks, media, code, errors):
    async def script(line):
        await line.socket.close(code)

    sid = call(sim, hooks, media, script, rest='<Redirect>/next</Redirect>')
    hooks.answers["/next"] = HANGUP
    hooks.wait("/next")
    assert sim.errors(sid) == errors
    assert over(sim, sid)["close_code"] == code


def test_a_socket_that_breaks_is_an_error_and_the_call_goes_on(sim, hooks, media):
    async def script(line):
        line.socket.transport.abort()

    sid = call(sim, hooks, media, script, rest='<Redirect>/next</Redirect>')
    hooks.answers["/next"] = HANGUP
    hooks.wait("/next")
    assert sim.errors(sid) == [31921]
    assert over(sim, sid)["close_code"] is None


def test_the_status_callback_of_a_stream(sim, hooks, media):
    sid = call(sim, hooks, media, frames(3),
               attributes=f'name="one" statusCallback="{hooks.url}/stream"')
    line = media.line()
    told_of = [r.form for r in hooks.wait("/stream", 2)]
    assert [f["StreamEvent"] for f in told_of] == ["stream-started", "stream-stopped"]
    for form in told_of:
        assert (form["StreamSid"], form["StreamName"], form["CallSid"]) == (line.sid, "one", sid)
        assert form["AccountSid"] == ACCOUNT
        assert "T" in form["Timestamp"] and "StreamError" not in form


# --- connecting ---


def refused(sim, hooks, sid, code):
    """The stream did not come about: the next verb ran, and whoever listens was told."""
    assert len(hooks.wait("/next")) == 1
    assert sim.errors(sid) == [code]
    told_of = [r.form for r in hooks.wait("/stream")]
    assert [f["StreamEvent"] for f in told_of] == ["stream-error"]
    assert told_of[0]["StreamError"]
    assert sim.ended(sid)["status"] == "completed"
    assert over(sim, sid)["ended_by"] == "nobody"


def dial_refused(sim, hooks, url):
    hooks.answers["/next"] = HANGUP
    hooks.answers["/v"] = connect(url, rest='<Redirect>/next</Redirect>',
                                  attributes=f'statusCallback="{hooks.url}/stream"')
    return sim.call(TO, hooks.url + "/v")


def test_an_upgrade_that_is_refused(sim, hooks, media):
    media.refuse = (http.HTTPStatus.FORBIDDEN, [], b"no")
    sid = dial_refused(sim, hooks, media.url + "/media/c1")
    refused(sim, hooks, sid, 31920)


def test_nobody_listens(sim, hooks, folder):
    server = streamkit.Media(folder)
    url = server.url
    server.stop()
    refused(sim, hooks, dial_refused(sim, hooks, url + "/x"), 31902)


def test_a_certificate_of_another_ca(hooks, media, start_sim, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    strict = start_sim("--ca-file", str(streamkit.make_certificates(other)))
    refused(strict, hooks, dial_refused(strict, hooks, media.url + "/x"), 31910)
    assert not media.lines


def test_a_certificate_of_another_name(sim, hooks, media):
    sid = dial_refused(sim, hooks, media.url.replace("localhost", "127.0.0.1") + "/x")
    refused(sim, hooks, sid, 31910)
    assert not media.lines


def test_a_call_that_ends_before_its_stream_is_open(sim, hooks, media):
    media.hold = 0.5
    sid = call(sim, hooks, media, None)
    eventually(lambda: media.asked)
    assert sim.post(f"{API}/Calls/{sid}.json", {"Status": "completed"}).status_code == 200
    line = eventually(lambda: media.lines and media.lines[0])
    assert line.closed.wait(5)
    assert (line.messages, line.close_code) == ([], 1000)
    assert over(sim, sid)["started_mono_us"] is None
    assert not sim.errors(sid)


def test_the_signature_is_over_the_url_as_it_stands(sim, hooks, media):
    for path in ("", "/", "/a/b%20c/"):
        media.script = frames(1)
        hooks.answers["/v"] = connect(media.url + path)
        number = len(media.lines)
        line_sid = sim.call(TO, hooks.url + "/v")
        # The server compares: over what came, and with no path over the bare address.
        if path == "":
            eventually(lambda: media.faults)
            assert media.faults.pop() == ("bad signature", "/")
            expected = simkit.signature(media.url, [])
            assert media.line(number).headers["X-Twilio-Signature"] == expected
        else:
            assert media.line(number).path == path
        sim.ended(line_sid)


# --- the callee ---


@pytest.mark.alone
def test_the_callee_waits_for_silence_and_speaks_turn_by_turn(sim, hooks, media):
    sim.rule(to="+14155550121", say=["Hello there.", "Yes, please."], leaves=True)

    async def script(line):
        await line.say(tone(0.6), "1")
        for number in (1, 2):
            await line.until(lambda: spoken(line) >= number, 10)
            await asyncio.sleep(0.1)
            await line.say(tone(0.4))
        await line.socket.wait_closed()

    def spoken(line):
        """Turns of the callee that are over: 300 ms of silence after something."""
        turns, quiet, audible = 0, 0, False
        for message in line.of("media"):
            if set(base64.b64decode(message["media"]["payload"])) - {0xff, 0x7f}:
                quiet, audible = 0, True
            else:
                quiet += 1
            if audible and quiet == 15:
                turns, audible = turns + 1, False
        return turns

    sid = call(sim, hooks, media, script, to="+14155550121")
    line = media.line()
    said = over(sim, sid) if sim.ended(sid) else None
    stopped(line, sid)
    turns = said["turns"]
    assert [(t["kind"], t["text"], t["interrupts"]) for t in turns] == [
        ("speech", "Hello there.", False), ("speech", "Yes, please.", False)]
    first, second = said["agent_turns"][0], turns[0]
    assert 690000 <= second["began_us"] - first["ended_us"] <= 780000
    assert 400000 < second["ended_us"] - second["began_us"] < 2500000
    for turn in turns:  # three tenths of a second to notice, and one to answer
        assert 380000 <= turn["reply_us"] <= 560000
        assert 0 <= turn["reply_heard_us"] - turn["reply_us"] <= 45000
        assert turn["silence_us"] is None
    assert len(said["agent_turns"]) == 3
    # The stream begins on a grid of 5 ms, and sound may come before that.
    assert -5000 < said["first_word_us"] < 200000
    assert said["gaps"] == 0


@pytest.mark.alone
def test_the_callee_interrupts(sim, hooks, media):
    sim.rule(to="+14155550122", say=["Stop, stop, I have a question for you."], interrupt_ms=500)

    async def script(line):
        await line.say(tone(6), "long")
        await line.until(lambda: set(line.heard()) - {0xff, 0x7f})
        await line.send("clear")
        await line.until(lambda: len(line.of("media")) > 250)

    sid = call(sim, hooks, media, script, to="+14155550122")
    said = over(sim, sid)
    turn = said["turns"][0]
    assert turn["interrupts"]
    assert turn["began_us"] - said["agent_turns"][0]["began_us"] == pytest.approx(500000, abs=45000)
    assert 0 < turn["cleared_us"] < 100000
    assert 0 < turn["silence_us"] < 120000
    assert turn["silence_us"] <= turn["cleared_us"] + 40000
    assert len(said["agent_turns"]) == 1


def test_an_agent_that_does_not_stop_was_not_silenced(sim, hooks, media):
    sim.rule(to="+14155550123", say=["Stop."], interrupt_ms=300)

    async def script(line):
        await line.say(tone(3), "long")
        await line.until(lambda: line.marks())

    sid = call(sim, hooks, media, script, to="+14155550123")
    turn = over(sim, sid)["turns"][0]
    assert turn["interrupts"] and turn["silence_us"] is None and turn["cleared_us"] is None


def test_the_callee_presses_keys(sim, hooks, media):
    sim.rule(to="+14155550124", say=[], digits="1#A")

    async def script(line):
        await line.say(tone(0.3))
        await line.until(lambda: len(line.of("dtmf")) == 3)

    sid = call(sim, hooks, media, script, to="+14155550124")
    line = media.line()
    said = over(sim, sid)
    keys = line.of("dtmf")
    assert [k["dtmf"] for k in keys] == [{"track": "inbound_track", "digit": d} for d in "1#A"]
    assert set(keys[0]) == {"event", "sequenceNumber", "streamSid", "dtmf"}
    assert (said["turns"][0]["kind"], said["turns"][0]["text"]) == ("digits", "1#A")


def test_the_callee_hears_keys(sim, hooks, media):
    async def script(line):
        await line.say(tone(0.2) + streamkit.key_tones("1449#*0D"), "end")
        await line.until(lambda: line.marks())

    sim.rule(to="+14155550131", say=["Thank you."])
    sid = call(sim, hooks, media, script, to="+14155550131")
    assert over(sim, sid)["keys"] == "1449#*0D"


def test_a_silent_callee(sim, hooks, media):
    sim.rule(to="+14155550125", say=[])

    async def script(line):
        await line.say(tone(0.2))
        await line.until(lambda: len(line.of("media")) >= 100)

    sid = call(sim, hooks, media, script, to="+14155550125")
    assert over(sim, sid)["turns"] == []
    assert set(media.lines[0].heard()) == {SILENCE}


def test_the_callee_speaks_first(sim, hooks, media):
    sim.rule(to="+14155550126", say=["Hello?"], first_ms=300)
    sid = call(sim, hooks, media, frames(60), to="+14155550126")
    said = over(sim, sid)
    assert said["turns"][0]["text"] == "Hello?"
    assert 300000 <= said["turns"][0]["began_us"] <= 420000
    assert said["first_word_us"] is None


def test_music_on_hold_and_somebody_comes_back(sim, hooks, media):
    sim.rule(to="+14155550127", say=["One moment.", "Here I am."], hold_ms=1000, hold_turn=1)

    async def script(line):
        await line.say(tone(0.2))
        await line.until(lambda: len(line.of("media")) >= 260)

    sid = call(sim, hooks, media, script, to="+14155550127")
    turns = over(sim, sid)["turns"]
    assert [(t["kind"], t["text"]) for t in turns] == [
        ("speech", "One moment."), ("music", None), ("speech", "Here I am.")]
    assert turns[1]["ended_us"] - turns[1]["began_us"] == pytest.approx(1000000, abs=40000)
    callee = tape(sim, sid)[0]
    start, end = (turns[1][k] * 8 // 1000 for k in ("began_us", "ended_us"))
    block = loud(callee[start + 400:end - 400])
    assert sum(block) > 0.8 * len(block)


@pytest.mark.alone
def test_a_machine_greets_and_beeps(sim, hooks, media):
    sim.rule(to="+14155550004", say=["This is a machine."])

    async def script(line):
        await line.until(lambda: hooks.at("/amd"), 12)
        await line.say(tone(0.3), "message")
        await line.until(lambda: line.marks())

    sid = call(sim, hooks, media, script, to="+14155550004", MachineDetection="DetectMessageEnd",
               AsyncAmd="true", AsyncAmdStatusCallback=hooks.url + "/amd")
    line = media.line()
    verdict = hooks.wait("/amd", seconds=12)[0]
    said = over(sim, sid)
    assert [t["kind"] for t in said["turns"]] == ["speech", "beep"]
    assert said["turns"][1]["ended_us"] - said["turns"][1]["began_us"] == pytest.approx(480000, abs=40000)
    # The verdict comes with the end of the beep, and says how long that took.
    assert verdict.form["AnsweredBy"] == "machine_end_beep"
    told_at = verdict.at - line.time_of("start")
    assert told_at == pytest.approx(said["turns"][1]["ended_us"] / 1e6, abs=0.15)
    assert int(verdict.form["MachineDetectionDuration"]) == pytest.approx(told_at * 1000, abs=400)
    assert len(hooks.at("/amd")) == 1


def test_a_machine_that_was_waited_for_has_greeted(sim, hooks, media):
    sid = call(sim, hooks, media, frames(60), to="+14155550004", MachineDetection="DetectMessageEnd")
    assert hooks.wait("/v")[0].form["AnsweredBy"] == "machine_end_beep"
    assert over(sim, sid)["turns"] == []


def test_the_usual_callee_leaves_in_the_end(sim, hooks, media):
    async def script(line):
        turns = 0
        while True:
            await line.say(tone(0.3))
            turns += 1
            await asyncio.sleep(3.5)

    sid = call(sim, hooks, media, script)
    line = media.line()
    assert eventually(lambda: sim.fetch(sid)["status"] == "completed", 25)
    stopped(line, sid)
    assert [t["text"] for t in told(sim, sid)["turns"]] == [
        "Hello, yes, how can I help you?", "Yes, that is fine, it is booked.", "Goodbye."]


@pytest.mark.parametrize("rule", [
    {"interrupt_ms": -1}, {"interrupt_ms": "5"}, {"hold_ms": 600001}, {"hold_turn": 65}, {"leaves": 1},
    {"language": ""}, {"language": "e n"}, {"first_ms": 1.5}, {"silence_ms": None},
    {"hangup_ms": True}, {"hold": 1},
], ids=str)
def test_rules_that_are_refused(sim, rule):
    answer = requests.post(sim.url + "/sim/rules", json={"to": "+14155550130", **rule})
    assert answer.status_code == 400


# --- afterwards ---


def test_nothing_is_told_of_a_call_without_a_stream(sim, hooks):
    hooks.answers["/v"] = HANGUP
    sid = sim.call(TO, hooks.url + "/v")
    sim.ended(sid)
    for path in ("media", "media.wav"):
        assert requests.get(f"{sim.url}/sim/calls/{sid}/{path}").status_code == 404
    assert requests.get(f"{sim.url}/sim/calls/CA{'0' * 32}/media").status_code == 404


def test_the_sound_of_both_sides_is_kept(sim, hooks, media):
    sim.rule(to="+14155550128", say=["Hello there."], first_ms=100)

    async def script(line):
        await asyncio.sleep(0.5)
        await line.say(tone(0.5), "end")
        await line.until(lambda: line.marks() and len(line.of("media")) > 100)

    sid = call(sim, hooks, media, script, to="+14155550128")
    line = media.line()
    eventually(lambda: len(line.of("media")) > 30)
    assert len(tape(sim, sid)[0]) >= 20 * 160  # while the call goes on
    over(sim, sid)
    callee, agent = tape(sim, sid)
    assert len(callee) == len(agent) >= 100 * 160
    heard = line.heard()
    assert len(heard) - 3 * 160 <= len(callee) <= len(heard) + 3 * 160
    assert sum(loud(agent)) == pytest.approx(0.5 * 8000, rel=0.15)
    # It is what was sent, sample for sample.
    at = 40 * 160
    assert [streamkit.ulaw(s) for s in callee[at:at + 1600]] == [
        b if b != 0x7f else 0xff for b in heard[at:at + 1600]]


def decoded(sim, sid, kind="mp3"):
    """(the recording of a call, its samples at 16000 Hz)"""
    listed = eventually(lambda: (lambda r: r and r[0]["status"] == "completed" and r)(
        sim.get(f"{API}/Calls/{sid}/Recordings.json").json()["recordings"]))
    sound = sim.get(f"{API}/Recordings/{listed[0]['sid']}.{kind}")
    assert sound.status_code == 200
    done = subprocess.run(["lame", "--quiet", "--decode", "-t", "--mp3input", "-", "-"],
                          input=sound.content, capture_output=True, check=True)
    return listed[0], array.array("h", done.stdout[:len(done.stdout) // 2 * 2])


def test_the_recording_is_the_agents_sound(sim, hooks, media):
    sim.rule(to="+14155550129", say=["Hello there, this is somebody else."], first_ms=0)

    async def script(line):
        await line.until(lambda: len(line.of("media")) > 50)
        await line.say(tone(1), "end")
        await line.until(lambda: line.marks())

    sid = call(sim, hooks, media, script, to="+14155550129", Record="true", RecordingTrack="outbound",
               RecordingStatusCallback=hooks.url + "/recorded")
    form = hooks.wait("/recorded")[0].form
    recording, samples = decoded(sim, sid)
    assert form["RecordingStatus"] == "completed" and form["RecordingTrack"] == "outbound"
    length = len(tape(sim, sid)[1]) / 8000
    assert int(form["RecordingDuration"]) == int(recording["duration"]) == -(-length // 1)
    assert len(samples) / 16000 == pytest.approx(int(recording["duration"]), abs=0.3)
    # The callee was speaking in the first second, and is not in it.
    block = loud(samples)
    assert sum(block[:14000]) == 0
    assert sum(block) == pytest.approx(16000, rel=0.15)


def test_words_and_stream_share_a_recording(sim, hooks, media):
    async def script(line):
        await line.say(tone(0.8), "end")
        await line.until(lambda: line.marks())

    sid = call(sim, hooks, media, script, rest="<Say>Sorry, goodbye.</Say><Hangup/>", Record="true",
               RecordingTrack="outbound")
    sim.ended(sid)
    recording, samples = decoded(sim, sid)
    seconds = int(recording["duration"])
    assert seconds >= 3
    assert len(samples) / 16000 == pytest.approx(seconds, abs=0.3)
    assert sum(loud(samples[:16000])) > 8000   # the stream comes first
    assert sum(loud(samples[20000:])) > 1000   # then the words


def test_an_agent_that_said_nothing_leaves_no_recording(sim, hooks, media):
    sid = call(sim, hooks, media, frames(20), Record="true", RecordingTrack="outbound")
    sim.ended(sid)
    listed = sim.get(f"{API}/Calls/{sid}/Recordings.json").json()["recordings"]
    assert [r["status"] for r in listed] == ["absent"]


def test_no_sound_is_kept_without_leave(hooks, media, start_sim, folder):
    sim = start_sim("--ca-file", str(folder / "ca.pem"), "--tape-ms", "0")
    media.script = frames(10)
    hooks.answers["/v"] = connect(media.url + "/x")
    sid = sim.call(TO, hooks.url + "/v")
    over(sim, sid)
    assert requests.get(f"{sim.url}/sim/calls/{sid}/media.wav").status_code == 404


@pytest.mark.alone
def test_many_streams_keep_their_time(hooks, media, sim):
    media.script = frames(150)
    hooks.answers["/v"] = connect(media.url + "/x")
    sids = [sim.call(TO, hooks.url + "/v") for _ in range(40)]
    said = [over(sim, sid) for sid in sids]
    assert all(s["dropped_messages"] == 0 for s in said)
    for line in media.lines:  # not of the first second, in which all of them connect
        assert drift(line, 150, 50) == pytest.approx(0, abs=0.020)
    sent = sum(s["sent_frames"] for s in said)
    assert sent >= 40 * 150
    assert sum(s["late_frames"] for s in said) < sent / 5
