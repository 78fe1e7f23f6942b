"""/healthz, /readyz and what the routes answer while the database is away."""

import time

from apikit import BRIEF, eventually, number


def settle(stack):
    """Every worker has its database back: each waits a little longer after each failure, at most
    some seconds."""
    began = time.monotonic()
    eventually(lambda: all(stack.client.get("/readyz").status_code == 200 for _ in range(40)))
    assert time.monotonic() - began < 10


def test_a_stack_that_works_is_alive_and_ready(stack):
    alive, ready = stack.client.get("/healthz"), stack.client.get("/readyz")
    assert alive.status_code == ready.status_code == 200
    assert alive.json()["status"] == "ok" and alive.json()["version"]
    assert ready.json() == {"status": "ready"}


def test_without_its_database_it_is_alive_answers_503_and_comes_back(rough_stack):
    stack = rough_stack
    client = stack.customer()
    done = client.ended(client.start())["call_id"]
    stack.stop("postgres", 2)
    try:
        eventually(lambda: stack.client.get("/readyz").status_code == 503)
        assert int(stack.client.get("/readyz").headers["Retry-After"]) > 0
        assert stack.client.get("/healthz").status_code == 200
        for method, path in (("GET", "/calls"), ("GET", f"/calls/{done}"), ("GET", "/users/me"),
                             ("POST", "/calls"), ("POST", f"/calls/{done}/cancel"),
                             ("GET", f"/calls/{done}/recording"),
                             ("PUT", "/users/me/limits")):
            answer = client.request(method, path, json={
                "target_phone": number(), "brief": BRIEF, "max_concurrent_calls": 20})
            assert answer.status_code == 503, (method, path, answer.text)
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.elapsed.total_seconds() < 8
    finally:
        stack.up()
    settle(stack)
    assert client.status(done) == "completed"
    assert client.ended(client.start())["status"] == "completed"


def test_a_call_that_rang_while_the_database_was_away_is_settled(rough_stack):
    """Its callbacks were answered 503; the carrier tries again, and the watcher asks."""
    stack = rough_stack
    client = stack.customer()
    to = number()
    stack.rule(to, ring_ms=1500, talk_ms=50)
    call_id = client.start(to)
    stack.stop("postgres", 2)
    time.sleep(2)
    stack.up()
    settle(stack)
    call = client.ended(call_id, 90)
    assert call["call_sid"] == stack.dials(to)[0]["sid"]
    assert len(stack.dials(to)) == 1


def test_a_schema_of_another_release_is_not_ready(rough_stack):
    stack = rough_stack
    [(version, sum_)] = stack.sql("SELECT version, sha256 FROM schema_migrations"
                                  " ORDER BY version LIMIT 1")
    change = "UPDATE schema_migrations SET sha256 = %s WHERE version = %s"
    stack.sql(change, "0" * 64, version)
    try:
        answer = stack.client.get("/readyz")
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
    finally:
        stack.sql(change, sum_, version)
    assert stack.client.get("/readyz").status_code == 200
