"""The maintenance window: new calls are refused, everything else goes on."""

import pytest
from apikit import number


@pytest.fixture
def window(stack):
    """Switches maintenance on; it is off again at the end of the test."""
    def on(*words):
        stack.offhook("maintenance", "on", *words)
    yield on
    stack.offhook("maintenance", "off")


def test_a_new_call_is_503_with_the_message(customer, window):
    window("--message", "Back at nine. Über & out.", "--resume-at", "2036-05-06T07:08:09Z")
    answer = customer.place()
    assert answer.status_code == 503
    assert answer.json() == {"detail": {
        "error_code": "maintenance", "message": "Back at nine. Über & out.",
        "resume_at": "2036-05-06T07:08:09.000Z"}}
    assert int(answer.headers["Retry-After"]) > 0
    assert customer.get("/calls").json() == [] and customer.usage() == 0


def test_without_words_there_is_a_message_and_no_time(customer, window):
    window()
    detail = customer.place().json()["detail"]
    assert detail["error_code"] == "maintenance" and detail["message"]
    assert detail["resume_at"] is None


def test_the_profile_tells_of_it(customer, window):
    assert customer.me()["maintenance"] is None
    window("--message", "Soon.")
    assert customer.me()["maintenance"] == {"active": True, "message": "Soon.", "resume_at": None}


def test_afterwards_calls_are_taken_again(stack, customer, window):
    window()
    assert customer.place().status_code == 503
    stack.offhook("maintenance", "off")
    assert customer.me()["maintenance"] is None
    assert customer.place().status_code == 202


def test_calls_that_run_go_on(customer, window):
    call_id = customer.start()
    window()
    assert customer.ended(call_id)["status"] == "completed"


def test_calls_that_wait_are_still_dialed(stack, single, window):
    first, _ = single.ring()
    to = number()
    waiting = single.start(to)
    window()
    single.cancel(first)
    assert single.ended(waiting)["status"] == "completed"
    assert len(stack.dials(to)) == 1


def test_reading_and_cancelling_go_on(customer, window):
    call_id, _ = customer.ring()
    window()
    assert customer.get("/calls").status_code == 200
    assert customer.events(call_id)
    assert customer.cancel(call_id)
    assert customer.put("/users/me/limits", {"max_concurrent_calls": 9}).status_code == 200


def test_it_comes_behind_401_422_and_400(stack, customer, window):
    window()
    good = {"target_phone": number(), "brief": "Hello."}
    assert stack.client.post("/calls", good).status_code == 401
    assert customer.post("/calls", {**good, "brief": 5}).status_code == 422
    assert customer.post("/calls", {**good, "target_phone": "nobody"}).status_code == 400


def test_it_comes_before_402(stack, window):
    window()
    assert stack.customer(quota=0).place().status_code == 503


def test_liveness_and_readiness_do_not_mind(stack, window):
    window()
    assert stack.client.get("/healthz").status_code == 200
    assert stack.client.get("/readyz").status_code == 200
