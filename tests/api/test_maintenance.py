"""The maintenance window: new calls are refused, everything else goes on."""

import pytest
from apikit import eventually, number


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


def test_a_replay_is_no_new_call(customer, window):
    first = customer.place(to := number(), headers={"Idempotency-Key": "before"})
    window()
    again = customer.place(to, headers={"Idempotency-Key": "before"})
    assert again.status_code == 202 and again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_refused_key_is_free_again(stack, customer, window):
    to = number()
    window()
    assert customer.place(to, headers={"Idempotency-Key": "during"}).status_code == 503
    stack.offhook("maintenance", "off")
    answer = customer.place(to, headers={"Idempotency-Key": "during"})
    assert answer.status_code == 202 and "Idempotent-Replayed" not in answer.headers


def test_no_key_is_above_it(stack, customer, window):
    window()
    for key in (stack.env["OFFHOOK_ADMIN_KEY"], customer.key):
        answer = stack.with_key(key, X_Workspace_Id=customer.workspace).place()
        assert answer.status_code == 503, answer.text


def test_recordings_are_still_served(stack, customer, window):
    call_id = customer.start()
    eventually(lambda: customer.call(call_id)["has_recording"])
    window()
    admin = stack.with_key(stack.env["OFFHOOK_ADMIN_KEY"], X_Workspace_Id=customer.workspace)
    answer = eventually(lambda: (one := admin.get(f"/calls/{call_id}/recording")).status_code
                        != 202 and one)
    assert answer.status_code == 200


def test_with_the_queue_off_it_is_the_same(direct_stack, payer):
    direct_stack.offhook("maintenance", "on", "--message", "Soon.")
    try:
        answer = payer.place()
        assert answer.status_code == 503
        assert answer.json()["detail"]["message"] == "Soon."
        assert payer.get("/calls").json() == [] and payer.usage() == 0
    finally:
        direct_stack.offhook("maintenance", "off")
    assert payer.place().status_code == 201


def test_the_last_word_counts(customer, window):
    window("--message", "One.", "--resume-at", "2036-05-06T07:08:09Z")
    window("--message", "Two.")
    assert customer.me()["maintenance"] == {"active": True, "message": "Two.", "resume_at": None}


def test_liveness_and_readiness_do_not_mind(stack, window):
    window()
    assert stack.client.get("/healthz").status_code == 200
    assert stack.client.get("/readyz").status_code == 200
