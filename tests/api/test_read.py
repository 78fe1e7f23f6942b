"""GET /calls, GET /calls/{call_id} and GET /calls/{call_id}/events."""

import datetime
import re

import pytest
from apikit import number

COUNT = 25
FIELDS = {"call_id", "customer_id", "task_id", "target_phone", "language", "status", "call_sid",
          "started_at", "ended_at", "duration_sec", "outcome_type", "outcome_summary",
          "outcome_charge_cents", "created_at", "has_recording", "recording_url",
          "reservation_signals", "metadata"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Shelf:
    """A customer with 25 calls that stand still: one rings, 20 wait, 4 were cancelled."""

    def __init__(self, stack):
        self.client = stack.customer(cap=1)
        self.ringing, _ = self.client.ring()
        rest = [self.client.start() for _ in range(COUNT - 1)]
        self.cancelled = rest[3:7]
        for call_id in self.cancelled:
            assert self.client.cancel(call_id)
        self.ids = list(reversed([self.ringing, *rest]))  # newest first

    def get(self, query=""):
        answer = self.client.get("/calls" + query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def shelf(stack):
    made = Shelf(stack)
    yield made
    for call in made.get("?status=queued"):
        made.client.cancel(call["call_id"])
    made.client.cancel(made.ringing)


def ids(calls):
    return [call["call_id"] for call in calls]


# ---- the list ----

def test_calls_are_listed_newest_first(shelf):
    assert ids(shelf.get()) == shelf.ids


def test_the_list_leaves_the_heavy_fields_out(shelf):
    for call in shelf.get():
        assert FIELDS <= set(call)
        assert not call.get("transcript_full") and not call.get("supervisor_decisions")
        assert call["customer_id"] == shelf.client.workspace


@pytest.mark.parametrize("limit", [1, 2, 7, 24, 25, 26, 1000])
def test_the_limit_bounds_the_list(shelf, limit):
    assert ids(shelf.get(f"?limit={limit}")) == shelf.ids[:limit]


@pytest.mark.parametrize("size", [1, 4, 10, 25])
def test_paging_with_before_sees_every_call_once(shelf, size):
    seen, query = [], f"?limit={size}"
    for _ in range(COUNT + 2):
        page = ids(shelf.get(query))
        if not page:
            break
        seen += page
        query = f"?limit={size}&before={page[-1]}"
    assert seen == shelf.ids


def test_a_call_that_comes_while_paging_changes_no_page(stack):
    client = stack.customer()
    old = [client.start() for _ in range(4)]
    first = ids(client.get("/calls?limit=2").json())
    client.start()
    second = ids(client.get(f"/calls?limit=2&before={first[-1]}").json())
    assert first + second == old[::-1]


def test_the_status_filters(shelf):
    assert ids(shelf.get("?status=dialing")) == [shelf.ringing]
    assert ids(shelf.get("?status=cancelled")) == shelf.cancelled[::-1]
    waiting = [one for one in shelf.ids if one != shelf.ringing and one not in shelf.cancelled]
    assert ids(shelf.get("?status=queued")) == waiting
    for status in ("scheduled", "dial_unknown", "in_progress", "completed", "failed", "expired"):
        assert shelf.get(f"?status={status}") == []


def test_filters_hold_together_with_paging(shelf):
    first = ids(shelf.get("?status=cancelled&limit=3"))
    rest = ids(shelf.get(f"?status=cancelled&limit=3&before={first[-1]}"))
    assert first + rest == shelf.cancelled[::-1]


def test_since_leaves_older_calls_out_and_its_own_instant_in(shelf):
    calls = shelf.get()
    for i in (0, 5, 24):
        since = calls[i]["created_at"]
        newer = shelf.get(f"?since={since}")
        assert ids(newer)[:i + 1] == shelf.ids[:i + 1]
        assert all(call["created_at"] >= since for call in newer)
    assert shelf.get("?since=2036-01-01T00:00:00Z") == []
    assert len(shelf.get("?since=2020-01-01T00:00:00Z")) == COUNT


def test_since_is_read_with_an_offset(shelf):
    call = shelf.get()[0]
    at = datetime.datetime.fromisoformat(call["created_at"].replace("Z", "+00:00"))
    there = at.astimezone(datetime.timezone(datetime.timedelta(hours=5, minutes=30)))
    text = there.isoformat(timespec="milliseconds").replace("+", "%2B")
    assert shelf.ids[0] in ids(shelf.get(f"?since={text}"))


@pytest.mark.parametrize("query, field", [
    ("limit=0", "limit"), ("limit=-1", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"),
    ("limit=", "limit"), ("limit=1.5", "limit"), ("limit=1e2", "limit"),
    ("limit=99999999999999999999", "limit"), ("limit=%201", "limit"),
    ("status=", "status"), ("status=ringing", "status"), ("status=QUEUED", "status"),
    ("since=", "since"), ("since=yesterday", "since"), ("since=2026-02-30T00:00:00Z", "since"),
    ("since=1700000000", "since"), ("before=nonsense", "before"), ("before=", "before"),
    ("before=call_00000000000000000000000000", "before"), ("before=" + "x" * 100, "before")])
def test_a_bad_parameter_is_422_and_named(shelf, query, field):
    answer = shelf.client.get(f"/calls?{query}")
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"][0]["loc"] == ["query", field]


def test_before_a_foreign_call_is_422_as_for_one_that_is_not(stack, shelf):
    other = stack.customer()
    foreign = other.get(f"/calls?before={shelf.ids[0]}")
    absent = other.get("/calls?before=call_00000000000000000000000000")
    assert foreign.status_code == absent.status_code == 422
    assert foreign.json()["detail"][0]["msg"] == absent.json()["detail"][0]["msg"]


def test_401_comes_before_422(stack):
    assert stack.client.get("/calls?limit=0").status_code == 401
    assert stack.with_key("wrong").get("/calls?limit=0").status_code == 401


def test_unknown_parameters_are_ignored(shelf):
    assert len(shelf.get("?colour=blue&limit=3")) == 3


def test_a_customer_without_calls_has_an_empty_list(customer):
    assert customer.get("/calls").json() == []


def test_customers_see_their_own_calls_alone(stack, shelf):
    other = stack.customer()
    mine = other.start()
    assert ids(other.get("/calls").json()) == [mine]
    assert mine not in ids(shelf.get())


# ---- one call ----

@pytest.fixture(scope="module")
def finished(stack):
    client = stack.customer()
    to = number()
    call = client.ended(client.start(to, language="en", metadata={"n": 1}))
    return client, call


def test_a_finished_call_has_every_field(stack, finished):
    client, call = finished
    assert FIELDS | {"transcript_full", "supervisor_decisions"} <= set(call)
    assert call["status"] == "completed" and call["outcome_type"] == "success_booked"
    assert call["outcome_summary"] and call["outcome_charge_cents"] == 7
    [dial] = stack.dials(call["target_phone"])
    assert call["call_sid"] == dial["sid"] and re.fullmatch(r"CA[0-9a-f]{32}", call["call_sid"])
    for field in ("created_at", "started_at", "ended_at"):
        assert TIME.fullmatch(call[field])
    assert call["created_at"] <= call["started_at"] <= call["ended_at"]
    assert isinstance(call["duration_sec"], (int, float)) and 0 <= call["duration_sec"] < 60


def test_the_list_says_the_same_as_the_single_read(finished):
    client, _ = finished
    [listed] = client.get("/calls").json()
    single = client.call(listed["call_id"])
    for field in FIELDS - {"has_recording", "recording_url"}:
        assert listed[field] == single[field], field


@pytest.mark.parametrize("call_id", [
    "call_00000000000000000000000000", "x", "%20", "call_%F0%9F%98%80", "a" * 2000, "call_';--",
    "%2e%2e", "..;"])
def test_a_call_that_is_not_is_404(customer, call_id):
    answer = customer.get(f"/calls/{call_id}")
    assert answer.status_code == 404 and isinstance(answer.json()["detail"], str)


# ---- its events ----

def test_events_are_answered_as_an_array_for_polling(finished):
    client, call = finished
    events = client.events(call["call_id"])
    assert [e["event_id"] for e in events] == list(range(1, len(events) + 1))
    for event in events:
        assert set(event) == {"event_id", "call_id", "event_type", "created_at", "data"}
        assert event["call_id"] == call["call_id"] and TIME.fullmatch(event["created_at"])
    assert events[0]["data"] == {"status": "queued", "previous": None}


@pytest.mark.parametrize("how", ["query", "header", "both"])
def test_events_go_on_behind_a_number(finished, how):
    client, call = finished
    path = f"/calls/{call['call_id']}/events"
    every = client.events(call["call_id"])
    headers = {"Accept": "application/json"}
    if how in ("query", "both"):
        path += "?after_event_id=3"
    if how in ("header", "both"):
        headers["Last-Event-ID"] = "3" if how == "header" else "1"
    assert client.get(path, headers=headers).json()[:2] == every[3:5]


def test_behind_the_last_event_there_is_nothing(finished):
    client, call = finished
    path = f"/calls/{call['call_id']}/events?after_event_id=2000000"
    assert client.get(path, headers={"Accept": "application/json"}).json() == []


@pytest.mark.parametrize("after", ["-1", "x", "", "99999999999"])
def test_a_bad_number_is_422(finished, after):
    client, call = finished
    answer = client.get(f"/calls/{call['call_id']}/events?after_event_id={after}",
                        headers={"Accept": "application/json"})
    assert answer.status_code == 422
