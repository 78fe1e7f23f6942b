"""How a task stands while its calls are made, and its end before its time."""

import datetime

import psycopg2
import pytest
from apikit import eventually, number
from taskkit import BASE, accepted, at, calls, ended, post, task


def cancel(client, task_id):
    return client.request("DELETE", f"{BASE}/cancel-task/{task_id}")


def single(client, to, **fields):
    return accepted(client, "queue-single-call", {"to_number": to, **fields})["task_id"]


def bulk(client, numbers, **fields):
    return accepted(client, "queue-bulk-calls", {"phone_numbers": numbers, **fields})["task_id"]


FIELDS = {"task_id", "status", "progress", "message", "result", "error", "created_at", "updated_at"}


# ---- one call ----

def test_a_task_succeeds_when_its_call_completed(customer):
    task_id = single(customer, to := number())
    said = ended(customer, task_id)
    assert set(said) == FIELDS and said["task_id"] == task_id
    assert (said["status"], said["progress"], said["error"]) == ("SUCCESS", 100, None)
    assert at(said["created_at"]) <= at(said["updated_at"])
    result = said["result"]
    assert result["counts"]["completed"] == result["counts"]["total"] == 1
    [row] = result["calls"]
    [call] = calls(customer, task_id)
    assert (row["to_number"], row["call_id"], row["status"]) == (to, call["call_id"], "completed")
    assert row["outcome_type"] == call["outcome_type"] and row["retries"] == 0
    assert result["duplicates"] == []


@pytest.mark.parametrize("digits, words", [
    ("0001", "busy"), ("0002", "answered"), ("0003", "failed"), ("0012", "")])
def test_a_task_fails_with_the_reason(customer, digits, words):
    said = ended(customer, single(customer, number(digits)))
    assert (said["status"], said["progress"]) == ("FAILURE", 100)
    assert said["error"] and words in said["error"]


def test_a_task_is_pending_then_in_progress(stack, single_cap):
    client = single_cap
    with client.held():
        waiting = single(client, number())
        said = task(client, waiting)
        assert (said["status"], said["progress"], said["error"]) == ("PENDING", 0, None)
    to = number()
    stack.rule(to, ring_ms=1500, talk_ms=1500, say=["Well"])
    task_id = single(client, to)
    said = eventually(lambda: [s for s in [task(client, task_id)] if s["status"] != "PENDING"])[0]
    assert (said["status"], said["progress"], said["message"]) == ("PROGRESS", 50, "Creating call")
    said = eventually(lambda: [s for s in [task(client, task_id)] if s["progress"] != 50])[0]
    assert (said["status"], said["progress"]) == ("PROGRESS", 75)
    assert ended(client, task_id)["status"] == "SUCCESS"


@pytest.fixture
def single_cap(stack):
    return stack.customer(cap=1)


def test_updated_at_is_the_newest_change_of_its_calls(customer):
    call_id, _ = customer.talk()
    task_id = customer.call(call_id)["task_id"]
    before = task(customer, task_id)
    events = customer.events(call_id)
    assert before["updated_at"] == events[-1]["created_at"][:19] + "Z"
    customer.cancel(call_id)
    assert at(task(customer, task_id)["updated_at"]) >= at(before["updated_at"])


def test_the_task_of_any_call_can_be_read_and_cancelled(customer):
    call_id, _ = customer.talk(metadata={"order": 17})
    task_id = customer.call(call_id)["task_id"]
    said = task(customer, task_id)
    assert said["status"] == "PROGRESS" and said["result"]["call_metadata"] == {"order": 17}
    assert cancel(customer, task_id).status_code == 200
    assert customer.status(call_id) == "cancelled"
    assert task(customer, task_id)["status"] == "REVOKED"


# ---- what does not exist ----

@pytest.mark.parametrize("task_id, shown", [
    ("abc123-def456-ghi789", "abc123-def456-ghi789"), ("a%20%22b%5C", 'a "b\\'),
    ("%C3%A9" * 100, "é" * 64 + "…"), ("'%3B--", "';--")])
def test_an_unknown_task_is_404_in_both_texts(customer, task_id, shown):
    answer = customer.get(f"{BASE}/task-status/{task_id}")
    assert answer.status_code == 404 and answer.json() == {"detail": f"Task {shown} not found"}
    answer = cancel(customer, task_id)
    assert answer.status_code == 404
    assert answer.json() == {"detail": f"Task {shown} not found or could not be cancelled"}


def test_another_s_task_does_not_exist(stack, customer):
    task_id = customer.call(customer.talk()[0])["task_id"]
    other = stack.customer()
    assert other.get(f"{BASE}/task-status/{task_id}").status_code == 404
    assert cancel(other, task_id).status_code == 404
    assert other.get(f"{BASE}/active-tasks").json() == {"active_tasks": []}
    assert task(customer, task_id)["status"] == "PROGRESS"
    for method, path in (("GET", "task-status/x"), ("DELETE", "cancel-task/x"), ("GET", "active-tasks")):
        answer = stack.client.request(method, f"{BASE}/{path}")
        assert answer.status_code == 401 and answer.json() == {"detail": "missing API key"}


# ---- cancelling ----

def test_what_waits_is_never_dialed(stack, single_cap):
    client = single_cap
    with client.held():
        to = number()
        task_id = single(client, to)
        answer = cancel(client, task_id)
        assert answer.status_code == 200 and answer.json() == {
            "success": True, "message": f"Task {task_id} cancelled successfully",
            "task_id": task_id}
        assert cancel(client, task_id).status_code == 404
    said = task(client, task_id)
    assert (said["status"], said["progress"], said["error"]) == ("REVOKED", 100, None)
    client.ended(client.start())
    assert stack.dials(to) == [] and client.usage() <= 1


def test_what_talks_is_hung_up(stack, customer):
    to = number()
    stack.rule(to, ring_ms=20, talk_ms=60000, say=["Well"])
    task_id = single(customer, to)
    eventually(lambda: task(customer, task_id)["progress"] == 75)
    assert cancel(customer, task_id).status_code == 200
    eventually(lambda: stack.dials(to)[0]["status"] == "completed")
    assert len(stack.dials(to)) == 1 and customer.usage() == 0


def test_what_is_scheduled_never_comes(stack, customer):
    to = number()
    soon = (datetime.datetime.utcnow() + datetime.timedelta(seconds=2)).isoformat() + "Z"
    ids = [single(customer, to, delay_seconds=2),
           accepted(customer, "schedule-call", {"to_number": to, "schedule_time": soon})["task_id"]]
    for task_id in ids:
        assert cancel(customer, task_id).status_code == 200
    assert customer.usage() == 0
    marker = single(customer, number(), delay_seconds=3)
    assert ended(customer, marker)["status"] == "SUCCESS"
    assert stack.dials(to) == [] and [task(customer, i)["status"] for i in ids] == ["REVOKED"] * 2


def test_what_has_ended_cannot_be_cancelled(customer):
    task_id = single(customer, number())
    ended(customer, task_id)
    assert cancel(customer, task_id).status_code == 404
    assert task(customer, task_id)["status"] == "SUCCESS"


# ---- many ----

def test_a_campaign_tells_of_each_number(customer):
    numbers = [number(), number("0001"), number("0002")]
    task_id = bulk(customer, numbers, delay_between_calls=1, call_metadata={"campaign_id": "c1"})
    said = ended(customer, task_id)
    assert (said["status"], said["progress"], said["error"]) == ("SUCCESS", 100, None)
    rows = said["result"]["calls"]
    assert [row["to_number"] for row in rows] == numbers
    assert [row["outcome_type"] for row in rows][1:] == ["failed_busy", "failed_no_answer"]
    assert said["result"]["counts"]["completed"] == 1 and said["result"]["counts"]["failed"] == 2
    assert said["result"]["call_metadata"] == {"campaign_id": "c1"}
    assert {c["task_id"] for c in customer.get("/calls").json()} == {task_id}


def test_a_campaign_of_which_none_completed_fails(customer):
    said = ended(customer, bulk(customer, [number("0001"), number("0002")], delay_between_calls=1))
    assert (said["status"], said["progress"]) == ("FAILURE", 100)
    assert "failed_busy" in said["error"] and "failed_no_answer" in said["error"]


def test_a_campaign_is_cancelled_whole(stack, customer):
    numbers = [number() for _ in range(5)]
    for to in numbers:
        stack.rule(to, ring_ms=20, talk_ms=60000, say=["Well"])
    task_id = bulk(customer, numbers, delay_between_calls=1, max_concurrent_calls=2)
    eventually(lambda: task(customer, task_id)["result"]["counts"]["in_progress"] == 2)
    assert cancel(customer, task_id).status_code == 200
    said = task(customer, task_id)
    assert said["status"] == "REVOKED" and said["result"]["counts"]["cancelled"] == 5
    eventually(lambda: all(stack.dials(to)[0]["status"] == "completed" for to in numbers[:2]))
    assert [len(stack.dials(to)) for to in numbers] == [1, 1, 0, 0, 0]
    assert customer.usage() == 0


def test_a_campaign_that_is_committed_late_begins_at_its_beginning(stack):
    """Calls with later numbers in the queue are dialed while its own are still being written."""
    late, other = stack.customer(), stack.customer()
    numbers = [number() for _ in range(1000)]
    connection = psycopg2.connect(stack.env["DATABASE_URL"])
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT result FROM fn.task_accept(NULL, 'workspace', %s, false, NULL, NULL, NULL,"
                " NULL, %s, 'campaign', %s::text[], %s::text[], 'Hello.', 'en', NULL, NULL, NULL,"
                " NULL, NULL, 3::smallint, %s, NULL, 0, 300, 1, 1, 0, '', 1, NULL)",
                (late.workspace, f"task_{late.workspace}",
                 [f"call_{late.workspace}_{n:04d}" for n in range(1000)], numbers,
                 f"task_{late.workspace}"))
            assert cursor.fetchone() == ("accepted",)
            other.ended(other.start())
    finally:
        connection.close()
    eventually(lambda: stack.dials(numbers[0]), 10)
    assert cancel(late, f"task_{late.workspace}").status_code == 200


# ---- those that have not ended ----

def test_the_active_tasks_are_those_that_have_not_ended(single_cap):
    client = single_cap
    with client.held() as ringing:
        ids = [client.call(ringing)["task_id"], single(client, number()),
               bulk(client, [number(), number()]),
               accepted(client, "schedule-call", {"to_number": number(),
                                                  "schedule_time": "2036-01-01T00:00:00Z"})["task_id"],
               single(client, number(), delay_seconds=3600)]
        listed = client.get(f"{BASE}/active-tasks").json()["active_tasks"]
        assert [one["task_id"] for one in listed] == ids[::-1]
        assert {one["status"] for one in listed} == {"PENDING", "PROGRESS"}
        assert [one["total_calls"] for one in listed] == [1, 1, 2, 1, 1]
        two = client.get(f"{BASE}/active-tasks?limit=2").json()["active_tasks"]
        assert [one["task_id"] for one in two] == ids[:2:-1]
        for limit in ("0", "101", "x", "-1", "1.5"):
            answer = client.get(f"{BASE}/active-tasks?limit={limit}")
            assert answer.status_code == 400 and "limit" in answer.json()["detail"]
        for task_id in ids[1:]:
            assert cancel(client, task_id).status_code == 200
        listed = client.get(f"{BASE}/active-tasks").json()["active_tasks"]
        assert [one["task_id"] for one in listed] == ids[:1]


# ---- calls that have their time ----

def test_a_delayed_call_is_dialed_when_its_delay_is_over(stack, customer):
    to = number()
    said = accepted(customer, "queue-single-call", {"to_number": to, "delay_seconds": 2})
    assert task(customer, said["task_id"])["status"] == "PENDING"
    assert ended(customer, said["task_id"])["status"] == "SUCCESS"
    [dial] = stack.dials(to)
    waited = datetime.datetime.fromisoformat(dial["arrived_at"][:19]) - at(said["created_at"])
    assert datetime.timedelta(seconds=2) <= waited <= datetime.timedelta(seconds=5)


def test_a_scheduled_call_is_dialed_at_its_time(stack, customer):
    when = (datetime.datetime.utcnow() + datetime.timedelta(seconds=4)).replace(microsecond=0)
    to = number()
    answer = post(customer, "schedule-call", {"to_number": to, "timezone": "UTC",
                                              "schedule_time": when.isoformat()})
    assert answer.json()["estimated_completion"] == when.isoformat() + "Z"
    assert ended(customer, answer.json()["task_id"])["status"] == "SUCCESS"
    [dial] = stack.dials(to)
    late = datetime.datetime.fromisoformat(dial["arrived_at"][:19]) - when
    assert datetime.timedelta(0) <= late <= datetime.timedelta(seconds=2)
