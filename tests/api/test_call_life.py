"""The life of a call against the simulator's callees: what every magic number comes to."""

import datetime

import pytest
from apikit import CANARY, number

# digits, machine detection, status, outcome, how many legs the carrier has seen
LIVES = [
    ("9143", "off", "completed", "success_booked", 1),
    ("9144", "on", "completed", "success_booked", 1),
    ("9145", "async", "completed", "success_booked", 1),
    ("0001", "off", "failed", "failed_busy", 1),
    ("0002", "off", "failed", "failed_no_answer", 1),
    ("0003", "off", "failed", "failed_technical", 1),
    ("0004", "off", "completed", "failed_voicemail", 1),
    ("0004", "on", "completed", "failed_voicemail", 1),
    ("0004", "async", "completed", "failed_voicemail", 1),
    ("0005", "off", "completed", "failed_short_hangup", 1),
    ("0006", "off", "completed", "success_booked", 1),
    ("0007", "off", "completed", "success_booked", 1),
    ("0009", "off", "completed", "success_booked", 1),
    ("0010", "off", "completed", "success_booked", 1),
    ("0011", "off", "completed", "success_booked", 1),
    ("0012", "off", "failed", "failed_technical", 0),
    ("0013", "off", "completed", "success_no_booking", 1),
]


class Lives:
    """All of them at once, so that the slow ones wait together."""

    def __init__(self, stack):
        self.stack = stack
        self.client = stack.customer(cap=50)
        self.started = {}
        for digits, mode, *_ in LIVES:
            to = number(digits)
            self.started[digits, mode] = to, self.client.start(to, machine_detection=mode,
                                                               language="en")

    def ended(self, digits, mode="off"):
        to, call_id = self.started[digits, mode]
        return to, self.client.ended(call_id, 90)


@pytest.fixture(scope="module")
def lives(stack):
    return Lives(stack)


def of_type(events, kind):
    return [event["data"] for event in events if event["event_type"] == kind]


@pytest.mark.parametrize("digits, mode, status, outcome, legs", LIVES)
def test_every_callee_comes_to_its_outcome(lives, digits, mode, status, outcome, legs):
    to, call = lives.ended(digits, mode)
    assert (call["status"], call["outcome_type"]) == (status, outcome)
    assert call["outcome_summary"] and call["ended_at"]
    dials = lives.stack.dials(to)
    assert len(dials) == legs
    if legs:
        assert call["call_sid"] == dials[0]["sid"]
    assert call["outcome_charge_cents"] == (7 if outcome.startswith("success") else 0)


@pytest.mark.parametrize("digits, mode", [life[:2] for life in LIVES])
def test_events_are_gapless_begin_with_null_and_end_once(lives, digits, mode):
    _, call = lives.ended(digits, mode)
    events = lives.client.events(call["call_id"])
    assert [e["event_id"] for e in events] == list(range(1, len(events) + 1))
    steps = of_type(events, "status_change")
    assert steps[0] == {"status": "queued", "previous": None}
    for one, other in zip(steps, steps[1:]):
        assert other["previous"] == one["status"] != other["status"]
    assert steps[-1]["status"] == call["status"]
    [outcome] = of_type(events, "outcome")
    assert outcome["outcome_type"] == call["outcome_type"]
    assert outcome["summary"] == call["outcome_summary"]
    times = [e["created_at"] for e in events]
    assert times == sorted(times)


@pytest.mark.alone  # a busy machine misses slots, and then the call is queued once more
def test_a_completed_call_has_gone_through_every_status(lives):
    for digits in ("9143", "0010", "0011"):
        _, call = lives.ended(digits)
        steps = of_type(lives.client.events(call["call_id"]), "status_change")
        assert [s["status"] for s in steps] == ["queued", "dialing", "in_progress", "completed"]


def test_the_agent_opens_with_who_it_is_and_the_brief(lives):
    _, call = lives.ended("9143")
    first = call["transcript_full"][0]
    assert first["role"] == "bot"
    assert "automated assistant" in first["text"] and CANARY in first["text"]


def test_the_transcript_has_both_sides_in_the_order_of_the_talk(lives):
    _, call = lives.ended("9143")
    turns = call["transcript_full"]
    roles = [turn["role"] for turn in turns]
    assert set(roles) == {"bot", "operator"} and roles[0] == roles[-1] == "bot"
    at = [turn["at_ms"] for turn in turns]
    assert at == sorted(at) and at[0] >= 0
    events = of_type(lives.client.events(call["call_id"]), "transcript")
    assert [(e["role"], e["text"], e["at_ms"]) for e in events] == [
        (t["role"], t["text"], t["at_ms"]) for t in turns]


def test_a_question_that_the_client_never_answers_ends_the_call(lives):
    """The others of its kind: test_answers.py."""
    _, call = lives.ended("0013")
    said = [turn["text"] for turn in call["transcript_full"]]
    assert any("ask your client" in text for text in said)
    assert "find out" in said[-2] and "could not reach" in said[-1]
    asked, dropped = (next(e for e in lives.client.events(call["call_id"])
                           if e["event_type"] == kind) for kind in ("ask_user", "answer_dropped"))
    assert dropped["data"]["reason"] == "timeout"
    waited = (datetime.datetime.fromisoformat(dropped["created_at"].replace("Z", "+00:00"))
              - datetime.datetime.fromisoformat(asked["created_at"].replace("Z", "+00:00")))
    assert 59.5 < waited.total_seconds() < 75


def test_duplicates_and_disorder_of_callbacks_leave_no_trace(lives):
    """0011: every callback twice and out of order."""
    _, plain = lives.ended("9143")
    _, call = lives.ended("0011")

    def course(one):
        """From the answer on: a dial that missed its slot goes back into the queue before."""
        steps = [(e["event_type"], e["data"].get("status"), e["data"].get("role"))
                 for e in lives.client.events(one["call_id"])
                 if e["event_type"] != "recording_ready"]
        return steps[steps.index(("status_change", "in_progress", None)):]
    assert len(course(plain)) > 3
    assert course(call) == course(plain)


def test_a_call_without_callbacks_is_settled_from_the_carrier_within_a_minute(lives):
    """0010: no status callback ever comes."""
    to, call = lives.ended("0010")
    [dial] = lives.stack.dials(to)
    ours = datetime.datetime.fromisoformat(call["ended_at"].replace("Z", "+00:00"))
    theirs = datetime.datetime.fromisoformat(dial["ended_at"].replace("Z", "+00:00"))
    assert (ours - theirs).total_seconds() <= 60


def test_a_throttled_dial_went_back_into_the_queue(lives):
    to, call = lives.ended("0009")
    steps = of_type(lives.client.events(call["call_id"]), "status_change")
    assert {"status": "queued", "previous": "dialing"} in steps
    tried = [a["status"] for a in lives.stack.get_sim("/sim/attempts") if a["to"] == to]
    assert tried == [429, 201]


def test_a_lost_answer_is_dial_unknown_until_it_is_found(lives):
    for digits in ("0006", "0007"):
        to, call = lives.ended(digits)
        assert len([a for a in lives.stack.get_sim("/sim/attempts") if a["to"] == to]) == 1
        assert call["status"] == "completed"


def test_what_was_never_answered_has_no_duration_and_no_transcript(lives):
    for digits in ("0001", "0002", "0003", "0012"):
        _, call = lives.ended(digits)
        assert call["duration_sec"] is None and call["transcript_full"] == []
        assert call["has_recording"] is False and call["recording_url"] is None


def test_the_duration_is_the_carriers(lives):
    _, call = lives.ended("9143")
    assert 0 <= call["duration_sec"] <= 10
    _, short = lives.ended("0005")
    assert short["duration_sec"] <= 3


def test_a_talk_in_russian_is_held_in_russian(stack, customer):
    to = number()
    stack.rule(to, say=["Да, хорошо."])
    call = customer.ended(customer.start(to, language="ru"))
    assert "автоматический помощник" in call["transcript_full"][0]["text"]
    assert call["outcome_type"] == "success_booked"


@pytest.mark.parametrize("words, outcome", [
    ("Yes, that is confirmed.", "success_booked"), ("Sorry, we are closed.", "success_refused"),
    ("No.", "success_refused"), ("Hmm.", None)])
def test_the_callees_words_decide(stack, customer, words, outcome):
    to = number()
    stack.rule(to, say=[words, "Yes."], talk_ms=50)
    call = customer.ended(customer.start(to))
    assert call["outcome_type"] == outcome or (
        outcome is None and call["outcome_type"] == "success_booked")
    assert words in [turn["text"] for turn in call["transcript_full"]]


def test_keys_pressed_are_heard(stack, customer):
    to = number()
    stack.rule(to, digits="42", say=["Yes."], talk_ms=50)
    call = customer.ended(customer.start(to))
    assert "42" in [t["text"] for t in call["transcript_full"] if t["role"] == "operator"]
