"""Idempotency-Key on POST /calls (seed 003 and contract sections 11 and 13)."""

import os

import pytest
from apikit import BRIEF, eventually, number, together


def fresh():
    return os.urandom(12).hex()


def body(to=None):
    return {"target_phone": to or number(), "brief": BRIEF}


def send(client, key, data, **headers):
    return client.post("/calls", data, headers={"Idempotency-Key": key, **headers})


def is_refused(answer, status, code):
    assert answer.status_code == status, answer.text
    detail = answer.json()["detail"]
    assert detail["error_code"] == code and detail["message"]
    assert "Idempotent-Replayed" not in answer.headers


def is_replay(answer, first):
    assert answer.status_code == first.status_code and answer.content == first.content
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert answer.headers["Content-Type"] == first.headers["Content-Type"]


def test_a_repeat_is_answered_byte_for_byte_and_dials_once(stack, customer):
    key, data = fresh(), body()
    first = send(customer, key, data)
    assert first.status_code == 202 and "Idempotent-Replayed" not in first.headers
    for _ in range(3):
        is_replay(send(customer, key, data), first)
    customer.ended(first.json()["call_id"])
    is_replay(send(customer, key, data), first)
    assert len(stack.dials(data["target_phone"])) == 1
    assert len(customer.get("/calls").json()) == 1 and customer.usage() == 1


def test_every_answer_has_a_request_id_of_its_own(customer):
    key, data = fresh(), body()
    ids = [send(customer, key, data).headers["X-Request-Id"] for _ in range(2)]
    assert ids[0] != ids[1]


def test_twins_at_once_make_one_call(stack, customer):
    key, data = fresh(), body()
    twins = [customer.twin() for _ in range(8)]
    answers = together(8, lambda i: send(twins[i], key, data))
    assert {a.status_code for a in answers} <= {202, 409}
    made = [a for a in answers if a.status_code == 202]
    assert len({a.content for a in made}) == 1
    assert len([a for a in made if "Idempotent-Replayed" not in a.headers]) == 1
    for answer in answers:
        if answer.status_code == 409:
            is_refused(answer, 409, "idempotency_in_progress")
    assert len(customer.get("/calls").json()) == 1
    customer.ended(made[0].json()["call_id"])
    assert len(stack.dials(data["target_phone"])) == 1


def test_another_body_is_a_conflict(customer):
    key = fresh()
    send(customer, key, body())
    is_refused(send(customer, key, body()), 409, "idempotency_conflict")
    assert len(customer.get("/calls").json()) == 1


def test_the_raw_bytes_count(customer):
    """The fingerprint is over method, path and the raw body: a space more is another request."""
    key, text = fresh(), '{"target_phone": "%s", "brief": "Hello."}' % number()
    headers = {"Idempotency-Key": key}
    assert customer.post("/calls", data=text, headers=headers).status_code == 202
    is_refused(customer.post("/calls", data=text + " ", headers=headers), 409,
               "idempotency_conflict")


def test_quotes_around_the_key_are_no_part_of_it(customer):
    key, data = fresh(), body()
    first = send(customer, f'"{key}"', data)
    is_replay(send(customer, key, data), first)
    is_replay(send(customer, f'"{key}"', data), first)


@pytest.mark.parametrize("form", ["{}", '"{}"'])
def test_255_characters_are_taken_and_256_are_too_many(customer, form):
    data = body()
    first = send(customer, form.format("k" * 255), data)
    assert first.status_code == 202
    is_replay(send(customer, form.format("k" * 255), data), first)
    is_refused(send(customer, form.format("k" * 256), data), 400, "idempotency_key_too_long")
    assert len(customer.get("/calls").json()) == 1


def test_characters_are_counted_not_bytes(customer):
    data, key = body(), "ü" * 255
    first = send(customer, key.encode(), data)
    is_replay(send(customer, key.encode(), data), first)
    is_refused(send(customer, ("ü" * 256).encode(), data), 400, "idempotency_key_too_long")


def test_a_key_that_is_no_utf_8_is_refused_by_name(customer):
    is_refused(send(customer, b"caf\xe9", body()), 400, "idempotency_key_invalid")
    assert customer.get("/calls").json() == []


def test_an_empty_key_is_none(customer):
    data = body()
    for key in ("", '""'):
        assert send(customer, key, data).status_code == 202
    assert len(customer.get("/calls").json()) == 2


def test_without_a_key_nothing_is_remembered(customer):
    data = body()
    assert customer.post("/calls", data).json() != customer.post("/calls", data).json()


def test_two_customers_may_use_one_key(stack, customer):
    other = stack.customer()
    key, data = fresh(), body()
    one, two = send(customer, key, data), send(other, key, data)
    assert one.status_code == two.status_code == 202
    assert one.json()["call_id"] != two.json()["call_id"]
    assert "Idempotent-Replayed" not in two.headers


def test_two_keys_of_one_customer_share_it(stack, customer):
    other = stack.with_key(stack.new_key("workspace", customer.workspace))
    key, data = fresh(), body()
    first = send(customer, key, data)
    is_replay(send(other, key, data), first)


def test_keys_that_differ_in_case_are_two(customer):
    data = body()
    for key in ("Key-a", "key-A"):
        assert "Idempotent-Replayed" not in send(customer, key, data).headers
    assert len(customer.get("/calls").json()) == 2


@pytest.mark.parametrize("key", ["a b", "a'; --", "a\\b", '"', "a\"b", "%00", "{}"])
def test_odd_keys_are_keys(customer, key):
    data = body()
    first = send(customer, key, data)
    is_replay(send(customer, key, data), first)


# ---- what is not stored ----

def test_a_refusal_for_credits_frees_the_key(stack):
    client = stack.customer(quota=0)
    key, data = fresh(), body()
    assert send(client, key, data).status_code == 402
    stack.offhook("credits", "grant", client.workspace, "1")
    answer = send(client, key, data)
    assert answer.status_code == 202 and "Idempotent-Replayed" not in answer.headers


def test_a_refused_body_frees_the_key(customer):
    key = fresh()
    assert send(customer, key, {"brief": BRIEF}).status_code == 422
    assert send(customer, key, {"target_phone": "nobody", "brief": BRIEF}).status_code == 400
    assert send(customer, key, {**body(), "not_after": "2020-01-01T00:00:00Z"}).status_code == 400
    assert send(customer, key, body()).status_code == 202


def test_maintenance_frees_the_key_and_replays_go_on(stack, customer):
    done, key, data = fresh(), fresh(), body()
    first = send(customer, done, data)
    stack.offhook("maintenance", "on")
    try:
        assert send(customer, key, data).status_code == 503
        is_replay(send(customer, done, data), first)
        is_refused(send(customer, done, body()), 409, "idempotency_conflict")
    finally:
        stack.offhook("maintenance", "off")
    assert send(customer, key, data).status_code == 202


def test_a_replay_needs_no_credits(stack):
    client = stack.customer(quota=1)
    key, data = fresh(), body()
    first = send(client, key, data)
    assert send(client, fresh(), body()).status_code == 402
    is_replay(send(client, key, data), first)


def test_a_stranger_sees_no_replay(stack, customer):
    key, data = fresh(), body()
    send(customer, key, data)
    assert send(stack.client, key, data).status_code == 401
    assert send(stack.with_key("wrong"), key, data).status_code == 401


# ---- time ----

def age(stack, client, key, seconds):
    stack.sql("UPDATE idempotency_keys SET created_at = created_at - %s * interval '1 s'"
              " WHERE workspace_id = %s AND key = %s", seconds, client.workspace, key)


def test_a_key_is_free_after_24_hours(stack, customer):
    key, data = fresh(), body()
    first = send(customer, key, data)
    age(stack, customer, key, 86400 - 60)
    is_replay(send(customer, key, data), first)
    age(stack, customer, key, 61)
    again = send(customer, key, data)
    assert again.status_code == 202 and again.json()["call_id"] != first.json()["call_id"]
    assert "Idempotent-Replayed" not in again.headers


def test_an_unfinished_first_request_is_in_progress_and_unknown_after_60_s(stack, customer):
    key, data = fresh(), body()
    send(customer, key, data)
    stack.sql("UPDATE idempotency_keys SET status = NULL, body = NULL WHERE workspace_id = %s"
              " AND key = %s", customer.workspace, key)
    is_refused(send(customer, key, data), 409, "idempotency_in_progress")
    is_refused(send(customer, key, body()), 409, "idempotency_conflict")
    age(stack, customer, key, 61)
    is_refused(send(customer, key, data), 409, "idempotency_state_unknown")
    assert len(customer.get("/calls").json()) == 1


# ---- with the queue off ----

def test_a_direct_call_is_replayed_with_its_201(direct_stack, payer):
    key, data = fresh(), body()
    first = send(payer, key, data)
    assert first.status_code == 201
    is_replay(send(payer, key, data), first)
    payer.ended(first.json()["call"]["call_id"])
    is_replay(send(payer, key, data), first)
    assert len(direct_stack.dials(data["target_phone"])) == 1


def test_a_502_is_replayed_and_not_dialed_again(direct_stack, payer):
    key, data = fresh(), body(number("0012"))
    first = send(payer, key, data)
    assert first.status_code == 502
    is_replay(send(payer, key, data), first)
    tried = [a for a in direct_stack.get_sim("/sim/attempts") if a["to"] == data["target_phone"]]
    assert len(tried) == 1 and len(payer.get("/calls").json()) == 1


def test_a_202_of_a_lost_reply_is_replayed(direct_stack, payer):
    key, data = fresh(), body(number("0006"))
    first = send(payer, key, data)
    assert first.status_code == 202
    payer.ended(first.json()["call_id"])
    is_replay(send(payer, key, data), first)
    assert len(direct_stack.dials(data["target_phone"])) == 1


def test_twins_of_a_direct_call_dial_once(direct_stack, payer):
    key, data = fresh(), body()
    twins = [payer.twin() for _ in range(4)]
    answers = together(4, lambda i: send(twins[i], key, data))
    made = [a for a in answers if a.status_code == 201]
    assert made and len({a.content for a in made}) == 1
    for answer in answers:
        if answer.status_code != 201:
            is_refused(answer, 409, "idempotency_in_progress")
    assert len(direct_stack.dials(data["target_phone"])) == 1


def test_while_the_first_waits_for_its_dial_the_second_is_in_progress(direct_stack, payer):
    key, data = fresh(), body()
    with direct_stack.frozen("scheduler"):
        def run(i):
            if i == 0:
                return send(payer, key, data)
            twin = payer.twin()
            eventually(lambda: twin.get("/calls").json())
            return send(twin, key, data)
        first, second = together(2, run)
    assert first.status_code == 202
    is_refused(second, 409, "idempotency_in_progress")
    is_replay(send(payer, key, data), first)


def test_at_the_cap_the_key_is_free_again(direct_stack):
    client = direct_stack.customer(cap=1)
    call_id, _ = client.ring()
    key, data = fresh(), body()
    assert send(client, key, data).status_code == 409
    client.cancel(call_id)
    answer = send(client, key, data)
    assert answer.status_code == 201 and "Idempotent-Replayed" not in answer.headers
