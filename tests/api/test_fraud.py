"""Toll fraud, seen by a customer: what he is told by each route that places calls, when numbers may not be
called or are in countries that are new to him; and what of it operators see."""

import random

import pytest
from apikit import BRIEF, HEADERS, eventually, number
from taskkit import BASE

DENIED = {"error_code": "destination_denied",
          "message": "The number begins with +1900, and such numbers may not be called."}
NEW = {"error_code": "destination_limit",
       "message": "The number is in a country that is new to this workspace, where at most 10 calls a day are"
                  " tried. Its operator can open the country."}
HELD = {"error_code": "dialing_held",
        "message": "Calls of this workspace were stopped because too many were refused. Its operator can start"
                   " them again."}
SKILL = {"party_size": 2, "date": "2030-12-24", "time": "19:30", "name": "Ann"}


def premium():
    return f"+1900{random.randrange(2000000, 9999999)}"


def abroad():
    return f"+3531{random.randrange(2000000, 9999999)}"


def call(client, to, **arguments):
    return client.post("/calls", {"target_phone": to, "brief": BRIEF}, **arguments)


def placers():
    """Each route that places calls: how it is asked for these numbers."""
    def negotiation(client, to):
        job = client.post("/api/jobs", {
            "description": "A sink.", "location": "Here",
            "providers": [{"name": "A", "phone": to, "estimated_price": 1.0}]})
        assert job.status_code == 201, job.text
        return client.post(f"/api/start-calls/{job.json()['job_id']}")

    return {
        "calls": call,
        "skills": lambda client, to: client.post("/skills/restaurant-reservation/run",
                                                 {"restaurant_phone": to, **SKILL}),
        "single": lambda client, to: client.post(f"{BASE}/queue-single-call", {"to_number": to}),
        "bulk": lambda client, to: client.post(f"{BASE}/queue-bulk-calls", {"phone_numbers": [to]}),
        "scheduled": lambda client, to: client.post(f"{BASE}/schedule-call", {
            "to_number": to, "schedule_time": "2036-01-15T09:00:00", "timezone": "UTC"}),
        "campaign": lambda client, to: client.post("/api/v1/campaigns", {"phone_numbers": [to]}),
        "negotiation": negotiation,
    }


def refused(answer, status, detail):
    assert (answer.status_code, answer.json()) == (status, {"detail": detail}), answer.text
    assert answer.headers.get("Retry-After") == ("3600" if status == 429 else None)
    for name, value in HEADERS.items():
        assert answer.headers[name].startswith(value)


@pytest.mark.parametrize("route", placers())
def test_every_route_refuses_what_may_not_be_called(stack, customer, route):
    to, before = premium(), customer.usage()
    refused(placers()[route](customer, to), 403, DENIED)
    assert customer.usage() == before, "nothing is reserved"
    assert customer.get("/calls").json() == []
    assert stack.dials(to) == []


@pytest.mark.parametrize("route", placers())
def test_every_route_counts_what_is_new(stack, customer, route):
    stack.offhook("limits", "set", "trial_calls", "1", "--workspace", customer.workspace)
    one = {"error_code": NEW["error_code"], "message": NEW["message"].replace("at most 10", "at most 1")}
    ask = placers()[route]
    assert ask(customer, abroad()).status_code in (200, 202)
    refused(ask(customer, abroad()), 429, one)
    assert ask(customer, number()).status_code in (200, 202), "home is open"
    stack.offhook("rules", "allow", "IE", "--workspace", customer.workspace)
    assert ask(customer, abroad()).status_code in (200, 202), "and a country that was opened"


def test_the_providers_of_a_job_are_one_list(stack, customer):
    """All of them are called or none; and each that is new counts."""
    def start(*numbers):
        job = customer.post("/api/jobs", {"description": "A sink.", "providers": [
            {"name": "A", "phone": to} for to in numbers]})
        return customer.post(f"/api/start-calls/{job.json()['job_id']}")

    stack.offhook("limits", "set", "trial_calls", "3", "--workspace", customer.workspace)
    four = start(*(abroad() for _ in range(4)), number())
    assert four.status_code == 429 and four.json()["detail"]["error_code"] == "destination_limit"
    assert customer.get("/calls").json() == []
    three = start(*(abroad() for _ in range(3)), number())
    assert three.status_code == 200 and three.json()["provider_count"] == 4
    assert call(customer, abroad()).status_code == 429
    assert start(number(), premium()).json()["detail"]["error_code"] == "destination_denied"
    assert call(customer, number()).status_code == 202


def test_every_valid_number_elsewhere_is_accepted(customer):
    for to in ("+37441467478", "+442079460018", "+998877665544332", "+15555551234", "+999999999999999"):
        assert call(customer, to).status_code == 202, to


def test_a_refusal_frees_the_key(stack, customer):
    key = {"Idempotency-Key": "k-1"}
    to = premium()
    refused(call(customer, to, headers=key), 403, DENIED)
    stack.offhook("rules", "allow", "+1900", "--workspace", customer.workspace)
    again = call(customer, to, headers=key)
    assert again.status_code == 202 and "Idempotent-Replayed" not in again.headers
    stack.offhook("rules", "remove", "+1900", "--workspace", customer.workspace)
    replay = call(customer, to, headers=key)
    assert replay.status_code == 202 and replay.headers["Idempotent-Replayed"] == "true"


def test_with_the_queue_off_it_is_refused_at_once(direct_stack):
    customer = direct_stack.customer()
    to = premium()
    refused(call(customer, to), 403, DENIED)
    assert direct_stack.dials(to) == []


def test_a_rule_that_comes_later_ends_what_waits(stack, customer):
    to = abroad()
    stack.offhook("stop", "dialing", "--workspace", customer.workspace)
    call_id = call(customer, to).json()["call_id"]
    why = customer.get(f"/calls/{call_id}/why").json()
    assert (why["held"], why["reason"], why["until"]) == (True, "stopped", None)
    assert why["message"] == "Dialing was stopped; the operator starts it again."
    stack.offhook("rules", "deny", "IE", "--workspace", customer.workspace)
    stack.offhook("start", "dialing", "--workspace", customer.workspace)
    ended = customer.ended(call_id)
    assert (ended["status"], ended["outcome_type"]) == ("failed", "failed_technical")
    assert stack.dials(to) == []


def test_too_many_refusals_stop_a_workspace(stack, customer):
    for _ in range(25):
        call(customer, premium())
    refused(call(customer, number()), 403, HELD)
    other = stack.customer()
    assert call(other, number()).status_code == 202
    stopped = [s for s in stack.offhook("status")["stopped"] if s["workspace_id"] == customer.workspace]
    assert [(s["by"], s["reason"]) for s in stopped] == [
        ("guard", "20 numbers were refused within an hour.")]
    metrics = stack.client.get("/metrics", checked=False)
    if metrics.status_code == 200:
        assert 'offhook_dialing_stopped{scope="workspace",by="guard"} 1' in metrics.text
        assert 'offhook_numbers_refused_last_hour{why="destination_denied"}' in metrics.text
    assert stack.offhook("start", "dialing", "--workspace", customer.workspace)["changed"]
    assert call(customer, number()).status_code == 202


def test_a_key_cannot_open_anything(customer):
    """What a thief has is a key: no route changes a rule, a limit or a stop."""
    for path in ("/api/v1/rules", "/api/v1/limits", "/api/v1/dialing"):
        assert customer.get(path).status_code == 404
    patch = customer.request("PATCH", f"/api/v1/config/workspace/{customer.workspace}",
                             json={"calling": {"default_region": "GB"}})
    assert patch.status_code == 200
    answers = [call(customer, f"+44207946{i:04d}").status_code for i in range(1000, 1012)]
    assert answers == [202] * 10 + [429] * 2
