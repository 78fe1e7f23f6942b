"""POST /calls/{call_id}/cancel."""

import time

from apikit import eventually, number, together


def test_a_queued_call_is_cancelled_and_never_dialed(stack, single):
    with single.held():
        to = number()
        eventually(lambda: stack.queued() == 0)
        call_id = single.start(to)
        assert single.status(call_id) == "queued" and stack.queued() == 1
        assert single.cancel(call_id)
        assert stack.queued() == 0
        call = single.call(call_id)
        assert call["status"] == "cancelled" and call["outcome_type"] == "cancelled"
        assert call["ended_at"] and call["call_sid"] is None and call["started_at"] is None
    # Its place is free now; the dialer has had every chance.
    assert single.ended(single.start())["status"] == "completed"
    assert stack.dials(to) == []


def test_cancelling_right_after_the_accept_dials_never_or_hangs_up(stack, customer):
    """Whatever the dialer did meanwhile: a call that was cancelled has no leg that goes on."""
    targets = [number() for _ in range(8)]
    for to in targets:
        stack.rule(to, ring_ms=60000)
    for to in targets:
        assert customer.cancel(customer.start(to))

    def over():
        legs = [leg for to in targets for leg in stack.dials(to)]
        return all(leg["status"] in ("canceled", "completed", "failed") for leg in legs)
    time.sleep(0.5)
    eventually(over)
    assert all(call["status"] == "cancelled" for call in customer.get("/calls").json())
    assert customer.usage() == 0


def test_a_ringing_call_is_hung_up_at_the_carrier(stack, customer):
    call_id, to = customer.ring()
    assert stack.dials(to)[0]["status"] in ("ringing", "queued")
    assert customer.cancel(call_id)
    assert customer.status(call_id) == "cancelled"
    eventually(lambda: stack.dials(to)[0]["status"] == "canceled")
    assert len(stack.dials(to)) == 1


def test_a_call_in_progress_is_hung_up_at_the_carrier(stack, customer):
    call_id, to = customer.talk()
    assert customer.cancel(call_id)
    call = customer.call(call_id)
    assert call["status"] == "cancelled" and call["outcome_type"] == "cancelled"
    leg = eventually(lambda: [d for d in stack.dials(to) if d["status"] == "completed"])[0]
    assert leg["ended_at"] is not None
    time.sleep(0.3)
    assert customer.status(call_id) == "cancelled", "the carrier's last word changed it"


def test_a_cancelled_call_keeps_its_transcript(customer):
    call_id, _ = customer.talk()
    eventually(lambda: customer.call(call_id)["transcript_full"])
    customer.cancel(call_id)
    assert customer.call(call_id)["transcript_full"][0]["role"] == "bot"


def test_the_second_time_the_answer_is_false(customer):
    call_id, _ = customer.ring()
    assert customer.cancel(call_id) is True
    assert customer.cancel(call_id) is False
    assert customer.cancel(call_id) is False


def test_of_many_at_once_one_hears_true(customer):
    call_id, _ = customer.ring()
    twins = [customer.twin() for _ in range(6)]
    heard = together(6, lambda i: twins[i].cancel(call_id))
    assert sorted(heard) == [False] * 5 + [True]


def test_a_finished_call_is_not_cancelled(customer):
    call = customer.ended(customer.start())
    assert customer.cancel(call["call_id"]) is False
    assert customer.status(call["call_id"]) == "completed"


def test_a_foreign_call_is_not_cancelled(stack, customer):
    call_id, to = customer.ring()
    assert stack.customer().cancel(call_id) is False
    assert customer.status(call_id) == "dialing"
    assert stack.dials(to)[0]["status"] == "ringing"
    assert customer.cancel(call_id)


def test_an_unknown_call_is_false_and_never_404(customer):
    for call_id in ("call_00000000000000000000000000", "nonsense", "%27"):
        assert customer.cancel(call_id) is False


def test_a_body_is_ignored(customer):
    call_id, _ = customer.ring()
    answer = customer.post(f"/calls/{call_id}/cancel", data="not JSON")
    assert answer.json() == {"cancelled": True}


def test_cancelling_releases_the_credit_and_writes_the_events(customer):
    call_id, _ = customer.ring()
    assert customer.usage() == 1
    customer.cancel(call_id)
    assert customer.usage() == 0
    last = customer.events(call_id)[-2:]
    assert [e["event_type"] for e in last] == ["status_change", "outcome"]
    assert last[0]["data"] == {"status": "cancelled", "previous": "dialing"}
    assert last[1]["data"]["outcome_type"] == "cancelled"
    assert last[1]["data"]["charge_cents"] == 0


def test_a_cancelled_call_makes_room_below_the_cap(stack, single):
    call_id, _ = single.ring()
    waiting = single.start()
    assert single.cancel(call_id)
    assert single.ended(waiting)["status"] == "completed"


def test_a_call_whose_dial_is_unknown_can_be_cancelled(stack, customer):
    call_id = customer.start(number("0008"))
    customer.wait_for(call_id, "dial_unknown")
    assert customer.cancel(call_id)
    assert customer.status(call_id) == "cancelled" and customer.usage() == 0


def test_a_lost_leg_that_turns_up_after_the_cancel_is_hung_up(stack, customer):
    """0006 takes the call and never says so; it is cancelled before it is found."""
    to = number("0006")
    stack.rule(to, ring_ms=60000)
    call_id = customer.start(to)
    customer.wait_for(call_id, "dial_unknown", "dialing")
    assert customer.cancel(call_id)
    eventually(lambda: stack.dials(to)[0]["status"] == "canceled")
    assert customer.status(call_id) == "cancelled" and len(stack.dials(to)) == 1


def test_the_operator_cancels_too(stack, customer):
    call_id, to = customer.ring()
    stack.offhook("calls", "cancel", call_id)
    assert customer.status(call_id) == "cancelled"
    eventually(lambda: stack.dials(to)[0]["status"] == "canceled")
