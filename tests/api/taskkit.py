"""What the tests of the task routes share."""

import datetime

from apikit import eventually

BASE = "/api/v1/celery/twilio"
ENDED = {"SUCCESS", "FAILURE", "REVOKED"}
NOT_E164 = "Phone number must be in E.164 format (e.g., +1234567890)"


def at(text):
    """A time of these routes: whole seconds, Z."""
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")


def post(client, what, body=None, **arguments):
    return client.post(f"{BASE}/{what}", body, **arguments)


def accepted(client, what, body, **arguments):
    """The answer to a body that must be taken."""
    answer = post(client, what, body, **arguments)
    assert answer.status_code == 200, answer.text
    return answer.json()


def task(client, task_id):
    answer = client.get(f"{BASE}/task-status/{task_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def ended(client, task_id, seconds=30.0):
    """A task once it has ended."""
    return eventually(lambda: [s for s in [task(client, task_id)] if s["status"] in ENDED],
                      seconds)[0]


def calls(client, task_id):
    """The calls of a task as GET /calls shows them."""
    return [c for c in client.get("/calls?limit=1000").json() if c["task_id"] == task_id]


def refused(answer, words):
    """400 with a sentence that has these words."""
    assert answer.status_code == 400, answer.text
    detail = answer.json()["detail"]
    assert isinstance(detail, str) and words in detail, detail
