"""Campaigns: started, seen, paused, called again, and stopped when too much fails."""

import datetime
import time
import zoneinfo

import pytest
from apikit import eventually, number

BASE = "/api/v1/campaigns"


def made(customer, *numbers, **more):
    answer = customer.post(BASE, {"phone_numbers": list(numbers), "delay_between_calls": 1, **more})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["campaign_id"] == body["task_id"] and body["success"] is True
    return body["campaign_id"]


def seen(customer, campaign):
    answer = customer.get(f"{BASE}/{campaign}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def task(customer, campaign):
    return customer.get(f"/api/v1/celery/twilio/task-status/{campaign}").json()


def sped(stack, campaign):
    """Spares the spacing, which is a second at least."""
    stack.sql("UPDATE tasks SET spacing_s = 0, next_dial_at = NULL WHERE task_id = %s", campaign)


# ---- started and seen ----

def test_a_campaign_is_started_seen_and_ends(stack, customer):
    to = [number(), number("0001"), number()]
    campaign = made(customer, *to, to[0], name="Spring", max_concurrent_calls=3,
                    call_metadata={"campaign_id": "spring"})
    sped(stack, campaign)
    shown = seen(customer, campaign)
    assert shown["name"] == "Spring" and shown["max_concurrent_calls"] == 3
    assert shown["duplicates"] == [to[0]] and shown["call_metadata"] == {"campaign_id": "spring"}
    assert shown["retries"] == {"max": 0, "after_seconds": 300, "on": ["busy", "no_answer", "failed"]}
    assert shown["calling_window"] is None and shown["counts"]["total"] == 3
    ended = eventually(lambda: seen(customer, campaign)["progress"] == 100 and seen(customer, campaign))
    assert ended["status"] == "SUCCESS" and ended["next_dial_at"] is None
    assert (ended["counts"]["completed"], ended["counts"]["failed"]) == (2, 1)
    assert [len(stack.dials(one)) for one in to] == [1, 1, 1]
    assert task(customer, campaign)["status"] == "SUCCESS"


def test_the_list_is_the_customers_newest_first_by_pages(stack, customer):
    first, second = made(customer, number()), made(customer, number())
    bulk = customer.post("/api/v1/celery/twilio/queue-bulk-calls", {"phone_numbers": [number()]}).json()
    customer.post("/api/v1/celery/twilio/queue-single-call", {"to_number": number()})
    page = customer.get(f"{BASE}?limit=2").json()
    assert [c["campaign_id"] for c in page["campaigns"]] == [bulk["task_id"], second]
    page = customer.get(f"{BASE}?limit=2&cursor={page['next_cursor']}").json()
    assert [c["campaign_id"] for c in page["campaigns"]] == [first] and page["next_cursor"] is None
    other = stack.customer()
    assert other.get(BASE).json() == {"campaigns": [], "next_cursor": None}
    for answer in (other.get(f"{BASE}/{first}"), other.post(f"{BASE}/{first}/pause"),
                   other.post(f"{BASE}/{first}/resume"), customer.get(f"{BASE}/task_none")):
        assert (answer.status_code, answer.json()["detail"]) == (404, "Campaign not found")
    assert customer.get(f"{BASE}?limit=0").status_code == 400


@pytest.mark.parametrize("field, wrong", [
    ("name", ""), ("retries", {"max": 11}), ("retries", {}), ("retries", {"max": 1, "on": ["later"]}),
    ("retries", {"max": 1, "after_seconds": 0}), ("retries", {"max": 1, "on": []}), ("retries", []),
    ("calling_window", {"from": "9:00", "to": "17:00"}), ("calling_window", {"from": "09:00"}),
    ("calling_window", {"from": "17:00", "to": "09:00"}), ("calling_window", {"from": "09:00", "to": "24:01"}),
    ("calling_window", {"from": "09:00", "to": "10:00", "days": [0]}),
    ("calling_window", {"from": "09:00", "to": "10:00", "days": ["mon"]}),
    ("calling_window", {"from": "09:00", "to": "10:00", "zone": "Mars/Olympus"}),
    ("phone_numbers", ["+1"]), ("phone_numbers", []), ("delay_between_calls", 0),
    ("webhook_url", "https://localhost/")])
def test_what_is_wrong_is_400_and_named(customer, field, wrong):
    answer = customer.post(BASE, {"phone_numbers": [number()], field: wrong})
    assert answer.status_code == 400 and field in answer.json()["detail"]
    assert customer.get(BASE).json()["campaigns"] == []


def test_without_credits_nothing_is_accepted(stack):
    poor = stack.customer(quota=1)
    answer = poor.post(BASE, {"phone_numbers": [number(), number()]})
    assert answer.status_code == 402 and poor.get(BASE).json()["campaigns"] == []


def test_the_same_key_starts_it_once(customer):
    body, key = {"phone_numbers": [number()]}, {"Idempotency-Key": number()}
    first, again = (customer.post(BASE, body, headers=key) for _ in range(2))
    assert first.text == again.text and again.headers["Idempotent-Replayed"] == "true"
    assert len(customer.get(BASE).json()["campaigns"]) == 1


def test_calling_hours_are_the_callees_own(stack, customer):
    """One number's clock is inside the hours at any time of the day, another's never is."""
    now = datetime.datetime.now(zoneinfo.ZoneInfo("Europe/Berlin"))
    shut = now + datetime.timedelta(hours=3 if now.hour < 12 else -5)
    window = {"from": f"{shut.hour:02d}:00", "to": f"{shut.hour:02d}:59"}
    to, open_one = "+493012349999", number()
    held = made(customer, to, calling_window=window)
    free = made(customer, open_one, calling_window={"from": "00:00", "to": "24:00"})
    zoned = made(customer, number(), calling_window={**window, "zone": "Europe/Berlin", "days": [1, 3]})
    eventually(lambda: seen(customer, free)["progress"] == 100)
    assert seen(customer, held)["counts"]["queued"] == 1 and not stack.dials(to)
    rows = dict(stack.sql("SELECT task_id, zones FROM calls WHERE task_id IN (%s, %s, %s)", held, free, zoned))
    assert rows[held] == rows[zoned] == ["Europe/Berlin"] and rows[free]
    assert seen(customer, zoned)["calling_window"] == {**window, "days": [1, 3]}
    call = next(c for c in customer.get("/calls").json() if c["task_id"] == held)
    assert customer.get(f"/calls/{call['call_id']}/why").json()["reason"] == "outside_window"


# ---- paused ----

def test_a_paused_campaign_dials_nothing_until_it_goes_on(stack, customer):
    to = [number() for _ in range(3)]
    campaign = made(customer, *to, delay_between_calls=2)
    eventually(lambda: stack.dials(to[0]))
    for _ in range(2):
        shown = customer.post(f"{BASE}/{campaign}/pause")
        assert shown.status_code == 200
        assert shown.json()["paused"] is True and shown.json()["paused_why"] == "customer"
    assert shown.json()["next_dial_at"] is None and shown.json()["status"] == "PROGRESS"
    sped(stack, campaign)
    time.sleep(1)
    assert not stack.dials(to[1]) and not stack.dials(to[2])
    assert "aused" in task(customer, campaign)["message"]
    for _ in range(2):
        shown = customer.post(f"{BASE}/{campaign}/resume")
        assert shown.status_code == 200 and shown.json()["paused_why"] is None
    eventually(lambda: seen(customer, campaign)["progress"] == 100)
    assert [len(stack.dials(one)) for one in to] == [1, 1, 1]
    for verb in ("pause", "resume"):
        answer = customer.post(f"{BASE}/{campaign}/{verb}")
        assert answer.status_code == 409, answer.text


# ---- called again ----

def test_a_busy_number_is_called_again_up_to_the_cap(stack, customer):
    to = number("0001")
    campaign = made(customer, to, retries={"max": 2, "after_seconds": 1, "on": ["busy"]})
    ended = eventually(lambda: seen(customer, campaign)["progress"] == 100 and seen(customer, campaign), 30)
    dials = stack.dials(to)
    assert len(dials) == 3 and ended["status"] == "FAILURE"
    gaps = [b["arrived_mono_us"] - a["arrived_mono_us"] for a, b in zip(dials, dials[1:])]
    assert all(gap > 1000000 for gap in gaps), gaps
    assert ended["counts"]["total"] == 1 and ended["counts"]["failed"] == 1
    calls = [c for c in customer.get("/calls").json() if c["task_id"] == campaign]
    assert len(calls) == 3 and len({c["call_id"] for c in calls}) == 3
    assert customer.usage() == 0
    [row] = task(customer, campaign)["result"]["calls"]
    assert row["to_number"] == to and row["retries"] == 2


def test_one_that_is_reached_is_not_called_again(stack, customer):
    to = number()
    stack.rule(to, outcome="busy")
    campaign = made(customer, to, retries={"max": 9, "after_seconds": 1, "on": ["busy", "no_answer"]})
    eventually(lambda: stack.dials(to))
    stack.rule(to, outcome="answer")
    ended = eventually(lambda: seen(customer, campaign)["progress"] == 100 and seen(customer, campaign), 30)
    assert ended["status"] == "SUCCESS" and ended["counts"]["completed"] == 1


def test_it_is_off_unless_asked_for_and_only_for_what_was_named(stack, customer):
    off, other = number("0001"), number("0002")
    first = made(customer, off)
    second = made(customer, other, retries={"max": 3, "after_seconds": 1, "on": ["busy", "failed"]})
    for campaign in (first, second):
        eventually(lambda: seen(customer, campaign)["progress"] == 100)
    time.sleep(1.5)
    assert [len(stack.dials(one)) for one in (off, other)] == [1, 1]


def test_a_cancelled_campaign_calls_nobody_again(stack, customer):
    to = number("0001")
    campaign = made(customer, to, retries={"max": 3, "after_seconds": 60})
    eventually(lambda: seen(customer, campaign)["counts"]["scheduled"] == 1)
    assert task(customer, campaign)["status"] == "PROGRESS"
    answer = customer.request("DELETE", f"/api/v1/celery/twilio/cancel-task/{campaign}")
    assert answer.status_code == 200
    assert seen(customer, campaign)["status"] == "REVOKED" and customer.usage() == 0
    assert len(stack.dials(to)) == 1


# ---- too many failures ----

def test_a_spike_of_failures_pauses_the_campaign_once(stack, customer):
    to = [number("0003") for _ in range(14)]
    campaign = made(customer, *to, max_concurrent_calls=1)
    sped(stack, campaign)
    shown = eventually(lambda: seen(customer, campaign)["paused"] and seen(customer, campaign), 40)
    assert shown["paused_why"] == "circuit_breaker" and shown["counts"]["failed"] == 10
    assert shown["counts"]["queued"] == 4
    assert "too many calls failed" in task(customer, campaign)["message"]
    assert customer.post(f"{BASE}/{campaign}/resume").json()["paused"] is False
    ended = eventually(lambda: seen(customer, campaign)["progress"] == 100 and seen(customer, campaign), 40)
    assert ended["counts"]["failed"] == 14 and ended["paused"] is False
