"""POST /calls with the queue off: the call goes to the head of the queue and its client waits for
the dial."""

import pytest
import requests

from apikit import eventually, number, together


def released(client, before=0):
    """Nothing is reserved or in flight any more."""
    return client.usage() == before


def test_the_answer_is_201_with_the_call_and_the_carriers_sid(direct_stack, payer):
    to = number()
    answer = payer.place(to, metadata={"a": 1})
    assert answer.status_code == 201
    body = answer.json()
    call = body["call"]
    [dial] = direct_stack.dials(to)
    assert call["call_sid"] == dial["sid"]
    assert call["status"] in ("dialing", "in_progress")
    assert call["target_phone"] == to and call["metadata"] == {"a": 1}
    assert body["task_id"] == call["task_id"] and body["credits_reserved"] == 1
    assert body["owner_pod"] is None
    assert payer.ended(call["call_id"])["status"] == "completed"
    assert len(direct_stack.dials(to)) == 1


def test_many_at_once_are_all_dialed_while_their_clients_wait(direct_stack, payer):
    twins = [payer.twin() for _ in range(6)]
    answers = together(6, lambda i: twins[i].place())
    assert [a.status_code for a in answers] == [201] * 6
    assert len({a.json()["call"]["call_sid"] for a in answers}) == 6


def test_a_refusal_by_the_carrier_is_502_and_releases_the_credits(direct_stack, payer):
    to = number("0012")
    answer = payer.place(to)
    assert answer.status_code == 502 and isinstance(answer.json()["detail"], str)
    assert to[1:] not in answer.text
    [call] = payer.get("/calls").json()
    assert call["status"] == "failed" and call["outcome_type"] == "failed_technical"
    assert released(payer)
    assert direct_stack.dials(to) == []


def test_a_carrier_that_cannot_be_reached_is_502_and_releases_the_credits(direct_stack, payer):
    direct_stack.stop("sim")
    try:
        answer = payer.place()
    finally:
        direct_stack.up()
    assert answer.status_code == 502
    assert payer.get("/calls").json()[0]["status"] == "failed"
    assert released(payer)
    assert payer.place().status_code == 201


def test_a_lost_reply_is_202_and_the_call_goes_on(direct_stack, payer):
    """0006: the carrier took the call and closed the connection."""
    lost_reply(direct_stack, payer, "0006")


def test_an_error_after_acceptance_is_202_and_the_call_goes_on(direct_stack, payer):
    """0007: the carrier took the call and answered 500."""
    lost_reply(direct_stack, payer, "0007")


def lost_reply(stack, client, digits):
    to = number(digits)
    answer = client.place(to)
    assert answer.status_code == 202
    assert answer.json()["status"] in ("dial_unknown", "dialing", "in_progress")
    call = client.ended(answer.json()["call_id"])
    assert call["status"] == "completed"
    [dial] = stack.dials(to)
    assert dial["sid"] == call["call_sid"]


def test_an_error_without_a_call_is_202_dial_unknown_and_never_dialed_again(direct_stack, payer):
    """0008: nobody knows yet; the watcher settles it later."""
    to = number("0008")
    answer = payer.place(to)
    assert answer.status_code == 202 and answer.json()["status"] == "dial_unknown"
    call_id = answer.json()["call_id"]
    assert payer.cancel(call_id)
    assert payer.status(call_id) == "cancelled" and released(payer)
    assert len([a for a in direct_stack.get_sim("/sim/attempts") if a["to"] == to]) == 1


def test_a_throttled_dial_is_tried_again(direct_stack, payer):
    """0009: 429 to the first try, which made no call."""
    to = number("0009")
    answer = payer.place(to)
    assert answer.status_code in (201, 202)
    body = answer.json()
    call_id = body["call_id"] if answer.status_code == 202 else body["call"]["call_id"]
    assert payer.ended(call_id)["status"] == "completed"
    assert len(direct_stack.dials(to)) == 1
    steps = [e["data"] for e in payer.events(call_id) if e["event_type"] == "status_change"]
    assert {"status": "queued", "previous": "dialing"} in steps


def test_a_dial_that_does_not_come_in_time_is_202_queued_and_comes_later(direct_stack, payer):
    to = number()
    with direct_stack.frozen("scheduler"):
        answer = payer.place(to)
        assert answer.status_code == 202 and answer.json()["status"] == "queued"
        assert 2.4 < answer.elapsed.total_seconds() < 6
        assert direct_stack.dials(to) == []
    assert payer.ended(answer.json()["call_id"])["status"] == "completed"
    assert len(direct_stack.dials(to)) == 1


def test_at_the_cap_the_answer_is_409_and_nothing_is_reserved(direct_stack):
    client = direct_stack.customer(cap=1)
    call_id, _ = client.ring()
    answer = client.place()
    assert answer.status_code == 409 and isinstance(answer.json()["detail"], str)
    assert client.usage() == 1 and len(client.get("/calls").json()) == 1
    assert client.put("/users/me/limits", {"max_concurrent_calls": 2}).status_code == 200
    second = client.place()
    assert second.status_code == 201
    client.cancel(call_id)


def test_a_call_that_has_ended_makes_room(direct_stack):
    client = direct_stack.customer(cap=1)
    call_id, _ = client.ring()
    assert client.place().status_code == 409
    assert client.cancel(call_id)
    assert client.place().status_code == 201


def test_the_cap_holds_when_many_ask_at_once(direct_stack):
    client = direct_stack.customer(cap=3)
    targets = [number() for _ in range(8)]
    for to in targets:
        direct_stack.rule(to, ring_ms=60000)
    twins = [client.twin() for _ in targets]
    answers = together(8, lambda i: twins[i].place(targets[i]))
    assert sorted(a.status_code for a in answers) == [201] * 3 + [409] * 5
    assert sum(len(direct_stack.dials(to)) for to in targets) == 3
    for call in client.get("/calls").json():
        assert client.cancel(call["call_id"])
    assert released(client)


def test_without_credits_the_answer_is_402(direct_stack):
    client = direct_stack.customer(quota=0)
    assert client.place().status_code == 402
    assert client.get("/calls").json() == []


def test_no_credits_come_before_the_cap(direct_stack):
    client = direct_stack.customer(quota=1, cap=1)
    call_id, _ = client.ring()
    assert client.place().status_code == 402
    client.cancel(call_id)


def test_a_client_that_goes_away_does_not_lose_its_call(direct_stack, payer):
    to = number()
    with direct_stack.frozen("scheduler"):
        with pytest.raises(requests.exceptions.ReadTimeout):
            payer.place(to, timeout=0.5)
    call = eventually(lambda: payer.get("/calls").json())[0]
    assert payer.ended(call["call_id"])["status"] == "completed"
    assert len(direct_stack.dials(to)) == 1
