"""POST /calls with the queue on."""

import re
import time
import urllib.parse

from apikit import eventually, number


def test_the_answer_is_202_with_ids_position_and_status(customer):
    answer = customer.place()
    assert answer.status_code == 202
    body = answer.json()
    assert set(body) == {"call_id", "queue_id", "position", "status"}
    assert re.fullmatch(r"call_[0-9a-z]+", body["call_id"])
    assert body["status"] == "queued" and body["position"] >= 0


def test_an_accepted_call_can_be_read_at_once(single):
    with single.held():
        to = number()
        call = single.call(single.start(to, language="en"))
        assert call["status"] == "queued" and call["target_phone"] == to
        assert call["customer_id"] == single.workspace and call["language"] == "en"
        assert re.fullmatch(r"task_[0-9a-z]+", call["task_id"])
        for field in ("call_sid", "started_at", "ended_at", "duration_sec", "outcome_type",
                      "outcome_summary", "recording_url"):
            assert call[field] is None, field
        assert call["outcome_charge_cents"] == 0 and call["has_recording"] is False
        assert call["transcript_full"] == []


def test_the_language_is_auto_when_none_is_named(customer):
    assert customer.call(customer.start())["language"] == "auto"


def test_metadata_is_given_back(customer):
    metadata = {"order": 17, "tags": ["a", None], "nested": {"é": 1.5}}
    call_id = customer.start(metadata=metadata)
    assert customer.call(call_id)["metadata"] == metadata
    assert customer.get("/calls").json()[0]["metadata"] == metadata


def test_every_field_of_the_body_is_taken(customer):
    customer.start(language="ru", kind="restaurant_booking", parsed_slots={"guests": 2},
                   ask_user_mode="stream", machine_detection="async", priority="low",
                   not_after="2036-01-01T00:00:00Z", metadata={})


def test_null_is_as_good_as_absent_where_the_schema_allows_it(customer):
    customer.start(parsed_slots=None, metadata=None, not_after=None)


def test_unknown_fields_are_ignored(customer):
    customer.start(colour="blue")


def test_the_dial_carries_our_urls_and_number(stack, customer):
    to = number()
    call_id = customer.start(to)
    customer.ended(call_id)
    [dial] = stack.dials(to)
    assert dial["sid"] == customer.call(call_id)["call_sid"]
    assert dial["from"] == "+15005550006"
    for field, kind in (("url", "voice"), ("status_callback", "status")):
        parts = urllib.parse.urlsplit(dial[field])
        assert f"{parts.scheme}://{parts.netloc}" == stack.url
        assert parts.path == f"/twilio/{kind}/{call_id}"
        assert "rc=" in parts.fragment and "5xx" in parts.fragment


def test_a_call_is_dialed_soon_after_it_was_accepted(stack, customer):
    customer.ended(customer.start())
    to = number()
    customer.wait_for(customer.start(to), "dialing", "in_progress", "completed")
    call = customer.get("/calls?limit=1").json()[0]
    [dial] = stack.dials(to)
    taken = time.strptime(call["created_at"][:19], "%Y-%m-%dT%H:%M:%S")
    came = time.strptime(dial["arrived_at"][:19], "%Y-%m-%dT%H:%M:%S")
    assert time.mktime(came) - time.mktime(taken) <= 2


def test_a_customer_at_its_cap_is_never_refused_but_waits(stack, single):
    """No 409 in this mode; the cap holds at the dial."""
    calls = {number(): None for _ in range(3)}
    for to in calls:
        calls[to] = single.start(to)
    for call_id in calls.values():
        assert single.ended(call_id, 60)["status"] == "completed"
    legs = sorted((d["arrived_at"], d["ended_at"]) for to in calls for d in stack.dials(to))
    assert len(legs) == 3
    for one, other in zip(legs, legs[1:]):
        assert other[0] >= one[1], "two calls at once with a cap of 1"


def test_a_customer_at_its_cap_does_not_hold_up_the_others(single, customer):
    with single.held():
        waiting = single.start()
        assert customer.ended(customer.start())["status"] == "completed"
        assert single.status(waiting) == "queued"


def test_a_customers_calls_are_dialed_in_the_order_of_their_acceptance(stack, single):
    with single.held() as first:
        order = [number() for _ in range(4)]
        ids = [single.start(to) for to in order]
        single.cancel(first)
        for call_id in ids:
            single.ended(call_id, 60)
    arrived = [stack.dials(to)[0]["arrived_at"] for to in order]
    assert arrived == sorted(arrived)


def test_the_position_counts_the_calls_ahead(stack, single):
    with single.held():
        eventually(lambda: stack.queued() == 0)
        positions = [single.place().json()["position"] for _ in range(4)]
        assert positions[0] in (0, 1)
        assert positions == list(range(positions[0], positions[0] + 4))


def test_the_first_of_an_idle_queue_stands_at_its_front(stack, customer):
    eventually(lambda: stack.queued() == 0)
    assert customer.place().json()["position"] == 0


def test_a_call_that_waits_past_its_not_after_expires_undialed(stack, single):
    with single.held():
        to = number()
        before = single.usage()
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        call_id = single.start(to, not_after=soon)
        assert single.usage() == before + 1
        call = single.wait_for(call_id, "expired")
        assert call["outcome_type"] == "expired" and call["ended_at"]
        assert single.usage() == before
    assert stack.dials(to) == []


def test_a_not_after_in_the_past_is_400(customer):
    answer = customer.place(not_after="2020-01-01T00:00:00Z")
    assert answer.status_code == 400 and isinstance(answer.json()["detail"], str)
    assert customer.get("/calls").json() == []


def test_a_dialed_call_does_not_expire(customer):
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    call_id, _ = customer.ring(not_after=soon)
    time.sleep(2.5)
    assert customer.status(call_id) == "dialing"
    assert customer.cancel(call_id)


def test_machine_detection_is_off_unless_asked_for(stack, customer):
    to = number()
    customer.ended(customer.start(to))
    assert stack.dials(to)[0]["answered_by"] is None


def test_machine_detection_is_asked_of_the_carrier(stack, customer):
    for mode in ("on", "async"):
        to = number()
        customer.ended(customer.start(to, machine_detection=mode))
        assert stack.dials(to)[0]["answered_by"] == "human", mode


def test_two_calls_to_one_number_are_both_dialed(stack, customer):
    to = number()
    for call_id in [customer.start(to), customer.start(to)]:
        assert customer.ended(call_id)["status"] == "completed"
    assert len(stack.dials(to)) == 2


def test_an_organization_key_starts_calls_in_the_workspace_that_it_names(stack):
    organization = stack.organization(stack.partner())
    workspace = stack.new_workspace(organization=organization)
    above = stack.with_key(stack.new_key("organization", organization), X_Workspace_Id=workspace)
    assert above.call(above.start())["customer_id"] == workspace
    by_query = stack.with_key(above.key)
    answer = by_query.post(f"/calls?workspace_id={workspace}",
                           {"target_phone": number(), "brief": "Hello."})
    assert answer.status_code == 202
