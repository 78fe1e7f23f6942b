"""Campaigns from a CSV file: what it is read as, what is reported, and what is refused."""

import json
import urllib.parse

import pytest
from apikit import number

BASE = "/api/v1/campaigns"


def send(customer, text, headers=None, **query):
    path = BASE + ("?" + urllib.parse.urlencode(query) if query else "")
    return customer.request("POST", path, data=text.encode() if isinstance(text, str) else text,
                            headers={"Content-Type": "text/csv; charset=utf-8", **(headers or {})})


def paused(stack, body):
    """Keeps what was accepted from being dialed."""
    stack.sql("UPDATE tasks SET paused_at = now(), paused_why = 'customer' WHERE task_id = %s",
              body["task_id"])


def campaigns(customer):
    return customer.get(BASE).json()["campaigns"]


def test_a_file_starts_a_campaign_with_metadata_of_each(stack, customer):
    a, b, c = number(), number(), number()
    answer = send(customer, f'name,to_number,"how, old"\r\nAnn,{a},7\r\n"Bo ""B"" Lee", {b} ,\r\n'
                  f'"two\nlines",{c},"9"\r\n', name="Spring", delay_between_calls=300,
                  max_concurrent_calls=2, message="Say hello.", language="en", priority="low",
                  retry_max=2, retry_after_seconds=90, retry_on="busy,failed", window_from="00:00",
                  window_to="24:00", window_days="1,2,3,4,5,6,7", window_zone="Europe/Berlin")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    paused(stack, body)
    assert body["dry_run"] is False and body["total_calls"] == 3
    assert (body["accepted"], body["duplicate"], body["invalid"]) == (3, 0, 0)
    assert [(one["line"], one["status"], one["to_number"]) for one in body["lines"]] == [
        (2, "accepted", a), (3, "accepted", b), (4, "accepted", c)]
    assert body["estimated_duration_minutes"] == 15
    [shown] = campaigns(customer)
    assert shown["campaign_id"] == body["campaign_id"] and shown["name"] == "Spring"
    assert shown["retries"] == {"max": 2, "after_seconds": 90, "on": ["busy", "failed"]}
    assert shown["calling_window"]["to"] == "24:00" and shown["delay_between_calls"] == 300
    assert shown["call_metadata"] == {"message": "Say hello.", "language": "en", "priority": "low"}
    rows = stack.sql("SELECT target_phone, metadata, brief, language, queue_rank, zones FROM calls WHERE"
                     " task_id = %s", body["task_id"])
    assert {r[0]: r[1] for r in rows} == {
        a: {"name": "Ann", "how, old": "7"}, b: {"name": 'Bo "B" Lee', "how, old": ""},
        c: {"name": "two\nlines", "how, old": "9"}}
    assert {(r[2], r[3], r[4], tuple(r[5])) for r in rows} == {("Say hello.", "en", 4, ("Europe/Berlin",))}
    assert all(customer.get(f"/calls/{i}").json()["metadata"]["name"] for (i,) in stack.sql(
        "SELECT call_id FROM calls WHERE task_id = %s", body["task_id"]))


def test_it_is_dialed_like_any_other(stack, customer):
    to = number()
    body = send(customer, f"phone_number\n{to}\n").json()
    assert body["lines"] == [{"line": 2, "status": "accepted", "to_number": to}]
    call = customer.get("/calls").json()[0]
    assert customer.ended(call["call_id"])["status"] == "completed" and len(stack.dials(to)) == 1


def bad_file():
    """A file with one good number, twice, and four lines that are wrong in their own ways."""
    a = number()
    return a, f'to_number,x\n{a},1\n555,2\n{a},3\n{number()}\n{number()},"4"5\n{number()},"open\n'


def test_a_wrong_line_refuses_all_and_names_each(customer):
    _, text = bad_file()
    answer = send(customer, text)
    assert answer.status_code == 400
    detail = answer.json()["detail"]
    assert detail["error_code"] == "invalid_lines"
    assert detail["message"] == "4 of 6 lines cannot be used; nothing was accepted"
    assert [(one["line"], one["status"]) for one in detail["lines"]] == [
        (n, "invalid") for n in (3, 5, 6, 7)]
    said = [one["reason"] for one in detail["lines"]]
    assert "E.164" in said[0] and "1 fields" in said[1] and "quote" in said[2] and "never closed" in said[3]
    assert campaigns(customer) == [] and customer.usage() == 0


def test_or_it_is_left_out_by_request(stack, customer):
    a, text = bad_file()
    body = send(customer, text, skip_invalid="true").json()
    paused(stack, body)
    assert (body["accepted"], body["duplicate"], body["invalid"], body["total_calls"]) == (1, 1, 4, 1)
    assert [one["status"] for one in body["lines"]] == ["accepted", "invalid", "duplicate", "invalid",
                                                        "invalid", "invalid"]
    assert body["lines"][2]["reason"] == "the same number as in line 2"
    [shown] = campaigns(customer)
    assert shown["duplicates"] == [a] and shown["counts"]["total"] == 1
    assert stack.sql("SELECT metadata->>'x' FROM calls WHERE task_id = %s", body["task_id"]) == [("1",)]


def test_with_nothing_good_in_it_nothing_is_accepted(customer):
    answer = send(customer, "to_number\n12\n", skip_invalid="true")
    assert answer.status_code == 400 and answer.json()["detail"]["error_code"] == "invalid_lines"
    assert campaigns(customer) == []


def test_a_dry_run_reports_and_accepts_nothing(stack, customer):
    a, text = bad_file()
    body = send(customer, text, dry_run="true").json()
    assert body["dry_run"] is True and body["task_id"] is None and body["campaign_id"] is None
    assert (body["accepted"], body["duplicate"], body["invalid"]) == (1, 1, 4)
    assert campaigns(customer) == [] and customer.usage() == 0 and not stack.dials(a)
    poor = stack.customer(quota=1)
    answer = send(poor, f"to_number\n{number()}\n{number()}\n", dry_run="true")
    assert answer.status_code == 402


@pytest.mark.parametrize("text, says", [
    (b"", "empty"), (b"\n\n", "empty"), (b"number\n1\n", "to_number"), (b"to_number\n", "no line"),
    (b"to_number,phone_number\n1,2\n", "same"), (b"to_number,x,x\n", "same name"),
    (b"to_number,\n1,2\n", "1 to 64"), (b"to_number,\"x\n", "never closed"),
    (b"to_number\n\xff\xfe\n", "UTF-8"), (b"to_number\n+1555\x00\n", "UTF-8")])
def test_what_is_no_such_file_is_400(customer, text, says):
    answer = send(customer, text)
    assert answer.status_code == 400 and says in answer.json()["detail"], answer.text
    assert campaigns(customer) == []


@pytest.mark.parametrize("query", [
    {"delay_between_calls": "x"}, {"delay_between_calls": "0"}, {"retry_max": "11"}, {"retry_on": "busy"},
    {"retry_max": "1", "retry_on": "busy,"}, {"window_from": "09:00"}, {"dry_run": "perhaps"},
    {"window_from": "09:00", "window_to": "10:00", "window_days": "8"}, {"from_number": "1"},
    {"webhook_url": "http://10.0.0.1/"}])
def test_a_wrong_setting_is_400(customer, query):
    assert send(customer, f"to_number\n{number()}\n", **query).status_code == 400
    assert campaigns(customer) == []


def test_it_needs_a_key_and_honours_idempotency(stack, customer):
    text = f"to_number\n{number()}\n"
    assert send(stack.with_key(None), text).status_code == 401
    assert send(stack.with_key(None), "x").status_code == 401
    key = {"Idempotency-Key": number()}
    first, again = send(customer, text, key), send(customer, text, key)
    assert first.text == again.text and again.headers["Idempotent-Replayed"] == "true"
    assert len(campaigns(customer)) == 1


def test_ten_thousand_lines_are_taken_and_not_one_more(stack):
    rich = stack.customer(quota=30000)
    text = "to_number,n\n" + "".join(f"+1202{n:07d},{n}\n" for n in range(2000000, 2010000))
    answer = send(rich, text, delay_between_calls=300)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    paused(stack, body)
    assert body["total_calls"] == 10000 and len(body["lines"]) == 10000 and rich.usage() == 10000
    assert stack.sql("SELECT count(DISTINCT metadata->>'n') FROM calls WHERE task_id = %s",
                     body["task_id"]) == [(10000,)]
    assert campaigns(rich)[0]["counts"]["total"] == 10000
    answer = send(rich, text + number() + ",1\n")
    assert answer.status_code == 400 and "10000" in answer.json()["detail"]
    assert send(rich, "to_number\n" + "x" * (1 << 20)).status_code == 413
    assert json.loads(answer.text)["detail"] and len(campaigns(rich)) == 1
