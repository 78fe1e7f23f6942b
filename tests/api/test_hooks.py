"""The carrier's webhooks: what is believed, and what news that come twice, late or out of order
change. Calls that ring for a long time are told their fate here, in the carrier's place."""

import base64
import hashlib
import hmac
import os
import time
import urllib.parse
import xml.etree.ElementTree

import pytest
from apikit import eventually

OTHER_SID = "CA" + "0" * 32


class Leg:
    """A call that the simulator lets ring; the news of it come from us."""

    def __init__(self, stack, client, **body):
        self.stack, self.client = stack, client
        self.call_id, self.to = client.ring(**body)
        [dial] = stack.dials(self.to)
        eventually(lambda: stack.dials(self.to)[0]["status"] == "ringing")
        self.sid = dial["sid"]
        self.query = urllib.parse.urlsplit(dial["url"]).query

    def path(self, kind, query=None):
        return f"/twilio/{kind}/{self.call_id}?{query or self.query}"

    def form(self, status=None, sid=None, **more):
        form = {"AccountSid": "AC" + "0" * 32, "ApiVersion": "2010-04-01", "Direction":
                "outbound-api", "From": "+15005550006", "To": self.to, "Caller": "+15005550006",
                "Called": self.to, "CallSid": sid or self.sid, "ToState": ""}
        if status:
            form["CallStatus"] = status
        return {**form, **more}

    def tell(self, status, sid=None, query=None, **more):
        """A status callback; it must be taken."""
        answer = self.stack.hook(self.path("status", query), self.form(status, sid, **more))
        assert answer.status_code in (200, 204), answer.text
        return answer

    def voice(self, turn=None, sid=None, **more):
        """The TwiML that we answer, parsed."""
        query = self.query if turn is None else f"{self.query}&turn={turn}"
        answer = self.stack.hook(self.path("voice", query), self.form("in-progress", sid, **more))
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"].split(";")[0] == "text/xml"
        return xml.etree.ElementTree.fromstring(answer.content)

    def call(self):
        return self.client.call(self.call_id)

    def events(self):
        return self.client.events(self.call_id)

    def state(self):
        return self.call(), self.events()


@pytest.fixture
def leg(stack, customer):
    return Leg(stack, customer)


def words(twiml):
    return " ".join(say.text for say in twiml.iter("Say"))


# ---- signatures ----

KINDS = {"voice": {"CallStatus": "in-progress"}, "status": {"CallStatus": "completed"},
         "recording": {"RecordingSid": "RE" + "1" * 32, "RecordingStatus": "absent"},
         "amd": {"AnsweredBy": "machine_start"}}


def forgeries(leg, path, form):
    """Signatures that are nearly right."""
    url = leg.stack.url + path
    good = leg.stack.sign(url, list(form.items()))

    def by(key, text, digest=hashlib.sha1):
        return base64.b64encode(hmac.new(key.encode(), text.encode(), digest).digest()).decode()

    text = url + "".join(n + v for n, v in sorted(form.items()))
    token = leg.stack.auth_token
    return {
        "none": "", "nonsense": "nonsense",
        "cut short": good[:-1], "one more": good + "=", "hexadecimal":
        base64.b64decode(good).hex(), "in lower case": good.lower(),
        "another token": by("another", text), "no token": by("", text),
        "sha-256": by(token, text, hashlib.sha256),
        "of the URL alone": by(token, url),
        "of the path": by(token, text[len(leg.stack.url):]),
        "of http": by(token, text.replace("https://", "http://")),
        "of another host": by(token, text.replace("localhost", "example.org")),
        "of another port": leg.stack.sign("https://localhost:9" + path, list(form.items())),
        "of another call": leg.stack.sign(url.replace(leg.call_id, "call_" + "0" * 26),
                                          list(form.items())),
        "of another attempt": leg.stack.sign(url + "0", list(form.items())),
        "of another form": leg.stack.sign(url, [*form.items(), ("X", "1")]),
        "without the empty field": leg.stack.sign(
            url, [(n, v) for n, v in form.items() if v]),
    }


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_wrong_signature_is_403_and_changes_nothing(leg, kind):
    path, form = leg.path(kind), leg.form(**KINDS[kind])
    before = leg.state()
    for what, signature in forgeries(leg, path, form).items():
        answer = leg.stack.hook(path, form, signature=signature)
        assert answer.status_code == 403, what
    assert leg.state() == before


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_signature_counts_with_and_without_the_port(leg, kind):
    path, form = leg.path(kind), leg.form(**KINDS[kind])
    assert leg.stack.hook(path, form).status_code in (200, 204)
    assert leg.stack.hook(path, form, signed_url="https://localhost" + path).status_code in (
        200, 204)


def test_a_signature_says_nothing_of_a_tampered_query(leg):
    path, form = leg.path("voice"), leg.form("in-progress")
    signature = leg.stack.sign(leg.stack.url + path, list(form.items()))
    for spoilt in (path + "&turn=3", path.split("?")[0]):
        assert leg.stack.hook(spoilt, form, signature=signature).status_code == 403


def test_the_form_is_signed_as_it_was_meant(leg):
    """Spaces, plus signs, other scripts, names in another order, and the same field twice."""
    pairs = [*leg.form("ringing", SpeechResult="Sí, café & 50% + tax", Z="1", a="2").items(),
             ("Event", "b"), ("Event", "a"), ("Event", "a")]
    assert leg.stack.hook(leg.path("status"), pairs).status_code in (200, 204)


def test_what_is_no_form_is_403(leg):
    path = leg.path("status")
    url = leg.stack.url + path
    for data in (b"%zz=1", b"a=%ff", b"\xff\xfe", b"=1", b"&&", b'{"CallSid": "x"}'):
        signature = leg.stack.sign(url, [])
        answer = leg.stack.client.post(path, data=data, headers={
            "X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status_code == 403, data


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_only_post_is_taken(leg, kind):
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH"):
        answer = leg.stack.client.request(method, leg.path(kind))
        assert answer.status_code == 405 and "POST" in answer.headers["Allow"]


def test_no_key_is_asked_for_and_none_helps(leg):
    answer = leg.client.post(leg.path("status"), data=leg.form("completed"))
    assert answer.status_code == 403
    assert leg.call()["status"] == "dialing"


# ---- order ----

def test_news_move_the_call_on(leg):
    leg.tell("in-progress")
    assert leg.call()["status"] == "in_progress"
    leg.voice()
    leg.tell("completed", CallDuration="17", Duration="1", SipResponseCode="200")
    call = leg.call()
    assert call["status"] == "completed" and call["duration_sec"] == 17


def test_news_that_come_twice_count_once(leg):
    for status in ("in-progress", "in-progress", "completed", "completed", "completed"):
        leg.tell(status, CallDuration="5")
    steps = [e["data"]["status"] for e in leg.events() if e["event_type"] == "status_change"]
    assert steps == ["queued", "dialing", "in_progress", "completed"]
    assert len([e for e in leg.events() if e["event_type"] == "outcome"]) == 1


@pytest.mark.parametrize("late", ["queued", "initiated", "ringing", "in-progress", "busy",
                                  "failed", "canceled", "no-answer"])
def test_a_final_status_is_final(leg, late):
    leg.tell("in-progress")
    leg.tell("completed", CallDuration="9")
    before = leg.state()
    leg.tell(late)
    assert leg.state() == before


def test_the_last_word_may_come_first(leg):
    leg.tell("completed", CallDuration="12")
    assert leg.call()["status"] == "completed"
    before = leg.state()
    leg.tell("ringing")
    leg.tell("in-progress")
    assert leg.state() == before


def test_ringing_after_the_answer_is_old(leg):
    leg.tell("in-progress")
    leg.tell("ringing")
    leg.tell("initiated")
    assert leg.call()["status"] == "in_progress"


def test_the_first_word_of_the_answer_sets_the_time(leg):
    leg.tell("in-progress")
    time.sleep(0.4)
    leg.tell("ringing")
    leg.tell("in-progress")
    leg.voice()
    assert leg.call()["transcript_full"][0]["at_ms"] >= 400


def test_an_unknown_status_changes_nothing(leg):
    before = leg.state()
    for status in ("", "exploded", "COMPLETED", "completed ", "in_progress", "'"):
        leg.tell(status or None)
    assert leg.state() == before


@pytest.mark.parametrize("status, ours, outcome", [
    ("busy", "failed", "failed_busy"), ("no-answer", "failed", "failed_no_answer"),
    ("failed", "failed", "failed_technical"), ("canceled", "failed", "failed_technical")])
def test_what_the_carrier_could_not_do_is_failed(leg, status, ours, outcome):
    leg.tell(status, SipResponseCode="487")
    call = leg.call()
    assert (call["status"], call["outcome_type"]) == (ours, outcome)
    assert leg.client.usage() == 0


@pytest.mark.parametrize("duration", ["x", "-1", "", "1e9", "NaN", "9" * 40, "'"])
def test_a_duration_that_is_none_is_ignored(leg, duration):
    leg.tell("in-progress")
    leg.tell("completed", CallDuration=duration)
    call = leg.call()
    assert call["status"] == "completed" and 0 <= call["duration_sec"] < 60


def test_unknown_fields_do_not_matter(leg):
    leg.tell("in-progress", **{f"New{i}": "x" for i in range(60)})
    assert leg.call()["status"] == "in_progress"


# ---- whose news ----

def test_another_call_sid_is_answered_200_and_changes_nothing(leg):
    before = leg.state()
    for status in ("in-progress", "completed"):
        answer = leg.tell(status, sid=OTHER_SID)
        assert answer.status_code == 200
    assert leg.voice(sid=OTHER_SID).find("Hangup") is not None
    recording = leg.stack.hook(leg.path("recording"), leg.form(
        sid=OTHER_SID, RecordingSid="RE" + "2" * 32, RecordingStatus="completed"))
    assert recording.status_code == 200
    assert leg.state() == before


def test_another_attempts_token_changes_nothing(leg):
    before = leg.state()
    leg.tell("completed", query="attempt=00000000-0000-4000-8000-000000000000")
    assert leg.state() == before


def test_a_token_of_another_call_changes_neither(stack, customer):
    one, other = Leg(stack, customer), Leg(stack, customer)
    before = one.state(), other.state()
    one.tell("completed", query=other.query)
    one.tell("completed", sid=other.sid)
    assert (one.state(), other.state()) == before


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("call_id", ["call_" + "0" * 26, "nonsense", "%27", "call_x"])
def test_an_unknown_call_does_no_harm(leg, kind, call_id):
    path = f"/twilio/{kind}/{call_id}?attempt={leg.query}"
    answer = leg.stack.hook(path, leg.form(**KINDS[kind]))
    assert answer.status_code in (200, 404)


def test_news_without_a_call_sid_change_nothing(leg):
    before = leg.state()
    form = leg.form("completed")
    del form["CallSid"]
    assert leg.stack.hook(leg.path("status"), form).status_code in (200, 404)
    assert leg.state() == before


def test_news_of_a_cancelled_call_change_nothing(leg):
    assert leg.client.cancel(leg.call_id)
    before = leg.state()
    for status in ("in-progress", "completed"):
        leg.tell(status)
    assert leg.voice().find("Hangup") is not None
    assert leg.state() == before


# ---- outcomes that only news make ----

def test_answered_but_never_spoken_to_is_no_agent(leg):
    leg.tell("in-progress")
    leg.tell("completed", CallDuration="20")
    call = leg.call()
    assert call["status"] == "completed" and call["outcome_type"] == "failed_no_agent_available"


@pytest.mark.parametrize("seconds, outcome", [
    ("1", "failed_short_hangup"), ("3", "failed_short_hangup"), ("4", "success_no_booking"),
    ("60", "success_no_booking")])
def test_a_callee_who_hangs_up_is_judged_by_the_time(leg, seconds, outcome):
    leg.voice()
    leg.tell("completed", CallDuration=seconds)
    call = leg.call()
    assert call["status"] == "completed" and call["outcome_type"] == outcome


def test_an_agent_that_ended_the_call_is_not_hung_up_upon(leg):
    leg.voice()
    assert leg.voice(1, SpeechResult="No.").find("Hangup") is not None
    leg.tell("completed", CallDuration="2")
    assert leg.call()["outcome_type"] == "success_refused"


def test_a_machine_that_is_detected_late_is_voicemail(leg):
    leg.voice()
    assert leg.stack.hook(leg.path("amd"), leg.form(
        AnsweredBy="machine_start", MachineDetectionDuration="3000")).status_code in (200, 204)
    leg.tell("completed", CallDuration="9")
    assert leg.call()["outcome_type"] == "failed_voicemail"


# ---- the agent ----

def test_the_first_answer_says_who_calls_and_listens(leg):
    twiml = leg.voice()
    gather = twiml.find("Gather")
    assert gather.get("input") == "speech dtmf" and gather.get("method") == "POST"
    assert leg.call_id in gather.get("action") and "rc=" in gather.get("action")
    assert "automated assistant" in words(twiml)
    assert leg.call()["status"] == "in_progress", "the voice webhook is news of the answer too"


def test_a_brief_with_markup_is_spoken_as_text(stack, customer):
    brief = "Ask for \"A & B\" <Hangup/> </Say> ]]> 'now' \u00e9 \u4e2d"
    twiml = Leg(stack, customer, brief=brief).voice()
    assert brief in words(twiml) and twiml.find(".//Hangup") is None


def test_a_long_brief_fits_the_carriers_limit(stack, customer):
    leg = Leg(stack, customer, brief="<&>" * 1333)
    answer = leg.stack.hook(leg.path("voice"), leg.form("in-progress"))
    assert answer.status_code == 200 and len(answer.content) < 64000
    xml.etree.ElementTree.fromstring(answer.content)


def test_the_same_turn_is_answered_the_same_and_kept_once(leg):
    path, form = leg.path("voice"), leg.form("in-progress")
    first = leg.stack.hook(path, form)
    assert leg.stack.hook(path, form).content == first.content
    path += "&turn=1"
    form["SpeechResult"] = "Hmm."
    second = leg.stack.hook(path, form)
    form["SpeechResult"] = "Something else."
    assert leg.stack.hook(path, form).content == second.content
    heard = [t["text"] for t in leg.call()["transcript_full"] if t["role"] == "operator"]
    assert heard == ["Hmm."]


def test_speech_is_kept_as_it_was_heard(leg):
    leg.voice()
    said = "Sí, café & <b>50%</b> + tax \u4e2d \U0001d11e \"quoted\" \\"
    leg.voice(1, SpeechResult=said, Confidence="0.91")
    assert said in [t["text"] for t in leg.call()["transcript_full"]]


def test_speech_without_end_is_bounded(leg):
    leg.voice()
    leg.voice(1, SpeechResult="é" * 20000)
    [heard] = [t for t in leg.call()["transcript_full"] if t["role"] == "operator"]
    assert len(heard["text"]) <= 4000


def test_silence_is_asked_again_and_then_ended(leg):
    leg.voice()
    for turn in (1, 2):
        assert leg.voice(turn).find("Gather") is not None
    for turn in (3, 4):
        last = leg.voice(turn)
    assert last.find("Hangup") is not None
    leg.tell("completed", CallDuration="30")
    assert leg.call()["outcome_type"] == "success_no_booking"


def test_a_talk_without_verdict_has_an_end(leg):
    leg.voice()
    for turn in range(1, 101):
        if leg.voice(turn, SpeechResult="Hmm.").find("Hangup") is not None:
            break
    assert turn < 30
    leg.tell("completed", CallDuration="90")
    assert leg.call()["outcome_type"] == "success_no_booking"


@pytest.mark.parametrize("turn", ["-1", "101", "x", "99999999999999999999", "1.5"])
def test_a_turn_that_can_not_be_is_refused(leg, turn):
    path = leg.path("voice") + f"&turn={turn}"
    answer = leg.stack.hook(path, leg.form("in-progress", SpeechResult="Hello."))
    assert answer.status_code in (200, 404)
    assert leg.call()["transcript_full"] == []


# ---- recordings ----

def test_a_recording_that_is_absent_never_comes(leg):
    admin = leg.stack.with_key(leg.stack.new_key("workspace", leg.client.workspace, admin=True))
    leg.voice()
    leg.tell("completed", CallDuration="9")
    assert admin.get(f"/calls/{leg.call_id}/recording").status_code == 202
    leg.stack.hook(leg.path("recording"), leg.form(
        RecordingSid="RE" + os.urandom(16).hex(), RecordingStatus="in-progress"))
    assert admin.get(f"/calls/{leg.call_id}/recording").status_code == 202
    leg.stack.hook(leg.path("recording"), leg.form(
        RecordingSid="RE" + os.urandom(16).hex(), RecordingStatus="absent"))
    assert admin.get(f"/calls/{leg.call_id}/recording").status_code == 404
    assert leg.call()["has_recording"] is False


def test_a_recording_of_another_leg_changes_nothing(leg):
    admin = leg.stack.with_key(leg.stack.new_key("workspace", leg.client.workspace, admin=True))
    leg.voice()
    leg.tell("completed", CallDuration="9")
    leg.stack.hook(leg.path("recording"), leg.form(
        sid=OTHER_SID, RecordingSid="RE" + os.urandom(16).hex(), RecordingStatus="absent"))
    assert admin.get(f"/calls/{leg.call_id}/recording").status_code == 202


@pytest.mark.parametrize("sid", ["", "RE1", "../../etc/passwd", "RE" + "g" * 32, "CA" + "1" * 32])
def test_a_recording_sid_that_is_none_is_ignored(leg, sid):
    leg.voice()
    before = leg.state()
    answer = leg.stack.hook(leg.path("recording"), leg.form(
        RecordingSid=sid, RecordingStatus="completed", RecordingDuration="5"))
    assert answer.status_code in (200, 204)
    assert leg.state() == before
