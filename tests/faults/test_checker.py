"""The checker is checked: each planted violation must be found, and nothing else."""

import copy
import json

import pytest

import checker

CALL, NUMBER, ATTEMPT = "call_1", "+12025550123", "6bae9df6-28a2-43c7-8b67-415688d632a0"
OTHER = "f042a05b-acdd-4616-8833-5d4668c44b27"


def change(status, previous):
    return {"event_type": "status_change", "data": {"status": status, "previous": previous}}


def story(call, *events):
    return [{"call_id": call, "event_id": i, **e} for i, e in enumerate(events, 1)]


def good():
    """One call that went well, and the dial of another that was throttled first."""
    e = checker.Evidence(cps=2)
    body = json.dumps({"call_id": CALL, "queue_id": "q_1", "position": 0, "status": "queued"})
    e.answers = [{"key": "k", "to": NUMBER, "status": None, "body": "no answer"},
                 {"key": "k", "to": NUMBER, "status": 202, "body": body},
                 {"key": "k", "to": NUMBER, "status": 202, "body": body}]
    e.calls = {CALL: {"call_id": CALL, "status": "completed", "target_phone": NUMBER,
                      "outcome_type": "success_booked", "outcome_summary": "", "event_count": 6,
                      "credits_reserved": 1, "call_sid": "CA1"}}
    e.events = {CALL: story(
        CALL, change("queued", None), change("dialing", "queued"),
        change("in_progress", "dialing"), {"event_type": "transcript", "data": {}},
        change("completed", "in_progress"), {"event_type": "outcome", "data": {}})}
    e.attempts = {
        ATTEMPT: {"attempt_id": ATTEMPT, "call_id": CALL, "state": "ended", "call_sid": "CA1",
                  "to_number": NUMBER, "answer": "accepted"},
        OTHER: {"attempt_id": OTHER, "call_id": CALL, "state": "refused", "call_sid": None,
                "to_number": NUMBER, "answer": "throttled"}}
    e.dials = [{"sid": "CA1", "to": NUMBER, "at": 2_000_000, "status": "completed",
                "call_id": CALL, "attempt": ATTEMPT, "ended_at": "x"}]
    e.posts = [{"at": 1_000_000, "to": NUMBER, "status": 429},
               {"at": 1_500_000, "to": "+12025550999", "status": 400},
               {"at": 2_000_000, "to": NUMBER, "status": 201}]
    e.ledger = [{"call_id": CALL, "step": 1, "month": "2026-11-01", "reserved": 1, "settled": 0},
                {"call_id": CALL, "step": 2, "month": "2026-11-01", "reserved": -1, "settled": 1}]
    e.months = [{"month": "2026-11-01", "reserved": 0, "settled": 1, "granted": 0, "quota": 10}]
    e.messages = [{"call_id": CALL, "event_id": 6, "id": "msg_1", "body": "{}", "taken": taken}
                  for taken in (False, True)]
    e.words = {"w-1": {"quailfeather"}, "w-2": {"violetquartz"}}
    e.replies = [("w-1", "A table, in the name of quailfeather."), ("w-2", "[]")]
    return e


def test_nothing_is_found_where_nothing_is_wrong():
    assert checker.violations(good()) == []


def missing_call(e):
    e.answers.append({"key": "k2", "to": "+12025550124", "status": 202,
                      "body": '{"call_id": "call_2"}'})


def other_number(e):
    e.answers[1]["to"] = e.answers[2]["to"] = "+12025550124"
    e.answers.append({"key": None, "to": NUMBER, "status": 400, "body": ""})


def unasked_call(e):
    e.answers = [{"key": None, "to": "+12025550124", "status": 400, "body": ""}]


def never_ended(e):
    e.calls[CALL].update(status="in_progress", outcome_type=None, event_count=4)
    e.events[CALL] = e.events[CALL][:4]
    e.ledger.pop()
    e.months[0].update(reserved=1, settled=0)


def ended_otherwise(e):
    e.dials[0]["status"] = "busy"


def busy_says_nobody(e):
    e.calls[CALL].update(status="failed", outcome_type="failed_busy")


def promise_forgotten(e):
    e.promised = {"crm-17"}


def promise_kept_twice(e):
    e.promised, e.jobs = {"crm-17"}, ["crm-17", "crm-17"]


def unpromised_job(e):
    e.jobs = ["crm-17"]


def call_dialed_twice(e):
    e.attempts[OTHER].update(state="ended", call_sid="CA2")
    e.dials.append({**e.dials[0], "sid": "CA2", "attempt": OTHER})


def attempt_dialed_twice(e):
    e.dials.append({**e.dials[0], "sid": "CA2", "call_id": "call_2"})


def dial_without_attempt(e):
    e.dials[0]["attempt"] = "00000000-0000-0000-0000-000000000000"


def refused_yet_dialed(e):
    e.attempts[ATTEMPT].update(state="refused", call_sid=None)


def lost_yet_dialed(e):
    e.attempts[ATTEMPT].update(state="lost", call_sid=None)


def bound_to_another(e):
    e.attempts[ATTEMPT]["call_sid"] = "CA2"


def left_ringing(e):
    e.dials[0]["status"] = "in-progress"


def second_post_that_may_count(e):
    e.posts.append({"at": 9_000_000, "to": NUMBER, "status": None})


def second_post_with_a_server_error(e):
    e.posts.append({"at": 9_000_000, "to": NUMBER, "status": 500})


def no_closing_line(e):
    e.ledger.pop()
    e.months[0].update(reserved=1, settled=0)


def closed_twice(e):
    e.ledger.append(dict(e.ledger[1]))
    e.months[0].update(reserved=-1, settled=2)


def charged_a_failure(e):
    e.calls[CALL]["outcome_type"] = "failed_busy"


def total_is_off(e):
    e.months[0]["settled"] = 2


def over_the_quota(e):
    e.months[0]["quota"] = 0


def line_of_nobody(e):
    e.ledger += [{**e.ledger[0], "call_id": "call_9"}, {**e.ledger[1], "call_id": "call_9"}]
    e.months[0]["settled"] = 2


def one_too_many_in_a_second(e):
    e.posts += [{"at": 5_000_000, "to": "+12025550201", "status": 429},
                {"at": 5_000_001, "to": "+12025550202", "status": 429},
                {"at": 5_999_999, "to": "+12025550203", "status": 429}]


def two_in_ten_seconds(e):
    e.cps = 0.1
    e.posts = [{"at": 1, "to": NUMBER, "status": 429}, {"at": 9_999_999, "to": NUMBER,
                                                       "status": 201}]


def fraction_rounded_up(e):
    e.cps = 2.9
    one_too_many_in_a_second(e)


def another_answer_for_the_key(e):
    e.answers[2]["body"] = e.answers[2]["body"].replace('"position": 0', '"position": 1')


def two_calls_for_a_key(e):
    e.calls["call_2"] = {**e.calls[CALL], "call_id": "call_2"}
    e.events["call_2"] = e.events[CALL]
    e.ledger += [{**line, "call_id": "call_2"} for line in e.ledger]
    e.months[0]["settled"] = 2


def a_key_for_two_numbers(e):
    e.calls["call_2"] = {**e.calls[CALL], "call_id": "call_2", "target_phone": "+12025550124"}
    e.answers.append({**e.answers[1], "to": "+12025550124"})


def event_gap(e):
    del e.events[CALL][3]
    e.calls[CALL]["event_count"] = 5


def event_twice(e):
    e.events[CALL].insert(3, e.events[CALL][3])
    e.calls[CALL]["event_count"] = 7


def last_event_lost(e):
    e.events[CALL].pop()


def alive_again(e):
    e.events[CALL] = story(CALL, *[{"event_type": x["event_type"], "data": x["data"]}
                                   for x in e.events[CALL]],
                           change("queued", "completed"), change("completed", "queued"))
    e.calls[CALL]["event_count"] = 8


def backwards(e):
    e.events[CALL][3] = {**e.events[CALL][3], **change("dialing", "in_progress")}
    e.events[CALL][4] = {**e.events[CALL][4], **change("completed", "dialing")}


def silent_change(e):
    e.calls[CALL]["status"] = "failed"


def never_told(e):
    e.messages = []


def told_and_never_taken(e):
    e.messages = e.messages[:1]


def told_in_other_words(e):
    e.messages = [e.messages[1], {**e.messages[0], "body": "{ }"}]


def told_under_another_id(e):
    e.messages = [e.messages[1], {**e.messages[0], "id": "msg_2"}]


def two_events_under_one_id(e):
    e.calls[CALL]["event_count"] = 7
    e.events[CALL] = story(CALL, *[{"event_type": x["event_type"], "data": x["data"]} for x in e.events[CALL]],
                           {"event_type": "recording_ready", "data": {}})
    e.messages = [e.messages[1], {**e.messages[1], "event_id": 7}]


def told_of_what_never_was(e):
    e.messages = [*e.messages, {**e.messages[0], "event_id": 9, "id": "msg_2"}]


def told_what_webhooks_are_not(e):
    e.messages = [*e.messages, {**e.messages[0], "event_id": 4, "id": "msg_2"}]


def told_a_word_of_anothers(e):
    e.replies.append(("w-2", '{"brief": "In the name of quailfeather."}'))


PLANTED = {
    missing_call: "I1", other_number: "I1", unasked_call: "I1", never_ended: "I1",
    ended_otherwise: "I1", busy_says_nobody: "I1", promise_forgotten: "I1", promise_kept_twice: "I1",
    unpromised_job: "I1",
    call_dialed_twice: "I2", attempt_dialed_twice: "I2", dial_without_attempt: "I2",
    refused_yet_dialed: "I2", lost_yet_dialed: "I2", bound_to_another: "I2", left_ringing: "I2",
    second_post_that_may_count: "I2", second_post_with_a_server_error: "I2",
    no_closing_line: "I3", closed_twice: "I3", charged_a_failure: "I3", total_is_off: "I3",
    over_the_quota: "I3", line_of_nobody: "I3",
    one_too_many_in_a_second: "I4", two_in_ten_seconds: "I4", fraction_rounded_up: "I4",
    another_answer_for_the_key: "I5", two_calls_for_a_key: "I5", a_key_for_two_numbers: "I5",
    event_gap: "I6", event_twice: "I6", last_event_lost: "I6", alive_again: "I6",
    backwards: "I6", silent_change: "I6",
    never_told: "I7", told_and_never_taken: "I7", told_in_other_words: "I7", told_under_another_id: "I7",
    two_events_under_one_id: "I7",
    told_of_what_never_was: "I7", told_what_webhooks_are_not: "I7", told_a_word_of_anothers: "I8",
}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda p: p.__name__)
def test_a_planted_violation_is_found(plant):
    e = copy.deepcopy(good())
    plant(e)
    assert PLANTED[plant] in {v.split(":")[0] for v in checker.violations(e)}


def test_exactly_the_rate_is_allowed():
    e = good()
    e.posts = [{"at": i * 500_000, "to": "+12025550201", "status": 429} for i in range(20)]
    assert checker.violations(e) == []


def test_the_last_line_of_a_call_in_the_carriers_ledger_counts():
    line = {"sid": "CA1", "to": NUMBER, "arrived_mono_us": 5, "status": "queued", "ended_at": None,
            "url": f"https://localhost/twilio/voice/{CALL}?attempt={ATTEMPT}#rc=4"}
    lines = [json.dumps(line), "", json.dumps({**line, "status": "completed"})]
    dials = checker.read_dials(lines)
    assert dials == [{"sid": "CA1", "to": NUMBER, "at": 5, "status": "completed", "call_id": CALL,
                      "attempt": ATTEMPT, "ended_at": None}]


def test_posts_of_a_carrier_that_died_are_not_forgotten():
    listed = [{"arrived_mono_us": 7, "to": "a", "status": 429},
              {"arrived_mono_us": 9, "to": "b", "status": 201}]
    dials = [{"at": 9, "to": "b"}, {"at": 8, "to": "c"}]
    assert checker.merge_posts([listed, []], dials) == [
        {"at": 7, "to": "a", "status": 429}, {"at": 8, "to": "c", "status": 201},
        {"at": 9, "to": "b", "status": 201}]
