"""The life of a call in offhook-sim: callbacks, TwiML, callees, machines, recordings."""

import email.utils
import re
import subprocess
import threading
import time

import pytest
import requests

from simkit import (ACCOUNT, ALL_EVENTS, API, FROM, HANGUP, TOKEN, Hooks, eventually, gather, say)

TO = "+14155550100"


def watched(hooks, **more):
    return {"StatusCallback": hooks.url + "/status", "StatusCallbackEvent": ALL_EVENTS, **more}


# --- callbacks ---


def test_an_answered_call_tells_its_four_events(sim, hooks):
    hooks.answers["/v"] = HANGUP
    sid = sim.call(TO, hooks.url + "/v", **watched(hooks))
    forms = [r.form for r in hooks.wait("/status", 4)]
    assert [f["CallStatus"] for f in forms] == ["initiated", "ringing", "in-progress", "completed"]
    assert [f["SequenceNumber"] for f in forms] == ["0", "1", "2", "3"]
    for form in forms:
        assert form["CallSid"] == sid
        assert form["AccountSid"] == ACCOUNT
        assert (form["From"], form["Caller"]) == (FROM, FROM)
        assert (form["To"], form["Called"]) == (TO, TO)
        assert form["Direction"] == "outbound-api"
        assert form["ApiVersion"] == "2010-04-01"
        assert form["CallbackSource"] == "call-progress-events"
        email.utils.parsedate_to_datetime(form["Timestamp"])
        assert ("CallDuration" in form) == (form["CallStatus"] == "completed")
    assert forms[-1]["CallDuration"] == "1"
    assert forms[-1]["Duration"] == "1"
    assert forms[-1]["SipResponseCode"] == "200"
    voice = hooks.at("/v")
    assert len(voice) == 1
    assert voice[0].method == "POST"
    assert voice[0].form["CallStatus"] == "in-progress"
    assert voice[0].form["ToCountry"] == "US"
    assert voice[0].headers["Content-Type"].startswith("application/x-www-form-urlencoded")
    call = sim.fetch(sid)
    assert (call["status"], call["duration"]) == ("completed", "1")
    assert call["start_time"] and call["end_time"]


def test_only_events_that_were_asked_for_are_told(sim, hooks):
    hooks.answers["/v"] = HANGUP
    sim.ended(sim.call(TO, hooks.url + "/v", StatusCallback=hooks.url + "/status"))
    hooks.wait("/status")
    sim.ended(sim.call(TO, hooks.url + "/v", StatusCallback=hooks.url + "/two",
                       StatusCallbackEvent=["ringing", "answered"]))
    hooks.wait("/two", 2)
    time.sleep(0.2)
    assert hooks.statuses() == ["completed"]
    assert hooks.statuses("/two") == ["ringing", "in-progress"]


@pytest.mark.parametrize("digits,status,sip,events", [
    ("0001", "busy", "486", ["initiated", "busy"]),
    ("0002", "no-answer", "487", ["initiated", "ringing", "no-answer"]),
    ("0003", "failed", "404", ["initiated", "failed"]),
])
def test_calls_that_nobody_answers(sim, hooks, digits, status, sip, events):
    sid = sim.call("+1415555" + digits, hooks.url + "/v", **watched(hooks))
    forms = [r.form for r in hooks.wait("/status", len(events))]
    assert [f["CallStatus"] for f in forms] == events
    assert forms[-1]["SipResponseCode"] == sip
    assert "Duration" not in forms[-1]
    assert sim.ended(sid)["status"] == status
    assert sim.fetch(sid)["duration"] is None
    assert not hooks.at("/v")


@pytest.mark.alone
def test_ringing_ends_at_the_timeout(sim, hooks):
    sim.rule(to="+14155550110", ring_ms=5000)
    began = time.monotonic()
    sid = sim.call("+14155550110", hooks.url + "/v", Timeout="1")
    assert sim.ended(sid)["status"] == "no-answer"
    assert 1.0 <= time.monotonic() - began < 2.0


@pytest.mark.alone
def test_a_call_ends_at_its_time_limit(sim, hooks):
    hooks.answers["/v"] = '<Response><Pause length="60"/></Response>'
    began = time.monotonic()
    assert sim.ended(sim.call(TO, hooks.url + "/v", TimeLimit="1"))["status"] == "completed"
    assert 1.0 <= time.monotonic() - began < 2.5


@pytest.mark.alone
def test_number_0005_hangs_up_after_a_second(sim, hooks):
    hooks.answers["/v"] = '<Response><Pause length="60"/></Response>'
    began = time.monotonic()
    assert sim.ended(sim.call("+14155550005", hooks.url + "/v"))["status"] == "completed"
    assert 1.0 <= time.monotonic() - began < 2.5


def test_number_0010_tells_nothing(sim, hooks):
    hooks.answers["/v"] = HANGUP
    sid = sim.call("+14155550010", hooks.url + "/v", **watched(hooks))
    assert sim.ended(sid)["status"] == "completed"
    assert hooks.at("/v")
    time.sleep(0.3)
    assert not hooks.at("/status")


def test_number_0011_tells_everything_twice_and_in_disorder(sim, hooks):
    hooks.answers["/v"] = HANGUP
    sim.call("+14155550011", hooks.url + "/v", **watched(hooks))
    hooks.wait("/status", 8)
    told = hooks.statuses()
    assert sorted(told) == sorted(["initiated", "ringing", "in-progress", "completed"] * 2)
    assert told.index("ringing") < told.index("initiated")
    assert told.index("completed") < told.index("in-progress")


def test_callbacks_can_be_gets(sim, hooks):
    hooks.answers["/v"] = HANGUP
    sim.ended(sim.call(TO, hooks.url + "/v?a=b%20c", Method="GET",
                       StatusCallback=hooks.url + "/status", StatusCallbackMethod="GET"))
    status, voice = hooks.wait("/status")[0], hooks.at("/v")[0]
    assert (status.method, voice.method) == ("GET", "GET")
    assert voice.path.startswith("/v?a=b%20c&")
    assert voice.form["a"] == "b c"
    assert status.form["CallStatus"] == "completed"


def test_the_query_is_signed_as_it_is_and_the_fragment_is_not_sent(sim, hooks):
    hooks.answers["/v"] = HANGUP
    sid = sim.call(TO, hooks.url + "/v?x=%41%2f+&y#rc=2&rp=5xx&bad=1")
    sim.ended(sid)
    assert hooks.at("/v")[0].path == "/v?x=%41%2f+&y"
    assert sim.errors(sid) == []


def test_a_failing_callback_is_noted(sim, hooks):
    hooks.answers["/v"] = HANGUP
    hooks.answers["/status"] = (500, {}, "")
    sid = sim.call(TO, hooks.url + "/v", StatusCallback=hooks.url + "/status")
    sim.ended(sid)
    eventually(lambda: sim.errors(sid) == [15003])
    assert len(hooks.at("/status")) == 1
    call = [c for c in sim.calls() if c["sid"] == sid][0]
    assert call["errors"] == [15003]


# --- connection overrides and limits ---


def test_5xx_is_retried_when_the_url_says_so(sim, hooks):
    hooks.answers["/v"] = HANGUP
    hooks.answers["/status"] = [(503, {}, ""), (500, {}, ""), (204, {}, "")]
    sim.ended(sim.call(TO, hooks.url + "/v", StatusCallback=hooks.url + "/status#rc=3&rp=5xx"))
    tries = hooks.wait("/status", 3)
    assert len({r.headers["I-Twilio-Idempotency-Token"] for r in tries}) == 1
    assert len({r.headers["X-Twilio-Signature"] for r in tries}) == 1
    time.sleep(0.3)
    assert len(hooks.at("/status")) == 3


def test_a_slow_answer_is_given_up_at_rt_and_retried_if_asked(sim, hooks):
    slow = threading.Event()

    def answer(request):
        slow.wait(2)
        return 204, {}, ""

    hooks.answers["/slow"] = answer
    hooks.answers["/v"] = HANGUP
    sid = sim.call(TO, hooks.url + "/v", StatusCallback=hooks.url + "/slow#rt=200&rc=1&rp=rt")
    tries = hooks.wait("/slow", 2)
    assert 0.2 <= tries[1].at - tries[0].at < 0.7
    eventually(lambda: 11200 in sim.errors(sid))
    slow.set()


def test_a_dead_server_is_tried_again_once_by_default(sim, hooks):
    dead = Hooks()
    dead.stop()
    sid = sim.call(TO, dead.url + "/v", StatusCallback=dead.url + "/status")
    sim.ended(sid)
    eventually(lambda: sorted(sim.errors(sid)) == [11205, 11205])


def test_redirects_are_followed_and_lose_the_form(sim, hooks):
    hooks.answers["/v"] = (302, {"Location": "/second?a=1"}, "")
    hooks.answers["/second"] = (307, {"Location": "/third"}, "")
    hooks.answers["/third"] = HANGUP
    sid = sim.call(TO, hooks.url + "/v")
    sim.ended(sid)
    assert hooks.at("/second")[0].method == "GET"
    assert hooks.at("/second")[0].form == {"a": "1"}
    assert sim.errors(sid) == []
    hooks.answers["/v"] = (302, {"Location": "/v"}, "")
    sid = sim.call(TO, hooks.url + "/v")
    sim.ended(sid)
    assert sim.errors(sid) == [11215]


# --- TwiML ---


def test_gather_hears_the_callee_turn_by_turn(sim, hooks):
    hooks.answers["/v"] = gather("/turn?n=1", "<Say>Hello</Say>")
    hooks.answers["/turn"] = [gather("turn", "<Say>More</Say>"), gather("turn"),
                              say("Bye", "<Hangup/>")]
    sid = sim.call(TO, hooks.url + "/v")
    sim.ended(sid)
    turns = hooks.at("/turn")
    assert [r.form["SpeechResult"] for r in turns] == [
        "Hello, yes, how can I help you?", "Yes, that is fine, it is booked.", "Goodbye."]
    assert 0 <= float(turns[0].form["Confidence"]) <= 1
    assert turns[0].form["CallStatus"] == "in-progress"
    assert turns[0].path == "/turn?n=1"
    assert turns[1].path == "/turn"
    assert sim.errors(sid) == []


def test_a_callee_hangs_up_when_all_is_said(sim, hooks):
    hooks.answers["/v"] = gather("")
    sid = sim.call(TO, hooks.url + "/v")
    assert sim.ended(sid)["status"] == "completed"
    assert len(hooks.at("/v")) == 4


def test_number_0013_asks_what_the_agent_cannot_know(sim, hooks):
    quiet = 'input="speech" timeout="1" actionOnEmptyResult="true"'
    hooks.answers["/v"] = [gather(""), gather("", "<Say>Hold on.</Say>", attributes=quiet),
                           gather("", attributes=quiet), gather("", "<Say>Seven.</Say>"), HANGUP]
    sim.ended(sim.call("+14155550013", hooks.url + "/v"))
    heard = [r.form.get("SpeechResult") for r in hooks.at("/v")]
    assert "ask your client" in heard[1]
    assert heard[2:4] == ["", ""]  # it waits without a word
    assert heard[4] == "Thank you, it is booked."


def test_rules_choose_words_and_keys(sim, hooks):
    sim.rule(to="+14155550120", say=["Grüezi & <hello>"], digits="12#34", talk_ms=10)
    hooks.answers["/v"] = [
        gather("/v", attributes='input="dtmf" timeout="1"'), gather("/v"),
        gather("/v", attributes='input="speech" timeout="1" actionOnEmptyResult="true"'), HANGUP]
    sim.ended(sim.call("+14155550120", hooks.url + "/v"))
    forms = [r.form for r in hooks.at("/v")]
    assert forms[1]["Digits"] == "12"
    assert forms[2]["SpeechResult"] == "Grüezi & <hello>"
    assert forms[3]["SpeechResult"] == ""


def test_silence_falls_through_to_the_next_verb(sim, hooks):
    hooks.answers["/v"] = ('<Response><Gather action="/never" timeout="1"/>'
                           '<Redirect method="GET">/after</Redirect></Response>')
    hooks.answers["/after"] = HANGUP
    began = time.monotonic()
    sim.ended(sim.call(TO, hooks.url + "/v"))
    assert time.monotonic() - began >= 1.0
    assert not hooks.at("/never")
    assert hooks.at("/after")[0].method == "GET"


def test_digits_end_at_numdigits(sim, hooks):
    sim.rule(to="+14155550121", digits="98765")
    hooks.answers["/v"] = gather("/d", attributes='numDigits="3" finishOnKey=""')
    hooks.answers["/d"] = HANGUP
    sim.ended(sim.call("+14155550121", hooks.url + "/v"))
    assert hooks.at("/d")[0].form["Digits"] == "987"


def test_dial_record_play_and_pause_are_obeyed(sim, hooks):
    hooks.answers["/v"] = (
        '<?xml version="1.0" encoding="UTF-8"?><!-- a comment --><Response>'
        '<Play>/tune.mp3</Play><Play digits="1w2"/><Pause/>'
        '<Say voice="Polly.Amy" language="en-GB" loop="2">Hi <break time="1s"/> you</Say>'
        '<Dial action="/dialed" timeout="5"><Number>+14155550199</Number></Dial></Response>')
    hooks.answers["/dialed"] = ('<Response><Record action="/recorded" maxLength="5" '
                                'playBeep="false"/></Response>')
    hooks.answers["/recorded"] = "<Response><Reject/></Response>"
    sid = sim.call(TO, hooks.url + "/v")
    assert sim.ended(sid)["status"] == "completed"
    assert hooks.at("/dialed")[0].form["DialCallStatus"] == "completed"
    recorded = hooks.at("/recorded")[0].form
    assert recorded["RecordingUrl"].startswith(sim.url + API + "/Recordings/RE")
    assert sim.errors(sid) == []


def test_a_one_way_stream_ends_at_once_with_an_error(sim, hooks):
    hooks.answers["/v"] = (
        '<Response><Start><Stream url="wss://media.example/s" name="one" '
        f'statusCallback="{hooks.url}/stream"><Parameter name="token" value="x"/></Stream>'
        '</Start><Redirect>/after</Redirect></Response>')
    hooks.answers["/after"] = HANGUP
    sid = sim.call(TO, hooks.url + "/v")
    sim.ended(sid)
    told = hooks.wait("/stream")[0].form
    assert (told["StreamEvent"], told["StreamName"], told["CallSid"]) == ("stream-error", "one", sid)
    assert re.fullmatch("MZ[0-9a-f]{32}", told["StreamSid"])
    assert re.match(r"\d{4}-\d\d-\d\dT", told["Timestamp"])
    assert hooks.at("/after")


BIG = "<Response><Say>" + "x" * 65536 + "</Say></Response>"


@pytest.mark.parametrize("answer,code", [
    ("<Response><Say>never closed", 12100),
    ("", 12100),
    ("<Response/><Response/>", 12100),
    ('<!DOCTYPE r [<!ENTITY a "b">]><Response><Say>&a;</Say></Response>', 12100),
    ("<Response><Sing/></Response>", 12200),
    ("<response/>", 12200),
    ("<Response><say>x</say></Response>", 12200),
    ('<Response><Say mood="glad">x</Say></Response>', 12200),
    ("<Response><Gather><Hangup/></Gather></Response>", 12200),
    ("<Response><Say>a<Pause/></Say></Response>", 12200),
    ("<Response>words</Response>", 12200),
    ('<Response><Gather timeout="0"/></Response>', 12200),
    ('<Response><Gather input="voice"/></Response>', 12200),
    ('<Response><Gather action="http://bad_host/"/></Response>', 11100),
    ("<Response><Redirect>mailto://x</Redirect></Response>", 11100),
    ('<Response><Gather input="speech" speechTimeout="auto"/></Response>', 13335),
    ("<Response><Dial>911</Dial></Response>", 13223),
    ('<Response><Connect><Stream url="ws://a.example/"/></Connect></Response>', 12200),
    ('<Response><Connect><Stream url="wss://a.example/?q=1"/></Connect></Response>', 12200),
    ("<Response><Say>" + "x" * 4097 + "</Say></Response>", 13521),
    (BIG, 11750),
    ((200, {}, HANGUP), 12300),
    ((200, {"Content-Type": "application/json"}, "{}"), 12300),
    ((404, {"Content-Type": "text/xml"}, HANGUP), 11200),
    ((500, {"Content-Type": "text/xml"}, HANGUP), 11200),
])
def test_bad_twiml_ends_the_call_with_an_error(sim, hooks, answer, code):
    hooks.answers["/v"] = answer
    sid = sim.call(TO, hooks.url + "/v")
    assert sim.ended(sid)["status"] == "completed"
    assert sim.errors(sid) == [code]
    note = sim.get(f"{API}/Calls/{sid}/Notifications.json").json()["notifications"][0]
    assert note["call_sid"] == sid
    assert note["more_info"].endswith(str(code))
    assert note["request_url"].startswith(hooks.url + "/v")


@pytest.mark.parametrize("answer", [
    (200, {"Content-Type": "application/xml; charset=utf-8"}, HANGUP),
    (200, {"Content-Type": "text/html"}, HANGUP),
    (200, {"Content-Type": "text/plain"}, "just words"),
    (200, {"Content-Type": "audio/mpeg"}, b"\xff\xfb"),
    "<Response/>",
])
def test_other_answers_are_taken(sim, hooks, answer):
    hooks.answers["/v"] = answer
    sid = sim.call(TO, hooks.url + "/v")
    assert sim.ended(sid)["status"] == "completed"
    assert sim.errors(sid) == []


def test_the_fallback_gets_its_chance(sim, hooks):
    hooks.answers["/v"] = "<Response><Sing/></Response>"
    hooks.answers["/fallback"] = HANGUP
    sid = sim.call(TO, hooks.url + "/v", FallbackUrl=hooks.url + "/fallback")
    sim.ended(sid)
    asked = hooks.at("/fallback")[0].form
    assert (asked["ErrorCode"], asked["ErrorUrl"]) == ("12200", hooks.url + "/v")


def test_inline_twiml_needs_absolute_actions(sim, hooks):
    hooks.answers["/turn"] = HANGUP
    sid = sim.post(f"{API}/Calls.json", {"To": TO, "From": FROM, "Twiml": gather(
        hooks.url + "/turn")}).json()["sid"]
    sim.ended(sid)
    assert hooks.at("/turn")
    sid = sim.post(f"{API}/Calls.json", {"To": TO, "From": FROM,
                                         "Twiml": gather("/turn")}).json()["sid"]
    sim.ended(sid)
    assert sim.errors(sid) == [11100]


# --- updates ---


def test_a_live_call_can_be_redirected_and_hung_up(sim, hooks):
    hooks.answers["/v"] = '<Response><Pause length="60"/></Response>'
    hooks.answers["/new"] = '<Response><Pause length="60"/></Response>'
    sid = sim.call(TO, hooks.url + "/v", **watched(hooks))
    path = f"{API}/Calls/{sid}.json"
    hooks.wait("/v")
    assert sim.post(path, {"Status": "canceled"}).json()["status"] == "in-progress"
    assert sim.post(path, {"Url": hooks.url + "/new"}).status_code == 200
    hooks.wait("/new")
    assert sim.post(path, {"Url": hooks.url + "/new", "Twiml": HANGUP}).status_code == 400
    assert sim.post(path, {"Status": "gone"}).json()["code"] == 20422
    assert sim.post(path, {"StatusCallbackEvent": "ringing"}).json()["code"] == 20001
    assert sim.post(path, {"Status": "completed"}).json()["status"] == "completed"
    assert hooks.wait("/status", 4)[-1].form["CallStatus"] == "completed"
    again = sim.post(path, {"Status": "completed"})
    assert (again.status_code, again.json()["code"]) == (400, 21220)


def test_a_live_call_takes_new_inline_twiml(sim, hooks):
    hooks.answers["/v"] = '<Response><Pause length="60"/></Response>'
    sid = sim.call(TO, hooks.url + "/v")
    hooks.wait("/v")
    assert sim.post(f"{API}/Calls/{sid}.json", {"Twiml": HANGUP}).status_code == 200
    assert sim.ended(sid)["status"] == "completed"


def test_a_ringing_call_can_be_cancelled_but_not_redirected(sim, hooks):
    sim.rule(to="+14155550130", ring_ms=20000)
    sid = sim.call("+14155550130", hooks.url + "/v", **watched(hooks))
    eventually(lambda: sim.fetch(sid)["status"] == "ringing")
    path = f"{API}/Calls/{sid}.json"
    refused = sim.post(path, {"Url": hooks.url + "/v"})
    assert (refused.status_code, refused.json()["code"]) == (400, 21220)
    assert sim.post(path, {"Status": "completed"}).json()["status"] == "canceled"
    assert [r.form["CallStatus"] for r in hooks.wait("/status", 3)] == [
        "initiated", "ringing", "canceled"]


# --- answering machines ---


@pytest.mark.parametrize("digits,mode,verdict", [
    ("0100", "Enable", "human"), ("0100", "DetectMessageEnd", "human"),
    ("0004", "Enable", "machine_start"), ("0004", "DetectMessageEnd", "machine_end_beep")])
def test_detection_holds_the_call_until_its_verdict(sim, hooks, digits, mode, verdict):
    hooks.answers["/v"] = HANGUP
    sid = sim.call("+1415555" + digits, hooks.url + "/v", MachineDetection=mode)
    assert sim.ended(sid)["answered_by"] == verdict
    assert hooks.at("/v")[0].form["AnsweredBy"] == verdict
    assert [c for c in sim.calls() if c["sid"] == sid][0]["answered_by"] == verdict


def test_asynchronous_detection_tells_later(sim, hooks):
    hooks.answers["/v"] = '<Response><Pause length="1"/></Response>'
    sid = sim.call("+14155550004", hooks.url + "/v", MachineDetection="DetectMessageEnd",
                   AsyncAmd="true", AsyncAmdStatusCallback=hooks.url + "/amd")
    told = hooks.wait("/amd")[0]
    assert "AnsweredBy" not in hooks.at("/v")[0].form
    assert told.form["CallSid"] == sid
    assert told.form["AccountSid"] == ACCOUNT
    assert told.form["AnsweredBy"] == "machine_end_beep"
    assert int(told.form["MachineDetectionDuration"]) > 0
    assert sim.ended(sid)["answered_by"] == "machine_end_beep"


def test_without_detection_a_machine_is_heard(sim, hooks):
    hooks.answers["/v"] = [gather(""), HANGUP]
    sid = sim.call("+14155550004", hooks.url + "/v")
    sim.ended(sid)
    assert "leave a message after the tone" in hooks.at("/v")[1].form["SpeechResult"]
    assert sim.fetch(sid)["answered_by"] is None


# --- recordings ---


def recorded_call(sim, hooks, twiml, **more):
    hooks.answers["/v"] = twiml
    sid = sim.call(TO, hooks.url + "/v", Record="true", RecordingStatusCallback=hooks.url + "/rec",
                   **watched(hooks, **more))
    sim.ended(sid)
    return sid


def mp3_seconds(path):
    """The length that the frames of an MP3 file add up to (MPEG-2, layer 3, one channel)."""
    data, at, seconds = path.read_bytes(), 0, 0.0
    rates = {0: 22050, 1: 24000, 2: 16000}
    bits = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
    while at + 4 <= len(data):
        assert data[at] == 0xff and data[at + 1] & 0xfe == 0xf2, "no frame of MPEG-2 layer 3"
        assert data[at + 3] >> 6 == 3, "not mono"
        rate = rates[data[at + 2] >> 2 & 3]
        seconds += 576 / rate
        at += 72 * bits[data[at + 2] >> 4] * 1000 // rate + (data[at + 2] >> 1 & 1)
    return seconds


def test_a_recording_is_a_real_mp3_of_the_told_length(sim, hooks, tmp_path):
    words = "Hello, this is the assistant of Jana. I would like a table for 2 at 19:30, please."
    sid = recorded_call(sim, hooks, say(words, "<Hangup/>"), RecordingTrack="outbound")
    told = hooks.wait("/rec")[0].form
    assert told["RecordingStatus"] == "completed"
    assert told["CallSid"] == sid
    assert told["RecordingSource"] == "OutboundAPI"
    assert told["RecordingTrack"] == "outbound"
    assert told["RecordingChannels"] == "1"
    last = hooks.wait("/status", 4)[-1].form
    for name in ("RecordingSid", "RecordingUrl", "RecordingDuration"):
        assert last[name] == told[name]
    assert told["RecordingUrl"] == f"{sim.url}{API}/Recordings/{told['RecordingSid']}"
    answer = requests.get(told["RecordingUrl"] + ".mp3", auth=(ACCOUNT, TOKEN))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    file = tmp_path / "r.mp3"
    file.write_bytes(answer.content)
    assert abs(mp3_seconds(file) - int(told["RecordingDuration"])) < 1
    assert requests.get(told["RecordingUrl"] + ".mp3", auth=(ACCOUNT, TOKEN)).content \
        == answer.content


def test_the_wav_is_telephone_sound(sim, hooks):
    recorded_call(sim, hooks, say("One two three four."), RecordingTrack="outbound")
    told = hooks.wait("/rec")[0].form
    for suffix in ("", ".wav"):
        answer = requests.get(told["RecordingUrl"] + suffix, auth=(ACCOUNT, TOKEN))
        assert answer.headers["Content-Type"] == "audio/x-wav"
        assert answer.content[:4] == b"RIFF"
        assert len(answer.content) == 44 + int(told["RecordingDuration"]) * 16000
        samples = answer.content[44:]
        loud = max(abs(int.from_bytes(samples[i:i + 2], "little", signed=True))
                   for i in range(0, len(samples), 2))
        assert loud > 1000


def test_recordings_are_listed_fetched_and_deleted(sim, hooks):
    sid = recorded_call(sim, hooks, say("Hello there."))
    recording = hooks.wait("/rec")[0].form["RecordingSid"]
    by_call = sim.get(f"{API}/Calls/{sid}/Recordings.json").json()["recordings"]
    by_account = sim.get(f"{API}/Recordings.json", params={"CallSid": sid}).json()["recordings"]
    one = sim.get(f"{API}/Recordings/{recording}.json").json()
    assert by_call == by_account == [one]
    assert one == sim.get(f"{API}/Calls/{sid}/Recordings/{recording}.json").json()
    assert (one["status"], one["source"], one["channels"]) == ("completed", "OutboundAPI", 1)
    assert one["call_sid"] == sid
    assert isinstance(one["duration"], str)
    assert one["error_code"] is None
    media = f"{API}/Recordings/{recording}.mp3"
    assert requests.get(sim.url + media).status_code == 401
    assert sim.get(media, params={"RequestedChannels": "2"}).json()["code"] == 16113
    assert sim.get(media, params={"RequestedChannels": "1"}).status_code == 200
    assert sim.delete(f"{API}/Recordings/{recording}.json").status_code == 204
    assert sim.get(media).status_code == 404
    assert sim.delete(f"{API}/Recordings/{recording}.json").status_code == 404
    assert sim.get(f"{API}/Calls/{sid}/Recordings.json").json()["recordings"] == []


def test_a_call_without_words_has_an_absent_recording(sim, hooks):
    sid = recorded_call(sim, hooks, HANGUP, RecordingStatusCallbackEvent="in-progress absent")
    told = [r.form for r in hooks.wait("/rec", 2)]
    assert [t["RecordingStatus"] for t in told] == ["in-progress", "absent"]
    one = sim.get(f"{API}/Calls/{sid}/Recordings.json").json()["recordings"][0]
    assert (one["status"], one["error_code"], one["duration"]) == ("absent", 16102, None)
    assert sim.get(f"{API}/Recordings/{one['sid']}.mp3").json()["code"] == 20404
    assert "RecordingSid" not in hooks.wait("/status", 4)[-1].form


def test_an_unanswered_call_is_not_recorded(sim, hooks):
    sid = sim.call("+14155550001", hooks.url + "/v", Record="true")
    sim.ended(sid)
    assert sim.get(f"{API}/Calls/{sid}/Recordings.json").json()["recordings"] == []


def test_media_is_not_there_before_it_is_completed(sim, hooks):
    hooks.answers["/v"] = say("Hello.", '<Pause length="60"/>')
    sid = sim.call(TO, hooks.url + "/v", Record="true")
    hooks.wait("/v")
    one = eventually(lambda: sim.get(f"{API}/Calls/{sid}/Recordings.json").json()["recordings"])[0]
    assert one["status"] == "in-progress"
    assert sim.get(f"{API}/Recordings/{one['sid']}.mp3").status_code == 404
    sim.post(f"{API}/Calls/{sid}.json", {"Status": "completed"})
    done = eventually(lambda: (lambda r: r["status"] == "completed" and r)(
        sim.get(f"{API}/Recordings/{one['sid']}.json").json()))
    assert int(done["duration"]) >= 1


# --- many ---


def test_a_burst_of_calls_is_lived_through(start_sim, hooks):
    sim = start_sim()
    hooks.answers["/v"] = HANGUP
    count, threads = 400, []

    def some(part):
        with requests.Session() as http:
            http.auth = (ACCOUNT, TOKEN)
            for i in range(part, count, 4):
                data = {"To": f"+1415556{1000 + i}", "From": FROM, "Url": hooks.url + "/v",
                        "StatusCallback": hooks.url + "/status"}
                assert http.post(sim.url + API + "/Calls.json", data=data).status_code == 201

    for part in range(4):
        threads.append(threading.Thread(target=some, args=(part,)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    calls = eventually(lambda: (lambda cs: all(c["status"] == "completed" for c in cs) and cs)(
        sim.calls()), 30)
    assert len(calls) == count
    hooks.wait("/status", count, 30)
    times = [c["arrived_mono_us"] for c in calls]
    assert times == sorted(times)
    assert {line["sid"] for line in sim.lines()} == {c["sid"] for c in calls}


def test_https_callbacks_are_verified(start_sim, tmp_path):
    """An https customer whose certificate nobody vouches for is not spoken to."""
    import ssl
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
                    "-out", cert, "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    hooks = Hooks()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    hooks.server.socket = context.wrap_socket(hooks.server.socket, server_side=True)
    hooks.url = hooks.url.replace("http:", "https:")
    hooks.answers["/v"] = HANGUP
    for options, errors in (((), [11237]), (("--ca-file", str(cert)), [])):
        sim = start_sim(*options)
        sid = sim.call(TO, hooks.url + "/v")
        sim.ended(sid)
        assert sim.errors(sid) == errors
    hooks.stop()
