"""What the task routes take, what they refuse, and what they answer: one call, many, or one at a time of
its own."""

import datetime
import json
import os
import pathlib
import re
import signal

import pytest
from apikit import eventually, number, together
from taskkit import BASE, NOT_E164, accepted, at, calls, post, refused, task

ROUTES = ["queue-single-call", "queue-bulk-calls", "schedule-call"]
LATER = "2036-01-15T14:00:00Z"


def body(route, **fields):
    """A good body with these fields instead; a field that is Ellipsis is left out."""
    made = {"queue-single-call": {"to_number": number()},
            "queue-bulk-calls": {"phone_numbers": [number(), number()]},
            "schedule-call": {"to_number": number(), "schedule_time": LATER}}[route]
    return {key: value for key, value in {**made, **fields}.items() if value is not ...}


@pytest.fixture(scope="module")
def client(stack):
    """A customer of whose calls none is dialed: its cap is taken by one that rings."""
    made = stack.customer(quota=100000, cap=1)
    made.ring()
    return made


# ---- what is answered ----

def test_a_single_call(client):
    to = number()
    said = accepted(client, "queue-single-call", {"to_number": to})
    assert set(said) == {"success", "task_id", "message", "created_at", "estimated_completion"}
    assert said["success"] is True and re.fullmatch(r"task_[0-9a-z]{26}", said["task_id"])
    assert said["message"] == f"Call to {to} queued successfully"
    assert at(said["estimated_completion"]) - at(said["created_at"]) == datetime.timedelta(seconds=60)
    [call] = calls(client, said["task_id"])
    assert call["target_phone"] == to and call["status"] == "queued" and call["language"] == "auto"


@pytest.mark.parametrize("delay", [1, 10, 3600])
def test_a_single_call_after_a_delay(client, delay):
    said = accepted(client, "queue-single-call", body("queue-single-call", delay_seconds=delay))
    took = at(said["estimated_completion"]) - at(said["created_at"])
    assert took == datetime.timedelta(seconds=delay + 60)
    [call] = calls(client, said["task_id"])
    assert call["status"] == "scheduled" and client.cancel(call["call_id"])


def test_the_seed_s_example(client):
    said = accepted(client, "queue-single-call", {
        "to_number": "+1234567890", "from_number": "+1987654321",
        "webhook_url": "https://your-domain.com/api/v1/twilio/incoming-call",
        "status_callback_url": "https://your-domain.com/api/v1/twilio/call-status",
        "call_metadata": {"customer_id": "12345", "call_type": "follow_up",
                          "agent_id": "agent_001", "priority": "normal",
                          "custom_data": {"campaign": "winter_2024"}}, "delay_seconds": 10})
    assert said["message"] == "Call to +1234567890 queued successfully"
    [call] = calls(client, said["task_id"])
    assert call["metadata"]["custom_data"] == {"campaign": "winter_2024"}
    assert client.cancel(call["call_id"])


@pytest.mark.parametrize("count, delay, minutes", [
    (4, 30, 2), (1, ..., 1), (12, ..., 1), (13, ..., 2), (2, 300, 10), (121, 1, 3), (60, 1, 1)])
def test_many_calls(client, count, delay, minutes):
    numbers = [number() for _ in range(count)]
    said = accepted(client, "queue-bulk-calls", body("queue-bulk-calls", phone_numbers=numbers,
                                                     delay_between_calls=delay))
    assert set(said) == {"success", "task_id", "message", "total_calls",
                         "estimated_duration_minutes", "created_at"}
    assert said["message"] == f"Bulk call campaign for {count} numbers queued successfully"
    assert (said["total_calls"], said["estimated_duration_minutes"]) == (count, minutes)
    assert {c["target_phone"] for c in calls(client, said["task_id"])} == set(numbers)


def test_a_number_that_comes_twice_is_called_once(client):
    one, two = number(), number()
    said = accepted(client, "queue-bulk-calls", {"phone_numbers": [one, two, one, one]})
    assert said["total_calls"] == 2 and "4 numbers" in said["note"] and "2" in said["note"]
    assert said["message"] == "Bulk call campaign for 2 numbers queued successfully"
    assert len(calls(client, said["task_id"])) == 2
    result = task(client, said["task_id"])["result"]
    assert result["duplicates"] == [one] and result["counts"]["total"] == 2
    assert [row["to_number"] for row in result["calls"]] == [one, two]


def test_a_thousand_numbers(client):
    numbers = [f"+1202{n:07d}" for n in range(1000)]
    said = accepted(client, "queue-bulk-calls", {"phone_numbers": numbers})
    assert (said["total_calls"], said["estimated_duration_minutes"]) == (1000, 84)
    status = task(client, said["task_id"])
    assert [row["to_number"] for row in status["result"]["calls"]] == numbers
    assert client.request("DELETE", f"{BASE}/cancel-task/{said['task_id']}").status_code == 200
    assert task(client, said["task_id"])["result"]["counts"]["cancelled"] == 1000


@pytest.mark.parametrize("text, zone, starts_at", [
    (LATER, ..., LATER), (LATER, "Asia/Kolkata", LATER),
    ("2036-01-15T14:00:00+05:30", "America/New_York", "2036-01-15T08:30:00Z"),
    ("2036-01-15T14:00:00", "Asia/Kolkata", "2036-01-15T08:30:00Z"),
    ("2036-01-15T14:00:00", ..., "2036-01-15T19:00:00Z"),
    ("2036-07-15T14:00:00", None, "2036-07-15T18:00:00Z"),
    ("2036-07-15T14:00", "Europe/Berlin", "2036-07-15T12:00:00Z")])
def test_a_call_at_a_time(client, text, zone, starts_at):
    to = number()
    said = accepted(client, "schedule-call", body("schedule-call", to_number=to, schedule_time=text,
                                                  timezone=zone))
    assert set(said) == {"success", "task_id", "message", "created_at", "estimated_completion"}
    assert said["message"] == f"Call to {to} scheduled for {starts_at}"
    assert said["estimated_completion"] == starts_at
    [call] = calls(client, said["task_id"])
    assert call["status"] == "scheduled"
    [event] = client.events(call["call_id"])
    assert event["data"] == {"status": "scheduled", "previous": None}


@pytest.mark.parametrize("text, zone, starts_at, words", [
    ("2036-03-09T02:30:00", ..., "2036-03-09T07:30:00Z", "does not exist in America/New_York"),
    ("2036-11-02T01:30:00", ..., "2036-11-02T05:30:00Z", "exists twice in America/New_York"),
    ("2036-10-05T02:10:00", "Australia/Lord_Howe", "2036-10-04T15:40:00Z", "does not exist")])
def test_a_doubtful_time_is_taken_by_a_rule_and_the_answer_says_so(client, text, zone, starts_at,
                                                                   words):
    said = accepted(client, "schedule-call", body("schedule-call", schedule_time=text, timezone=zone))
    assert said["estimated_completion"] == starts_at and words in said["note"]


# ---- what is refused ----

WRONG_EVERYWHERE = [
    ("from_number", "5550006", NOT_E164), ("from_number", "", NOT_E164),
    ("from_number", 15550006, "from_number"), ("webhook_url", "", "webhook_url"),
    ("webhook_url", "http://x.example/", "webhook_url"), ("webhook_url", 1, "webhook_url"),
    ("webhook_url", "https://127.0.0.1/", "webhook_url"),
    ("status_callback_url", "ftp://x.example/", "status_callback_url"),
    ("status_callback_url", "https://x.example:99/", "status_callback_url"),
    ("call_metadata", [], "call_metadata"), ("call_metadata", "a", "call_metadata"),
    ("call_metadata", {"message": "m" * 4001}, "call_metadata"),
    ("call_metadata", {"a": "b" * 16384}, "call_metadata"),
]
WRONG = [
    ("queue-single-call", "to_number", ..., "to_number"),
    ("queue-single-call", "to_number", None, "to_number"),
    ("queue-single-call", "to_number", 12025550143, "to_number"),
    ("queue-single-call", "to_number", "2025550143", NOT_E164),
    ("queue-single-call", "to_number", "+0025550143", NOT_E164),
    ("queue-single-call", "to_number", "+1 202 555 0143", NOT_E164),
    ("queue-single-call", "to_number", "+123456", NOT_E164),
    ("queue-single-call", "to_number", "+1234567890123456", NOT_E164),
    ("queue-single-call", "to_number", "+12025550143\n", NOT_E164),
    ("queue-single-call", "delay_seconds", -1, "delay_seconds"),
    ("queue-single-call", "delay_seconds", 3601, "delay_seconds"),
    ("queue-single-call", "delay_seconds", "10", "delay_seconds"),
    ("queue-single-call", "delay_seconds", 1.5, "delay_seconds"),
    ("queue-single-call", "delay_seconds", True, "delay_seconds"),
    ("queue-bulk-calls", "phone_numbers", ..., "phone_numbers"),
    ("queue-bulk-calls", "phone_numbers", [], "phone_numbers"),
    ("queue-bulk-calls", "phone_numbers", "+12025550143", "phone_numbers"),
    ("queue-bulk-calls", "phone_numbers", ["+12025550143"] * 1001, "phone_numbers"),
    ("queue-bulk-calls", "phone_numbers", ["+12025550143", "12025550144"],
     NOT_E164 + ": phone_numbers[1]"),
    ("queue-bulk-calls", "phone_numbers", [12025550143], NOT_E164 + ": phone_numbers[0]"),
    ("queue-bulk-calls", "phone_numbers", [None], NOT_E164 + ": phone_numbers[0]"),
    ("queue-bulk-calls", "delay_between_calls", 0, "delay_between_calls"),
    ("queue-bulk-calls", "delay_between_calls", 301, "delay_between_calls"),
    ("queue-bulk-calls", "max_concurrent_calls", 0, "max_concurrent_calls"),
    ("queue-bulk-calls", "max_concurrent_calls", 51, "max_concurrent_calls"),
    ("queue-bulk-calls", "max_concurrent_calls", "3", "max_concurrent_calls"),
    ("schedule-call", "to_number", "abc", NOT_E164),
    ("schedule-call", "schedule_time", ..., "schedule_time"),
    ("schedule-call", "schedule_time", "", "schedule_time"),
    ("schedule-call", "schedule_time", "tomorrow at nine", "schedule_time"),
    ("schedule-call", "schedule_time", "2036-02-30T10:00:00", "schedule_time"),
    ("schedule-call", "schedule_time", 2082722400, "schedule_time"),
    ("schedule-call", "schedule_time", "2024-01-15T14:00:00Z", "schedule_time must be in the future"),
    ("schedule-call", "schedule_time", "2024-01-15T14:00:00", "schedule_time must be in the future"),
    ("schedule-call", "timezone", "Mars/Olympus", "timezone"),
    ("schedule-call", "timezone", "", "timezone"), ("schedule-call", "timezone", 5, "timezone"),
    ("schedule-call", "timezone", "../../../etc/passwd", "timezone"),
    ("schedule-call", "timezone", "EST5EDT,M3.2.0,M11.1.0", "timezone"),
] + [(route, *wrong) for route in ROUTES for wrong in WRONG_EVERYWHERE]


@pytest.mark.parametrize("route, field, value, words", WRONG)
def test_a_wrong_field_is_400_and_named(client, route, field, value, words):
    refused(post(client, route, body(route, **{field: value})), words)


def test_the_number_s_text_is_the_seed_s(client):
    assert post(client, "queue-single-call", {"to_number": "123"}).json() == {"detail": NOT_E164}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("data", ["", "{", '{"to_number": "+12025550143",}', "[]", '"x"', b"\xff",
                                  '{"to_number": "+12025550143", "to_number": "+12025550144"}'])
def test_a_body_that_is_no_object_is_400(client, route, data):
    refused(client.post(f"{BASE}/{route}", data=data), "body")


@pytest.mark.parametrize("route", ROUTES)
def test_null_and_unknown_fields_are_let_pass(client, route):
    fields = {"from_number": None, "webhook_url": None, "status_callback_url": None,
              "call_metadata": None, "delay_seconds": None, "delay_between_calls": None,
              "max_concurrent_calls": None, "timezone": None, "colour": "blue"}
    said = accepted(client, route, body(route, **fields))
    assert task(client, said["task_id"])["result"]["call_metadata"] is None


@pytest.mark.parametrize("field, values", [
    ("delay_seconds", (0, 3600)), ("delay_between_calls", (1, 300)), ("max_concurrent_calls", (1, 50))])
def test_the_bounds_themselves_are_taken(client, field, values):
    route = "queue-single-call" if field == "delay_seconds" else "queue-bulk-calls"
    for value in values:
        said = accepted(client, route, body(route, **{field: value}))
        client.request("DELETE", f"{BASE}/cancel-task/{said['task_id']}")


@pytest.mark.parametrize("route", ROUTES)
def test_a_key_is_asked_for_first(stack, route):
    for key, words in ((None, "missing API key"), ("ohk_" + "x" * 38, "invalid API key")):
        for sent in (body(route), {}):
            answer = post(stack.with_key(key), route, sent)
            assert answer.status_code == 401 and answer.json() == {"detail": words}
            assert answer.headers["WWW-Authenticate"]


# ---- what call_metadata says ----

def test_metadata_is_given_back_and_its_message_is_the_brief(stack, client):
    metadata = {"customer_id": "12345", "message": "This is a test call.", "voice": "alice",
                "language": "en-US", "priority": "high", "deep": {"é": [1, None]}}
    said = accepted(client, "queue-single-call",
                    body("queue-single-call", call_metadata=metadata))
    [call] = calls(client, said["task_id"])
    assert call["metadata"] == metadata and call["language"] == "en-US"
    assert task(client, said["task_id"])["result"]["call_metadata"] == metadata
    assert stack.sql("SELECT brief, kind, queue_rank, queue_lane FROM calls WHERE call_id = %s",
                     call["call_id"]) == [("This is a test call.", "other", 2, "single")]


@pytest.mark.parametrize("metadata, rank, language", [
    ({"priority": "low"}, 4, "auto"), ({"priority": "normal"}, 3, "auto"),
    ({"priority": "urgent"}, 3, "auto"), ({"priority": 2}, 3, "auto"),
    ({"message": " \n "}, 3, "auto"), ({"message": 5, "language": 5}, 3, "auto"),
    ({"language": "not a language"}, 3, "auto"), ({"language": "pt-BR"}, 3, "pt-BR")])
def test_what_has_another_form_is_metadata_alone(stack, client, metadata, rank, language):
    said = accepted(client, "queue-bulk-calls", body("queue-bulk-calls", call_metadata=metadata))
    rows = stack.sql("SELECT brief, queue_rank, language, queue_lane, metadata FROM calls"
                     " WHERE task_id = %s", said["task_id"])
    assert len(rows) == 2
    for brief, *rest in rows:
        assert "on behalf of your client" in brief
        assert rest == [rank, language, said["task_id"], metadata]


@pytest.mark.parametrize("route", ROUTES)
def test_numbers_and_urls_are_kept_for_the_dial(stack, client, route):
    said = accepted(client, route, body(route, from_number="+15550006000",
                                        webhook_url="https://agent.example.com/voice?a=1",
                                        status_callback_url="https://agent.example.com:8443/status"))
    for row in stack.sql("SELECT from_number, webhook_url, status_callback_url FROM calls"
                         " WHERE task_id = %s", said["task_id"]):
        assert row == ("+15550006000", "https://agent.example.com/voice?a=1",
                       "https://agent.example.com:8443/status")


# ---- refusals of other kinds ----

@pytest.mark.parametrize("route", ROUTES)
def test_a_repeat_is_answered_byte_for_byte(client, route):
    key, sent = os.urandom(12).hex(), body(route)
    first = post(client, route, sent, headers={"Idempotency-Key": key})
    assert first.status_code == 200
    again = post(client, route, sent, headers={"Idempotency-Key": key})
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    other = post(client, route, body(route), headers={"Idempotency-Key": key})
    assert other.status_code == 409
    assert other.json()["detail"]["error_code"] == "idempotency_conflict"
    elsewhere = next(r for r in ROUTES if r != route)
    assert "Idempotent-Replayed" not in post(client, elsewhere, body(elsewhere),
                                             headers={"Idempotency-Key": key}).headers


def test_twins_at_once_make_one_campaign(stack, client):
    key, sent = os.urandom(12).hex(), body("queue-bulk-calls")
    twins = [client.twin() for _ in range(6)]
    answers = together(6, lambda i: post(twins[i], "queue-bulk-calls", sent,
                                         headers={"Idempotency-Key": key}))
    assert {a.status_code for a in answers} == {200} and len({a.content for a in answers}) == 1
    assert len(calls(client, answers[0].json()["task_id"])) == 2
    assert stack.sql("SELECT count(*) FROM calls WHERE target_phone = ANY (%s)",
                     sent["phone_numbers"]) == [(2,)]


def test_without_credits_for_all_none_is_called(stack):
    customer = stack.customer(quota=3)
    customer.ring()
    three = [number() for _ in range(3)]
    answer = post(customer, "queue-bulk-calls", {"phone_numbers": three})
    assert answer.status_code == 402 and customer.usage() == 1
    assert len(customer.get("/calls").json()) == 1
    accepted(customer, "queue-bulk-calls", {"phone_numbers": three[:2]})
    assert customer.usage() == 3
    for route in ROUTES:
        assert post(customer, route, body(route)).status_code == 402


def test_credits_are_not_overdrawn_by_many_at_once(stack):
    customer = stack.customer(quota=10, cap=1)
    customer.ring()
    twins = [customer.twin() for _ in range(6)]
    answers = together(6, lambda i: post(twins[i], "queue-bulk-calls", {
        "phone_numbers": [number() for _ in range(4)]}))
    assert sorted(a.status_code for a in answers) == [200, 200, 402, 402, 402, 402]
    assert customer.usage() == 9


@pytest.mark.parametrize("route", ROUTES)
def test_maintenance_is_503(stack, client, route):
    stack.offhook("maintenance", "on", "--message", "Soon.")
    try:
        answer = post(client, route, body(route))
        assert answer.status_code == 503 and answer.headers["Retry-After"]
        assert answer.json()["detail"]["error_code"] == "maintenance"
        refused(post(client, route, {}), "Field required")
    finally:
        stack.offhook("maintenance", "off")


# ---- without a carrier, without a scheduler ----

def health(stack):
    return stack.client.get(f"{BASE}/health")


def test_a_healthy_service_says_so_without_a_key(stack, customer):
    customer.ended(customer.start())
    answer = health(stack)
    said = answer.json()
    assert answer.status_code == 200 and said["status"] == "healthy"
    assert said["twilio_configured"] is True and said["celery_configured"] is True
    assert abs(at(said["timestamp"]) - datetime.datetime.utcnow()) < datetime.timedelta(seconds=5)
    assert said["scheduler"]["alive"] is True
    for when in (said["scheduler"]["last_seen_at"], said["carrier"]["last_answer_at"]):
        assert datetime.timedelta(seconds=-2) < at(said["timestamp"]) - at(when)
    assert said["carrier"]["last_answer"] in ("accepted", "refused", "throttled")


def test_without_a_scheduler_it_is_unhealthy(rough_stack):
    stack = rough_stack
    assert health(stack).status_code == 200
    stack.stop("scheduler", signal.SIGTERM)
    try:
        answer = eventually(lambda: [a for a in [health(stack)] if a.status_code == 503])[0]
        said = answer.json()
        assert said["status"] == "unhealthy" and said["twilio_configured"] is True
        assert said["celery_configured"] is False and said["scheduler"]["alive"] is False
    finally:
        stack.up()
    eventually(lambda: health(stack).status_code == 200)


def test_without_credentials_nothing_is_queued(rough_stack):
    stack = rough_stack
    path = pathlib.Path(stack.env["OFFHOOK_CONF"])
    before, customer = path.read_text(), stack.customer()
    path.write_text(re.sub(r"(?m)^account_sid = .*$", 'account_sid = ""', before))
    stack.kill("api", signal.SIGHUP)
    try:
        said = eventually(lambda: [a for a in [health(stack)] if a.status_code == 503])[0].json()
        assert said["status"] == "unhealthy" and said["twilio_configured"] is False
        eventually(lambda: all(health(stack).status_code == 503 for _ in range(8)))
        for route in ROUTES:
            answer = post(customer, route, body(route))
            assert answer.status_code == 500
            assert answer.json() == {
                "detail": "Failed to queue call: Twilio service not initialized"}
            refused(post(customer, route, {}), "Field required")
            assert post(stack.client, route, body(route)).status_code == 401
        assert customer.get("/calls").json() == []
    finally:
        path.write_text(before)
        stack.kill("api", signal.SIGHUP)
        eventually(lambda: all(health(stack).status_code == 200 for _ in range(8)))


def test_queue_enabled_is_not_asked(direct_stack):
    customer = direct_stack.customer()
    said = accepted(customer, "queue-single-call", {"to_number": number()})
    eventually(lambda: task(customer, said["task_id"])["status"] == "SUCCESS")
    assert json.dumps(customer.events(calls(customer, said["task_id"])[0]["call_id"])[0]["data"]) \
        == '{"status": "queued", "previous": null}'
